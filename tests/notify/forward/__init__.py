"""Tests of what sends records on."""

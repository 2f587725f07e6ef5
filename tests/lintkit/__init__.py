"""Tests of what linters are built from."""

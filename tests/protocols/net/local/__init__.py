"""Tests of what listens on the machine itself."""

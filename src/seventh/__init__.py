"""Seventh: speaks, times and diagnoses the application layer."""

__version__ = "0.1.0"

"""Checking targets and files; later watch, compare and advise."""

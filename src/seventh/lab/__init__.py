"""Starts the rooms' reference servers on loopback."""

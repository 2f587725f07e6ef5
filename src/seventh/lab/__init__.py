"""The rooms' reference servers on loopback."""

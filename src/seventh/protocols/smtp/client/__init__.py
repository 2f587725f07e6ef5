"""Connections to a mail server."""

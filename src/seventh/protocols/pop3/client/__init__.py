"""Connections of POP3."""

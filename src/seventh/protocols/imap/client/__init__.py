"""Connections of IMAP."""

"""IMAP's bytes."""

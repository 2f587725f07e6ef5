"""POP3's bytes."""

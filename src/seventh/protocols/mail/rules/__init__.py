"""Judges what is learnt of mail hosts and mail domains."""

"""Judgements of what was learnt over SMTP."""

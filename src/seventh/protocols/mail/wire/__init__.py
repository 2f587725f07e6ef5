"""Parsers and evaluators of the records of a mail domain."""

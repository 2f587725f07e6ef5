"""The judgement of a POP3 server."""

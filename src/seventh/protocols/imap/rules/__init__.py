"""The judgement of an IMAP server."""

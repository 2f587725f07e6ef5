"""SMTP's codec: replies, extensions and enhanced status codes."""

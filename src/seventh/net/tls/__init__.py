"""TLS over any stream, started in place, and all that it tells of a server."""

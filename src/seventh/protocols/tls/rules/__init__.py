"""TLS's rules."""

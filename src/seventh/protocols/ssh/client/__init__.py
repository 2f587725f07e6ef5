"""Connections to SSH servers: key exchange, logins, and what runs over them."""

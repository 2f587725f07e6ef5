"""A site: its origin, the connections to it, and the request that the user described."""

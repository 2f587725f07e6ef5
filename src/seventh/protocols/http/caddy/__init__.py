"""What a Caddyfile says of its sites."""

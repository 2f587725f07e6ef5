"""The ssh_config that the user's own client would read."""

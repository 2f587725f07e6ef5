"""What rooms build their reference servers from: a throw-away CA, listeners, a name server."""

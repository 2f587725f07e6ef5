"""WebSocket's rules."""

"""WebSocket's frames and handshake. Pure."""

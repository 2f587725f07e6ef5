"""An endpoint, the handshakes made with it, and an open socket."""

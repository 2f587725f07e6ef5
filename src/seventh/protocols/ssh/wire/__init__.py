"""SSH's bytes: messages, packets and their protection, key exchange, channels. Pure."""

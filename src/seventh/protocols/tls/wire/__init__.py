"""The dialogues in clear before TLS: bytes in, events out."""

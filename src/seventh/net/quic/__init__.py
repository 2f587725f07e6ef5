"""QUIC as a client, over our own datagrams. aioquic is the engine and is loaded when first used."""

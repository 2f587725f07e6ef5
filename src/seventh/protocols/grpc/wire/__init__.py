"""Bytes and values of gRPC."""

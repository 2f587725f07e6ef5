"""Connections and calls of gRPC over HTTP/2."""

"""The rules of gRPC."""

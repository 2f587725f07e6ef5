"""Rules about gRPC servers."""

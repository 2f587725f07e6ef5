"""What the verbs of gRPC do."""

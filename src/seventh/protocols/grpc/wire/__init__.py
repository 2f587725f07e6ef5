"""gRPC over HTTP/2: messages, statuses, deadlines, and the messages of its standard services."""

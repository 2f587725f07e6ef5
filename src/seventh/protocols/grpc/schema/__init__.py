"""Schemas of gRPC services: read from files, and compared.

protobuf's runtime reads descriptors; it is imported when one is read.
"""

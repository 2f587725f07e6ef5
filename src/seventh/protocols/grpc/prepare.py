"""Reading the options before any target is checked, so that an error is reported once."""

from __future__ import annotations

from seventh.model.options import Options
from seventh.protocols.grpc import GrpcOptions
from seventh.protocols.grpc.client.descriptors import load, split_name
from seventh.protocols.grpc.client.endpoint import metadata_of
from seventh.protocols.grpc.client.requests import requests_of


def prepare(options: Options) -> None:
    """Read metadata and requests; raises UsageError for what cannot be used."""
    metadata_of(options)
    name = options.of(GrpcOptions).call
    if name is not None:
        split_name(name)
        load()
        requests_of(options)

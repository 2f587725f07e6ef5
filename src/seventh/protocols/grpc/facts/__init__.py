"""What is learnt of a gRPC service."""

from __future__ import annotations

from typing import ClassVar

from seventh.model.facts import Facts
from seventh.protocols.grpc.facts.config import ProxiedCalls, ServiceConfig
from seventh.protocols.grpc.facts.schema import Change


class GrpcFacts(Facts, frozen=True, kw_only=True):
    """A gRPC service, its clients' configuration and its schema."""

    ROOM: ClassVar[str] = "grpc"

    client_config: ServiceConfig | None = None
    """What a service config tells clients, or one entry of its ``methodConfig``."""
    proxied: ProxiedCalls | None = None
    """What a proxy's configuration does to the calls of one place."""
    drift: tuple[Change, ...] | None = None
    """What changed since the schema that it was compared with."""

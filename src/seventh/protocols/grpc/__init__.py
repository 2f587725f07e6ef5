"""gRPC: what its configuration files and schemas decide."""

from __future__ import annotations

from seventh.model.spec import Spec

SPEC = Spec(
    name="grpc",
    title="gRPC",
    schemes=(),
    phases=(),
    metrics=(),
    tiers={0: "reads configuration files and schemas"},
    standards=(
        "gRPC over HTTP/2",
        "gRPC Service Config",
        "Protocol Buffers Language Specification",
    ),
)

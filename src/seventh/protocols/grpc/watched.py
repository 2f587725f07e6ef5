"""The metrics of a gRPC server that a monitoring plugin draws."""

from __future__ import annotations

from seventh.model.watched import Watched

WATCHED = (
    Watched("seventh_ttfb_seconds"),
    Watched("seventh_grpc_serving"),
    Watched("seventh_grpc_call_seconds"),
)

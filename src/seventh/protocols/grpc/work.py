"""The verbs of gRPC: list, describe, call, health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seventh.net.work import Work

if TYPE_CHECKING:
    from seventh.protocols.grpc.verbs.health import Health

__all__ = ["as_health_probe", "call", "describe", "health", "list"]


# Each imports its module when it runs: `health` needs none of protobuf's runtime.


async def health(work: Work) -> int:
    """Check the health; return 1 unless all are SERVING. Raises Failed."""
    from seventh.protocols.grpc.verbs.health import health

    return await health(work)


async def list(work: Work) -> None:  # noqa: A001 - the verb's name
    """List services, or the methods of one. Raises Failed."""
    from seventh.protocols.grpc.verbs.described import list_names

    await list_names(work)


async def describe(work: Work) -> None:
    """Describe a symbol. Raises Failed."""
    from seventh.protocols.grpc.verbs.described import describe_symbol

    await describe_symbol(work)


async def call(work: Work) -> int:
    """Call a method; return 1 unless its status is OK. Raises Failed."""
    from seventh.protocols.grpc.verbs.call import call

    return await call(work)


def as_health_probe(result: Health | Any) -> str:
    """Return a result as grpc-health-probe words it."""
    return f"status: {result.status}"

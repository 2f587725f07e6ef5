"""``seventh grpc health``: the health of the server, or of services."""

from __future__ import annotations

import msgspec

from seventh.model.failure import Failed
from seventh.net.work import Work
from seventh.protocols.grpc import GrpcOptions
from seventh.protocols.grpc.client.calling import refused
from seventh.protocols.grpc.verbs.session import connected, deadline
from seventh.protocols.grpc.wire import services
from seventh.wire.text import printable

_CONNECTION_FAILED, _CALL_FAILED, _UNHEALTHY = 2, 3, 4
"""The exit codes of grpc-health-probe."""
_LOWER = frozenset({"resolve", "connect", "tls", "grpc.settings"})


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The health of one service."""

    service: str
    status: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.service or 'server'} {self.status} {self.seconds * 1000:.3g} ms"


async def health(work: Work) -> int:
    """Check each service, by default the server as a whole or the service of the target.

    Returns 1 unless all are SERVING. Raises Failed.
    """
    probe = work.format == "health-probe"
    try:
        serving = await _check_all(work)
    except Failed as failed:
        if not probe:
            raise
        work.say(f"{failed.reason}: {failed.detail}")
        lower = (failed.phase or "connect") in _LOWER
        return _CONNECTION_FAILED if lower else _CALL_FAILED
    if serving:
        return 0
    return _UNHEALTHY if probe else 1


async def _check_all(work: Work) -> bool:
    given = work.ctx.options.of(GrpcOptions).max_time
    async with connected(work) as (endpoint, channel):
        good = True
        for name in work.arguments.get("service") or (endpoint.service,):
            with work.ctx.watch.phase("grpc.unary"):
                reply = await channel.unary(
                    services.CHECK, services.health_request(name), timeout=deadline(work, given)
                )
                if reply.message is None:
                    raise refused("the health check", reply.status)
                status = services.serving(reply.message)
            work.show(
                Health(service=printable(name, 200), status=status, seconds=reply.seconds or 0.0)
            )
            good = good and status == "SERVING"
        return good

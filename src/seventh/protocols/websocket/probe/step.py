"""One step of a check, whose failure ends that step only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from seventh.model.failure import Failed, Reason
from seventh.protocols.websocket.client.endpoint import Endpoint


async def step(endpoint: Endpoint, name: str, run: Callable[[Endpoint], Awaitable[None]]) -> None:
    """Run a step, and note why it fails."""
    try:
        await run(endpoint)
    except Failed as failed:
        if failed.reason is Reason.OPTIONS_UNUSABLE:
            raise
        endpoint.notes.unknown(name, failed.detail)

"""pub and sub with a token that ends."""

from __future__ import annotations

import asyncio

import pytest

from seventh.labkit.serve import Kit
from seventh.model.failure import Reason
from seventh.protocols.mqtt.lab import Broker
from seventh.protocols.mqtt.lab.setup import Setup
from seventh.protocols.mqtt.lab.state import State
from seventh.protocols.mqtt.wire.packets import Connect, Version
from tests.protocols.mqtt.verbs.test_verbs import broker, subscribed
from tests.protocols.mqtt.verbs.test_verbs import quick as quick  # noqa: PLC0414 - a fixture


class Noting(Broker):
    """A broker that tells of each connection that it accepts."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.attached = asyncio.Queue[str]()

    async def attach(self, packet: Connect, client_id: str, expiry: int) -> tuple[State, bool]:
        self.attached.put_nowait(client_id)
        return await super().attach(packet, client_id, expiry)


@pytest.mark.parametrize("versions", [(5, 4), (4,)], ids=["5", "3.1.1"])
async def test_a_token_is_read_again_for_each_connection(
    kit: Kit, versions: tuple[Version, ...]
) -> None:
    """The broker ends a connection with its token; the subscriber returns with a new one."""
    state = Noting(Setup(versions=versions, token_seconds=4.0))
    async with broker(kit, state.setup, state) as here:
        task = await subscribed(here, "more", count=3)
        await here("pub", "ready", "", retain=True)
        for _ in ("pub", "sub", "pub", "sub again"):
            await state.attached.get()
        done = await here("pub", "more", "again", retain=True)
        received = await task
        missing = await here("pub", "ready", "x", token_file="missing")
    assert (done.code, done.failure) == (0, None)
    assert received.payloads == ["now", "", "again"]
    assert missing.failure is not None
    assert (missing.failure.reason, "missing" in missing.failure.detail) == (
        Reason.OPTIONS_UNUSABLE, True,
    )  # fmt: skip


async def test_a_token_is_not_sent_in_clear(kit: Kit) -> None:
    async with broker(kit, Setup(secure=False, token_seconds=9.0)) as here:
        done = await here("pub", "a", "x", user=None)
    assert done.failure is not None
    assert done.failure.detail == (
        "mqtt:// would send the token in clear: use mqtts://, or --allow-plaintext"
    )

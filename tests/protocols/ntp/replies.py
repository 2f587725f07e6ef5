"""Correct replies to NTP requests, for servers that misbehave in one way only."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from seventh.protocols.ntp.wire.packet import Mode, Packet, parse, to_ntp


def reply_to(request: bytes, now_ns: int | None = None, **changes: Any) -> Packet:
    """Return a correct reply at ``now_ns``, by default at this moment, with some fields changed."""
    now = to_ntp(time.time_ns() if now_ns is None else now_ns)
    reply = Packet(
        mode=Mode.SERVER, stratum=2, precision=-20, refid=b"\xc0\0\2\1", reference=now,
        origin=parse(request).transmit, receive=now, transmit=now,
    )  # fmt: skip
    return msgspec.structs.replace(reply, **changes)

"""The records: a line of JSON for each notification, and for what is to be known about senders."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from seventh.protocols.snmp.receive.notification import Shown, shown
from seventh.protocols.snmp.receive.verdict import Judged

SCHEMA = "seventh.trap/1"
Event = Literal["notification", "repeated", "rejected", "finding", "started", "dropped"]
"""``repeated``: the same again, in a storm, or rejected again: ``count`` of them."""


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """This machine's own clock: how far ``at`` may be relied upon."""

    synchronised: bool | None
    """None where the system does not say."""
    error_seconds: float | None = None
    """The maximum error, as the time daemon reports it."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record."""

    schema: str
    id: str
    """Unique: of a record that comes twice it is the same."""
    at: str
    """The arrival, by this machine's wall clock; RFC 3339."""
    event: Event
    clock: Clock
    source: str = ""
    port: int = 0
    version: str = ""
    verdict: str = ""
    user: str = ""
    level: str = ""
    engine: str = ""
    context: str = ""
    detail: str = ""
    deviations: tuple[str, ...] = ()
    notification: Shown | None = None
    count: int = 1
    rule: str = ""
    severity: str = ""
    evidence: str = ""


def timestamp(wall_ns: int) -> str:
    """Return a time as RFC 3339 has it, in microseconds."""
    seconds, rest = divmod(wall_ns, 10**9)
    at = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def of(
    judged: Judged, event: Event, number: str, at: str, clock: Clock, source: str, port: int,
    count: int = 1,
) -> Record:  # fmt: skip
    """Return the record of a datagram."""
    return Record(
        schema=SCHEMA, id=number, at=at, event=event, clock=clock, source=source, port=port,
        version=judged.version, verdict=judged.verdict, user=judged.user, level=judged.level or "",
        engine=judged.engine_id.hex(), context=judged.context, detail=judged.detail,
        deviations=judged.deviations, count=count,
        notification=shown(judged.notification) if judged.notification is not None else None,
    )  # fmt: skip

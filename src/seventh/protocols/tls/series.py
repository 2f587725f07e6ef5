"""The series of session tickets: the names of the keys that encrypt them, of full checks."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec.structs import replace

from seventh.model.facts import Facts
from seventh.model.look import Look
from seventh.model.tlsfacts import TlsFacts

_MOST = 16
"""Names that are kept: several nodes may each have a key, and each rotates it."""


class KeyName(msgspec.Struct, frozen=True, kw_only=True):
    """The first 16 bytes of tickets, and when they were seen."""

    name: str
    first_ns: int
    last_ns: int


class TicketSeries(Facts, frozen=True, kw_only=True):
    """The names of ticket keys, the one seen last at the end."""

    ROOM: ClassVar[str] = "tls-series"
    OWNER: ClassVar[str] = "tls"

    since_ns: int | None = None
    """When the first ticket was seen; None without any."""
    names: tuple[KeyName, ...] = ()


SERIES = TicketSeries


def add(series: TicketSeries, look: Look) -> TicketSeries:
    """Add the ticket of one look."""
    tls = look.facts.get(TlsFacts.ROOM)
    if not isinstance(tls, TlsFacts) or tls.ticket_key_name is None:
        return series
    name = tls.ticket_key_name
    others = [each for each in series.names if each.name != name]
    seen = next((each for each in series.names if each.name == name), None)
    if seen is None:
        seen = KeyName(name=name, first_ns=look.at_ns, last_ns=look.at_ns)
    names = (*others, replace(seen, last_ns=max(seen.last_ns, look.at_ns)))
    since_ns = series.since_ns if series.since_ns is not None else look.at_ns
    return series.learn(since_ns=since_ns, names=names[-_MOST:])

"""The Received fields of a message: its way, with times (RFC 5321 §4.4)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from seventh.protocols.smtp.facts.roundtrip import Hop
from seventh.wire.text import printable

MAX_HOPS = 50
_FOLD = re.compile(rb"\r?\n[ \t]+")
_FIELD = re.compile(rb"^received:(.*)$", re.IGNORECASE | re.MULTILINE)
_BY = re.compile(rb"\bby\s+([^\s;()]{1,255})", re.IGNORECASE)


def hops_in(header: bytes) -> tuple[Hop, ...]:
    """Return the hops, the first server first; each adds its field above the earlier ones."""
    fields = _FIELD.findall(_FOLD.sub(b" ", header))[:MAX_HOPS]
    hops: list[Hop] = []
    before: datetime | None = None
    for field in reversed(fields):
        match = _BY.search(field)
        date = _date(field.rpartition(b";")[2])
        seconds = (date - before).total_seconds() if date and before else None
        hops.append(Hop(by=printable(match[1]) if match else "", seconds=seconds))
        before = date
    return tuple(hops)


def _date(text: bytes) -> datetime | None:
    try:
        date = parsedate_to_datetime(text.decode("ascii", "replace").strip())
        return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None

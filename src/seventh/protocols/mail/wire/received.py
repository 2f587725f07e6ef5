"""The Received fields of a message (RFC 5321 §4.4), and what else its header says of its way."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from seventh.protocols.mail.facts.message import Claim, MessageHop
from seventh.protocols.mail.wire.header import Field, named
from seventh.wire.text import printable

MAX_HOPS = 50
MAX_CLAIMS = 8
_MOST = 4096
"""How much of one field is read."""
_BY = re.compile(rb"\bby\s+([^\s;()]{1,255})", re.IGNORECASE)
_FROM = re.compile(rb"^\s*from\s+([^\s;()]{1,255})", re.IGNORECASE)
_ADDRESS = re.compile(rb"\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]", re.IGNORECASE)
_RESULT = re.compile(rb"(?:^|;)\s*([a-z][a-z0-9-]{1,31})\s*=\s*([a-z]{2,16})\b", re.IGNORECASE)
_INSIDE = [
    ipaddress.ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
                 "100.64.0.0/10", "fc00::/7", "fe80::/10")
]  # fmt: skip
_COMMENT = re.compile(rb"\([^()]{0,512}\)")


def hops_of(fields: Sequence[Field]) -> tuple[MessageHop, ...]:
    """Return the hops, the first server first; each adds its field above the earlier ones."""
    hops: list[MessageHop] = []
    before: datetime | None = None
    for field in reversed(named(fields, "received")[:MAX_HOPS]):
        text = b" ".join(field.value[:_MOST].split())
        by, helo = _BY.search(text), _FROM.match(text)
        date = _date(text.rpartition(b";")[2])
        hops.append(
            MessageHop(
                by=printable(by[1]) if by else "",
                helo=printable(helo[1]) if helo else "",
                client=_client(text[: by.start()] if by else text),
                seconds=(date - before).total_seconds() if date and before else None,
            )
        )
        before = date
    return tuple(hops)


def client_of(hops: Sequence[MessageHop]) -> MessageHop | None:
    """Return the topmost hop that has a client from outside: below it, anyone can write anything.

    Hops within the receiving organisation have private addresses.
    """
    return next((hop for hop in reversed(hops) if hop.client and not _is_inside(hop.client)), None)


def claims_of(fields: Sequence[Field]) -> tuple[Claim, ...]:
    """Return the Authentication-Results fields, the topmost first."""
    claims: list[Claim] = []
    for field in named(fields, "authentication-results")[:MAX_CLAIMS]:
        by, _, results = field.value[:_MOST].partition(b";")
        found = _RESULT.findall(_COMMENT.sub(b"", b";" + b" ".join(results.split())))
        claims.append(
            Claim(
                by=printable(by.split()[0]) if by.split() else "",
                results=tuple(f"{k.decode().lower()}={v.decode().lower()}" for k, v in found[:16]),
            )
        )
    return tuple(claims)


def _client(text: bytes) -> str:
    for found in _ADDRESS.finditer(text):
        try:
            return str(ipaddress.ip_address(found[1].decode("ascii")))
        except ValueError:
            continue
    return ""


def _is_inside(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return parsed.is_loopback or any(
        parsed in network for network in _INSIDE if network.version == parsed.version
    )


def _date(text: bytes) -> datetime | None:
    try:
        date = parsedate_to_datetime(text.decode("ascii", "replace").strip())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)

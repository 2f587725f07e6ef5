"""Unusable replies of resolvers: collected, counted and described.

dnspython passes over what it cannot read and waits on, as it should: anybody can send a datagram.
When nothing else comes, what did come says more than "no answer in time".
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import dns.asyncbackend
import dns.exception
import dns.flags
import dns.message
import dns.rdatatype

if TYPE_CHECKING:
    from dns.resolver import NoNameservers  # loads every library that a transport can use

_HEADER_BYTES = 12
_QUERY, _RESPONSE = 0, 0x80
_MOST = 4
"""How many kinds of datagrams are named."""
_MOST_READ = 32
"""How many datagrams are read for that; the rest are counted."""
_RCODES = {
    "SERVFAIL": "no valid answer from the zone's name servers",
    "REFUSED": "it does not accept queries from this client or for this name",
    "FORMERR": "it cannot read the query",
    "NOTIMP": "it does not support this kind of query",
    "NOTAUTH": "it is not authoritative for the zone",
}


class Replies:
    """The datagrams received during one lookup."""

    def __init__(self) -> None:
        self._queries: dict[bytes, bytes] = {}
        self._count = 0
        self._kinds: dict[str, None] = {}

    def add_query(self, wire: bytes) -> None:
        """Record a query."""
        self._queries[wire[:2]] = wire

    def add(self, wire: bytes, source: tuple[str, int], queried: tuple[str, int]) -> None:
        """Record a datagram; after a usable one, nothing reads this record."""
        self._count += 1
        if len(self._kinds) < _MOST and self._count <= _MOST_READ:
            self._kinds[self._kind(wire, source, queried)] = None

    def _kind(self, wire: bytes, source: tuple[str, int], queried: tuple[str, int]) -> str:
        if source != queried:
            return f"sent from {source[0]} port {source[1]}, not the queried address"
        if len(wire) < _HEADER_BYTES:
            return f"{len(wire)} bytes long, shorter than a DNS header ({_HEADER_BYTES})"
        query = self._queries.get(wire[:2])
        if query is None:
            return "for a query that was not sent (unknown ID)"
        if wire[2] & _RESPONSE == _QUERY:
            return "a query, not a response"
        try:
            message = dns.message.from_wire(wire)
        except (dns.exception.DNSException, ValueError, IndexError):
            return "not a readable DNS message"
        if not dns.message.from_wire(query).is_response(message):
            return "for another question"
        return "unusable"

    def describe(self) -> str:
        """Describe what came instead of an answer; empty if nothing came."""
        if not self._count:
            return ""
        times = "once" if self._count == 1 else f"{self._count} times"
        return f"the resolver answered {times}, unusable: " + "; ".join(self._kinds)


class RecordingBackend:
    """dnspython's own backend, with datagram sockets that record what they receive.

    Not a subclass: dnspython asks for no more than these methods.
    """

    def __init__(self, replies: Replies) -> None:
        self._inner: Any = dns.asyncbackend.get_default_backend()
        self._replies = replies

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def make_socket(self, family: int, kind: int, *args: Any, **kwargs: Any) -> Any:
        """Make a socket; datagrams are recorded."""
        made = await self._inner.make_socket(family, kind, *args, **kwargs)
        return _RecordingSocket(made, self._replies) if kind == socket.SOCK_DGRAM else made


class _RecordingSocket:
    def __init__(self, inner: Any, replies: Replies) -> None:
        self._inner = inner
        self._replies = replies
        self._queried: tuple[str, int] = ("", 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def __aenter__(self) -> _RecordingSocket:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._inner.close()

    async def sendto(self, what: bytes, destination: Any, timeout: float | None) -> int:
        self._queried = destination[0], destination[1]
        self._replies.add_query(what)
        return int(await self._inner.sendto(what, destination, timeout))

    async def recvfrom(self, size: int, timeout: float | None) -> tuple[bytes, Any]:
        wire, source = await self._inner.recvfrom(size, timeout)
        self._replies.add(wire, (source[0], source[1]), self._queried)
        return wire, source


def refused(error: NoNameservers) -> str:
    """Describe the error of each resolver."""
    found: dict[str, None] = {}
    for server, over_tcp, _, what, _ in error.kwargs.get("errors", ()):
        where = str(server).removeprefix("Do53:").replace("@", " port ")
        found[f"{where} {_problem(what, over_tcp=over_tcp)}"] = None
    return "the resolver " + "; ".join(found) if found else "no resolver answered"


def _problem(what: object, *, over_tcp: bool) -> str:
    from dns.resolver import YXDOMAIN

    how = " over TCP" if over_tcp else ""
    if isinstance(what, str):
        means = _RCODES.get(what)
        return f"answered {what}{how}" + (f": {means}" if means else "")
    if isinstance(what, dns.message.Truncated):
        return f"sent a truncated answer{how}"
    if isinstance(what, dns.exception.Timeout):
        return f"did not answer{how} in time"
    if isinstance(what, (dns.message.ChainTooLong, YXDOMAIN)):
        return "answered with a CNAME chain that is too long or circular"
    if isinstance(what, EOFError):
        return f"closed the connection{how} without an answer"
    if isinstance(what, OSError):
        return f"is unreachable{how}: {(what.strerror or 'connection failed').lower()}"
    return f"answered{how}, unusable: not a readable DNS message"


def is_referral(message: dns.message.Message) -> bool:
    """Return whether the answer only refers to other servers: there is no recursion for us."""
    authority = {rrset.rdtype for rrset in message.authority}
    return (
        not message.answer
        and not message.flags & (dns.flags.AA | dns.flags.RA)
        and dns.rdatatype.NS in authority
        and dns.rdatatype.SOA not in authority
    )


REFERRAL = "the resolver returned a referral: it does not offer recursion to clients"

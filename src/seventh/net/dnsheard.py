"""What a resolver sent that is no answer: kept, counted and put into words.

dnspython passes over what it cannot read and waits on, as it should: anybody can send a datagram.
When nothing else comes, what did come says more than "no answer in time".
"""

from __future__ import annotations

from typing import Any

import dns.asyncbackend
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

_HEADER_BYTES = 12
_QUERY, _RESPONSE = 0, 0x80
_MOST = 4
"""How many kinds of datagrams are named."""
_MOST_READ = 32
"""How many datagrams are read for that; the rest are counted."""
_RCODES = {
    "SERVFAIL": "it got no valid answer from the zone's name servers",
    "REFUSED": "it does not serve this client or this name",
    "FORMERR": "it cannot read the query",
    "NOTIMP": "it does not support this kind of query",
    "NOTAUTH": "it is not responsible for the zone",
}


class Heard:
    """The datagrams of one look-up that came and were not taken."""

    def __init__(self) -> None:
        self._queries: dict[bytes, bytes] = {}
        self._count = 0
        self._kinds: dict[str, None] = {}

    def sent(self, wire: bytes) -> None:
        """Note a query."""
        self._queries[wire[:2]] = wire

    def came(self, wire: bytes, source: tuple[str, int], asked: tuple[str, int]) -> None:
        """Note a datagram; one that answers is noted too, and then this is not asked."""
        self._count += 1
        if len(self._kinds) < _MOST and self._count <= _MOST_READ:
            self._kinds[self._kind(wire, source, asked)] = None

    def _kind(self, wire: bytes, source: tuple[str, int], asked: tuple[str, int]) -> str:
        if source != asked:
            return f"sent from {source[0]} port {source[1]}, which was not asked"
        if len(wire) < _HEADER_BYTES:
            return f"{len(wire)} bytes long, where a DNS header has {_HEADER_BYTES}"
        query = self._queries.get(wire[:2])
        if query is None:
            return "for a query that was not sent (its ID is none of ours)"
        if wire[2] & _RESPONSE == _QUERY:
            return "a query, not a response"
        try:
            message = dns.message.from_wire(wire)
        except (dns.exception.DNSException, ValueError, IndexError):
            return "not a readable DNS message"
        if not dns.message.from_wire(query).is_response(message):
            return "for another question"
        return "unusable"

    def said(self) -> str:
        """Say what came in place of an answer; empty where nothing did."""
        if not self._count:
            return ""
        times = "once" if self._count == 1 else f"{self._count} times"
        return f"the resolver answered {times}, but with something unusable: " + "; ".join(
            self._kinds
        )


class HearingBackend(dns.asyncbackend.Backend):
    """dnspython's own backend, whose datagram sockets tell a :class:`Heard` what comes."""

    def __init__(self, heard: Heard) -> None:
        self._inner = dns.asyncbackend.get_default_backend()
        self._heard = heard

    def name(self) -> str:
        """Give the inner backend's name."""
        return self._inner.name()

    async def make_socket(self, *args: Any, **kwargs: Any) -> Any:
        """Make a socket; one for datagrams is listened to."""
        made = await self._inner.make_socket(*args, **kwargs)
        if isinstance(made, dns.asyncbackend.DatagramSocket):
            return _HearingSocket(made, self._heard)
        return made

    def datagram_connection_required(self) -> bool:
        """Say whether the inner backend needs connected sockets."""
        return self._inner.datagram_connection_required()

    async def sleep(self, interval: float) -> None:
        """Sleep as the inner backend does."""
        await self._inner.sleep(interval)

    def get_transport_class(self) -> Any:
        """Give the inner backend's transport."""
        return self._inner.get_transport_class()

    async def wait_for(self, awaitable: Any, timeout: float | None) -> Any:  # noqa: ASYNC109
        """Wait as the inner backend does."""
        return await self._inner.wait_for(awaitable, timeout)


class _HearingSocket(dns.asyncbackend.DatagramSocket):
    def __init__(self, inner: dns.asyncbackend.DatagramSocket, heard: Heard) -> None:
        super().__init__(inner.family, inner.type)  # type: ignore[attr-defined]
        self._inner = inner
        self._heard = heard
        self._asked: tuple[str, int] = ("", 0)

    async def sendto(self, what: bytes, destination: Any, timeout: float | None) -> int:  # noqa: ASYNC109
        self._asked = tuple(destination[:2])
        self._heard.sent(what)
        return int(await self._inner.sendto(what, destination, timeout))

    async def recvfrom(self, size: int, timeout: float | None) -> tuple[bytes, Any]:  # noqa: ASYNC109
        wire, source = await self._inner.recvfrom(size, timeout)
        self._heard.came(wire, tuple(source[:2]), self._asked)
        return wire, source

    async def close(self) -> None:
        await self._inner.close()

    async def getpeername(self) -> Any:
        return await self._inner.getpeername()

    async def getsockname(self) -> Any:
        return await self._inner.getsockname()


def refused(error: dns.resolver.NoNameservers) -> str:
    """Say what each of the resolvers answered or did."""
    found: dict[str, None] = {}
    for server, over_tcp, _, what, _ in error.kwargs.get("errors", ()):
        where = str(server).removeprefix("Do53:").replace("@", " port ")
        found[f"{where} {_problem(what, over_tcp=over_tcp)}"] = None
    return "the resolver " + "; ".join(found) if found else "no resolver gave an answer"


def _problem(what: object, *, over_tcp: bool) -> str:
    how = " over TCP" if over_tcp else ""
    if isinstance(what, str):
        means = _RCODES.get(what)
        return f"answered {what}{how}" + (f": {means}" if means else "")
    if isinstance(what, dns.message.Truncated):
        return f"sent a truncated answer{how}"
    if isinstance(what, dns.exception.Timeout):
        return f"did not answer{how} in time"
    if isinstance(what, (dns.message.ChainTooLong, dns.resolver.YXDOMAIN)):
        return "answered with a chain of aliases (CNAME) that is too long or has no end"
    if isinstance(what, EOFError):
        return f"closed the connection{how} without an answer"
    if isinstance(what, OSError):
        return f"is not reachable{how}: {(what.strerror or 'connection failed').lower()}"
    return f"answered{how} with something unusable: not a readable DNS message"


def is_referral(message: dns.message.Message) -> bool:
    """Whether the answer only names other servers, as of one that does not resolve for clients."""
    authority = {rrset.rdtype for rrset in message.authority}
    return (
        not message.answer
        and not message.flags & (dns.flags.AA | dns.flags.RA)
        and dns.rdatatype.NS in authority
        and dns.rdatatype.SOA not in authority
    )


REFERRAL = "the resolver gave a referral in place of an answer: it does not resolve for clients"

"""A small name server for labs, with the faults of resolvers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from seventh.labkit.serve import UdpHandler, udp_server

Zone = Mapping[str, Mapping[str, tuple[str, ...]]]
"""``{"lab.test": {"A": ("127.0.0.1",), "SSHFP": ("4 2 ab…",)}}``"""


@contextlib.asynccontextmanager
async def name_server(
    zone: Zone,
    *,
    authenticated: bool = False,
    delay_seconds: float = 0.0,
    servfail: frozenset[str] = frozenset(),
) -> AsyncIterator[str]:
    """Serve ``zone`` over UDP; gives ``HOST:PORT`` for ``--resolver``.

    ``authenticated`` sets the AD bit; ``servfail`` are record types answered with SERVFAIL.
    """
    loop = asyncio.get_running_loop()

    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        reply = _answer(data, zone, authenticated, servfail)
        if reply is not None:
            loop.call_later(delay_seconds, handler.send, reply, source)

    async with udp_server(answer) as port:
        yield f"127.0.0.1:{port}"


def _answer(data: bytes, zone: Zone, authenticated: bool, servfail: frozenset[str]) -> bytes | None:
    try:
        query = dns.message.from_wire(data)
    except Exception:  # noqa: BLE001 - anything but a query is not answered
        return None
    reply = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    if authenticated:
        reply.flags |= dns.flags.AD
    if kind in servfail:
        reply.set_rcode(dns.rcode.SERVFAIL)
    elif name not in zone:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    elif records := zone[name].get(kind):
        reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
    return reply.to_wire(want_shuffle=False)

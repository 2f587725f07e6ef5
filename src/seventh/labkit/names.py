"""A small name server for labs, with the faults of resolvers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from seventh.labkit.serve import UdpHandler, udp_server
from seventh.labkit.signed import SignedZone

Zone = Mapping[str, Mapping[str, tuple[str, ...]]]
"""``{"lab.test": {"A": ("127.0.0.1",), "SSHFP": ("4 2 ab…",)}}``"""
_MOST_ALIASES = 20


@contextlib.asynccontextmanager
async def name_server(
    zone: Zone,
    *,
    authenticated: bool = False,
    delay_seconds: float = 0.0,
    servfail: frozenset[str] = frozenset(),
    signed: SignedZone | None = None,
    validates: bool = False,
) -> AsyncIterator[str]:
    """Serve ``zone`` over UDP; gives ``HOST:PORT`` for ``--resolver``.

    ``authenticated`` sets the AD bit; ``servfail`` are record types answered with SERVFAIL.
    ``signed`` is a zone beside, which is answered for as by a resolver that validates it; with
    ``validates`` it has validated the root, which is what shows that a resolver does.
    """
    loop = asyncio.get_running_loop()

    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        reply = _answer(data, zone, authenticated, servfail, signed, validates)
        if reply is not None:
            loop.call_later(delay_seconds, handler.send, reply, source)

    async with udp_server(answer) as port:
        yield f"127.0.0.1:{port}"


def _answer(
    data: bytes,
    zone: Zone,
    authenticated: bool,
    servfail: frozenset[str],
    signed: SignedZone | None,
    validates: bool,
) -> bytes | None:
    try:
        query = dns.message.from_wire(data)
    except Exception:  # noqa: BLE001 - anything but a query is not answered
        return None
    reply = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    if signed is not None and signed.covers(question.name) and kind not in servfail:
        return signed.answer(query).to_wire(want_shuffle=False)
    if authenticated or (validates and question.name == dns.name.root):
        reply.flags |= dns.flags.AD
    if kind in servfail:
        reply.set_rcode(dns.rcode.SERVFAIL)
        return reply.to_wire()
    for _ in range(_MOST_ALIASES):
        records = zone.get(name, {})
        alias = records.get("CNAME", ()) if kind != "CNAME" else ()
        texts = records.get(kind, ()) or alias
        if texts:
            answered = "CNAME" if alias else kind
            reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", answered, *texts))
        if not alias:
            break
        name = alias[0].removesuffix(".").lower()
    if not _exists(name, zone):
        reply.set_rcode(dns.rcode.NXDOMAIN)
    try:
        return reply.to_wire(max_size=max(512, query.payload), want_shuffle=False)
    except dns.exception.TooBig:
        cut_off = dns.message.make_response(query, recursion_available=True)
        cut_off.flags |= dns.flags.TC
        return cut_off.to_wire()


def _exists(name: str, zone: Zone) -> bool:
    """Return whether the name, or one below it, has records."""
    return name in zone or any(each.endswith(f".{name}") for each in zone)

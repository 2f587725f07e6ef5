"""One handshake with a program of this machine, for the certificate alone."""

from __future__ import annotations

from seventh.model.failure import Failed, ProtocolViolation
from seventh.model.options import Options
from seventh.model.starttls import StarttlsName
from seventh.model.tlslocal import Service
from seventh.net.address import Address
from seventh.net.budget import Budget
from seventh.net.connect import open_tcp
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.tls import handshake
from seventh.protocols.tls.wire.dialogue import Dialogue, Event, Go, Send
from seventh.protocols.tls.wire.starttls import PROTOCOLS

_SECONDS = 0.5
_GREETING_SECONDS = 0.1
"""A program of this machine that greets does so at once; one that does not expects TLS."""
_GREETINGS: dict[bytes, StarttlsName] = {b"220": "smtp", b"* O": "imap", b"+OK": "pop3"}
_MAIL = frozenset({Service.POSTFIX, Service.DOVECOT})


async def leaf_at(ip: str, port: int, server_name: str, service: Service) -> bytes | None:
    """Return the certificate that is served for a name, as DER; None where none is."""
    budget = Budget(_SECONDS)
    try:
        connected = await open_tcp(Address(ip=ip, port=port), budget, budget.deadline_ns)
        if (stream := connected.stream) is None:
            return None
        with stream:
            if not await _starts(stream, server_name, port, service):
                return None
            return await _leaf(stream, server_name)
    except (Failed, ProtocolViolation):
        return None


async def _leaf(stream: Stream, server_name: str) -> bytes | None:
    with handshake.prepare(stream, Options(), server_name, profile="lenient") as tls:
        try:
            await tls.handshake(Stopwatch())
            await tls.aclose()
        except Failed:
            # The server may refuse us for want of a certificate, after it has sent its own.
            return next(iter(tls.certificates), None)
        return next(iter(tls.certificates), None)


async def _starts(stream: Stream, server_name: str, port: int, service: Service) -> bool:
    """Bring a stream to where TLS begins; return whether it does."""
    if service is Service.POSTGRESQL:
        return await _talk(stream, "postgres", b"", server_name, port)
    if service not in _MAIL:
        return True
    try:
        greeting, _ = await stream.receive(stream.budget.within(_GREETING_SECONDS))
    except Failed:
        return True
    name = _GREETINGS.get(greeting[:3])
    return name is not None and await _talk(stream, name, greeting, server_name, port)


async def _talk(
    stream: Stream, name: StarttlsName, greeting: bytes, server_name: str, port: int
) -> bool:
    dialogue = Dialogue(PROTOCOLS[name], us="localhost", server_name=server_name, port=port)
    events: list[Event] = dialogue.begin()
    if greeting:
        events += dialogue.receive(greeting)
    while True:
        for event in events:
            match event:
                case Send(data):
                    await stream.send(data)
                case Go():
                    return True
                case Failed():
                    return False
        data, _ = await stream.receive()
        if not data:
            return False
        events = dialogue.receive(data)

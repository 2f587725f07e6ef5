"""The conversation with a TLS server: a verified handshake, or everything that TLS tells."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec

from seventh.model.failure import NO_TLS_AT_ALL, Failed, Reason, UsageError
from seventh.model.tlsfacts import TlsFacts
from seventh.net import idle
from seventh.net.address import Address
from seventh.net.on_failure import on_failure
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.tls.handshake import prepare, start_recurring
from seventh.net.tls.in_clear import our_name
from seventh.net.tls.inspect import certificate_failure, identity, inspect_tls, resumes
from seventh.net.tls.session import Session
from seventh.protocols.tls import TlsOptions
from seventh.protocols.tls.client import start
from seventh.protocols.tls.wire.dialogue import Dialogue
from seventh.protocols.tls.wire.starttls import PROTOCOLS, named, usual_at

ALPN = ("h2", "http/1.1")
"""What most servers behind TLS speak; others ignore the offer or do without."""
_NOT_TLS_HERE = frozenset(
    {Reason.TLS_NOT_TLS, Reason.PROTOCOL_MISMATCH, Reason.PEER_CLOSED, Reason.PEER_RESET,
     Reason.PEER_SILENT}
)  # fmt: skip
"""How a handshake fails on a port whose protocol starts TLS later."""


async def pulse(ctx: ProbeContext) -> None:
    """Connect and shake hands as a client would; a certificate it would refuse is a failure."""
    door = _Door(ctx)
    stream = await ctx.connect()
    with door.proposing():
        await door.open(stream, timed=True)
        tls = await start_recurring(ctx, stream, door.name)
    await tls.aclose()


async def check(ctx: ProbeContext) -> None:
    """Learn all of TLS's facts from the first address, and compare the others with it."""
    door = _Door(ctx)
    streams = await ctx.connect_all()
    first, others = streams[0], streams[1:]
    waiting: list[Stream] = []

    async def open_stream() -> Stream:
        return waiting.pop() if waiting else await door.connect(first.address)

    failed: Failed | None = None
    session: Session | None = None
    try:
        with door.proposing():
            waiting.append(await door.open(first, timed=True))
            session = await inspect_tls(ctx, open_stream, door.name, door.alpn)
    except Failed as error:
        failed = error
    if ctx.options.as_clients and (failed is None or failed.reason not in NO_TLS_AT_ALL):
        from seventh.protocols.tls.as_client import judge_clients
        from seventh.protocols.tls.rules.hellos import hello_of

        clients = [hello_of(text) for text in dict.fromkeys(ctx.options.as_clients)]
        await judge_clients(ctx, clients, open_stream, door.name)
    if others:
        await _compare(ctx, door, first, others)
    if session is not None:
        await _take_up_elsewhere(ctx, door, others, session)
    if failed is not None:
        raise failed
    await idle.measure(ctx, "tcp", lambda: door.hold(first.address))
    refusal = certificate_failure(ctx.notes(TlsFacts).facts)
    if refusal is not None:
        ctx.fail(refusal)


async def _compare(ctx: ProbeContext, door: _Door, first: Stream, others: list[Stream]) -> None:
    async def look(stream: Stream) -> dict[str, str]:
        is_used = stream is first
        ready = await (door.connect(stream.address) if is_used else door.open(stream))
        return await identity(ctx, ready, door.name)

    await ctx.compare([first, *others], look)


async def _take_up_elsewhere(
    ctx: ProbeContext, door: _Door, others: list[Stream], session: Session
) -> None:
    """Nodes behind one name should share their ticket keys: clients change between them."""
    alone: list[str] = []
    for other in others:
        with contextlib.suppress(Failed):
            below = await door.connect(other.address)
            if not await resumes(ctx, below, door.name, session):
                alone.append(other.address.ip)
    ctx.notes(TlsFacts).learn(not_resumed_at=tuple(alone))


class _Door:
    """The way to a stream on which the server expects a ClientHello.

    Raises UsageError for ``--starttls`` without a port: 443 is no protocol's that has it.
    """

    def __init__(self, ctx: ProbeContext) -> None:
        self._ctx = ctx
        self.name = server_name(ctx)
        starttls = ctx.options.of(TlsOptions).starttls
        self._protocol = PROTOCOLS[starttls] if starttls is not None else None
        if self._protocol is not None and not ctx.target.port_given:
            targets = [msgspec.structs.replace(ctx.target, port=p) for p in self._protocol.ports]
            urls = " or ".join(map(str, targets[:2]))
            raise UsageError(f"--starttls {starttls} needs a port: write {urls}")

    @property
    def alpn(self) -> tuple[str, ...]:
        """The application protocols to offer: HTTP's, unless the server's protocol is another."""
        return ALPN if self._protocol is None else ()

    async def connect(self, address: Address) -> Stream:
        """Open a further stream to ``address``."""
        return await self.open(await self._ctx.connect_again(address))

    async def hold(self, address: Address) -> idle.Connection:
        """Open a connection to leave idle after its handshake, whatever its certificate."""
        stream = await self.connect(address)
        tls = prepare(stream, self._ctx.options, self.name, alpn=self.alpn, profile="lenient")
        with on_failure(tls.close):
            await tls.handshake(Stopwatch(), "idle")
        return idle.Bytes(tls)

    async def open(self, stream: Stream, *, timed: bool = False) -> Stream:
        """Bring a new stream to where TLS starts."""
        if self._protocol is not None:
            dialogue = Dialogue(
                self._protocol, us=our_name(), server_name=self.name, port=stream.address.port
            )
            await start(self._ctx, stream, dialogue, timed=timed)
        return stream

    @contextlib.contextmanager
    def proposing(self) -> Iterator[None]:
        """Add to a failure the ``--starttls`` that may be missing or wrong."""
        try:
            yield
        except Failed as failed:
            failed.detail += self._proposal(failed)
            raise

    def _proposal(self, failed: Failed) -> str:
        if failed.reason not in _NOT_TLS_HERE:
            return ""
        if self._protocol is not None:
            if failed.phase not in {"tls.greeting", "tls.starttls"}:
                clear = failed.reason in {Reason.TLS_NOT_TLS, Reason.PROTOCOL_MISMATCH}
                return "; it came in clear after the go-ahead for TLS" if clear else ""
            if failed.served == "TLS":
                return ": remove --starttls"
            names = named(failed.served)
            return f": use {_options(names)}" if names else ""
        if names := named(failed.served):
            return f": add {_options(names)}"
        usual = usual_at(self._ctx.target.port)
        has_answered = self._ctx.notes(TlsFacts).facts.version is not None
        if usual is None or failed.served or has_answered:
            return ""
        title, port = PROTOCOLS[usual].title, self._ctx.target.port
        return f"; if this is {title}, as usual on port {port}, add {_options((usual,))}"


def _options(names: tuple[str, ...]) -> str:
    return " or ".join(f"--starttls {name}" for name in names)


def server_name(ctx: ProbeContext) -> str:
    """Return the name to ask for and to hold the certificate against."""
    return ctx.options.server_name or ctx.target.host

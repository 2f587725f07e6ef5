"""A full check of TLS, into :class:`TlsFacts`: for any protocol, over any stream.

One handshake with everything on offer, a second that takes up its session, a third that offers
early data where the ticket allows it, and bare hellos. Facts are noted as they come, so they
survive whatever fails later.
"""

from __future__ import annotations

import asyncio
import contextlib
import re

from seventh.model.alert import Alert
from seventh.model.failure import NO_TLS_AT_ALL, Failed, ProtocolViolation, Reason
from seventh.model.tlsfacts import CERTIFICATE_REFUSALS, ClientCertificate, TlsFacts, Topic
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.net.tls import context as tlscontext
from seventh.net.tls import handshake
from seventh.net.tls.bare_hellos import OpenStream, check_bare_hellos
from seventh.net.tls.caa import look_up_caa
from seventh.net.tls.certificates import ask_other_certificates, certificate_facts
from seventh.net.tls.large_hello import shake
from seventh.net.tls.revocation import load_crls
from seventh.net.tls.session import Session
from seventh.net.tls.stream import TlsStream
from seventh.net.tls.ticket_prompt import http1_head, prompt_tickets
from seventh.wire import tlshello
from seventh.wire import tlsnames as n
from seventh.wire.text import printable

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})")


async def inspect_tls(
    ctx: ProbeContext, open_stream: OpenStream, server_name: str, alpn: tuple[str, ...] = ()
) -> Session | None:
    """Learn all of :class:`TlsFacts` about the server that ``open_stream`` connects to.

    ``open_stream`` gives a fresh stream on which the server expects a ClientHello; it is called
    up to a dozen times. A certificate that clients would refuse is noted in the facts
    (:func:`certificate_failure`), not raised. Raises Failed when the main handshake fails; the
    bare hellos have been asked by then, unless the peer does not speak TLS at all. Gives the
    session that was made, to be tried at the name's other addresses (:func:`resumes`).
    """
    inspection = _Inspection(ctx, open_stream, server_name, alpn)
    ctx.notes(TlsFacts).learn(server_name=server_name)
    failed: Failed | None = None
    try:
        await inspection.main_without_alpn_if_need_be()
    except Failed as error:
        error.phase = error.phase or "tls"
        if error.reason in NO_TLS_AT_ALL and not inspection.notes.facts.large_hello_bytes:
            raise
        failed = error
    else:
        await inspection.again()
        await inspection.without_certificate()
    await ask_other_certificates(ctx, open_stream, server_name)
    await asyncio.gather(
        check_bare_hellos(ctx, open_stream, server_name), look_up_caa(ctx, server_name)
    )
    if failed is not None:
        raise failed
    return inspection.session if inspection.notes.facts.resumed else None


def certificate_failure(facts: TlsFacts) -> Failed | None:
    """Return the failure that a client would report for this certificate, or None."""
    if facts.certificate_reason is None:
        return None
    return Failed(facts.certificate_reason, facts.certificate_detail, phase="tls")


def note_handshake(ctx: ProbeContext, stream: TlsStream, server_name: str) -> None:
    """Learn from one handshake, complete or not, into :class:`TlsFacts`.

    The stream is best made with the ``lenient`` profile, which notes every error of the chain.
    """
    notes = ctx.notes(TlsFacts)
    notes.learn(server_name=server_name)
    if stream.handshake_seconds:
        notes.learn(
            handshake_seconds=stream.handshake_seconds,
            alpn=printable(stream.alpn, 64) if stream.alpn else None,
        )
    hello = stream.hello
    if hello is None:
        return
    key: tlshello.KeyExchange | None = None
    body = stream.tap.first(n.SERVER_KEY_EXCHANGE)
    with contextlib.suppress(ProtocolViolation):
        key = tlshello.parse_key_exchange(body, hello.suite) if body is not None else None
    group = hello.group or (key.group if key is not None else None)
    version = n.version_name(hello.negotiated)
    notes.learn(
        version=version,
        versions=tuple(dict.fromkeys((*notes.facts.versions, version))),
        cipher=n.suite_name(hello.suite),
        group=n.group_name(group) if group is not None else None,
        handshake_bytes=stream.handshake_bytes,
    )
    if key is not None and key.prime_bits is not None:
        notes.learn(dh_bits=key.prime_bits)
    try:
        notes.learn(**certificate_facts(stream, server_name, ctx.options, hello.negotiated))
    except ProtocolViolation as violation:
        notes.unknown(Topic.CHAIN, violation.detail)
    if (wanted := _client_certificate(ctx, stream)) is not None:
        notes.learn(client_certificate=wanted)
    ctx.note(f"TLS: {version} {n.suite_name(hello.suite)}")


def _client_certificate(ctx: ProbeContext, stream: TlsStream) -> ClientCertificate | None:
    """Return what the handshake shows of a client certificate; None where it was cut short."""
    if not stream.asked_for_certificate:
        return None if stream.refused else "not-requested"
    if ctx.options.cert_file is not None:
        return "given"
    return "required" if stream.refused else "optional"


def note_tickets(ctx: ProbeContext, stream: TlsStream) -> None:
    """Learn from the session tickets received on ``stream``, into :class:`TlsFacts`."""
    notes, bodies = ctx.notes(TlsFacts), stream.tap.every(n.NEW_SESSION_TICKET)
    notes.learn(tickets=len(bodies))
    for body in bodies[:1]:
        try:
            ticket = tlshello.parse_ticket(body, stream.version)
        except ProtocolViolation as violation:
            notes.unknown(Topic.TICKET, violation.detail)
            return
        notes.learn(
            ticket_lifetime_seconds=ticket.lifetime_seconds,
            ticket_key_name=ticket.ticket[:16].hex() or None,
            max_early_data_bytes=ticket.max_early_data,
        )


async def identity(ctx: ProbeContext, below: Stream, server_name: str) -> dict[str, str]:
    """Return the traits in which servers of a cluster may differ: certificate and version."""
    stream = handshake.prepare(below, ctx.options, server_name, profile="lenient")
    with stream:
        await stream.handshake(ctx.watch, phase="tls.compared")
        await stream.aclose()
        return handshake.traits(stream)


async def resumes(ctx: ProbeContext, below: Stream, server_name: str, session: Session) -> bool:
    """Return whether the server at ``below`` resumes a session of another one."""
    stream = handshake.prepare(below, ctx.options, server_name, session=session)
    with stream:
        await stream.handshake(ctx.watch, phase="tls.compared")
        await stream.aclose()
        return stream.resumed


class _Inspection:
    def __init__(
        self, ctx: ProbeContext, open_stream: OpenStream, server_name: str, alpn: tuple[str, ...]
    ) -> None:
        self.ctx = ctx
        self.notes = ctx.notes(TlsFacts)
        self.open_stream = open_stream
        self.server_name = server_name
        self.alpn = alpn
        self.session: Session | None = None

    async def _stream(self, *, session: Session | None = None, alpn: tuple[str, ...] | None = None,
                      staple: bool = False) -> TlsStream:  # fmt: skip
        return handshake.prepare(
            await self.open_stream(),
            self.ctx.options,
            self.server_name,
            alpn=self.alpn if alpn is None else alpn,
            session=session,
            profile="lenient",
            staple=staple,
        )

    # -- the main handshake ------------------------------------------------------------------------

    async def main_without_alpn_if_need_be(self) -> None:
        """Run the main handshake; again without ALPN where the server supports none of ours."""
        try:
            await self.main()
        except Failed as failed:
            if not self.alpn or failed.alert is not Alert.NO_APPLICATION_PROTOCOL:
                raise
            self.alpn = ()
            await self.main()

    async def main(self) -> None:
        """Run one full handshake; its facts are noted even when it fails."""
        # The context first: unusable files are reported before any packet.
        tlscontext.context(self.ctx.options, "lenient")
        load_crls(self.ctx.options)
        with await self._stream(staple=True) as stream:
            try:
                await shake(self.ctx, stream, self.open_stream, self.server_name)
                await prompt_tickets(stream, self.server_name, ask=self._may_ask())
            finally:
                note_handshake(self.ctx, stream, self.server_name)
            note_tickets(self.ctx, stream)
            self.session = stream.session
            await stream.aclose()

    # -- taking the session up again ---------------------------------------------------------------

    async def again(self) -> None:
        """Resume the session in a second handshake, and offer early data in a third."""
        session, facts = self.session, self.notes.facts
        if session is None or (facts.version == "TLSv1.3" and not facts.tickets):
            self.notes.learn(resumed=False)
            return
        try:
            with await self._stream(session=session) as stream:
                await stream.handshake(self.ctx.watch, phase="tls.resumed")
                self.notes.learn(resumed=stream.resumed)
                if stream.resumed:
                    first, second = facts.handshake_seconds, stream.handshake_seconds
                    gain = first - second if first is not None else None
                    self.notes.learn(resumed_seconds=second, resumption_gain_seconds=gain)
                    if facts.max_early_data_bytes:
                        await stream.settle()
                        session = stream.session or session
                await stream.aclose()
        except Failed as failed:
            self.notes.unknown(Topic.RESUMPTION, failed.detail)
            return
        if self.notes.facts.resumed and facts.max_early_data_bytes and self._may_ask():
            await self._early_data(session)

    async def _early_data(self, session: Session) -> None:
        try:
            with await self._stream(session=session) as stream:
                if not stream.offer_early_data():
                    self.notes.unknown(Topic.EARLY_DATA, "not supported by this OpenSSL")
                    return
                await stream.handshake(self.ctx.watch, phase="tls.early")
                self.notes.learn(early_data_accepted=stream.early_data_accepted)
                await stream.aclose()
        except Failed as failed:
            self.notes.unknown(Topic.EARLY_DATA, failed.detail)

    def _may_ask(self) -> bool:
        return self.ctx.denied(1) is None

    # -- is the client certificate really wanted? --------------------------------------------------

    async def without_certificate(self) -> None:
        """Find out whether an HTTP server refuses a request without a client certificate.

        nginx and others request one in the handshake, and refuse in the response.
        """
        is_http = "http/1.1" in self.alpn
        if self.notes.facts.client_certificate != "optional" or not is_http or not self._may_ask():
            return
        try:
            with await self._stream(alpn=("http/1.1",)) as stream:
                await stream.handshake(self.ctx.watch, phase="tls.compared")
                if stream.alpn != "http/1.1":
                    return
                await stream.send(http1_head(self.server_name))
                response, _ = await stream.receive(self.ctx.budget.within(2.0))
                await stream.aclose()
        except Failed as failed:
            if failed.reason is Reason.TLS_CLIENT_CERTIFICATE_REQUIRED:
                self.notes.learn(client_certificate="required")
            return
        status = _STATUS_LINE.match(response)
        if status is not None and int(status.group(1)) in CERTIFICATE_REFUSALS:
            self.notes.learn(client_certificate="refused-later")

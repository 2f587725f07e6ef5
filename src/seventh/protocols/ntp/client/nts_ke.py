"""Getting NTS keys: TLS, the records inside it, and the NTP server that they name."""

from __future__ import annotations

import asyncio

import msgspec

from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.tlsfacts import TlsFacts
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.tls import handshake
from seventh.net.tls.inspect import certificate_failure, note_handshake
from seventh.net.tls.large import shake
from seventh.net.tls.recurring import start_recurring
from seventh.net.tls.stream import TlsStream
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.nts import NtsFacts, PortState
from seventh.protocols.ntp.wire import nts_fields, nts_ke
from seventh.protocols.ntp.wire.nts_ke import Aead, RecordReader, Request, Response
from seventh.wire import tlsnames as n
from seventh.wire.text import printable

KE_SECONDS = 5.0
"""How long the server may take to answer with its records."""
BESIDE_SECONDS = 1.0
"""How long the NTS port of a server that is asked for plain NTP may take to accept; twice that for
the handshake."""
TLS, RECORDS = "nts.ke_tls", "nts.ke_records"

_STATES: dict[Reason, PortState] = {
    Reason.CONNECT_REFUSED: "refused",
    Reason.CONNECT_TIMEOUT: "timeout",
    Reason.CONNECT_RESET: "reset",
    Reason.CONNECT_FORBIDDEN: "forbidden",
}


class Established(msgspec.Struct, frozen=True, kw_only=True):
    """Keys and cookies."""

    aead: int
    keys: nts_fields.Keys
    chrony_keys: nts_fields.Keys | None
    """With AES-128-GCM-SIV, what chrony 4.4 to 4.6.0 takes for its keys."""
    response: Response
    address: Address
    """Where they came from."""


def server_name(ctx: ProbeContext) -> str:
    """Return the name to ask for and to hold the certificate against."""
    return ctx.options.server_name or ctx.target.host


def state_of(failed: Failed) -> PortState:
    """Return what a failed connection says of the port."""
    return _STATES.get(failed.reason, "unreachable")


def note_failure(ctx: ProbeContext, failed: Failed) -> None:
    """Keep why a client would not get its keys; the first reason stays."""
    nts = ctx.notes(NtpFacts).part("nts", NtsFacts)
    if not nts.facts.ke_reason:
        nts.learn(ke_reason=str(failed.reason), ke_phase=failed.phase, ke_detail=failed.detail)


# -- TLS -------------------------------------------------------------------------------------------


async def start_as_client(ctx: ProbeContext, stream: Stream) -> TlsStream:
    """TLS as an NTS client starts it: what it would refuse raises Failed (RFC 8915 §3)."""
    tls = await start_recurring(ctx, stream, server_name(ctx), alpn=(nts_ke.ALPN,), phase=TLS)
    _demand_nts(ctx, tls)
    return tls


async def start_and_learn(ctx: ProbeContext, stream: Stream) -> tuple[TlsStream, Failed | None]:
    """TLS with whatever the server has; its facts, and the certificate's refusal if there is one.

    Raises Failed only where no records could follow: no TLS 1.3, or not for NTS.
    """
    name = server_name(ctx)
    tls = handshake.prepare(
        stream, ctx.options, name, alpn=(nts_ke.ALPN,), profile="lenient", staple=True
    )
    try:
        await shake(ctx, tls, lambda: ctx.connect_again(stream.address), name, TLS)
    finally:
        note_handshake(ctx, tls, name)
    refusal = certificate_failure(ctx.notes(TlsFacts).facts)
    if refusal is not None:
        refusal.phase = TLS
        note_failure(ctx, refusal)
    _demand_nts(ctx, tls)
    return tls, refusal


def _demand_nts(ctx: ProbeContext, tls: TlsStream) -> None:
    """TLS 1.3 or later, and ntske/1 agreed by ALPN (RFC 8915 §3 and §4)."""
    ctx.notes(NtpFacts).part("nts", NtsFacts).learn(
        tls_version=n.version_name(tls.version),
        alpn=printable(tls.alpn, 64) if tls.alpn else "",
    )
    failed: Failed | None = None
    if tls.version < n.TLS13:
        failed = Failed(
            Reason.TLS_VERSION,
            f"the server chose {n.version_name(tls.version)}; NTS needs TLS 1.3",
            phase=TLS,
        )
    elif tls.alpn != nts_ke.ALPN:
        said = f"{printable(tls.alpn, 64)!r} instead" if tls.alpn else "no application protocol"
        failed = Failed(
            Reason.NEGOTIATION_FAILED,
            f"the server agreed to {said} (ALPN), where {nts_ke.ALPN} was offered",
            phase=TLS,
        )
    if failed is not None:
        tls.close()
        raise failed


# -- records ---------------------------------------------------------------------------------------


async def exchange(
    ctx: ProbeContext, tls: TlsStream, aeads: tuple[int, ...], watch: Stopwatch | None = None
) -> Established:
    """Ask for keys of one of ``aeads``; Failed when the server gives none. Ends the connection."""
    nts = ctx.notes(NtpFacts).part("nts", NtsFacts)
    watch = watch or ctx.watch
    request = Request(aeads=aeads, compliant_export=Aead.AES_128_GCM_SIV in aeads)
    with tls, watch.phase(RECORDS, tls.address.ip) as timer:
        reader = RecordReader()
        until = ctx.budget.within(KE_SECONDS)
        timer.begin(await tls.send(request.encode()))
        try:
            while not reader.complete:
                data, at = await tls.receive(until)
                if not data:
                    raise Failed(
                        Reason.PEER_CLOSED,
                        f"the server closed after {len(reader.records)} records, without the end "
                        "of the message",
                    )
                timer.stop(at)
                reader.receive(data)
        finally:
            nts.learn(records=len(reader.records))
        response = nts_ke.read_response(reader.records)
        nts.learn(
            error_code=response.error,
            warning_codes=response.warnings,
            ignored_records=response.ignored,
        )
        if refusal := response.refusal(request):
            raise Failed(Reason.NEGOTIATION_FAILED, refusal)
        established = _export(tls, response)
        await tls.aclose()
        return established


def _export(tls: TlsStream, response: Response) -> Established:
    """Return the keys of both directions (RFC 8915 §5.1)."""
    assert response.aeads  # noqa: S101 - a response without was refused
    aead = response.aeads[0]

    def keys(context_aead: int) -> nts_fields.Keys:
        length = nts_fields.key_bytes(aead)
        to_server, to_client = (
            nts_fields.Cipher(
                aead,
                tls.export(
                    nts_ke.EXPORTER_LABEL,
                    length,
                    nts_ke.exporter_context(context_aead, to_server=direction),
                ),
            )
            for direction in (True, False)
        )
        return nts_fields.Keys(to_server, to_client)

    ambiguous = aead == Aead.AES_128_GCM_SIV and not response.compliant_export
    return Established(
        aead=aead,
        keys=keys(aead),
        chrony_keys=keys(Aead.AES_SIV_CMAC_256) if ambiguous else None,
        response=response,
        address=tls.address,
    )


async def establish(ctx: ProbeContext, tls: TlsStream, aeads: tuple[int, ...]) -> Established:
    """Return the main key establishment, with its facts."""
    nts = ctx.notes(NtpFacts).part("nts", NtsFacts)
    try:
        established = await exchange(ctx, tls, aeads)
    except Failed:
        nts.learn(established=False)
        raise
    response = established.response
    nts.learn(
        established=True,
        aead=established.aead,
        aead_name=nts_ke.aead_name(established.aead),
        keys="rfc8915",
        cookies=len(response.cookies),
        surplus_cookies=response.surplus_cookies,
        cookie_bytes=max(map(len, response.cookies)),
        named_server=response.server,
        named_port=response.port,
    )
    return established


async def follow(ctx: ProbeContext, established: Established) -> tuple[Address, ...]:
    """Return where the NTP server is that goes with the keys (RFC 8915 §4.1.7 and §4.1.8).

    Raises Failed: a resolve reason, or address-policy for an address that this peer may not name.
    """
    if ctx.carried:
        raise UsageError(
            "--via carries TCP only: the keys came through it, but NTP goes by datagrams; leave "
            "--via out"
        )
    response, ke = established.response, established.address
    port = response.port or nts_ke.NTP_PORT
    try:
        if response.server:
            addresses = await ctx.addresses_named(ke.ip, response.server, port)
        else:
            addresses = (Address(ip=ke.ip, port=port, scope=ke.scope),)
    except Failed as failed:
        failed.phase = failed.phase or RECORDS
        note_failure(ctx, failed)
        raise
    ctx.notes(NtpFacts).part("nts", NtsFacts).learn(ntp_address=addresses[0].ip, ntp_port=port)
    return addresses


# -- beside plain NTP ------------------------------------------------------------------------------


async def look_beside(ctx: ProbeContext, ntp: Address, port: int = nts_ke.PORT) -> None:
    """Whether the host of a plain NTP server also offers NTS: one connection, up to the handshake.

    Never raises for what the peer does. The certificate is not judged: who asks for plain NTP may
    have named the server by an address that no certificate has.
    """
    nts = ctx.notes(NtpFacts).part("nts", NtsFacts)
    address = Address(ip=ntp.ip, port=port, scope=ntp.scope)
    nts.learn(ke_address=address.ip, ke_port=port)
    try:
        with ctx.watch.phase("nts.ke_tcp", address.ip) as timer:
            stream = await ctx.connect_again(address, BESIDE_SECONDS)
            timer.stop(stream.opened)
    except Failed as failed:
        nts.learn(port_state=state_of(failed))
        return
    nts.learn(port_state="open")
    tls = handshake.prepare(
        stream, ctx.options, server_name(ctx), alpn=(nts_ke.ALPN,), profile="lenient"
    )
    with tls:
        try:
            async with asyncio.timeout(2 * BESIDE_SECONDS):
                await tls.handshake(ctx.watch, TLS)
            _demand_nts(ctx, tls)
        except TimeoutError:
            silent = Failed(Reason.PEER_SILENT, "the port accepts and then says nothing", phase=TLS)
            note_failure(ctx, silent)
        except Failed as failed:
            note_failure(ctx, failed)
        else:
            await tls.aclose()

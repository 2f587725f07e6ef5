"""NTS key establishment: TLS, the records inside it, and the NTP server that they name."""

from __future__ import annotations

import asyncio

import msgspec

from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.tlsfacts import TlsFacts
from seventh.net.address import Address
from seventh.net.notes import Part
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.tls import handshake
from seventh.net.tls.handshake import start_recurring
from seventh.net.tls.inspect import certificate_failure, note_handshake
from seventh.net.tls.large_hello import shake
from seventh.net.tls.stream import TlsStream
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.nts import NtsFacts, PortState
from seventh.protocols.ntp.wire import nts_fields, nts_ke
from seventh.protocols.ntp.wire.nts_ke import Aead, RecordReader, Request, Response
from seventh.wire import tlsnames as n
from seventh.wire.text import printable

KE_SECONDS = 5.0
"""How long to wait for the server's records."""
NTS_PORT_SECONDS = 1.0
"""How long to wait for a connection to the NTS port of a plain NTP server, and half of the time for
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
    """With AES-128-GCM-SIV, the keys as chrony 4.4 to 4.6.0 exports them."""
    response: Response
    address: Address
    """The server of the key establishment."""


def nts_notes(ctx: ProbeContext) -> Part[NtsFacts]:
    """Return the handle on the facts about NTS."""
    return ctx.notes(NtpFacts).part("nts", NtsFacts)


def server_name(ctx: ProbeContext) -> str:
    """Return the name for SNI and for the verification of the certificate."""
    return ctx.options.server_name or ctx.target.host


def state_of(failed: Failed) -> PortState:
    """Return the port state that a failed connection shows."""
    return _STATES.get(failed.reason, "unreachable")


def note_failure(ctx: ProbeContext, failed: Failed) -> None:
    """Store why a client gets no keys; only the first reason counts."""
    nts = nts_notes(ctx)
    if not nts.facts.ke_reason:
        nts.learn(ke_reason=str(failed.reason), ke_phase=failed.phase, ke_detail=failed.detail)


# -- TLS -------------------------------------------------------------------------------------------


def prepare(ctx: ProbeContext, stream: Stream) -> TlsStream:
    """Return TLS for NTS before its handshake, which accepts any certificate."""
    return handshake.prepare(
        stream, ctx.options, server_name(ctx), alpn=(nts_ke.ALPN,), profile="lenient"
    )


async def start_as_client(ctx: ProbeContext, stream: Stream) -> TlsStream:
    """Start TLS as an NTS client does; Failed for what it would refuse (RFC 8915 §3)."""
    tls = await start_recurring(ctx, stream, server_name(ctx), alpn=(nts_ke.ALPN,), phase=TLS)
    _require_nts(ctx, tls)
    return tls


async def start_and_learn(ctx: ProbeContext, stream: Stream) -> tuple[TlsStream, Failed | None]:
    """Start TLS with any certificate; return it and the failure of an invalid certificate.

    Raises Failed only where no records could follow: without TLS 1.3, or without ntske/1.
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
    _require_nts(ctx, tls)
    return tls, refusal


def _require_nts(ctx: ProbeContext, tls: TlsStream) -> None:
    """Require TLS 1.3 or later, and ntske/1 by ALPN (RFC 8915 §3 and §4); else raise Failed."""
    nts_notes(ctx).learn(
        tls_version=n.version_name(tls.version),
        alpn=printable(tls.alpn, 64) if tls.alpn else "",
    )
    failed: Failed | None = None
    if tls.version < n.TLS13:
        failed = Failed(
            Reason.TLS_VERSION,
            f"the server selected {n.version_name(tls.version)}; NTS requires TLS 1.3",
            phase=TLS,
        )
    elif tls.alpn != nts_ke.ALPN:
        selected = repr(printable(tls.alpn, 64)) if tls.alpn else "no application protocol"
        failed = Failed(
            Reason.NEGOTIATION_FAILED,
            f"the server selected {selected} (ALPN), but {nts_ke.ALPN} was offered",
            phase=TLS,
        )
    if failed is not None:
        tls.close()
        raise failed


# -- records ---------------------------------------------------------------------------------------


async def exchange(
    ctx: ProbeContext, tls: TlsStream, aeads: tuple[int, ...], watch: Stopwatch | None = None
) -> Established:
    """Request keys for one of ``aeads`` and close; Failed if the server issues none."""
    nts = nts_notes(ctx)
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
                        f"the server closed the connection after {len(reader.records)} records, "
                        "before the end of the message",
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
    """Run the main key establishment and store its facts."""
    nts = nts_notes(ctx)
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
    """Return the addresses of the NTP server that belongs to the keys (RFC 8915 §4.1.7, §4.1.8).

    Raises Failed: a resolve reason, or address-policy for an address that this peer may not name.
    """
    if ctx.carried:
        raise UsageError(
            f"{ctx.route} carries TCP only: keys can be established through it, but NTP uses UDP; "
            f"remove {ctx.route}"
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
    nts_notes(ctx).learn(ntp_address=addresses[0].ip, ntp_port=port)
    return addresses


# -- with plain NTP --------------------------------------------------------------------------------


async def check_nts_port(ctx: ProbeContext, ntp: Address, port: int = nts_ke.PORT) -> None:
    """Check whether a plain NTP server also offers NTS: one connection, up to the handshake.

    Never raises for what the peer does. The certificate is not judged, because the target of a
    plain NTP check may be an address that no certificate contains.
    """
    nts = nts_notes(ctx)
    address = Address(ip=ntp.ip, port=port, scope=ntp.scope)
    nts.learn(ke_address=address.ip, ke_port=port)
    try:
        with ctx.watch.phase("nts.ke_tcp", address.ip) as timer:
            stream = await ctx.connect_again(address, NTS_PORT_SECONDS)
            timer.stop(stream.opened)
    except Failed as failed:
        nts.learn(port_state=state_of(failed))
        return
    nts.learn(port_state="open")
    with prepare(ctx, stream) as tls:
        try:
            async with asyncio.timeout(2 * NTS_PORT_SECONDS):
                await tls.handshake(ctx.watch, TLS)
            _require_nts(ctx, tls)
        except TimeoutError:
            detail = "the port accepts connections, but does not answer"
            note_failure(ctx, Failed(Reason.PEER_SILENT, detail, phase=TLS))
        except Failed as failed:
            note_failure(ctx, failed)
        else:
            await tls.aclose()

"""The certificate of a handshake, as facts, and those that other clients get.

A server may have one certificate with an RSA and one with an ECDSA key (``ssl_certificate`` twice
in nginx). A handshake gets one of them, so the others are asked for by what the client says that
it can verify (``signature_algorithms``, RFC 9846 §4.2.3). It may also select one by the server
name: that of a client that sends none, and that of ``www.`` beside the site's own name, or the
reverse, are compared.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.options import Options
from seventh.model.tlsfacts import CertificateFor, OtherCertificate, TlsFacts, Topic
from seventh.net import resolve
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch
from seventh.net.stream import Stream
from seventh.net.tls import chain as tlschain
from seventh.net.tls import handshake
from seventh.net.tls.stream import TlsStream
from seventh.wire import tlshello
from seventh.wire import tlsnames as n

OpenStream = Callable[[], Awaitable[Stream]]
_HASHES = ("SHA256", "SHA384", "SHA512", "SHA1")
_RSA = ":".join(f"{kind}+{name}" for kind in ("RSA-PSS", "RSA") for name in _HASHES[:3])
_SIGNATURES = {
    "RSA": f"{_RSA}:RSA+SHA1",
    "EC": ":".join(f"ECDSA+{name}" for name in _HASHES),
    "EdDSA": "ed25519:ed448",
}
_WEB = frozenset({"h2", "http/1.1"})
_WWW = "www."
_NAME_SECONDS = 2.0
"""How long the other name may take to resolve."""
_REFUSALS = frozenset({Reason.TLS_HANDSHAKE, Reason.PEER_CLOSED, Reason.PEER_RESET})
"""How a server answers that has no certificate of the kind asked for."""


def certificate_facts(
    stream: TlsStream, server_name: str, options: Options, version: int
) -> dict[str, Any]:
    """Return the certificate's fields of :class:`TlsFacts`; empty without a certificate.

    Raises ProtocolViolation where what came cannot be read. Of a handshake that ended before the
    engine verified anything, the chain is verified apart from it.
    """
    body = stream.tap.first(n.CERTIFICATE)
    if body is None:
        return {}
    certificates, status = tlshello.certificates(body, version)
    status = status or stream.tap.first(n.CERTIFICATE_STATUS)
    if not certificates:
        return {}
    errors, built = stream.verify_errors(), stream.built_chain()
    found = (errors, built) if errors or built else None
    return {
        **tlschain.certificate_facts(certificates, server_name, options, found, _staple(status)),
        "staple": status is not None,
    }


def _staple(status: bytes | None) -> bytes | None:
    """Return the stapled OCSP response; empty, so unreadable, where there is none inside."""
    try:
        return tlshello.ocsp_response(status) if status is not None else None
    except ProtocolViolation:
        return b""


async def ask_other_certificates(
    ctx: ProbeContext, open_stream: OpenStream, server_name: str
) -> None:
    """Learn the certificates that other clients than the main handshake's get.

    Two further handshakes with most servers. Never raises Failed: what could not be learnt is
    noted.
    """
    facts = ctx.notes(TlsFacts).facts
    if not facts.chain or facts.version is None:
        return
    asking = _Asking(ctx, open_stream, server_name)
    await asking.for_other_key_types()
    if tlshello.sni(server_name) is not None:
        await asking.ask("no-name")
        if (other := await _other_name(ctx, server_name)) is not None:
            await asking.ask("name", name=other)


class _Asking:
    """The handshakes that ask for further certificates."""

    def __init__(self, ctx: ProbeContext, open_stream: OpenStream, server_name: str) -> None:
        self._ctx, self._open_stream, self._name = ctx, open_stream, server_name
        self._notes = ctx.notes(TlsFacts)

    async def for_other_key_types(self) -> None:
        """Ask for another key type than those known, until the server has no other."""
        known = {_kind(self._notes.facts.chain[0].key_type)}
        while rest := [offer for kind, offer in _SIGNATURES.items() if kind not in known]:
            found = await self.ask("key-type", signatures=":".join(rest))
            if found is None or _kind(found.key_type) in known:
                return
            known.add(_kind(found.key_type))

    async def ask(
        self, sent_to: CertificateFor, *, name: str = "", signatures: str = ""
    ) -> OtherCertificate | None:
        """Return the certificate that such a client gets, and learn it if it tells more."""
        notes = self._notes
        try:
            found = await self._fetch(sent_to, name or self._name, signatures)
        except ProtocolViolation as violation:
            notes.unknown(Topic.OTHER_CERTIFICATES, violation.detail)
            return None
        except Failed as failed:
            if failed.reason not in _REFUSALS:
                notes.unknown(Topic.OTHER_CERTIFICATES, failed.detail)
            return None
        if not found:
            return None
        expiry = found.pop("cert_expiry_timestamp_seconds")
        other = OtherCertificate(
            key_type=found["chain"][0].key_type, sent_to=sent_to, server_name=name, **found
        )
        facts = notes.facts
        known = {each.chain[0].sha256 for each in (facts, *facts.other_certificates)}
        if other.chain[0].sha256 not in known or (name and not other.host_matches):
            notes.learn(other_certificates=(*facts.other_certificates, other))
            if sent_to == "key-type" and expiry and facts.cert_expiry_timestamp_seconds:
                earliest = min(expiry, facts.cert_expiry_timestamp_seconds)
                notes.learn(cert_expiry_timestamp_seconds=earliest)
        return other

    async def _fetch(self, sent_to: CertificateFor, name: str, signatures: str) -> dict[str, Any]:
        """Return the certificate's fields, of a handshake that fails at a later step too."""
        tls = handshake.prepare(
            await self._open_stream(), self._ctx.options, name, profile="lenient", staple=True,
            signatures=signatures, named=sent_to != "no-name",
            classical=self._notes.facts.large_hello_bytes is not None,
        )  # fmt: skip
        with tls:
            try:
                # Most servers have no such certificate: that is no failed phase of the report.
                await tls.handshake(Stopwatch(), phase="tls.compared")
                await tls.aclose()
            except Failed:
                if tls.tap.first(n.CERTIFICATE) is None:
                    raise
            version = tls.hello.negotiated if tls.hello is not None else n.TLS12
            return certificate_facts(tls, name, self._ctx.options, version)


def _kind(key_type: str) -> str:
    """Return the family of signature algorithms of a key type."""
    return key_type if key_type in {"RSA", "EC"} else "EdDSA"


async def _other_name(ctx: ProbeContext, server_name: str) -> str | None:
    """Return the site's name with or without ``www.`` if it leads to an address of the target.

    Only for a web server that was named as the target, so that nothing else is looked up.
    """
    name = server_name.rstrip(".").lower()
    if name.startswith(_WWW):
        other = name.removeprefix(_WWW)
    else:
        other = _WWW + name if name.count(".") == 1 else ""
    same = name == ctx.target.host.rstrip(".").lower()
    web = ctx.notes(TlsFacts).facts.alpn in _WEB
    if "." not in other or not same or not web or ctx.carried:
        return None
    until = ctx.budget.within(_NAME_SECONDS)
    try:
        found, _ = await resolve.addresses_of(other, ctx.target.port, ctx.options, until)
        here = {address.ip for address in await ctx.addresses()}
    except Failed:
        return None
    return other if here.intersection(address.ip for address in found) else None

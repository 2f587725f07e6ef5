"""The certificate of a handshake, as facts, and the one for clients of another key type.

A server may have one certificate with an RSA and one with an ECDSA key (``ssl_certificate`` twice
in nginx). A handshake gets one of them, so the other is asked for by what the client says that it
can verify (``signature_algorithms``, RFC 9846 §4.2.3).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.options import Options
from seventh.model.tlsfacts import OtherCertificate, TlsFacts, Topic
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
_RSA_ONLY = f"{_RSA}:RSA+SHA1"
_OTHERS_ONLY = ":".join(["ed25519", "ed448", *(f"ECDSA+{name}" for name in _HASHES)])
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
    certificates, stapled = tlshello.certificates(body, version)
    if not certificates:
        return {}
    errors, built = stream.verify_errors(), stream.built_chain()
    found = (errors, built) if errors or built else None
    return {
        **tlschain.certificate_facts(certificates, server_name, options, found),
        "staple": stapled or stream.tap.first(n.CERTIFICATE_STATUS) is not None,
    }


async def ask_other_certificate(
    ctx: ProbeContext, open_stream: OpenStream, server_name: str
) -> None:
    """Learn the certificate for clients that do not support the key type of the first.

    One more handshake. Never raises Failed: what could not be learnt is noted.
    """
    notes = ctx.notes(TlsFacts)
    known = notes.facts.chain
    if not known or notes.facts.version is None:
        return
    wanted = _OTHERS_ONLY if known[0].key_type == "RSA" else _RSA_ONLY
    found: dict[str, Any] = {}
    try:
        tls = handshake.prepare(
            await open_stream(), ctx.options, server_name, profile="lenient", staple=True,
            signatures=wanted, classical=notes.facts.large_hello_bytes is not None,
        )  # fmt: skip
        with tls:
            try:
                # Most servers have no such certificate: that is no failed phase of the report.
                await tls.handshake(Stopwatch(), phase="tls.compared")
            finally:
                if tls.hello is not None:
                    version = tls.hello.negotiated
                    found = certificate_facts(tls, server_name, ctx.options, version)
            await tls.aclose()
    except ProtocolViolation as violation:
        notes.unknown(Topic.OTHER_CERTIFICATES, violation.detail)
    except Failed as failed:
        if failed.reason not in _REFUSALS:
            notes.unknown(Topic.OTHER_CERTIFICATES, failed.detail)
    if found and found["chain"][0].sha256 != known[0].sha256:
        found.pop("cert_expiry_timestamp_seconds")
        other = OtherCertificate(key_type=found["chain"][0].key_type, **found)
        notes.learn(other_certificates=(other,))

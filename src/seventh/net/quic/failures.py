"""Why a QUIC connection ended, in the model's reasons."""

from __future__ import annotations

from collections.abc import Mapping

from seventh.model.alert import Alert
from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.quicfacts import CloseCode
from seventh.net.quic import names
from seventh.net.tls import failures as tlsfailed
from seventh.wire.text import printable

MAX_REASON = 200
_ENDS_WELL = frozenset({names.NO_ERROR, names.H3_NO_ERROR})
_BAD_CERTIFICATE = frozenset({Alert.BAD_CERTIFICATE, Alert.UNSUPPORTED_CERTIFICATE})


def close_code(by_peer: bool, ended: tuple[int, int | None, str]) -> CloseCode:
    """Return a close as facts; the reason phrase is made safe to show."""
    code, frame_type, reason = ended
    # The engine gives no frame type where an application closed (frame 0x1d, RFC 9000 §19.19).
    transport = frame_type is not None
    return CloseCode(
        by="peer" if by_peer else "us",
        layer="transport" if transport else "application",
        code=code,
        name=names.transport_error(code) if transport else names.h3_error(code),
        reason=printable(reason, MAX_REASON),
    )


def closed_by_peer(
    close: CloseCode, *, confirmed: bool, asked_for_certificate: bool, alpn: tuple[str, ...]
) -> Failed:
    """Return the failure for the peer's CONNECTION_CLOSE."""
    more = f": {close.reason}" if close.reason else ""
    alert = names.alert_of(close.code) if close.layer == "transport" else None
    if alert == Alert.NO_APPLICATION_PROTOCOL:
        return Failed(
            Reason.NEGOTIATION_FAILED,
            f"the server supports QUIC but none of {', '.join(alpn)} on this port "
            "(alert no_application_protocol)",
            alert=Alert.NO_APPLICATION_PROTOCOL,
        )
    if alert is not None:
        return tlsfailed.alerted(alert, asked_for_certificate)
    if close.code in _ENDS_WELL:
        return Failed(Reason.PEER_CLOSED, f"the peer closed the connection ({close.name}){more}")
    if not confirmed:
        return Failed(
            Reason.PEER_CLOSED, f"the peer refused the connection with {close.name}{more}"
        )
    return Failed(Reason.PEER_RESET, f"the peer ended the connection with {close.name}{more}")


def closed_by_us(close: CloseCode, *, alpn: tuple[str, ...]) -> Failed:
    """Return the failure for a close by our engine, which could not process what the peer sent."""
    alert = names.alert_of(close.code) if close.layer == "transport" else None
    if alert == Alert.NO_APPLICATION_PROTOCOL:
        return Failed(
            Reason.NEGOTIATION_FAILED,
            f"the server supports QUIC but selected none of {', '.join(alpn)}",
        )
    if alert in _BAD_CERTIFICATE:
        return Failed(Reason.TLS_CERTIFICATE_INVALID, tlsfailed.objection(alert))
    if alert is not None:
        return Failed(Reason.TLS_HANDSHAKE, f"the handshake failed: {tlsfailed.objection(alert)}")
    # The reason phrase is the engine's own, and stays with the facts.
    protocol = "QUIC" if close.layer == "transport" else "HTTP/3"
    return ProtocolViolation(f"the peer violated {protocol}: {close.name}")


def no_common_version(offered: tuple[str, ...]) -> Failed:
    """Return the failure for a Version Negotiation packet without a version of ours."""
    return Failed(
        Reason.NEGOTIATION_FAILED,
        "no common QUIC version: the server offers "
        f"{', '.join(offered) or 'only reserved version numbers'} (Version Negotiation)",
    )


def never_taken_up(kinds: Mapping[str, int], version: str, *, offers_it: bool) -> Failed:
    """Return the failure for packets that do not advance the handshake, counted by kind."""
    count = sum(kinds.values())
    times = "once" if count == 1 else f"{count} times"
    if offers_it:
        return ProtocolViolation(
            f"the peer answers QUIC version {version} with a Version Negotiation packet that "
            f"offers it, {times}: clients must ignore it (RFC 9000 §6.2)"
        )
    texts = {
        "version_negotiation": f"Version Negotiation against version {version}, which it offered",
        "retry": "an invalid or second Retry packet (RFC 9000 §17.2.5)",
        "initial": "an Initial packet that cannot be decrypted",
        "handshake": "a Handshake packet before its Initial packet",
    }
    more = ", ".join(texts.get(kind, "unreadable") for kind in kinds)
    return ProtocolViolation(f"the peer answered {times}, but the handshake did not begin: {more}")


def again(failed: Failed) -> Failed:
    """Return a copy, because several tasks may raise the stored exception."""
    if isinstance(failed, ProtocolViolation):
        fresh: Failed = ProtocolViolation(failed.detail)
    else:
        fresh = Failed(failed.reason, failed.detail, blame=failed.blame, alert=failed.alert)
    fresh.phase, fresh.http_field = failed.phase, failed.http_field
    return fresh

"""Why a TLS handshake failed, in the model's reasons: from alerts, engine errors, first bytes."""

from __future__ import annotations

from OpenSSL import SSL

from seventh.model.alert import Alert
from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.wire import tlsnames as n
from seventh.wire.identify import identify
from seventh.wire.tlshello import ServerHello, parse_encrypted_extensions, picked_protocol

_TOO_WEAK = "the server's key or a signature hash is too weak for this client"
_NOT_FATAL = frozenset({Alert.CLOSE_NOTIFY, Alert.USER_CANCELED})
_CERTIFICATE_ALERTS = frozenset(
    {Alert.HANDSHAKE_FAILURE, Alert.BAD_CERTIFICATE, Alert.CERTIFICATE_UNKNOWN, Alert.UNKNOWN_CA,
     Alert.ACCESS_DENIED, Alert.NO_CERTIFICATE, Alert.UNSUPPORTED_CERTIFICATE}
)  # fmt: skip


def check_first_bytes(data: bytes) -> None:
    """Raise Failed when a reply to a ClientHello is not TLS, with the protocol if known."""
    if data[0] in {n.ALERT, n.HANDSHAKE} and (len(data) < 2 or data[1] == 3):
        return
    other = identify(data)
    if other is not None and other != "TLS":
        raise Failed(Reason.PROTOCOL_MISMATCH, f"the port serves {other}, not TLS", served=other)
    raise Failed(Reason.TLS_NOT_TLS, f"the reply is not TLS; it begins with {data[:8].hex(' ')}")


def fatal(alerts: list[tuple[int, int]]) -> int | None:
    """Return the code of the first alert that ends a connection."""
    return next((code for _, code in alerts if code not in _NOT_FATAL), None)


def alerted(code: int, asked_for_certificate: bool) -> Failed:
    """Return the failure for the peer's alert."""
    alert, name = Alert.of(code), n.alert_name(code)
    wanted = asked_for_certificate and alert in _CERTIFICATE_ALERTS
    if wanted or alert is Alert.CERTIFICATE_REQUIRED:
        return Failed(
            Reason.TLS_CLIENT_CERTIFICATE_REQUIRED,
            f"the server requires a client certificate that it trusts (alert {name}): "
            "add --cert and --key",
            alert=alert,
        )
    if alert is Alert.PROTOCOL_VERSION:
        return Failed(Reason.TLS_VERSION, f"no common TLS version (alert {name})", alert=alert)
    return Failed(
        Reason.TLS_HANDSHAKE, f"the server refused the handshake (alert {name})", alert=alert
    )


def closed_on_hello() -> Failed:
    """Return the failure for a connection closed in reply to the ClientHello."""
    return Failed(
        Reason.PEER_CLOSED,
        "the peer closed the connection after the ClientHello: it may not support TLS on this "
        "port, or not serve this name",
    )


def closed_in_handshake() -> Failed:
    """Return the failure for a connection closed later in the handshake."""
    return Failed(Reason.PEER_CLOSED, "the peer closed the connection during the handshake")


_OBJECTIONS = {
    Alert.UNEXPECTED_MESSAGE: "unexpected message",
    Alert.BAD_RECORD_MAC: "record fails authentication",
    Alert.RECORD_OVERFLOW: "record longer than TLS allows",
    Alert.HANDSHAKE_FAILURE: "the server selected parameters that were not offered",
    Alert.BAD_CERTIFICATE: "the server's certificate cannot be read",
    Alert.UNSUPPORTED_CERTIFICATE: "the server's certificate type is not supported here",
    Alert.ILLEGAL_PARAMETER: "a message field is out of range or inconsistent",
    Alert.DECODE_ERROR: "a message cannot be decoded",
    Alert.DECRYPT_ERROR: "the server's signature or Finished message does not verify",
    Alert.PROTOCOL_VERSION: "the server selected a version that was not offered",
    Alert.INSUFFICIENT_SECURITY: "the server's parameters are too weak",
    Alert.MISSING_EXTENSION: "a required extension is missing",
    Alert.UNSUPPORTED_EXTENSION: "the server sent an extension that was not offered",
}


def objection(sent: int | None, otherwise: str = "the server sent an invalid message") -> str:
    """Describe a fault of the peer by the alert that our engine answers with."""
    alert = Alert.of(sent) if sent is not None else None
    if sent is None or alert is None:
        return otherwise
    return f"{_OBJECTIONS.get(alert, otherwise)} (alert {n.alert_name(sent)})"


def broke(error: SSL.Error, sent: int | None = None) -> Failed:
    """Return the failure for an engine error after the handshake; ``sent`` is its alert."""
    if isinstance(error, SSL.SysCallError):
        return Failed(Reason.PEER_CLOSED, "the peer closed the connection inside TLS")
    return Failed(Reason.PROTOCOL_VIOLATION, f"TLS ended: {objection(sent)}")


def refused(
    error: SSL.Error,
    hello: ServerHello | None,
    encrypted: bytes | None = None,
    offered: tuple[str, ...] = (),
    sent: int | None = None,
) -> Failed:
    """Return the failure for an engine error in the handshake; ``sent`` is its alert.

    ``encrypted`` is the peer's EncryptedExtensions, if any; ``offered`` are the application
    protocols that we offered.
    """
    if isinstance(error, SSL.SysCallError):
        return closed_in_handshake()
    reasons = _reasons(error)
    if "unsupported protocol" in reasons or "wrong ssl version" in reasons:
        chose = f"; the server selected {n.version_name(hello.negotiated)}" if hello else ""
        return Failed(Reason.TLS_VERSION, f"no common TLS version{chose}")
    if "ee key too small" in reasons or "md too weak" in reasons:
        return Failed(Reason.TLS_CERTIFICATE_WEAK, _TOO_WEAK)
    picked = _picked(hello, encrypted)
    if picked is not None and picked not in offered:
        # Apache does so where it has none of those that are offered.
        return Failed(
            Reason.NEGOTIATION_FAILED, f"the server selected {picked} (ALPN), which was not offered"
        )
    return Failed(Reason.TLS_HANDSHAKE, f"the handshake failed: {objection(sent)}")


def _picked(hello: ServerHello | None, encrypted: bytes | None) -> str | None:
    """Return the application protocol that the peer selected; None if unreadable."""
    try:
        if encrypted is not None:
            return picked_protocol(parse_encrypted_extensions(encrypted))
        return picked_protocol(hello.extensions) if hello is not None else None
    except ProtocolViolation:
        return None


def _reasons(error: SSL.Error) -> str:
    """Return OpenSSL's reasons, to distinguish causes; they are not shown."""
    entries = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(str(entry[2]) for entry in entries if len(entry) == 3)

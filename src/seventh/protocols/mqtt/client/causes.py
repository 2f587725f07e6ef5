"""Why a broker refuses a connection or ends it."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.protocols.mqtt.wire.reasons import Code
from seventh.wire.text import quoted

_NO_LOGIN = frozenset({Code.BAD_USER_OR_PASSWORD, Code.NOT_AUTHORIZED})
_CAUSES = {
    Code.UNSUPPORTED_VERSION: "it does not support this version of MQTT",
    Code.CLIENT_ID_NOT_VALID: "it does not accept this client id; it may permit only known ones",
    Code.BAD_USER_OR_PASSWORD: "the user name or password is wrong",
    Code.NOT_AUTHORIZED: "this client is not authorized",
    Code.SERVER_UNAVAILABLE: "it is not available",
    Code.SERVER_BUSY: "it is busy: try again later",
    Code.BANNED: "this client is banned: ask the administrator",
    Code.SERVER_SHUTTING_DOWN: "it is shutting down",
    Code.BAD_AUTHENTICATION_METHOD: "it requires another authentication method",
    Code.SESSION_TAKEN_OVER: "another client connected with the same client id",
    Code.PACKET_TOO_LARGE: "our packet is larger than it permits",
    Code.QUOTA_EXCEEDED: "a quota is exceeded",
    Code.USE_ANOTHER_SERVER: "it refers clients to another server",
    Code.SERVER_MOVED: "it has moved to another server",
    Code.CONNECTION_RATE_EXCEEDED: "it receives connections too fast: try again later",
}


def code_text(code: Code) -> str:
    """Return a reason code with its name, such as ``0x87 (not authorized)``."""
    return f"0x{code:02x} ({code.name.lower().replace('_', ' ')})"


def refused(code: Code, explanation: str, *, with_login: bool) -> Failed:
    """Return the failure of a CONNACK that refuses the connection."""
    if code in _NO_LOGIN:
        reason = Reason.AUTH_REJECTED if with_login else Reason.AUTH_REQUIRED
    elif code is Code.BANNED:
        reason = Reason.AUTH_REJECTED
    elif code is Code.UNSUPPORTED_VERSION:
        reason = Reason.NEGOTIATION_FAILED
    else:
        reason = Reason.UNEXPECTED_ANSWER
    cause = _CAUSES.get(code, "")
    if code in _NO_LOGIN and not with_login:
        cause = "it requires a login"
    return Failed(reason, _said("the broker refuses the connection", code, cause, explanation))


def disconnected(code: Code, explanation: str) -> Failed:
    """Return the failure of a DISCONNECT that the broker sends."""
    cause = _CAUSES.get(code, "")
    said = _said("the broker ends the connection", code, cause, explanation)
    return Failed(Reason.PEER_CLOSED, said)


def _said(what: str, code: Code, cause: str, explanation: str) -> str:
    says = f"; its explanation: {quoted(explanation, 200)}" if explanation else ""
    return f"{what} with {code_text(code)}" + (f": {cause}" if cause else "") + says

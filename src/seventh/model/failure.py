"""Why a check ended early: a closed list of reasons, the party to blame, and the phase.

Probes raise :class:`Failed`; the engine makes it a :class:`Failure` of the report, in one place.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from seventh.model.alert import Alert


class Blame(StrEnum):
    """The party that can fix a failure."""

    LOCAL = "local"
    NETWORK = "network"
    PEER = "peer"
    PROXY = "proxy"
    SEVENTH = "seventh"


class Reason(StrEnum):
    """Every way in which a check can fail. Programs match on the values; none is ever renamed."""

    RESOLVE_NXDOMAIN = "resolve-nxdomain"
    RESOLVE_NO_ADDRESS = "resolve-no-address"
    RESOLVE_TIMEOUT = "resolve-timeout"
    RESOLVE_FAILED = "resolve-failed"
    CONNECT_REFUSED = "connect-refused"
    CONNECT_TIMEOUT = "connect-timeout"
    CONNECT_RESET = "connect-reset"
    CONNECT_UNREACHABLE = "connect-unreachable"
    CONNECT_FORBIDDEN = "connect-forbidden"
    ADDRESS_POLICY = "address-policy"
    NO_REPLY = "no-reply"
    STARTTLS_NOT_OFFERED = "starttls-not-offered"
    STARTTLS_REFUSED = "starttls-refused"
    TLS_NOT_TLS = "tls-not-tls"
    TLS_HANDSHAKE = "tls-handshake-failed"
    TLS_VERSION = "tls-version-unsupported"
    TLS_CERTIFICATE_EXPIRED = "tls-certificate-expired"
    TLS_CERTIFICATE_NOT_YET_VALID = "tls-certificate-not-yet-valid"
    TLS_CERTIFICATE_HOST_MISMATCH = "tls-certificate-host-mismatch"
    TLS_CERTIFICATE_SELF_SIGNED = "tls-certificate-self-signed"
    TLS_CERTIFICATE_UNTRUSTED = "tls-certificate-untrusted"
    TLS_CERTIFICATE_WEAK = "tls-certificate-weak"
    TLS_CERTIFICATE_INVALID = "tls-certificate-invalid"
    TLS_CLIENT_CERTIFICATE_REQUIRED = "tls-client-certificate-required"
    PROTOCOL_VIOLATION = "protocol-violation"
    PROTOCOL_MISMATCH = "protocol-mismatch"
    NEGOTIATION_FAILED = "negotiation-failed"
    PEER_CLOSED = "peer-closed"
    PEER_RESET = "peer-reset"
    PEER_SILENT = "peer-silent"
    BUDGET_EXCEEDED = "budget-exceeded"
    UNEXPECTED_ANSWER = "unexpected-answer"
    AUTH_REQUIRED = "auth-required"
    AUTH_REJECTED = "auth-rejected"
    HOST_KEY_UNTRUSTED = "host-key-untrusted"
    OPTIONS_UNUSABLE = "options-unusable"
    PROXY_UNREACHABLE = "proxy-unreachable"
    PROXY_TLS = "proxy-tls-failed"
    PROXY_MISMATCH = "proxy-mismatch"
    PROXY_AUTH_REQUIRED = "proxy-auth-required"
    PROXY_AUTH_REJECTED = "proxy-auth-rejected"
    PROXY_REFUSED = "proxy-refused"
    PROXY_FAILED = "proxy-failed"
    FILE_UNREADABLE = "file-unreadable"
    FILE_MALFORMED = "file-malformed"
    LOCAL_RESOURCE = "local-resource"
    INTERRUPTED = "interrupted"
    INTERNAL = "internal-error"


NO_TLS_AT_ALL = frozenset(
    {Reason.TLS_NOT_TLS, Reason.PROTOCOL_MISMATCH, Reason.PEER_SILENT, Reason.BUDGET_EXCEEDED}
)
"""Failures of a TLS handshake after which further handshakes would fail alike."""

OURS = frozenset(
    {
        Reason.CONNECT_FORBIDDEN, Reason.OPTIONS_UNUSABLE, Reason.LOCAL_RESOURCE,
        Reason.INTERRUPTED, Reason.INTERNAL,
        Reason.PROXY_UNREACHABLE, Reason.PROXY_TLS, Reason.PROXY_MISMATCH,
        Reason.PROXY_AUTH_REQUIRED, Reason.PROXY_AUTH_REJECTED, Reason.PROXY_REFUSED,
        Reason.PROXY_FAILED,
    }
)  # fmt: skip
"""Failures of this machine or of its proxy, after which the state of the peer is unknown."""

# The default for each reason; a raiser that knows better passes ``blame``.
_BLAME = {
    Reason.RESOLVE_NXDOMAIN: Blame.LOCAL,
    Reason.RESOLVE_TIMEOUT: Blame.NETWORK,
    Reason.RESOLVE_FAILED: Blame.NETWORK,
    Reason.CONNECT_TIMEOUT: Blame.NETWORK,
    Reason.CONNECT_UNREACHABLE: Blame.NETWORK,
    Reason.CONNECT_FORBIDDEN: Blame.LOCAL,
    Reason.ADDRESS_POLICY: Blame.PEER,
    Reason.NO_REPLY: Blame.NETWORK,
    Reason.OPTIONS_UNUSABLE: Blame.LOCAL,
    Reason.PROXY_UNREACHABLE: Blame.PROXY,
    Reason.PROXY_TLS: Blame.PROXY,
    Reason.PROXY_MISMATCH: Blame.LOCAL,
    Reason.PROXY_AUTH_REQUIRED: Blame.LOCAL,
    Reason.PROXY_AUTH_REJECTED: Blame.LOCAL,
    Reason.PROXY_REFUSED: Blame.PROXY,
    Reason.PROXY_FAILED: Blame.PROXY,
    Reason.FILE_UNREADABLE: Blame.LOCAL,
    Reason.FILE_MALFORMED: Blame.LOCAL,
    Reason.LOCAL_RESOURCE: Blame.LOCAL,
    Reason.INTERRUPTED: Blame.LOCAL,
    Reason.INTERNAL: Blame.SEVENTH,
}


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One typed failure, as the report has it."""

    reason: Reason
    phase: str
    blame: Blame
    detail: str


class Failed(Exception):  # noqa: N818 - read as a sentence: the check failed
    """Raised where a check cannot go on; the stopwatch sets ``phase`` unless the raiser did."""

    def __init__(
        self,
        reason: Reason,
        detail: str,
        *,
        blame: Blame | None = None,
        phase: str = "",
        alert: Alert | None = None,
        http_error: str = "",
        served: str = "",
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.blame = blame or _BLAME.get(reason, Blame.PEER)
        self.phase = phase
        self.alert = alert
        """The TLS alert with which the peer ended the connection, if any."""
        self.http_error = http_error
        """The name of the HTTP/2 error code with which the peer ended it (RFC 9113 §7)."""
        self.served = served
        """The protocol that the port serves instead, as its first bytes show."""
        self.http_field = ""
        """The header field that makes an HTTP/2 or HTTP/3 response malformed."""

    def failure(self) -> Failure:
        """Return the failure as the report has it."""
        return Failure(
            reason=self.reason, phase=self.phase or "-", blame=self.blame, detail=self.detail
        )


class ProtocolViolation(Failed):
    """A breach of the protocol's grammar or limits; the only error that a codec raises."""

    def __init__(self, detail: str) -> None:
        super().__init__(Reason.PROTOCOL_VIOLATION, detail)


def system_error(error: Exception) -> str:
    """Return the system's text for an error, such as "No such file or directory"."""
    return getattr(error, "strerror", None) or str(error)


class UsageError(Exception):
    """A mistake in what was typed: one line that says what to change; exit code 3."""

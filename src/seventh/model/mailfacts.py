"""Facts of a mail host as a whole, which the checks of its protocols have in common."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from seventh.model.facts import Facts
from seventh.model.mailconfig import MailboxConfig

PortState = Literal["open", "refused", "filtered", "not-tls", "unknown"]
"""``not-tls``: the port accepts connections, and no TLS handshake succeeds."""
IMPLICIT_PORTS = {143: 993, 110: 995, 587: 465}
"""By the port of the protocol in clear, that of the same one with implicit TLS."""


class MailPort(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate of one port of the host."""

    SHOWN: ClassVar = ("service", "port", "tls", "sha256", "names")

    service: str
    """``imap``, ``pop3`` or ``submission``."""
    port: int
    tls: Literal["starttls", "implicit"]
    sha256: str = ""
    """The certificate's fingerprint."""
    names: tuple[str, ...] = ()
    """Its subject alternative names, sorted."""


class ServiceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The SRV records by which clients find one service (RFC 6186)."""

    SHOWN: ClassVar = ("name", "outcome", "targets")

    name: str
    outcome: Literal["found", "none", "unknown"]
    targets: tuple[str, ...] = ()
    """In presentation form: priority, weight, port, host."""


class MailFacts(Facts, frozen=True, kw_only=True):
    """The certificates of the host's ports, its SRV records, and STARTTLS under attack."""

    ROOM: ClassVar[str] = "mail"

    service: str = ""
    """The target's: ``imap``, ``pop3`` or ``submission``."""
    ports: tuple[MailPort, ...] = ()
    """The target's port first; then the one with implicit TLS."""
    records: tuple[ServiceRecord, ...] = ()
    """At the host's name and at those above it."""
    has_name: bool | None = None
    """Whether the target is a name and not an address."""
    has_mail: bool | None = None
    """Whether the domain that was checked takes mail; None where a host was checked."""
    injection: Literal["ignored", "refused", "answered", "failed"] | None = None
    """What became of a command sent in clear together with STARTTLS. ``answered``: its response
    came inside TLS. ``refused``: the server ended the connection, or gave no go-ahead."""
    injected_into: str = ""
    """The service where it was tried."""
    implicit: bool | None = None
    """Whether TLS starts with the connection, so that nothing precedes it."""


# -- IMAP and POP3 ---------------------------------------------------------------------------------

Withheld = Literal["no-tls", "certificate", "no-credential", "no-mechanism", "disabled"]
"""Why no credential was sent: no TLS, a certificate that is not verified, none was given, the
server offers no mechanism for it, or it permits no login."""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """The login at a mailbox."""

    SHOWN: ClassVar = ("outcome", "mechanism", "withheld", "code", "detail")

    outcome: Literal["accepted", "refused", "withheld"]
    mechanism: str = ""
    """The SASL mechanism, or ``LOGIN command`` or ``USER``."""
    withheld: Withheld | None = None
    code: str = ""
    """The response code of a refusal (RFC 5530, RFC 2449 §8)."""
    detail: str = ""
    """The server's text."""
    seconds: float | None = None


class MailboxFacts(Facts, frozen=True, kw_only=True):
    """What the servers of mailboxes show alike."""

    secure: bool | None = None
    """Whether TLS starts with the connection."""
    same_host: bool | None = None
    """Whether we connected from the server's own address, for which Dovecot permits more."""
    greeting: str = ""
    greeting_seconds: float | None = None
    clear_capabilities: tuple[str, ...] | None = None
    """Before TLS, in upper case; POP3's with their arguments."""
    capabilities: tuple[str, ...] | None = None
    """Inside TLS, before the login; without TLS those in clear."""
    login_capabilities: tuple[str, ...] | None = None
    """After the login."""
    starttls: Literal["accepted", "refused", "not-offered", "not-permitted"] | None = None
    """``not-permitted``: after IMAP's PREAUTH."""
    implicit_port: int | None = None
    """The port of implicit TLS, where the target's is another."""
    implicit_state: PortState | None = None
    login: Login | None = None
    messages: int | None = None
    bare_lines: int | None = None
    """Lines that ended with LF alone."""
    config: MailboxConfig | None = None
    """What configuration files decide; None where a server was checked."""

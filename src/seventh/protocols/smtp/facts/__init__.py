"""What is learnt of a mail server over SMTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import msgspec

from seventh.model.exchangers import ExchangersFacts
from seventh.model.facts import Facts
from seventh.model.product import product_of
from seventh.protocols.smtp.facts.config import SmtpConfigFacts
from seventh.protocols.smtp.facts.local import SmtpLocalFacts
from seventh.protocols.smtp.facts.mail import Injection, Login, Smuggling, Tried, Verified
from seventh.protocols.smtp.facts.roundtrip import RoundTrip

__all__ = ["ExchangersFacts", "SmtpFacts"]

Role = Literal["transfer", "submission"]
"""Port 25 takes mail from other servers, 465 and 587 from users."""
Deviation = Literal["bare-lf", "long-line", "codes-differ"]
StarttlsOutcome = Literal["started", "not-offered", "masked", "refused", "handshake-failed"]
PortState = Literal["open", "refused", "silent", "unreachable", "not-tls"]
"""``not-tls``: the port of implicit TLS accepts connections, and no TLS handshake succeeds."""
ServerName = Literal["resolves", "unresolvable", "not-qualified", "literal", "missing"]


class Extensions(msgspec.Struct, frozen=True, kw_only=True):
    """What a reply to EHLO lists; empty after HELO."""

    SHOWN: ClassVar = ("keywords", "size_bytes", "mechanisms")

    keywords: tuple[str, ...] = ()
    """In capitals, in their order."""
    size_bytes: int | None = None
    """SIZE's value; 0 declares no fixed limit (RFC 1870 §3)."""
    mechanisms: tuple[str, ...] = ()
    """AUTH's, in capitals."""
    limits: Mapping[str, str] = {}
    """LIMITS (RFC 9422)."""
    masked: bool = False
    """Whether a keyword is overwritten with X, as a firewall does to STARTTLS."""

    def offers(self, keyword: str) -> bool:
        """Return whether it lists the keyword."""
        return keyword in self.keywords


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why TLS did not start after it was offered."""

    code: int | None = None
    """The reply's; None where the handshake failed."""
    detail: str = ""


class SmtpFacts(Facts, frozen=True, kw_only=True):
    """The conversation, in clear and inside TLS, and what the permitted steps showed."""

    ROOM: ClassVar[str] = "smtp"
    DERIVED: ClassVar[tuple[str, ...]] = ("size_limit_bytes",)

    role: Role | None = None
    implicit_tls: bool | None = None
    """Whether TLS starts with the connection."""
    usual_port: bool | None = None
    """Whether the target has its scheme's own port, so that the ports beside it count."""
    reach: Literal["public", "private", "loopback"] | None = None
    """The reach of the address; None through a proxy."""

    greeting: str = ""
    greeting_seconds: float | None = None
    greeting_wait_seconds: float | None = None
    """How long no greeting came; None where one did."""
    name: str | None = None
    """What the server calls itself in its reply to EHLO, else in its greeting."""
    name_state: ServerName | None = None
    in_clear: Extensions | None = None
    """Before TLS."""
    inside_tls: Extensions | None = None
    """Inside TLS."""
    starttls: StarttlsOutcome | None = None
    refusal: Refusal | None = None
    deviations: tuple[Deviation, ...] | None = None
    """From RFC 5321's form of replies; None where no reply came."""
    longest_line_bytes: int | None = None
    ports: Mapping[int, PortState] = {}
    """The states of 25, 443, 465 and 587 at the same address, of those that were looked at."""

    login: Login | None = None
    relay: Tried | None = None
    """What a foreign recipient met."""
    postmaster: Tried | None = None
    mailbox: Tried | None = None
    """The mailbox of ``--mail-to``."""
    retried: Tried | None = None
    """A recipient that was temporarily refused, at the second try."""
    roundtrip: RoundTrip | None = None
    injection: Injection | None = None
    smuggling: Smuggling | None = None
    verified: Verified | None = None
    config: SmtpConfigFacts | None = None
    """What configuration files decide; None where a server was checked."""
    local: SmtpLocalFacts | None = None
    """What the machine itself shows (``seventh local mail``); None in a check."""
    unknown: Mapping[str, str] = {}

    @property
    def product(self) -> str:
        """The software that the greeting names, or whose queue was looked at."""
        if self.local is not None and self.local.server:
            return self.local.server
        return product_of(self.greeting) or "smtp"

    @property
    def extensions(self) -> Extensions | None:
        """Those that clients use in the end; None where TLS was offered and did not start."""
        if self.inside_tls is not None or self.starttls not in {"not-offered", "masked"}:
            return self.inside_tls
        return self.in_clear

    @property
    def size_limit_bytes(self) -> int | None:
        """The maximum message size that is advertised; None without one."""
        return (self.extensions.size_bytes or None) if self.extensions is not None else None

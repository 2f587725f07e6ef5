"""What the files of a mail server decide, such as main.cf and master.cf."""

from __future__ import annotations

from typing import Literal

import msgspec


class SmtpRetryFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How long, and how often, delivery is tried. A time that is not known is None."""

    lifetime_seconds: int | None = None
    """How long a message is tried before it is returned."""
    first_seconds: int | None = None
    """The shortest time between two attempts."""
    last_seconds: int | None = None
    """The longest time between two attempts."""
    run_seconds: int | None = None
    """The time between two looks at the queue."""


class SmtpServiceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the files decide for one listening service. None is: not known."""

    name: str = ""
    """Such as ``submission/inet``; empty for main.cf without its master.cf."""
    port: int | None = None
    local: bool = False
    """Whether it listens on the loopback interface only."""
    implicit_tls: bool | None = None
    tls_level: Literal["none", "may", "encrypt"] | None = None
    """Whether STARTTLS is offered or required."""
    certificate: bool | None = None
    """Whether a certificate is configured; TLS is not offered without one."""
    auth: bool | None = None
    """Whether AUTH is offered at all."""
    auth_clear: bool | None = None
    """Whether passwords are accepted without TLS."""
    client_certificates: bool | None = None
    """Whether a client may authenticate by its certificate instead."""
    open_relay: bool | None = None
    """Whether anyone may send to any domain; None also where a table decides."""
    trusts_everyone: bool | None = None
    """Whether the trusted networks are all addresses."""
    host_name: str | None = None
    """The name in the greeting and in EHLO; None where the machine's own name is used."""
    size_limit_bytes: int | None = None
    """The maximum size of a message; 0: no limit."""
    verifies: bool | None = None
    """Whether VRFY is answered."""
    bare_newline: Literal["accepted", "refused"] | None = None
    """Whether a line that ends in LF alone may end a message."""

    options: tuple[str, ...] = ()
    """What its ``-o`` options set, such as ``smtpd_sasl_auth_enable=yes``."""

    @property
    def submission(self) -> bool:
        """Whether users submit mail here, by its port."""
        return self.port in {465, 587}

    @property
    def starttls(self) -> bool | None:
        """Whether STARTTLS is offered."""
        if self.tls_level == "none" or self.certificate is False:
            return False
        return None if self.tls_level is None or self.certificate is None else True


class SmtpConfigFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail server's files decide: for the host, or for one of its services."""

    product: str = ""
    version: tuple[int, ...] = ()
    """The version whose defaults apply."""
    service: SmtpServiceFacts | None = None
    services: tuple[SmtpServiceFacts, ...] | None = None
    """All services that are reachable from other hosts; None where this is one service's view, or
    where they are not known."""
    submission_elsewhere: bool | None = None
    """In a service's view: whether users log in on 465 or 587, too."""
    retry: SmtpRetryFacts | None = None

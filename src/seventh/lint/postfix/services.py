"""What main.cf and master.cf decide for each service that receives mail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from seventh.lint.postfix import relay
from seventh.lint.postfix.conf import Service
from seventh.lint.postfix.parameters import Version
from seventh.lint.postfix.scope import Base, Scope
from seventh.protocols.smtp.facts.config import SmtpRetryFacts, SmtpServiceFacts

SMTP = 25
_LOOPBACK = frozenset({"localhost", "loopback-only", "::1"})
_CERTIFICATES = (
    "smtpd_tls_chain_files", "smtpd_tls_cert_file", "smtpd_tls_eccert_file",
    "smtpd_tls_dcert_file",
)  # fmt: skip
_LEVELS: dict[str, Literal["none", "may", "encrypt"]] = {"none": "none", "may": "may"}
_BARE_NEWLINE_SINCE: dict[Version, int] = {(3, 5): 23, (3, 6): 13, (3, 7): 9, (3, 8): 4}
"""The patch release of each older branch that has smtpd_forbid_bare_newline."""
JUDGED = (
    "compatibility_level", "disable_vrfy_command", "inet_interfaces", "message_size_limit",
    "myhostname", "mynetworks", "smtpd_banner", "smtpd_client_restrictions", "smtpd_enforce_tls",
    "smtpd_forbid_bare_newline", "smtpd_recipient_restrictions", "smtpd_relay_restrictions",
    "smtpd_sasl_auth_enable", "smtpd_sasl_security_options", "smtpd_tls_auth_only",
    "smtpd_tls_security_level", "smtpd_tls_wrappermode", "smtpd_use_tls", *_CERTIFICATES,
)  # fmt: skip
"""Parameters whose lines a service's view shows."""
TIMERS = (
    "maximal_queue_lifetime", "minimal_backoff_time", "maximal_backoff_time", "queue_run_delay",
)  # fmt: skip


def of_retry(scope: Scope) -> SmtpRetryFacts:
    """Return the timers of the queue."""
    return SmtpRetryFacts(
        lifetime_seconds=scope.seconds("maximal_queue_lifetime", "d"),
        first_seconds=scope.seconds("minimal_backoff_time", "s"),
        last_seconds=scope.seconds("maximal_backoff_time", "s"),
        run_seconds=scope.seconds("queue_run_delay", "s"),
    )


def listening(base: Base, services: Iterable[Service]) -> list[tuple[Scope, int | None]]:
    """Return the scope of each service that receives mail over TCP, with its port.

    Behind postscreen, smtpd is a service of type ``pass``: it has postscreen's port.
    """
    services = tuple(services)
    screened = next(
        (one for one in services if one.type == "inet" and one.command == "postscreen"), None
    )
    found: list[tuple[Scope, int | None]] = []
    for service in services:
        if service.command != "smtpd":
            continue
        if service.type == "inet":
            found.append((Scope(base, service), service.port))
        elif service.type == "pass" and screened is not None:
            found.append((Scope(base, service), screened.port))
    return found


def of_service(scope: Scope, port: int | None) -> SmtpServiceFacts:
    """Return what is decided for a service."""
    implicit = scope.yes("smtpd_tls_wrappermode")
    level = _tls_level(scope)
    auth = scope.yes("smtpd_sasl_auth_enable")
    everyone = relay.trusts_everyone(scope)
    return SmtpServiceFacts(
        name=scope.service.label if scope.service is not None else "",
        port=port,
        local=_is_local(scope),
        implicit_tls=implicit,
        tls_level=level,
        certificate=_certificate(scope),
        auth=auth,
        auth_clear=_auth_clear(scope, auth, implicit, level),
        client_certificates=relay.knows_certificates(scope),
        open_relay=relay.may_relay(scope),
        trusts_everyone=everyone,
        host_name=_host_name(scope),
        size_limit_bytes=scope.integer("message_size_limit"),
        verifies=None if (off := scope.yes("disable_vrfy_command")) is None else not off,
        bare_newline=_bare_newline(scope),
        options=_options(scope),
    )


def _options(scope: Scope) -> tuple[str, ...]:
    if scope.service is None:
        return ()
    own = ((one.name, one.value) for one in scope.service.overrides.values())
    return tuple(
        f"{{ {name} = {value} }}" if any(map(str.isspace, value)) else f"{name}={value}"
        for name, value in own
    )


def _tls_level(scope: Scope) -> Literal["none", "may", "encrypt"] | None:
    """Return the TLS level of the server; levels that only a client can have are ``encrypt``."""
    level = scope.value("smtpd_tls_security_level")
    if level:
        return _LEVELS.get(level.lower(), "encrypt")
    required, used = scope.yes("smtpd_enforce_tls"), scope.yes("smtpd_use_tls")
    if level is None or required is None or used is None:
        return None
    return "encrypt" if required else "may" if used else "none"


def _certificate(scope: Scope) -> bool | None:
    values = [scope.value(name) for name in _CERTIFICATES]
    return True if any(values) else None if None in values else False


def _auth_clear(
    scope: Scope, auth: bool | None, implicit: bool | None, level: str | None
) -> bool | None:
    """Return whether passwords are accepted in clear."""
    only = scope.yes("smtpd_tls_auth_only")
    options = scope.words("smtpd_sasl_security_options")
    protects = (implicit is True, level == "encrypt", only is True)
    if auth is False or any(protects):
        return False
    if options is not None and "noplaintext" in options:
        return False
    return None if None in (auth, implicit, level, only, options) else True


def _is_local(scope: Scope) -> bool:
    host = scope.service.host if scope.service is not None else ""
    interfaces = [host] if host else scope.words("inet_interfaces")
    return bool(interfaces) and all(
        name.lower().strip("[]") in _LOOPBACK or name.startswith("127.")
        for name in interfaces or ()
    )


def _host_name(scope: Scope) -> str | None:
    """Return the name that the banner begins with, if a file sets it."""
    banner = scope.value("smtpd_banner")
    if banner is not None:
        return (banner.split() or [""])[0]
    raw = scope.raw("smtpd_banner") or ""
    return scope.value("myhostname") if raw.startswith("$myhostname") else None


def _bare_newline(scope: Scope) -> Literal["accepted", "refused"] | None:
    value = scope.value("smtpd_forbid_bare_newline")
    if value is None:
        return None
    if value.lower() == "no":
        return "accepted"
    version = scope.base.version
    if version >= (3, 9):
        return "refused"
    first = _BARE_NEWLINE_SINCE.get(version[:2])
    known = first is not None and len(version) > 2 and version[2] >= first
    return "refused" if known else None  # distributions add it without a new version

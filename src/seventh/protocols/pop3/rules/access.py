"""Who may log in, and what protects the password."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.pop3.facts import Pop3Facts, argument
from seventh.protocols.pop3.rules import file
from seventh.protocols.pop3.rules.examples import BEFORE, GOOD, NO_GREETING
from seventh.rules.mailbox import (
    DOVECOT_NO_CLEAR_LOGIN,
    DOVECOT_TLS,
    SAME_HOST,
    STATES,
    WHY_IMPLICIT,
    WHY_STARTTLS,
    no_implicit,
)
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule
from seventh.wire.sasl import CLEAR

_IMPLICIT = not_applicable("TLS starts with the connection")


@rule(
    "POP3-CLEAR-AUTH",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="POP3 login is possible before TLS",
    evidence="before TLS, CAPA lists {mechanisms}",
    why="Clients that are not configured for TLS, and every client that an attacker keeps from "
    "STLS, send the password where anyone on the path can read it.",
    fix={
        "dovecot": DOVECOT_NO_CLEAR_LOGIN,
        "any": "Refuse logins before TLS: list neither USER nor SASL PLAIN until STLS.",
    },
    references=("RFC 8314", "RFC 2595"),
    seed=("12.3.2",),
    good=GOOD,
    bad=GOOD.learn(clear_capabilities=(*BEFORE, "STLS", "USER")),
    directives={
        "dovecot": ("pop3 disable_plaintext_auth", "pop3 auth_allow_cleartext", "pop3 ssl")
    },
)
def clear_auth(pop3: Pop3Facts) -> Verdict:
    """Judge the capabilities before STLS."""
    if pop3.config is not None:
        return file.FILES.clear_login(pop3.config, Hit(mechanisms=("USER",)))
    if pop3.secure:
        return _IMPLICIT
    known = pop3.clear_capabilities
    if known is None:
        return Skip("CAPA was not read before TLS, or it is not supported")
    mechanisms = [name for name in argument(known, "SASL") or () if name in CLEAR]
    if argument(known, "USER") is not None:
        mechanisms.insert(0, "USER")
    if not mechanisms:
        return None
    if pop3.same_host:
        return SAME_HOST
    return Hit(mechanisms=tuple(mechanisms))


@rule(
    "POP3-NO-STARTTLS",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="POP3 without STLS",
    evidence="{what}",
    phrases={
        "what": {
            "not-offered": "STLS is not supported",
            "refused": "STLS is listed by CAPA and refused",
            "off": "TLS is off",
            "no-certificate": "no certificate is configured",
        }
    },
    why=WHY_STARTTLS,
    fix={
        "dovecot": DOVECOT_TLS,
        "any": "Give the server a certificate and enable STLS, or close the port and use 995.",
    },
    references=("RFC 2595 §4", "RFC 8314"),
    seed=("12.3.2",),
    good=GOOD,
    bad=GOOD.learn(starttls="not-offered"),
    directives={"dovecot": ("pop3 ssl", "pop3 ssl_cert", "pop3 ssl_server_cert_file")},
    choice=("dovecot",),
)
def no_starttls(pop3: Pop3Facts) -> Verdict:
    """Judge whether TLS can start in the session."""
    if pop3.config is not None:
        return file.FILES.no_starttls(pop3.config)
    if pop3.secure:
        return _IMPLICIT
    if pop3.starttls is None:
        return Skip("the server's capabilities were not read")
    return None if pop3.starttls == "accepted" else Hit(what=pop3.starttls)


@rule(
    "POP3-NO-995",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="No POP3 with implicit TLS",
    evidence="port {port}: {state}",
    phrases={"state": STATES},
    why=WHY_IMPLICIT,
    fix={
        "dovecot": "service pop3-login {{\n  inet_listener pop3s {{\n    port = 995\n"
        "    ssl = yes\n  }}\n}}",
        "any": "Listen on port 995 with TLS, and open it in the firewalls.",
    },
    references=("RFC 8314 §3",),
    seed=("12.3.2",),
    good=GOOD,
    bad=GOOD.learn(implicit_state="refused"),
    directives={"dovecot": ("pop3 listener implicit",)},
)
def no_995(pop3: Pop3Facts) -> Verdict:
    """Judge the port of implicit TLS."""
    if pop3.config is not None:
        return file.FILES.no_implicit(pop3.config, 995)
    return no_implicit(pop3, 995)


@rule(
    "POP3-EXPOSED",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="POP3 is enabled",
    evidence="{reach}",
    phrases={
        "reach": {
            "link-local": "a POP3 server answers at an address that is link-local",
            "private": "a POP3 server answers at an address that is private",
            "public": "a POP3 server answers at an address that is public",
            "file": "POP3 is enabled, and listens for other machines",
        }
    },
    why="Few clients still need POP3. It is one more place to guess passwords, and one that often "
    "has no second factor.",
    fix={
        "dovecot": "protocols = imap",
        "any": "Disable POP3 if no client uses it: the server's log has its logins.",
    },
    seed=("12.3.1",),
    good=GOOD,
    bad=GOOD.learn(reach="public"),
    directives={"dovecot": ("pop3 protocols",)},
    choice=("dovecot",),
)
def exposed(pop3: Pop3Facts) -> Verdict:
    """Report a server that can be reached from other machines."""
    if pop3.config is not None:
        return file.exposed(pop3.config)
    if pop3.greeting_seconds is None:
        return NO_GREETING
    if pop3.reach is None:
        return Skip("the address is reached through a proxy or a jump host")
    return None if pop3.reach == "loopback" else Hit(reach=pop3.reach)


@rule(
    "POP3-APOP",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="APOP is offered",
    evidence="the greeting has a timestamp: {line}",
    why="APOP is built on MD5: who controls the connection recovers passwords from a few logins, "
    "and the server has to keep them in clear.",
    fix={
        "cyrus": "allowapop: no",
        "any": "Disable APOP, so that the greeting has no timestamp, and use SASL inside TLS.",
    },
    references=("RFC 1939 §7", "CVE-2007-1558"),
    seed=("12.3.2",),
    good=GOOD,
    bad=GOOD.learn(apop=True, greeting="POP3 server ready <1896.697170952@mail.example>"),
)
def apop(pop3: Pop3Facts) -> Verdict:
    """Judge the greeting."""
    if pop3.apop is None:
        return NO_GREETING
    return Hit(line=pop3.greeting) if pop3.apop else None

"""Who may log in, and what protects the password."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.imap.facts import ImapFacts, mechanisms_in
from seventh.protocols.imap.rules import file
from seventh.protocols.imap.rules.examples import BEFORE, GOOD, NO_CAPABILITIES, logged_in
from seventh.rules.mailbox import (
    DOVECOT_NO_CLEAR_LOGIN,
    DOVECOT_TLS,
    SAME_HOST,
    STATES,
    WHY_IMPLICIT,
    WHY_STARTTLS,
    no_implicit,
    tried,
)
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule
from seventh.wire.sasl import CLEAR, WEAK

_IMPLICIT = not_applicable("TLS starts with the connection")


@rule(
    "IMAP-CLEAR-LOGIN",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="IMAP login is possible before TLS",
    evidence="before TLS: {what}",
    phrases={
        "what": {
            "login": "the LOGIN command is not disabled (no LOGINDISABLED)",
            "mechanisms": "offers {mechanisms}, which send the password or token readably",
            "file": "the configuration permits passwords",
        }
    },
    why="Clients that are not configured for TLS, and every client that an attacker keeps from "
    "STARTTLS, send the password where anyone on the path can read it.",
    fix={
        "dovecot": DOVECOT_NO_CLEAR_LOGIN,
        "any": "Refuse logins before TLS: announce LOGINDISABLED and no AUTH= until STARTTLS.",
    },
    references=("RFC 8314", "RFC 9051 §6.2.3"),
    seed=("12.3.2",),
    good=GOOD,
    bad=GOOD.learn(clear_capabilities=(*BEFORE, "STARTTLS", "AUTH=PLAIN")),
    directives={"dovecot": ("disable_plaintext_auth", "auth_allow_cleartext", "ssl")},
)
def clear_login(imap: ImapFacts) -> Verdict:
    """Judge the capabilities before STARTTLS."""
    if imap.config is not None:
        return file.FILES.clear_login(imap.config, Hit(what=("file",), mechanisms=()))
    if imap.secure:
        return _IMPLICIT
    known = imap.clear_capabilities
    if known is None:
        return NO_CAPABILITIES
    if imap.preauth:
        return Skip("the session began without a login (PREAUTH)")
    offered = tuple(name for name in mechanisms_in(known) if name in CLEAR)
    what = (*(["mechanisms"] if offered else []), *(["login"] if _may_log_in(known) else []))
    if not what:
        return None
    if imap.same_host:
        return SAME_HOST
    return Hit(what=what, mechanisms=offered)


def _may_log_in(capabilities: tuple[str, ...]) -> bool:
    return "LOGINDISABLED" not in capabilities


@rule(
    "IMAP-NO-STARTTLS",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="IMAP without STARTTLS",
    evidence="{what}",
    phrases={
        "what": {
            "not-offered": "the capabilities do not list STARTTLS",
            "refused": "STARTTLS is offered and refused",
            "off": "TLS is off",
            "no-certificate": "no certificate is configured",
        }
    },
    why=WHY_STARTTLS,
    fix={
        "dovecot": DOVECOT_TLS,
        "any": "Give the server a certificate and enable STARTTLS, or close the port and use 993.",
    },
    references=("RFC 9051 §6.2.1", "RFC 8314"),
    seed=("12.3.2",),
    good=GOOD,
    bad=GOOD.learn(starttls="not-offered"),
    directives={"dovecot": ("ssl", "ssl_cert", "ssl_server_cert_file")},
    choice=("dovecot",),
)
def no_starttls(imap: ImapFacts) -> Verdict:
    """Judge whether TLS can start in the session."""
    if imap.config is not None:
        return file.FILES.no_starttls(imap.config)
    if imap.secure:
        return _IMPLICIT
    if imap.starttls is None:
        return NO_CAPABILITIES
    if imap.starttls == "not-permitted":
        return Skip("after PREAUTH, STARTTLS is not permitted")
    return None if imap.starttls == "accepted" else Hit(what=imap.starttls)


@rule(
    "IMAP-NO-993",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="No IMAP with implicit TLS",
    evidence="port {port}: {state}",
    phrases={"state": STATES},
    why=WHY_IMPLICIT,
    fix={
        "dovecot": "service imap-login {{\n  inet_listener imaps {{\n    port = 993\n"
        "    ssl = yes\n  }}\n}}",
        "any": "Listen on port 993 with TLS, and open it in the firewalls.",
    },
    references=("RFC 8314 §3",),
    seed=("12.3.2",),
    good=GOOD,
    bad=GOOD.learn(implicit_state="refused"),
    directives={"dovecot": ("listener implicit",)},
)
def no_993(imap: ImapFacts) -> Verdict:
    """Judge the port of implicit TLS."""
    if imap.config is not None:
        return file.FILES.no_implicit(imap.config, 993)
    return no_implicit(imap, 993)


@rule(
    "IMAP-PREAUTH",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="The server greets with PREAUTH in clear",
    evidence="the greeting is PREAUTH on a connection without TLS",
    why="After PREAUTH, STARTTLS is not permitted, so the session stays in clear. An attacker on "
    "the path sends this greeting to have a client work with the attacker's mailbox. A client "
    "must end such a session.",
    fix={
        "any": "Greet with OK and require a login. If the server does, a device on the path sends "
        "the greeting: use port 993.",
    },
    references=("RFC 9051 §7.1.4",),
    seed=("12.11.2",),
    good=GOOD,
    bad=GOOD.learn(preauth=True),
)
def preauth(imap: ImapFacts) -> Verdict:
    """Judge the greeting of a connection without TLS."""
    if imap.secure:
        return _IMPLICIT
    if imap.preauth is None:
        return Skip("the greeting was not read")
    return Hit() if imap.preauth else None


@rule(
    "IMAP-SASL-WEAK",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Only weak SASL mechanisms",
    evidence="offers only {mechanisms}",
    why="CRAM-MD5, DIGEST-MD5 and NTLM are built on broken hashes and make the server keep "
    "passwords in a form that can be used; LOGIN was never standardised.",
    fix={
        "dovecot": "auth_mechanisms = plain scram-sha-256",
        "any": "Offer SCRAM-SHA-256 or OAUTHBEARER, and PLAIN inside TLS.",
    },
    references=("RFC 7677", "RFC 7628"),
    seed=("12.3.2",),
    good=GOOD,
    bad=GOOD.learn(capabilities=(*BEFORE, "AUTH=CRAM-MD5", "AUTH=LOGIN")),
    choice=("dovecot",),
)
def sasl_weak(imap: ImapFacts) -> Verdict:
    """Judge the mechanisms inside TLS, or in clear where TLS cannot start."""
    offered = imap.mechanisms
    if offered is None:
        return NO_CAPABILITIES
    if not offered:
        return Skip("the server lists no SASL mechanism")
    return Hit(mechanisms=offered) if set(offered) <= WEAK else None


_SLOW_LOGIN_SECONDS = 2.0


@rule(
    "IMAP-AUTH-FAIL",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="IMAP login fails",
    evidence="{mechanism}: {cause} (the server: {detail})",
    phrases={
        "cause": {
            "AUTHENTICATIONFAILED": "user or credential wrong",
            "AUTHORIZATIONFAILED": "the user may not act as the requested one",
            "EXPIRED": "the credential has expired",
            "PRIVACYREQUIRED": "TLS is required first",
            "UNAVAILABLE": "the server's user database does not answer",
            "LIMIT": "a limit is reached, such as the connections of one user",
            "INUSE": "the mailbox is locked by another session",
            "CONTACTADMIN": "the account is blocked by an administrator",
            "": "no response code, so the cause is only in the server's log",
            "other": "response code {code}",
        }
    },
    why="No mail can be read with this account. The response code separates a wrong password from "
    "a backend that is down, which need different people.",
    fix={
        "any": "Read the server's log for this login (Dovecot logs the cause with `auth_verbose = "
        "yes`): the credential, the account's state, the connection to the user database, or the "
        "limit on connections.",
    },
    references=("RFC 5530 §3",),
    seed=("12.11.2",),
    good=GOOD,
    bad=logged_in(outcome="refused", code="AUTHENTICATIONFAILED", detail="Wrong"),
)
def auth_fail(imap: ImapFacts) -> Verdict:
    """Judge the result of the login by its response code."""
    login = tried(imap)
    if isinstance(login, Skip):
        return login
    if login.outcome == "accepted":
        return None
    code = login.code
    return Hit(
        mechanism=login.mechanism, detail=login.detail, code=code,
        cause=code if code in _CODES else "other",
    )  # fmt: skip


_CODES = frozenset(
    {"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED", "UNAVAILABLE",
     "LIMIT", "INUSE", "CONTACTADMIN", ""}
)  # fmt: skip


@rule(
    "IMAP-LOGIN-SLOW",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Slow IMAP login",
    evidence="the login took {seconds} s",
    why="Every client logs in several times at its start. More than 2 s is usually the user "
    "database, a delay after failed logins, or a reverse lookup.",
    fix={
        "any": "Measure the user database (LDAP, SQL, PAM) from the mail server, and cache it "
        "(Dovecot: `auth_cache_size`).",
    },
    seed=("12.11.2",),
    good=GOOD,
    bad=logged_in(seconds=2.5),
)
def login_slow(imap: ImapFacts) -> Verdict:
    """Judge the duration of a login that was accepted."""
    login = tried(imap)
    if isinstance(login, Skip):
        return login
    if login.outcome != "accepted" or login.seconds is None:
        return Skip("the login was refused")
    return Hit(seconds=f"{login.seconds:.1f}") if login.seconds > _SLOW_LOGIN_SECONDS else None

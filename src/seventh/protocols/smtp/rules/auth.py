"""Rules about AUTH: where it is offered, how, and whether a login succeeds."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.mail import Answer, Cause
from seventh.protocols.smtp.rules import file
from seventh.protocols.smtp.rules.examples import (
    GOOD,
    KEYWORDS,
    NO_REPLY,
    SUBMISSION,
    clear,
    logged_in,
    secured,
)
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule
from seventh.wire.sasl import CLEAR, WEAK

SLOW_SECONDS = 2.0
_GUESSABLE = frozenset({"CRAM-MD5", "DIGEST-MD5", "NTLM"})
"""What they send in clear can be tried against a word list, offline."""
_NO_TLS = Skip("no EHLO inside TLS was answered")


@rule(
    "SMTP-AUTH-CLEAR",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="AUTH offered without TLS",
    evidence="{what}",
    phrases={
        "what": {
            "wire": "AUTH {mechanisms} is offered before TLS",
            "file": "AUTH is offered before TLS",
        }
    },
    why="Clients that do not insist on TLS send the password where everyone on the path can read "
    "it; with challenge mechanisms, it can be guessed offline.",
    fix={
        "postfix": "smtpd_tls_auth_only = yes",
        "exim": "auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}",
        "any": "Offer AUTH only inside TLS.",
    },
    references=("RFC 4954 §4", "RFC 8314"),
    seed=("12.3.2",),
    good=SUBMISSION,
    bad=clear(keywords=(*KEYWORDS, "STARTTLS", "AUTH"), mechanisms=("PLAIN", "LOGIN")),
    directives={
        "postfix": ("smtpd_sasl_auth_enable", "smtpd_tls_auth_only", "smtpd_tls_security_level")
    },
)
def auth_clear(smtp: SmtpFacts) -> Verdict:
    """Report mechanisms before TLS that expose the password."""
    if smtp.config is not None:
        return file.auth_clear(smtp.config)
    if smtp.implicit_tls:
        return not_applicable("TLS starts with the connection")
    if smtp.in_clear is None:
        return NO_REPLY
    exposed = tuple(name for name in smtp.in_clear.mechanisms if name in CLEAR | _GUESSABLE)
    if not exposed:
        return None
    severity = None if CLEAR.intersection(exposed) else Severity.MEDIUM
    return Hit(severity, what="wire", mechanisms=exposed)


@rule(
    "SMTP-SUB-NOAUTH",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Submission port accepts mail without authentication",
    evidence="{what}",
    phrases={
        "what": {
            "wire": "no AUTH in the reply to EHLO inside TLS",
            "file": "AUTH is off on this submission service",
        }
    },
    why="A submission server must know its users. Without AUTH it either accepts mail from "
    "everybody, or none of its users can send.",
    fix={
        "postfix": "# the socket is Dovecot's, see its `service auth`\n"
        "smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\nsmtpd_sasl_auth_enable = yes",
        "any": "Enable AUTH on this port, and refuse MAIL FROM before it.",
    },
    references=("RFC 6409 §4.3",),
    seed=("12.3.1",),
    good=SUBMISSION,
    bad=secured(SUBMISSION, keywords=KEYWORDS, mechanisms=()),
    directives={"postfix": ("smtpd_sasl_auth_enable",)},
)
def sub_noauth(smtp: SmtpFacts) -> Verdict:
    """Report a submission server without logins."""
    if smtp.config is not None:
        return file.sub_noauth(smtp.config)
    if smtp.role == "transfer":
        return not_applicable("port 25 takes mail from other servers, which do not log in")
    if smtp.inside_tls is None:
        return _NO_TLS
    return None if smtp.inside_tls.mechanisms else Hit(what="wire")


@rule(
    "SMTP-AUTH-WEAK",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Only weak or obsolete AUTH mechanisms",
    evidence="AUTH offers only {mechanisms}",
    why="LOGIN was never standardised, and CRAM-MD5, DIGEST-MD5 and NTLM make servers store "
    "passwords in a form that is as good as clear text. Inside TLS, PLAIN is the standard; "
    "SCRAM-SHA-256 does not show the password even to the server.",
    fix={
        "dovecot": "auth_mechanisms = plain login",
        "any": "Offer PLAIN inside TLS, and SCRAM-SHA-256 where passwords are stored for it.",
    },
    references=("RFC 4616", "RFC 7677", "RFC 6331"),
    seed=("12.3.5",),
    good=SUBMISSION,
    bad=secured(SUBMISSION, mechanisms=("LOGIN", "CRAM-MD5")),
)
def auth_weak(smtp: SmtpFacts) -> Verdict:
    """Report a list of mechanisms without a current one."""
    listed = smtp.extensions
    if listed is None:
        return NO_REPLY if smtp.in_clear is None else _NO_TLS
    if not listed.mechanisms:
        return not_applicable("AUTH is not offered")
    if not WEAK.issuperset(listed.mechanisms):
        return None
    return Hit(mechanisms=listed.mechanisms)


@rule(
    "SMTP-AUTH-ON-MX",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="AUTH is offered on port 25",
    evidence="{what}",
    phrases={
        "what": {
            "wire": "AUTH {mechanisms} on port 25",
            "file": "AUTH is enabled on port 25",
        }
    },
    why="Port 25 is open to all mail servers, so passwords can be guessed there without limit. "
    "Users submit mail on 465 and 587.",
    fix={
        "postfix": "# in main.cf; the submission services in master.cf set it to yes with -o\n"
        "smtpd_sasl_auth_enable = no",
        "any": "Offer AUTH on 465 and 587 only.",
    },
    references=("RFC 6409 §3.1", "RFC 8314 §3.3"),
    seed=("12.3.1",),
    good=GOOD,
    bad=secured(keywords=(*KEYWORDS, "AUTH"), mechanisms=("PLAIN",)),
    directives={"postfix": ("smtpd_sasl_auth_enable",)},
)
def auth_on_mx(smtp: SmtpFacts) -> Verdict:
    """Report logins on the port between servers."""
    if smtp.config is not None:
        return file.auth_on_mx(smtp.config)
    if smtp.role == "submission":
        return not_applicable("users log in on a submission port")
    offered = [each.mechanisms for each in (smtp.in_clear, smtp.inside_tls) if each is not None]
    mechanisms = tuple(dict.fromkeys(name for names in offered for name in names))
    if mechanisms:
        return Hit(what="wire", mechanisms=mechanisms)
    if smtp.extensions is None:
        return NO_REPLY if smtp.in_clear is None else _NO_TLS
    return None


@rule(
    "SMTP-AUTH-FAIL",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="SMTP authentication fails",
    evidence="{mechanism}: {what} ({answer})",
    phrases={
        "what": {
            "rejected": "the server rejects the user or the password",
            "disabled": "the account is disabled",
            "mechanism": "the server rejects the mechanism for this user",
            "policy": "the server refuses logins from here by policy",
            "unavailable": "the server cannot check passwords now",
            "other": "the server refuses the login",
        }
    },
    why="Users of this server cannot send mail. A temporary refusal is a fault of the server's "
    "password backend, not of the password.",
    fix={
        "any": "Rejected: check the user name (often the whole address) and the password. "
        "Unavailable: check the SASL backend and its socket (`doveadm auth test USER`, "
        "`testsaslauthd`), and the server's log.",
    },
    references=("RFC 4954 §6",),
    seed=("12.3.5",),
    good=SUBMISSION,
    bad=logged_in(
        outcome="rejected",
        answer=Answer(
            code=535, status="5.7.8", text="5.7.8 Error: authentication failed",
            cause=Cause.LOGIN_INVALID,
        ),
    ),
)  # fmt: skip
def auth_fail(smtp: SmtpFacts) -> Verdict:
    """Report a login that was refused, with what the reply says of the cause."""
    login = smtp.login
    if login is None:
        return Skip("no login was tried: give --user and --password-file")
    if login.outcome == "accepted":
        return None
    what = _CAUSES.get(login.answer.cause, "other")
    return Hit(
        mechanism=login.mechanism,
        what="unavailable" if login.outcome == "unavailable" else what,
        answer=str(login),
    )


_CAUSES = {
    Cause.LOGIN_INVALID: "rejected",
    Cause.DISABLED: "disabled",
    Cause.MECHANISM: "mechanism",
    Cause.POLICY: "policy",
}


@rule(
    "SMTP-AUTH-SLOW",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="SMTP authentication is slow",
    evidence="login with {mechanism} in {seconds:.1f} s",
    why="Every message waits for it, and clients that open several connections run into their "
    "timeouts. The usual causes are a remote password backend or a costly password hash on a busy "
    "machine.",
    fix={
        "any": "Measure the backend alone (`doveadm auth test USER`), cache its answers (Dovecot: "
        "`auth_cache_size`), and check its DNS and its connection pool.",
    },
    references=("RFC 4954",),
    seed=("12.3.5",),
    good=SUBMISSION,
    bad=logged_in(seconds=3.4),
)
def auth_slow(smtp: SmtpFacts) -> Verdict:
    """Judge how long a successful login took: a refused one is often delayed on purpose."""
    if smtp.login is None or smtp.login.outcome != "accepted":
        return Skip("no login succeeded")
    if smtp.login.seconds <= SLOW_SECONDS:
        return None
    return Hit(mechanism=smtp.login.mechanism, seconds=smtp.login.seconds)

"""Rules about STARTTLS."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.smtp.facts import Refusal, SmtpFacts
from seventh.protocols.smtp.facts.mail import Answer, Injection
from seventh.protocols.smtp.rules import file
from seventh.protocols.smtp.rules.examples import GOOD, NO_REPLY, clear, without_tls
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_IMPLICIT = not_applicable("TLS starts with the connection")


@rule(
    "SMTP-NO-STARTTLS",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="STARTTLS is not offered",
    evidence="{what}",
    phrases={
        "what": {
            "wire": "the reply to EHLO lists {offered}, and not STARTTLS",
            "off": "TLS is off",
            "no-certificate": "no certificate is configured, so STARTTLS is not offered",
        }
    },
    why="Mail, and on a submission port passwords, cross the network in clear. Many receivers and "
    "senders refuse servers without TLS.",
    fix={
        "postfix": "smtpd_tls_chain_files = /etc/letsencrypt/live/mail.example.com/privkey.pem, "
        "/etc/letsencrypt/live/mail.example.com/fullchain.pem\nsmtpd_tls_security_level = may",
        "exim": "tls_advertise_hosts = *\n"
        "tls_certificate = /etc/letsencrypt/live/mail.example.com/fullchain.pem\n"
        "tls_privatekey = /etc/letsencrypt/live/mail.example.com/privkey.pem",
        "any": "Give the server a certificate and a key, and enable STARTTLS for this port.",
    },
    references=("RFC 3207", "RFC 8314 §3.3"),
    seed=("12.3.2",),
    good=GOOD,
    bad=without_tls(),
    directives={"postfix": ("smtpd_tls_security_level", "smtpd_tls_chain_files")},
)
def no_starttls(smtp: SmtpFacts) -> Verdict:
    """Report a port that starts in clear and stays so."""
    if smtp.config is not None:
        return file.no_starttls(smtp.config)
    if smtp.implicit_tls:
        return _IMPLICIT
    if smtp.starttls is None or smtp.in_clear is None:
        return NO_REPLY
    if smtp.starttls == "masked":
        return Skip("SMTP-STARTTLS-MANGLED judges the masked keyword")
    if smtp.starttls != "not-offered":
        return None
    return Hit(what="wire", offered=smtp.in_clear.keywords or ("no extension",))


@rule(
    "SMTP-STARTTLS-MANGLED",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="STARTTLS is stripped by a middlebox",
    evidence="the reply to EHLO has a keyword that is overwritten with X",
    why="A firewall on the path inspects SMTP and removes STARTTLS from the server's reply, so "
    "that mail crosses the network in clear. An attacker can do the same; only MTA-STS and DANE "
    "make senders refuse it.",
    fix={
        "any": "Switch off the SMTP inspection of the firewall (Cisco ASA: `no inspect esmtp` in "
        "the policy map), and publish an MTA-STS policy.",
    },
    references=("RFC 8461 §1", "RFC 3207"),
    seed=("12.11.2",),
    good=GOOD,
    bad=clear(keywords=("SIZE", "XXXXXXXA"), masked=True).learn(starttls="masked", inside_tls=None),
)
def starttls_mangled(smtp: SmtpFacts) -> Verdict:
    """Report a keyword that a firewall has masked."""
    if smtp.implicit_tls:
        return _IMPLICIT
    if smtp.in_clear is None:
        return NO_REPLY
    return Hit() if smtp.starttls == "masked" else None


@rule(
    "SMTP-STARTTLS-FAIL",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="STARTTLS is offered but fails",
    evidence="{what}",
    phrases={
        "what": {
            "refused": "STARTTLS is answered with {code}: {detail}",
            "handshake": "the TLS handshake fails: {detail}",
        }
    },
    why="Senders that require TLS do not deliver; others retry in clear, or defer the mail.",
    fix={
        "any": "Read the server's log: the certificate or the key cannot be read, they do not "
        "belong together, or the TLS settings leave no version or cipher in common (Postfix: "
        "`postconf -n | grep smtpd_tls`).",
    },
    references=("RFC 3207 §4",),
    seed=("12.3.6",),
    good=GOOD,
    bad=GOOD.learn(
        starttls="refused", inside_tls=None,
        refusal=Refusal(code=454, detail="4.7.0 TLS not available due to local problem"),
    ),
)  # fmt: skip
def starttls_fail(smtp: SmtpFacts) -> Verdict:
    """Report an offer of TLS that the server does not keep."""
    if smtp.implicit_tls:
        return _IMPLICIT
    if smtp.starttls is None:
        return NO_REPLY
    if smtp.starttls in {"not-offered", "masked"}:
        return not_applicable("STARTTLS is not offered")
    if smtp.refusal is None:
        return None
    code = smtp.refusal.code
    what = "refused" if code is not None else "handshake"
    return Hit(what=what, code=code or 0, detail=smtp.refusal.detail)


@rule(
    "SMTP-STARTTLS-INJECT",
    Severity.CRITICAL,
    tier=4,
    source=Source.WIRE,
    title="Commands injected before STARTTLS are answered over TLS",
    evidence="a command sent in clear behind STARTTLS is answered inside TLS: {answer}",
    why="An attacker on the path can put commands in front of a client's encrypted session: the "
    "server runs them as the client's, and the client's login and mail reach the attacker.",
    fix={
        "any": "Update the server: since 2011, current versions discard what was received before "
        "the TLS handshake. Until then use the port where TLS starts with the connection.",
    },
    references=("RFC 3207 §4.2", "CVE-2011-0411"),
    seed=("12.11.2",),
    good=GOOD,
    bad=GOOD.learn(
        injection=Injection(
            outcome="answered", answer=Answer(code=502, status="5.5.2", text="5.5.2 Unknown")
        )
    ),
)
def starttls_inject(smtp: SmtpFacts) -> Verdict:
    """Report a server that keeps what it received in clear."""
    if smtp.implicit_tls:
        return _IMPLICIT
    if smtp.injection is None:
        return Skip(smtp.unknown.get("injection", "no command was sent behind STARTTLS"))
    if smtp.injection.outcome != "answered":
        return None
    return Hit(answer=str(smtp.injection.answer))

"""Rules about the mail ports of one address."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.rules import file
from seventh.protocols.smtp.rules.examples import GOOD, SUBMISSION
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_SUBMISSION = (465, 587)
_OTHER_PORT = not_applicable("the target has a port of its own")


@rule(
    "SMTP-25-FILTERED",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Port 25 is filtered by the network",
    evidence="port 25 does not answer from here; port {open} of the same address does",
    why="The host is up. Many clouds and providers block outgoing connections to port 25, so this "
    "says something of the network from which the check ran, and nothing of the mail server.",
    fix={
        "any": "Check from another network (`seventh check --from ssh://HOST`). If only this one "
        "is blocked, ask its provider to open port 25, or send through a relay on port 587.",
    },
    references=("RFC 5068",),
    seed=("12.3.3", "12.3.6"),
    good=GOOD.learn(ports={25: "open"}),
    bad=SmtpFacts(
        role="transfer", usual_port=True,
        ports={25: "silent", 443: "silent", 465: "open", 587: "open"},
    ),
)  # fmt: skip
def filtered(smtp: SmtpFacts) -> Verdict:
    """Report a silent port 25 of a host whose other ports answer."""
    if smtp.role is None:
        return Skip("no connection was tried")
    if smtp.role == "submission":
        return not_applicable("the target is a submission port")
    if not smtp.usual_port:
        return _OTHER_PORT
    if smtp.ports.get(25) != "silent":
        answered = smtp.greeting_seconds is not None or 25 in smtp.ports
        return None if answered else Skip("the state of port 25 is unknown")
    others = tuple(str(port) for port, state in smtp.ports.items() if state == "open")
    return Hit(open=others) if others else Skip("no other port of the address answers either")


@rule(
    "SMTP-SUB-MISSING",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="No submission port reachable",
    evidence="{what}",
    phrases={
        "what": {
            "wire": "465 {implicit}, 587 {starttls}",
            "file": "users log in, and the services listen on port {ports} only",
        },
    }
    | {
        name: {
            "refused": "refused",
            "silent": "without an answer",
            "unreachable": "unreachable",
            "open": "open",
            "not-tls": "without TLS",
        }
        for name in ("implicit", "starttls")
    },
    why="Users submit mail on 465 or 587. Neither answers from here, so they cannot send.",
    fix={
        "postfix": "# in master.cf\n"
        "submissions inet n - y - - smtpd\n  -o smtpd_tls_wrappermode=yes\n"
        "  -o smtpd_sasl_auth_enable=yes",
        "any": "Enable submission with implicit TLS on 465, and open the port in the firewall.",
    },
    references=("RFC 8314 §3.3", "RFC 6409 §3.1"),
    seed=("12.3.2",),
    good=SUBMISSION,
    bad=SUBMISSION.learn(ports={465: "refused", 587: "refused"}),
    directives={"postfix": ("master.cf",)},
)
def sub_missing(smtp: SmtpFacts) -> Verdict:
    """Report a submission server with neither of its ports."""
    if smtp.config is not None:
        return file.sub_missing(smtp.config)
    implicit, starttls = (smtp.ports.get(port) for port in _SUBMISSION)
    if (why := _unjudged(smtp)) is not None:
        return why
    if "open" in (implicit, starttls):
        return None
    if implicit is None or starttls is None:
        return Skip("the state of 465 or 587 is unknown")
    return Hit(what="wire", implicit=implicit, starttls=starttls)


@rule(
    "SMTP-NO-465",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="No submission with implicit TLS",
    evidence="{what}",
    phrases={
        "what": {
            "wire": "587 answers, and 465 does not",
            "not-tls": "587 answers, and 465 accepts connections without TLS",
            "file": "the services listen on port {ports} only",
        }
    },
    why="On 465 TLS starts with the connection, so that nothing can strip it and no command can be "
    "injected before it. RFC 8314 prefers it to STARTTLS on 587.",
    fix={
        "postfix": "# in master.cf\n"
        "submissions inet n - y - - smtpd\n  -o smtpd_tls_wrappermode=yes\n"
        "  -o smtpd_sasl_auth_enable=yes",
        "any": "Enable submission with implicit TLS on 465 beside 587.",
    },
    references=("RFC 8314 §3.3",),
    seed=("12.3.2",),
    good=SUBMISSION,
    bad=SUBMISSION.learn(ports={465: "refused", 587: "open"}),
    directives={"postfix": ("master.cf",)},
)
def no_465(smtp: SmtpFacts) -> Verdict:
    """Report submission that has only STARTTLS."""
    if smtp.config is not None:
        return file.no_465(smtp.config)
    implicit, starttls = (smtp.ports.get(port) for port in _SUBMISSION)
    if (why := _unjudged(smtp)) is not None:
        return why
    if implicit == "open":
        return None
    if implicit is None or starttls is None:
        return Skip("the state of 465 or 587 is unknown")
    if starttls != "open":
        return Skip("SMTP-SUB-MISSING judges a server with neither port")
    return Hit(what="not-tls" if implicit == "not-tls" else "wire")


def _unjudged(smtp: SmtpFacts) -> Skip | None:
    """Return why the submission ports are not judged."""
    if smtp.role is None:
        return Skip("no connection was tried")
    if smtp.role == "transfer":
        return not_applicable("a server that only receives mail needs no submission port")
    return None if smtp.usual_port else _OTHER_PORT

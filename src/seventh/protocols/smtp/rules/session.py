"""Rules about the session itself: greeting, replies, the server's name and its extensions."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.smtp.facts import Extensions, SmtpFacts
from seventh.protocols.smtp.rules import file
from seventh.protocols.smtp.rules.examples import GOOD, NO_REPLY, secured
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

SLOW_SECONDS = 5.0
VERY_SLOW_SECONDS = 30.0
SMALL_BYTES = 10_000_000
LARGE_BYTES = 52_428_800
"""50 MiB, the largest default of a common server."""
_USEFUL = (
    "PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES",
)  # fmt: skip


@rule(
    "SMTP-GREET-SLOW",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="Slow SMTP greeting",
    evidence="{what}",
    phrases={
        "what": {
            "late": "greeting after {seconds:.1f} s",
            "none": "no greeting in {seconds:.1f} s",
        }
    },
    why="Senders wait up to five minutes, but applications and load balancers give up earlier. "
    "The usual causes are DNS and blocklist lookups before the greeting, a deliberate delay "
    "against spam, or a server without free processes.",
    fix={
        "any": "Check the resolver of the mail server (`dig -x CLIENT-ADDRESS`), move blocklist "
        "lookups behind the greeting, and exempt known clients from greeting delays (Postfix: "
        "`postscreen_greet_wait`, Exim: `delay` in acl_smtp_connect).",
    },
    references=("RFC 5321 §4.5.3.2",),
    seed=("12.11.2",),
    good=GOOD,
    bad=GOOD.learn(greeting_seconds=6.2),
)
def greet_slow(smtp: SmtpFacts) -> Verdict:
    """Judge the time until the greeting, or the time in which none came."""
    waited = smtp.greeting_wait_seconds
    seconds = smtp.greeting_seconds if smtp.greeting_seconds is not None else waited
    if seconds is None:
        return Skip("no greeting was waited for")
    if seconds <= SLOW_SECONDS:
        return None if smtp.greeting_seconds is not None else Skip("no greeting was received")
    severity = Severity.MEDIUM if seconds > VERY_SLOW_SECONDS else None
    return Hit(severity, what="late" if waited is None else "none", seconds=seconds)


@rule(
    "SMTP-REPLY-BAD",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="Malformed SMTP replies",
    evidence="{what}",
    phrases={
        "what": {
            "bare-lf": "replies end with LF instead of CRLF",
            "long-line": "a reply has a line of {bytes} bytes",
            "codes-differ": "the lines of one reply have different codes",
        }
    },
    why="Clients may ignore, truncate or misread such replies. Each program does it differently, "
    "so delivery fails for some senders only.",
    fix={
        "any": "Update the server. If a filter or a proxy is in front of it, check behind it to "
        "find which of the two sends this; shorten texts of your own in replies.",
    },
    references=("RFC 5321 §4.2", "RFC 5321 §4.5.3.1.5", "RFC 5321 §2.3.8"),
    seed=("12.11.2",),
    good=GOOD,
    bad=GOOD.learn(deviations=("bare-lf", "long-line"), longest_line_bytes=700),
)
def reply_bad(smtp: SmtpFacts) -> Verdict:
    """Report what deviates from the form of replies."""
    if smtp.deviations is None:
        return Skip("no reply was received")
    if not smtp.deviations:
        return None
    return Hit(what=smtp.deviations, bytes=smtp.longest_line_bytes or 0)


@rule(
    "SMTP-HELO-NAME",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="EHLO name is not a resolvable FQDN",
    evidence="{what}",
    phrases={
        "what": {
            "missing": "the server gives no name in its replies",
            "literal": "the server calls itself {name}, an address",
            "not-qualified": "the server calls itself {name}, which is not fully qualified",
            "unresolvable": "the server calls itself {name}, which has no A or AAAA record",
        }
    },
    why="Most servers use the same name when they send. Receivers reject mail or lower its rating "
    "if that name is not a fully qualified domain name with an address.",
    fix={
        "postfix": "myhostname = mail.example.com",
        "exim": "primary_hostname = mail.example.com",
        "any": "Set the server's host name to a fully qualified domain name, and publish an A or "
        "AAAA record for it that leads to this server.",
    },
    references=("RFC 5321 §2.3.5", "RFC 5321 §4.1.1.1"),
    seed=("12.3.3",),
    good=GOOD,
    bad=GOOD.learn(name="localhost", name_state="not-qualified"),
    directives={"postfix": ("myhostname", "smtpd_banner")},
)
def helo_name(smtp: SmtpFacts) -> Verdict:
    """Judge the name that the server gives itself, where it may send mail under it."""
    if smtp.config is not None:
        return file.host_name(smtp.config)
    if smtp.role == "submission":
        return not_applicable("other mail servers do not judge the name of a submission port")
    if smtp.name_state is None:
        return Skip("the server's name was not looked up")
    if smtp.name_state == "resolves":
        return None
    return Hit(what=smtp.name_state, name=smtp.name or "")


@rule(
    "SMTP-SIZE",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="The size limit is missing, too small or too large",
    evidence="{what}",
    phrases={
        "what": {
            "missing": "no SIZE in the reply to EHLO",
            "unlimited": "SIZE without a limit",
            "small": "SIZE {megabytes:.1f} MB",
            "large": "SIZE {megabytes:.1f} MB",
        }
    },
    why="With SIZE a client learns before the transfer that a message is too large. Common mail "
    "has attachments of 10 to 25 MB, a third more when encoded; far larger messages fill queues "
    "and are refused by the next server.",
    fix={
        "postfix": "message_size_limit = 26214400",
        "exim": "message_size_limit = 25M",
        "any": "Advertise SIZE with a limit from 10 to 50 MB, and pass larger files as links.",
    },
    references=("RFC 1870",),
    seed=("12.3.6",),
    good=GOOD,
    bad=secured(size_bytes=2_000_000),
    directives={"postfix": ("message_size_limit",)},
)
def size(smtp: SmtpFacts) -> Verdict:
    """Judge the advertised maximum size."""
    if smtp.config is not None:
        return file.size(smtp.config, SMALL_BYTES, LARGE_BYTES)
    listed = smtp.extensions
    if listed is None:
        return _no_extensions(smtp)
    limit = listed.size_bytes
    if not listed.offers("SIZE"):
        return Hit(what="missing")
    if not limit:
        return Hit(what="unlimited")
    if SMALL_BYTES <= limit <= LARGE_BYTES:
        return None
    return Hit(what="small" if limit < SMALL_BYTES else "large", megabytes=limit / 1e6)


@rule(
    "SMTP-EXT",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="Useful extensions are missing",
    evidence="not offered: {missing}",
    why="PIPELINING and CHUNKING save round trips; 8BITMIME and SMTPUTF8 avoid conversions and "
    "carry international addresses; DSN and ENHANCEDSTATUSCODES say why mail was not delivered.",
    fix={
        "postfix": "smtpd_discard_ehlo_keywords =\nsmtputf8_enable = yes",
        "any": "Enable them, or update the server; filters in front of it may hide them.",
    },
    references=("RFC 2920", "RFC 6152", "RFC 6531", "RFC 3030", "RFC 3461", "RFC 2034"),
    seed=("12.3.4",),
    good=GOOD,
    bad=secured(keywords=("SIZE", "8BITMIME")),
)
def ext(smtp: SmtpFacts) -> Verdict:
    """Report the useful extensions that are not offered."""
    listed: Extensions | None = smtp.extensions
    if listed is None:
        return _no_extensions(smtp)
    missing = tuple(name for name in _USEFUL if not listed.offers(name))
    return Hit(missing=missing) if missing else None


def _no_extensions(smtp: SmtpFacts) -> Skip:
    return (
        NO_REPLY if smtp.in_clear is None else Skip("TLS did not start: EHLO inside it is unknown")
    )

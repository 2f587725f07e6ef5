"""The mail queue of this machine, and the share of its deliveries that are deferred."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from seventh.model.severity import Severity
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.local import DeferCause, Deferral, SmtpLocalFacts
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule
from seventh.rules.unread import not_looked, not_read

AREA = "mail"
MANY = 10
"""Old deferred messages; fewer wait for single servers that are down, on every mail server."""
RATIO, RATIO_HIGH = 0.05, 0.20
LEAST_DELIVERIES = 20
"""Below, a single deferral is too large a share."""
_TOP = 3
_QUEUES = ("postqueue -j", "exim -bpc")
_LOGS = (
    "journalctl", "/var/log/mail.log", "/var/log/maillog", "/var/log/exim4/mainlog",
    "/var/log/exim/main.log",
)  # fmt: skip
_HINTS = {
    DeferCause.LOCAL: "start the service that the reason names, such as Dovecot's LMTP server",
    DeferCause.GREYLISTED: "no fault: a later try succeeds, if it comes from the same address",
    DeferCause.RATE_LIMITED: "send more slowly to that domain; look for an account that sends spam",
    DeferCause.NO_PTR: "set a reverse name for this machine's address that resolves to it",
    DeferCause.AUTHENTICATION: "publish SPF with this machine's address, and sign with DKIM",
    DeferCause.REPUTATION: "look for an account that sends spam, then apply for removal",
    DeferCause.SENDER_DOMAIN: "send only from domains with an MX or address record",
    DeferCause.TLS: "`seventh check smtp://MX` shows the fault of the other server's TLS",
    DeferCause.DNS: "test the resolver: `dig MX DOMAIN`; a misspelt domain never resolves",
    DeferCause.MAILBOX_FULL: "only the recipient can free space",
    DeferCause.UNREACHABLE: "`seventh check smtp://MX`; many networks block port 25: use a relay",
    DeferCause.LOST: "`seventh check smtp://MX`; a firewall that alters SMTP, or the path's MTU",
    DeferCause.OTHER: "read the reasons in the log",
}
_RETRY = {"postfix": "postqueue -f", "exim": "exim -qff"}
"""What tries all messages again at once."""


def _local(**fields: Any) -> SmtpFacts:
    usual = {
        "server": "postfix", "queues": {"active": 0, "deferred": 0}, "oldest_seconds": 0.0,
        "deliveries": 1000, "log": "journalctl",
    }  # fmt: skip
    return SmtpFacts(local=SmtpLocalFacts(**{**usual, **fields}))


_EXAMPLE = Deferral(
    cause=DeferCause.UNREACHABLE, count=60, domains=("example.org",),
    example="connect to mx.example.org[192.0.2.1]:25: Connection timed out",
)  # fmt: skip


@rule(
    "SMTP-QUEUE-GROW",
    Severity.HIGH,
    tier=0,
    source=Source.LOCAL,
    title="Mail waits in the queue",
    evidence="{count} messages in the queue ({queues}), {old} of them for more than an hour; the "
    "oldest waits for {hours:.1f} h. {reasons}",
    phrases={
        "reasons": {
            "known": "Reasons: {causes}; such as: {detail}",
            "untried": "{untried} old messages have not been tried",
            "unknown": "The queue shows no reasons",
        }
    },
    why="Mail arrives late, and twice if a server accepts a message but not in time. After days it "
    "is returned. A queue that grows fills the disk.",
    fix={
        "postfix": "# remove the cause, then try all messages again\npostqueue -f",
        "exim": "# remove the cause, then try all messages again\nexim -qff",
        "any": "Remove the cause that the reasons name, then have all messages tried again.",
    },
    references=("RFC 5321 §4.5.4", "Manual pages postqueue(1), qshape(1)"),
    seed=("12.3.4",),
    good=_local(),
    bad=_local(
        queues={"active": 0, "deferred": 80}, oldest_seconds=7200.0, old_deferred=60,
        waiting=(_EXAMPLE,),
    ),
)  # fmt: skip
def queue_grow(smtp: SmtpFacts) -> Verdict:
    """Fail messages older than an hour: low for few that were deferred, else high."""
    local = smtp.local
    if local is None:
        return not_looked(AREA)
    if local.queues is None:
        return not_read(local.unread, *_QUEUES)
    old = local.old_untried + local.old_deferred
    if not old:
        if local.oldest_seconds is None:
            return Skip("the age of the messages in the queue is unknown")
        return None if local.complete else Skip("the queue is longer than what was read of it")
    few = not local.old_untried and old < MANY
    given = {"known": bool(local.waiting), "untried": bool(local.old_untried)}
    reasons = tuple(code for code, is_given in given.items() if is_given)
    hit = Hit(
        Severity.LOW if few else None,
        count=sum(local.queues.values()), old=old, untried=local.old_untried,
        queues=tuple(f"{name} {number}" for name, number in local.queues.items()),
        hours=(local.oldest_seconds or 0.0) / 3600, reasons=reasons or ("unknown",),
        causes=_causes(local.waiting), detail=_example(local.waiting),
    )  # fmt: skip
    return _fixed(hit, local, local.waiting)


@rule(
    "SMTP-DEFER-RATIO",
    Severity.MEDIUM,
    tier=0,
    source=Source.LOCAL,
    title="Many deliveries deferred",
    evidence="{deferred} of {count} deliveries in {log} were deferred ({percent:.1f} %): {causes}; "
    "such as: {detail}",
    why="Other servers refuse this one for the time being, or it cannot reach them. Mail arrives "
    "late, and what is refused for days is returned.",
    fix={
        "postfix": "# remove the cause, then try all messages again\npostqueue -f",
        "exim": "# remove the cause, then try all messages again\nexim -qff",
        "any": "Remove the cause that the reasons name, then have all messages tried again.",
    },
    references=("RFC 5321 §4.5.4",),
    seed=("12.3.4",),
    good=_local(),
    bad=_local(deferred=60, deferrals=(_EXAMPLE,)),
)
def defer_ratio(smtp: SmtpFacts) -> Verdict:
    """Fail more than 5 % of the recipients deferred at least once; high above 20 %."""
    local = smtp.local
    if local is None:
        return not_looked(AREA)
    ratio = local.defer_ratio
    if local.deliveries is None or ratio is None:
        return not_read(local.unread, *_LOGS)
    if local.deliveries < LEAST_DELIVERIES:
        return Skip(f"fewer than {LEAST_DELIVERIES} deliveries in {local.log}")
    if ratio <= RATIO:
        return None
    hit = Hit(
        Severity.HIGH if ratio > RATIO_HIGH else None, deferred=local.deferred,
        count=local.deliveries, percent=ratio * 100, log=local.log,
        causes=_causes(local.deferrals), detail=_example(local.deferrals),
    )  # fmt: skip
    return _fixed(hit, local, local.deferrals)


def _causes(deferrals: Iterable[Deferral]) -> tuple[str, ...]:
    return tuple(
        f"{each.cause.value} {each.count}"
        + (f" ({', '.join(each.domains)})" if each.domains else "")
        for each in deferrals
    )


def _example(deferrals: Sequence[Deferral]) -> str:
    return deferrals[0].example if deferrals else ""


def _fixed(hit: Hit, local: SmtpLocalFacts, deferrals: Sequence[Deferral]) -> Hit:
    """Add a line for each of the most frequent causes, and what tries all messages again."""
    if local.server not in _RETRY:
        return hit
    hints = [f"# {each.cause.value}: {_HINTS[each.cause]}" for each in deferrals[:_TOP]]
    return hit.fixed_by(local.server, *hints, _RETRY[local.server])

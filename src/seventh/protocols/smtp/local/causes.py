"""Reasons of deferred deliveries, by cause."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import msgspec

from seventh.protocols.smtp.facts.local import DeferCause, Deferral
from seventh.wire.text import printable

_PATTERNS = {
    DeferCause.LOCAL: r"mail transport unavailable|\[private/|temporary failure|cannot update "
    r"mailbox|unable to (?:lock|create)|lock .*mailbox|user lookup|alias database|pipe transport",
    DeferCause.GREYLISTED: r"gr[ae]y-? ?list",
    DeferCause.NO_PTR: r"reverse (?:dns|host|name|lookup)|cannot find your (?:reverse )?hostname"
    r"|\bPTR\b|4\.7\.25\b",
    DeferCause.AUTHENTICATION: r"\b(?:SPF|DKIM|DMARC)\b|unauthenticated|4\.7\.2[0-467]\b",
    DeferCause.RATE_LIMITED: r"rate.?limit|too many|throttl|too fast|4\.7\.28\b|unusual rate"
    r"|concurrency limit",
    DeferCause.REPUTATION: r"block(?:ed|list)|black-?list|reputation|spamhaus|dnsbl|\brbl\b"
    r"|unsolicited|TSS0\d",
    DeferCause.SENDER_DOMAIN: r"sender address rejected|sender verify|4\.1\.8\b",
    DeferCause.MAILBOX_FULL: r"quota|mailbox (?:is )?full|insufficient (?:system |disk )?s(?:torage"
    r"|pace)|4\.2\.2\b",
    DeferCause.TLS: r"\bTLS\b|certificate|handshake",
    DeferCause.DNS: r"name service error|host (?:or domain name )?not found|host lookup did not"
    r"|unable to look ?up|all host address lookups|lowest numbered MX",
    DeferCause.LOST: r"lost connection|while (?:sending|receiving|performing)|timeout after"
    r"|conversation with|closed connection",
    DeferCause.UNREACHABLE: r"connection (?:timed out|refused|reset)|no route to host"
    r"|network (?:is )?unreachable|host is unreachable",
}
_CAUSES = {cause: re.compile(text, re.IGNORECASE) for cause, text in _PATTERNS.items()}
"""In the order in which they decide: a server's own words come before those of a connection."""
_PERSON = re.compile(r"<?[^\s<>:;,()]+@([^\s<>:;,()]+)>?")
_MOST_DOMAINS = 5


class Waiting(msgspec.Struct, frozen=True):
    """A recipient whose delivery was deferred."""

    recipient: str
    reason: str


def cause_of(reason: str) -> DeferCause:
    """Return the cause of a reason, in the words of Postfix, Exim or the server that replied."""
    matching = (cause for cause, pattern in _CAUSES.items() if pattern.search(reason))
    return next(matching, DeferCause.OTHER)


def grouped(all_waiting: Iterable[Waiting]) -> tuple[Deferral, ...]:
    """Group deferred deliveries by cause, the most frequent first."""
    counts: Counter[DeferCause] = Counter()
    domains: dict[DeferCause, Counter[str]] = {}
    examples: dict[DeferCause, str] = {}
    for each in all_waiting:
        cause = cause_of(each.reason)
        counts[cause] += 1
        domain = each.recipient.rpartition("@")[2].lower()
        domains.setdefault(cause, Counter())[printable(domain, 255)] += 1
        examples.setdefault(cause, printable(_PERSON.sub(r"…@\1", each.reason), 200))
    order = list(DeferCause)
    return tuple(
        Deferral(
            cause=cause,
            count=count,
            domains=tuple(name for name, _ in domains[cause].most_common(_MOST_DOMAINS) if name),
            example=examples[cause],
        )
        for cause, count in sorted(counts.items(), key=lambda one: (-one[1], order.index(one[0])))
    )

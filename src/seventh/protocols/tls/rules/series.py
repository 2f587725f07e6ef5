"""The rule on the keys of session tickets over time."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.tls.series import KeyName, TicketSeries
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_HOUR_NS = 3600 * 10**9
MOST_HOURS = 48


def _seen(first_hour: int, last_hour: int, name: str = "4f1a") -> KeyName:
    return KeyName(name=name, first_ns=first_hour * _HOUR_NS, last_ns=last_hour * _HOUR_NS)


@rule(
    "TLS-TICKET-STALE",
    Severity.MEDIUM,
    tier=0,
    source=Source.SERIES,
    title="Session-ticket keys are not rotated",
    evidence="tickets have begun with the same key name for {hours} hours",
    why="The key of session tickets decrypts every session that was resumed with them. Who obtains "
    "it can decrypt recorded TLS 1.2 sessions for as long as the key was in use: forward secrecy "
    "is lost.",
    fix={
        "any": "Rotate the keys of session tickets daily, on all servers of a name together.",
        "nginx": "# with ssl_session_ticket_key: replace its files daily, and reload\n"
        "# without, nginx makes a key at each reload (reload daily); 1.23.2 changes it itself:\n"
        "ssl_session_cache shared:TLS:10m;",
    },
    references=("RFC 9325",),
    seed=("12.12",),
    good=TicketSeries(since_ns=0, names=(_seen(0, 24), _seen(25, 49, "77b0"))),
    bad=TicketSeries(since_ns=0, names=(_seen(0, 72),)),
)
def ticket_stale(tickets: TicketSeries) -> Verdict:
    """Find a key name that is still used after two days."""
    if tickets.since_ns is None or not tickets.names:
        return Skip("no session ticket was seen")
    last = tickets.names[-1]
    hours = (last.last_ns - last.first_ns) // _HOUR_NS
    if hours > MOST_HOURS:
        return Hit(hours=hours)
    if last.last_ns - tickets.since_ns <= MOST_HOURS * _HOUR_NS:
        return Skip("session tickets have been seen for less than two days")
    return None

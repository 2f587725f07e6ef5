"""Rules about a message that was sent into a mailbox of the user's own."""

from __future__ import annotations

import msgspec

from seventh.model.severity import Severity
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.roundtrip import RoundTrip
from seventh.protocols.smtp.rules.examples import GOOD, ROUND_TRIP
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_NOT_SENT = Skip("no message was sent: give --roundtrip, --mail-to and --allow-write")
_NOT_QUEUED = Skip("the server did not accept the message")


def _with(**changes: object) -> SmtpFacts:
    return GOOD.learn(roundtrip=msgspec.structs.replace(ROUND_TRIP, **changes))


def _queued(smtp: SmtpFacts) -> RoundTrip | Skip:
    trip = smtp.roundtrip
    if trip is None or trip.tried is None:
        return _NOT_SENT
    return trip if trip.answer is not None else _NOT_QUEUED


@rule(
    "SMTP-E2E-SLOW",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="Mail arrives late",
    evidence="{what}",
    phrases={
        "what": {
            "late": "a message arrived after {seconds:.1f} s; the limit is {limit:g} s",
            "missing": "a message did not arrive within {seconds:.1f} s; the limit is {limit:g} s",
        }
    },
    why="The server has accepted the message, so that its sender does not learn of the delay. A "
    "long queue, a content filter or an unreachable mailbox server is the usual cause.",
    fix={
        "any": "Look at the queue (Postfix: postqueue -p), and compare the times of the Received "
        "fields (facts.smtp.roundtrip.hops): the hop that took longest has the queue. Raise "
        "--roundtrip-max if the delay is expected.",
    },
    references=("RFC 5321 §4.5.4.1",),
    seed=("12.3.4",),
    good=GOOD,
    bad=_with(delivered_seconds=75.0),
)
def e2e_slow(smtp: SmtpFacts) -> Verdict:
    """Report a delivery that took longer than the user's limit."""
    trip = _queued(smtp)
    if isinstance(trip, Skip):
        return trip
    limit = trip.limit_seconds or 0.0
    if trip.delivered_seconds is not None:
        if trip.delivered_seconds <= limit:
            return None
        return Hit(what="late", seconds=trip.delivered_seconds, limit=limit)
    awaited = trip.awaited_seconds or 0.0
    if awaited > limit:
        return Hit(what="missing", seconds=awaited, limit=limit)
    return Skip(f"no message arrived within {awaited:.1f} s: raise --timeout")


@rule(
    "SMTP-DUPLICATE",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="A message arrives more than once",
    evidence="{copies} messages with the same Message-ID arrived",
    why="A server that does not see the reply to a message sends it again. Users get duplicates, "
    "and automatic replies are sent twice.",
    fix={
        "any": "Wait at least 10 minutes for the reply after the end of a message (Postfix: "
        "smtp_data_done_timeout and lmtp_data_done_timeout), and do not let a filter or firewall "
        "end the connection before.",
    },
    references=("RFC 5321 §4.5.3.2.6",),
    seed=("12.3.4",),
    good=GOOD,
    bad=_with(copies=2, removed=False),
)
def duplicate(smtp: SmtpFacts) -> Verdict:
    """Report a message of which several copies are in the mailbox."""
    trip = _queued(smtp)
    if isinstance(trip, Skip):
        return trip
    if trip.copies is None:
        return Skip("no message arrived")
    return Hit(copies=trip.copies) if trip.copies > 1 else None

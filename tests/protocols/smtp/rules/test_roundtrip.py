"""The rules of a round trip, at both sides of every boundary."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.mail import Tried
from seventh.protocols.smtp.rules import mail, roundtrip
from seventh.protocols.smtp.rules.examples import (
    ACCEPTED,
    DENIED,
    GOOD,
    LATER,
    NO_USER,
    ROUND_TRIP,
    SUBMISSION,
)
from tests.protocols.smtp.rules.test_rules import seen

NOT_SENT = "no message was sent: give --roundtrip, --mail-to and --allow-write"
NOT_QUEUED = "the server did not accept the message"


def after(base: SmtpFacts = GOOD, **changes: Any) -> SmtpFacts:
    return base.learn(roundtrip=replace(ROUND_TRIP, **changes))


def tried(answer: Any, command: Any = "rcpt") -> Tried:
    return Tried(recipient="user@example.org", command=command, answer=answer)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"delivered_seconds": 60.0}, None),
        ({"delivered_seconds": 60.1}, {"what": "late", "seconds": 60.1, "limit": 60.0}),
        ({"delivered_seconds": 0.0, "limit_seconds": 0.0}, None),
        ({"delivered_seconds": None, "awaited_seconds": 60.0},
         "no message arrived within 60.0 s: raise --timeout"),
        ({"delivered_seconds": None, "awaited_seconds": 60.1},
         {"what": "missing", "seconds": 60.1, "limit": 60.0}),
        ({"answer": None}, NOT_QUEUED),
        ({"tried": None}, NOT_SENT),
    ],
)  # fmt: skip
def test_a_delivery_has_a_limit(changes: dict[str, Any], verdict: object) -> None:
    assert seen(roundtrip.e2e_slow(after(**changes))) == verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"copies": 1}, None),
        ({"copies": 2}, {"copies": 2}),
        ({"copies": None}, "no message arrived"),
        ({"answer": None}, NOT_QUEUED),
        ({"tried": None}, NOT_SENT),
    ],
)
def test_a_message_arrives_once(changes: dict[str, Any], verdict: object) -> None:
    assert seen(roundtrip.duplicate(after(**changes))) == verdict


def test_without_a_message_nothing_is_judged() -> None:
    for judge in (roundtrip.e2e_slow, roundtrip.duplicate):
        assert seen(judge(GOOD.learn(roundtrip=None))) == NOT_SENT


def test_a_refused_message_is_a_bounce_also_at_submission() -> None:
    for base in (GOOD, SUBMISSION):
        refused = after(base, tried=tried(NO_USER, "data"), answer=None)
        assert seen(mail.bounce(refused)) == {
            "recipient": "user@example.org", "cause": "no-such-user",
            "answer": "550 5.1.1 User unknown",
        }  # fmt: skip
        assert seen(mail.bounce(after(base, tried=tried(ACCEPTED)))) is None
        assert seen(mail.bounce(after(base, tried=tried(LATER)))) == (
            "user@example.org was refused for now: 450 4.2.0 Greylisted"
        )
    first = after(tried=tried(NO_USER)).learn(mailbox=tried(LATER))
    assert seen(mail.bounce(first)) == {
        "recipient": "user@example.org", "cause": "no-such-user",
        "answer": "550 5.1.1 User unknown",
    }  # fmt: skip


def test_a_denied_relay_is_named() -> None:
    found: Any = seen(mail.bounce(after(tried=tried(DENIED), answer=None)))
    assert found["cause"] == "relaying"

"""The rules about the queue and about deferred deliveries."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.localfacts import Cause, Unread
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.local import DeferCause, Deferral, SmtpLocalFacts
from seventh.protocols.smtp.rules.local import defer_ratio, queue_grow
from tests.verdicts import fixed, told

ELSEWHERE = "skip: visible only on the machine itself: run `seventh local mail` there"
DOWN = Deferral(cause=DeferCause.UNREACHABLE, count=4, domains=("x.test", "y.test"), example="e")
OTHER = Deferral(cause=DeferCause.OTHER, count=1)
WAITS = (
    "12 messages in the queue (active 2, deferred 10), {old} of them for more than an hour; the "
    "oldest waits for 1.5 h. {reasons}"
)


def local(**fields: Any) -> SmtpFacts:
    usual = {"server": "postfix", "queues": {"active": 2, "deferred": 10}, "oldest_seconds": 5400.0}
    return SmtpFacts(local=SmtpLocalFacts(**{**usual, **fields}))


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (SmtpFacts(), ELSEWHERE),
        (
            local(queues=None, unread=(Unread(name="exim -bpc", cause=Cause.NOT_INSTALLED),)),
            "skip: exim -bpc: not installed",
        ),
        (local(), "pass"),
        (local(oldest_seconds=None), "skip: the age of the messages in the queue is unknown"),
        (local(complete=False), "skip: the queue is longer than what was read of it"),
        (
            local(old_deferred=9, complete=False),
            "low: " + WAITS.format(old=9, reasons="The queue shows no reasons"),
        ),
        (
            local(old_deferred=10, waiting=(DOWN, OTHER)),
            "high: "
            + WAITS.format(
                old=10, reasons="Reasons: unreachable 4 (x.test, y.test), other 1; such as: e"
            ),
        ),
        (
            local(old_untried=1, waiting=()),
            "high: " + WAITS.format(old=1, reasons="1 old messages have not been tried"),
        ),
    ],
)
def test_the_queue(facts: SmtpFacts, verdict: str) -> None:
    assert told(queue_grow, facts) == verdict


def ratio(deferred: int, count: int | None, **fields: Any) -> SmtpFacts:
    return local(deferred=deferred, deliveries=count, log="l", deferrals=(DOWN,), **fields)


SHARE = "{} of {} deliveries in l were deferred ({} %): unreachable 4 (x.test, y.test); such as: e"


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (SmtpFacts(), ELSEWHERE),
        (
            ratio(0, None, unread=(Unread(name="/var/log/mail.log", cause=Cause.NOT_FOUND),)),
            "skip: /var/log/mail.log: no such file",
        ),
        (ratio(19, 19), "skip: fewer than 20 deliveries in l"),
        (ratio(1, 20), "pass"),
        (ratio(51, 1000), "medium: " + SHARE.format(51, 1000, "5.1")),
        (ratio(200, 1000), "medium: " + SHARE.format(200, 1000, "20.0")),
        (ratio(201, 1000), "high: " + SHARE.format(201, 1000, "20.1")),
    ],
)
def test_the_share(facts: SmtpFacts, verdict: str) -> None:
    assert told(defer_ratio, facts) == verdict


@pytest.mark.parametrize(("server", "line"), [("postfix", "postqueue -f"), ("exim", "exim -qff")])
def test_fixes(server: str, line: str) -> None:
    many = tuple(Deferral(cause=cause, count=1) for cause in DeferCause)
    facts = local(old_untried=1, waiting=many, deferred=9, deliveries=20, deferrals=many[3:])
    facts = facts.learn(local=SmtpLocalFacts(**{**_fields(facts), "server": server}))
    assert facts.product == server
    hints = [
        "# local-delivery: start the service that the reason names, such as Dovecot's LMTP server",
        "# greylisted: no fault: a later try succeeds, if it comes from the same address",
        "# rate-limited: send more slowly to that domain; look for an account that sends spam",
    ]
    assert fixed(queue_grow, facts, server).splitlines() == [*hints, line]
    lines = fixed(defer_ratio, facts, server).splitlines()
    assert [each.split(":")[0] for each in lines[:-1]] == [
        "# no-reverse-name", "# spf-dkim-dmarc", "# sender-blocked",
    ]  # fmt: skip
    assert lines[-1] == line


def _fields(facts: SmtpFacts) -> dict[str, Any]:
    assert facts.local is not None
    return {name: getattr(facts.local, name) for name in facts.local.__struct_fields__}


def test_every_cause_has_a_hint() -> None:
    for cause in DeferCause:
        facts = local(old_untried=1, waiting=(Deferral(cause=cause, count=1),))
        (hint, _) = fixed(queue_grow, facts, "postfix").splitlines()
        assert hint.startswith(f"# {cause.value}: ")

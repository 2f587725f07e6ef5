"""SMTP-RELAY: what an accepted recipient means, and what a refused one proves."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.severity import Severity
from seventh.protocols.smtp.facts.mail import Answer, Cause
from seventh.protocols.smtp.rules import mail
from seventh.protocols.smtp.rules.examples import ACCEPTED, GOOD
from seventh.rules.rule import Hit
from tests.protocols.smtp.rules.verdicts import seen, tried


@pytest.mark.parametrize(
    ("reach", "severity", "inside"),
    [("public", None, "public"), ("private", Severity.MEDIUM, "near"),
     ("loopback", Severity.MEDIUM, "near"), (None, Severity.MEDIUM, "near")],
)  # fmt: skip
def test_a_relay_is_certain_from_outside_only(reach: Any, severity: Any, inside: str) -> None:
    facts = GOOD.learn(reach=reach, relay=tried(ACCEPTED, "a@example.com"))
    verdict = mail.relay(facts)
    assert isinstance(verdict, Hit)
    assert verdict.severity is severity
    assert verdict.params == {
        "what": "wire", "recipient": "a@example.com", "from_inside": inside,
    }  # fmt: skip


@pytest.mark.parametrize("code", [454, 530, 550])
@pytest.mark.parametrize("cause", [Cause.RELAYING, Cause.LOGIN_REQUIRED])
def test_a_server_that_refuses_to_relay_passes(code: int, cause: Cause) -> None:
    """Postfix defers by default what it would not relay."""
    refused = tried(Answer(code=code, text="no", cause=cause))
    assert mail.relay(GOOD.learn(relay=refused, postmaster=None, mailbox=None)) is None


_MAYBE = (
    "a@{domain} is refused, perhaps because its domain accepts no mail (550 no): give --relay-to "
    "with a mailbox of yours in another domain"
)
_ALL_REFUSED = (
    "a@{domain} is refused, and so are the server's own recipients, perhaps for a reason other "
    "than relaying: 550 no"
)


@pytest.mark.parametrize(
    ("cause", "domain", "own", "verdict"),
    [
        (Cause.POLICY, "example.com", True, None),
        (Cause.POLICY, "example.com", False, _ALL_REFUSED),
        (Cause.OTHER, "example.com", True, _MAYBE),
        (Cause.NO_SUCH_DOMAIN, "mail.Example.ORG", True, _MAYBE),
        (Cause.NO_SUCH_DOMAIN, "example", True, _MAYBE),
        (Cause.ROUTING, "x.test", True, _MAYBE),
        (Cause.OTHER, "example.com.net", True, None),
        (Cause.OTHER, "myexample.com", True, None),
        (Cause.OTHER, "mine.net", True, None),
        (Cause.OTHER, "mine.net", False, _ALL_REFUSED),
    ],
)
def test_a_refusal_for_another_reason_proves_nothing(
    cause: Cause, domain: str, own: bool, verdict: str | None
) -> None:
    """A domain of examples has no mail server, and a blocklist refuses everything."""
    refused = tried(Answer(code=550, text="no", cause=cause), f"a@{domain}")
    answer = tried(ACCEPTED if own else Answer(code=550, text="no", cause=cause))
    wanted = verdict and verdict.format(domain=domain)
    for which in ("postmaster", "mailbox"):
        facts = GOOD.learn(relay=refused, postmaster=None, mailbox=None).learn(**{which: answer})
        assert seen(mail.relay(facts)) == wanted
    alone = seen(mail.relay(GOOD.learn(relay=refused, postmaster=None, mailbox=None)))
    assert alone == _ALL_REFUSED.format(domain=domain)

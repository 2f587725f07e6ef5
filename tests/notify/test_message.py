"""The words and the JSON of a notification."""

from __future__ import annotations

import msgspec
import pytest

from seventh.notify.message import message_of
from seventh.watch.outbox import Due
from seventh.watch.verdict import Condition
from tests.notify.made import EXPIRED, due, ended, member
from tests.watch.made import REFUSED

TEXT = """\
web1 down: tls-certificate-expired in tls, issuer CN=Lab
since 2026-09-21T14:13:20Z
to be fixed by: the peer
- web1 (https://web1:443)

Full check at 2026-09-21T14:13:21Z:
failed in tls: tls-certificate-expired: expired 2 days ago
checklist: 1 pass, 1 fail, 1 not checked
  PASS net: The name resolves
  FAIL tls: The certificate is valid

high NET-PORT-STATE: Port unreachable on some addresses
port 1: 192.0.2.1 \\x1b[31mrefused
fix (any): Refused: start the service, and bind it to that address (`ss -ltnup` shows the \
addresses in use). Timeout: open port 1 in every firewall and security group on the path. Reset: \
look for a proxy or an intrusion prevention system.
"""


def test_a_person_gets_cause_checklist_findings_and_fix() -> None:
    message = message_of(due())
    assert (message.status, message.title) == ("firing", TEXT.splitlines()[0])
    assert message.text == TEXT


def test_the_json_has_the_same() -> None:
    data = message_of(due()).data
    check = data.pop("check")
    assert data.pop("text") == TEXT
    assert data == {
        "schema": "seventh.alert/1", "key": "seventh-store-7-firing", "number": 7,
        "status": "firing", "title": TEXT.splitlines()[0], "kind": "down", "phase": "tls",
        "reason": "tls-certificate-expired", "blame": "peer", "shared": "issuer",
        "shared_value": "CN=Lab", "since": "2026-09-21T14:13:20Z",
        "alerted": "2026-09-21T14:13:25Z", "resolved": None, "given_up": False, "count": 1,
        "budget": None,
        "targets": [{
            "name": "web1", "url": "https://web1:443", "since": "2026-09-21T14:13:20Z",
            "labels": {"team": "web"},
        }],
    }  # fmt: skip
    assert check.keys() == {"at", "failure", "phases", "checklist", "findings"}
    assert check["failure"] == {
        "reason": "tls-certificate-expired", "phase": "tls", "blame": "peer",
        "detail": "expired 2 days ago",
    }  # fmt: skip
    assert check["checklist"][1] == {
        "room": "tls", "text": "The certificate is valid", "verdict": "fail", "found": ["X"],
    }  # fmt: skip
    assert [each["id"] for each in check["findings"]] == ["NET-PORT-STATE"]
    assert msgspec.json.decode(msgspec.json.encode(data)) == data


SLOW = due(kind=Condition.DEGRADED, phase="tls", cause=None, evidence=None)
MANY = due(*(member(n) for n in range(12)))
REFUSES = due(cause=REFUSED, evidence=None)


@pytest.mark.parametrize(
    ("notification", "title"),
    [
        (MANY, "12 targets down: tls-certificate-expired in tls, issuer CN=Lab"),
        (ended(MANY), "resolved: 12 targets down: tls-certificate-expired in tls, issuer CN=Lab"),
        (ended(MANY, given_up=True), "no longer watched: 12 targets down"),
        (SLOW, "web1 slow in tls"),
        (due(kind=Condition.DEGRADED, cause=None, evidence=None), "web1 slow"),
        (due(kind=Condition.FINDING, phase="TLS-NO13", cause=None), "web1: new finding TLS-NO13"),
        (REFUSES, "web1 down: connect-refused in connect"),
        (due(member(1), member(2), cause=REFUSED, evidence=None),
         "2 targets down: connect-refused in connect, host web1"),
        (due(kind=Condition.UNKNOWN, cause=EXPIRED, evidence=None),
         "web1 without a network: the state of targets is unknown"),
    ],
)  # fmt: skip
def test_titles(notification: Due, title: str) -> None:
    assert message_of(notification).title == title


def test_many_targets_are_counted_and_an_end_has_no_check() -> None:
    lines = message_of(ended(MANY)).text.splitlines()
    assert lines[1:] == [
        "since 2026-09-21T14:13:20Z, until 2026-09-21T14:14:20Z",
        *(f"- web{n} (https://web{n}:443)" for n in range(10)),
        "- and 2 more",
    ]


def test_without_a_full_check_it_says_so() -> None:
    assert message_of(REFUSES).text.splitlines()[-1] == (
        "The full check has no result yet: seventh check shows it."
    )


def test_a_title_is_bounded() -> None:
    long = msgspec.structs.replace(member(1), name="x" * 300)
    assert len(message_of(due(long)).title) == 200

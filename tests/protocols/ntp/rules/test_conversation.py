"""The whole verdict on the exchange of packets, on keys and on intrusive requests."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.intrusive import MonlistFacts, SourcePortFacts
from seventh.protocols.ntp.facts.nts import NtsFacts
from seventh.protocols.ntp.facts.sources import KeyFacts
from seventh.protocols.ntp.rules import access, conversation
from seventh.protocols.ntp.rules.examples import GOOD, SILENT
from seventh.rules.rule import AnyRule
from tests.verdicts import fixed, hit, told

TRIED = "high: 0 of 4 requests to 192.0.2.123 answered: "


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (NtpFacts(), "skip: no request was sent"),
        (NtpFacts(icmp="network unreachable"), "skip: no request was sent: network unreachable"),
        (SILENT.learn(replies=1), "pass"),
        (SILENT, f"{TRIED}timeout, no ICMP error"),
        (SILENT.learn(icmp="port unreachable"), f"{TRIED}port unreachable"),
        (SILENT.learn(malformed=1, malformed_detail="47 bytes"),
         f"{TRIED}datagrams that are not NTP replies: 1 (47 bytes)"),
        (SILENT.learn(spoofed=3, foreign=3, foreign_sources=("192.0.2.8", "192.0.2.9")),
         f"{TRIED}replies from 192.0.2.8, 192.0.2.9: 3"),
        (SILENT.learn(spoofed=3, foreign=1, foreign_sources=("192.0.2.9",)),
         f"{TRIED}replies from 192.0.2.9: 1; packets that match no request: 2"),
        (SILENT.learn(spoofed=2), f"{TRIED}packets that match no request: 2"),
        (SILENT.learn(nts=NtsFacts(unauthenticated=2, unauthenticated_detail="no MAC")),
         f"{TRIED}replies that failed authentication: 2 (no MAC)"),
        # A filter by size has its own rule; a server that answers nothing has none.
        (SILENT.learn(nts=NtsFacts(plain_answered=True, padded_answered=False)),
         "skip: only requests of NTS size get no reply: see NTS-UDP-DROP"),
        (SILENT.learn(nts=NtsFacts(plain_answered=True)), f"{TRIED}timeout, no ICMP error"),
        (SILENT.learn(nts=NtsFacts(plain_answered=False, padded_answered=False)),
         f"{TRIED}timeout, no ICMP error"),
        (SILENT.learn(nts=NtsFacts(plain_answered=True, padded_answered=True)),
         f"{TRIED}timeout, no ICMP error"),
    ],
)  # fmt: skip
def test_what_came_instead_of_a_reply(facts: NtpFacts, line: str) -> None:
    assert told(conversation.no_reply, facts) == line


@pytest.mark.parametrize(
    ("requests", "replies", "more", "line"),
    [
        (0, 0, {}, "skip: no request was sent"),
        (4, 2, {"loss_ratio": None}, "skip: no request was sent"),
        (4, 0, {}, "skip: no request was answered: see NTP-NO-REPLY"),
        (3, 1, {}, "skip: fewer than 4 requests were sent"),
        (4, 3, {}, "pass"),
        (4, 1, {"reach": 0b1010}, "medium: 3 of 4 requests unanswered (75 %), reach 012"),
        (100, 75, {}, "pass"),
        (100, 74, {"reach": None}, "medium: 26 of 100 requests unanswered (26 %), reach 000"),
        (8, 5, {"reach": 0o377}, "medium: 3 of 8 requests unanswered (38 %), reach 377"),
    ],
)
def test_losses(requests: int, replies: int, more: dict[str, Any], line: str) -> None:
    lost = 1 - replies / (requests or 1)
    facts = NtpFacts(requests=requests, replies=replies, loss_ratio=lost).learn(**more)
    assert told(conversation.loss, facts) == line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"requests": 0, "spoofed": 3}, "skip: no request was sent"),
        ({}, "pass"),
        ({"spoofed": 3, "spoofed_kisses": 1},
         "critical: packets that match no request: 3, kiss codes among them: 1"),
        ({"spoofed": 2, "foreign": 2, "foreign_sources": ("192.0.2.8", "192.0.2.9")},
         ("high: replies to our requests from a wrong address or port: 2; "
         "sent from 192.0.2.8, 192.0.2.9")),
        ({"spoofed": 3, "foreign": 2, "foreign_sources": ("192.0.2.9",)},
         ("critical: packets that match no request: 1, kiss codes among them: 0; replies to our "
         "requests from a wrong address or port: 2; sent from 192.0.2.9")),
    ],
)  # fmt: skip
def test_forged_packets(changes: dict[str, Any], line: str) -> None:
    assert told(conversation.spoof, GOOD.learn(**changes)) == line


@pytest.mark.parametrize(
    ("rule", "changes", "line"),
    [
        (conversation.kiss_rate, {"replies": 0, "kiss_codes": ("RATE",)},
         "skip: no request was answered"),
        (conversation.kiss_rate, {"kiss_codes": ("DENY",)}, "pass"),
        (conversation.kiss_rate, {"requests": 2, "replies": 1, "kiss_codes": ("RATE",)},
         "medium: kiss code RATE after 2 requests; no further request was sent"),
        (conversation.kiss_deny, {"replies": 0, "kiss_codes": ("DENY",)},
         "skip: no request was answered"),
        (conversation.kiss_deny, {"kiss_codes": ("RATE",)}, "pass"),
        (conversation.kiss_deny, {"replies": 1, "kiss_codes": ("RSTR",)},
         "high: kiss code RSTR from 192.0.2.123"),
        (conversation.kiss_deny, {"kiss_codes": ("RSTR", "DENY")},
         "high: kiss code DENY, RSTR from 192.0.2.123"),
    ],
)  # fmt: skip
def test_kiss_codes(rule: AnyRule, changes: dict[str, Any], line: str) -> None:
    assert told(rule, GOOD.learn(**changes)) == line


READVAR = "medium: 12 bytes of READVAR returned 480 bytes (packets: 2, factor 40.0)"


@pytest.mark.parametrize(
    ("factor", "variables", "line"),
    [
        (None, ("version",), "skip: no mode-6 request was sent"),
        (0.0, (), "pass"), (1.0, ("version",), "pass"),
        (1.01, (), "medium: 12 bytes of READVAR returned 480 bytes (packets: 2, factor 1.0)"),
        (40.0, (), READVAR),
        (40.0, ("version", "system"), f"{READVAR}; variables exposed: version, system"),
    ],
)  # fmt: skip
def test_control_queries(factor: float | None, variables: tuple[str, ...], line: str) -> None:
    facts = GOOD.learn(
        control_factor=factor, control_bytes=480, control_packets=2, control_variables=variables
    )
    assert told(conversation.mode6, facts) == line


@pytest.mark.parametrize(
    ("rule", "changes", "line"),
    [
        (conversation.spoof, {"spoofed": 1},
         "interface listen 192.0.2.123   # a server that replies from the wrong address"),
        (conversation.kiss_rate, {"kiss_codes": ("RATE",)},
         "server 192.0.2.123 minpoll 6 maxpoll 10   # without `burst`"),
    ],
)  # fmt: skip
def test_the_fix_names_the_server(rule: AnyRule, changes: dict[str, Any], line: str) -> None:
    assert fixed(rule, GOOD.learn(**changes), "ntpd") == line


# -- keys and intrusive requests -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (None, ("skip: no symmetric key was tested: give one with --ntp-keys, or no reply was "
         "received")),
        (KeyFacts(key_id=7, algorithm="SHA1", authenticated=True), "pass"),
        (KeyFacts(key_id=7, algorithm="MD5", outcome="nak", authenticated=False),
         "skip: the MD5 key was not accepted: nak"),
        (KeyFacts(key_id=7, algorithm="MD5", outcome="silence"),
         "skip: the MD5 key was not accepted: silence"),
        (KeyFacts(key_id=7, algorithm="MD5", outcome="authenticated", authenticated=True),
         "medium: key 7 of type MD5 authenticated a request and its reply"),
    ],
)  # fmt: skip
def test_md5_keys(key: KeyFacts | None, line: str) -> None:
    facts = GOOD.learn(key=key)
    assert told(access.mac_md5, facts) == line
    if line.startswith("medium"):
        assert hit(access.mac_md5, facts).params == {"what": "accepted", "key": "7"}


LISTED = "bytes (packets: 3, factor 150) and exposed client addresses: 12"


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (None, "skip: no monlist request was sent"),
        (MonlistFacts(items=3), "skip: no monlist request was sent"),
        (MonlistFacts(factor=0.0), "pass"),
        (MonlistFacts(factor=1.0, error=4), "pass"),
        (MonlistFacts(request_bytes=8, packets=3, bytes_received=1200, factor=150.0, items=12),
         f"critical: a mode-7 request of 8 bytes returned 1200 {LISTED}"),
        (MonlistFacts(request_bytes=8, packets=3, bytes_received=1200, factor=150.0, items=12,
                      truncated=True),
         f"critical: a mode-7 request of 8 bytes returned at least 1200 {LISTED}"),
        (MonlistFacts(request_bytes=192, packets=1, bytes_received=80, factor=0.4, items=1),
         ("critical: a mode-7 request of 192 bytes returned 80 bytes (packets: 1, factor 0) and "
         "exposed client addresses: 1")),
        (MonlistFacts(request_bytes=8, packets=1, bytes_received=9, factor=1.1),
         ("critical: a mode-7 request of 8 bytes returned 9 bytes (packets: 1, factor 1) and "
         "exposed client addresses: 0")),
    ],
)  # fmt: skip
def test_lists_of_clients(answer: MonlistFacts | None, line: str) -> None:
    assert told(access.monlist, GOOD.learn(monlist=answer)) == line


@pytest.mark.parametrize(
    ("ports", "line"),
    [
        (None, "skip: no request was sent from port 123"),
        (SourcePortFacts(ephemeral_answered=True, untried="it is in use"),
         "skip: port 123 could not be tested: it is in use"),
        (SourcePortFacts(ephemeral_answered=True), "skip: only one kind of source port was tested"),
        (SourcePortFacts(privileged_answered=False),
         "skip: only one kind of source port was tested"),
        (SourcePortFacts(ephemeral_answered=False, privileged_answered=False),
         "skip: no request was answered from any port"),
        (SourcePortFacts(ephemeral_answered=True, privileged_answered=True), "pass"),
        (SourcePortFacts(ephemeral_answered=True, privileged_answered=False),
         "medium: requests from random ports are answered, requests from port 123 are not"),
        (SourcePortFacts(ephemeral_answered=False, privileged_answered=True),
         "medium: requests from port 123 are answered, requests from random ports are not"),
    ],
)  # fmt: skip
def test_filters_by_source_port(ports: SourcePortFacts | None, line: str) -> None:
    assert told(access.source_port, GOOD.learn(source_port=ports)) == line

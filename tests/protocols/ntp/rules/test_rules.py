"""The thresholds, at their edges."""

from __future__ import annotations

from typing import Any

import pytest

from seventh import protocols
from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.together import judged
from seventh.protocols.ntp.rules.examples import FOUR, GOOD, SILENT
from seventh.rules.rule import Hit, Skip

RULES = {rule.id: rule for rule in protocols.rules("ntp")}


def judge(rule_id: str, **changes: Any) -> Hit | Skip | None:
    return RULES[rule_id](GOOD.learn(**changes))


@pytest.mark.parametrize("rule_id", RULES)
def test_a_silent_server_is_never_passed(rule_id: str) -> None:
    verdict = RULES[rule_id](SILENT)
    if rule_id == "NTP-NO-REPLY":
        assert isinstance(verdict, Hit)
        assert verdict.params["instead"] == "silence, no ICMP"
    elif rule_id == "NTP-SPOOF":
        assert verdict is None, "we listened, and nothing forged came"
    else:
        assert isinstance(verdict, Skip)


@pytest.mark.parametrize(
    ("offset", "severity"),
    [
        (0.104, None),
        (-0.104, None),
        (0.1041, Severity.MEDIUM),
        (-0.5, Severity.MEDIUM),
        (1.01, Severity.HIGH),
        (-127.0, Severity.HIGH),
        (129.0, Severity.CRITICAL),
    ],
)
def test_the_offset_counts_beyond_100_ms_and_half_of_the_delay(
    offset: float, severity: Severity | None
) -> None:
    verdict = judge("NTP-OFFSET", offset_seconds=offset)
    assert (verdict.severity if isinstance(verdict, Hit) else None) is severity


@pytest.mark.parametrize(
    ("own", "said"), [(None, "error bound unknown"), (0.25, "at most 0.250000 s off")]
)
def test_the_offset_says_how_good_our_own_clock_is(own: float | None, said: str) -> None:
    verdict = judge("NTP-OFFSET", offset_seconds=0.5, own_clock_error_seconds=own)
    assert isinstance(verdict, Hit)
    assert verdict.params["own"] == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (2, "at most 0.250000 s off"),  # two agree and nobody tells them from two that are wrong
        (4, "-0.000400 s ± 0.010000 s off, by the majority of 4 servers"),
    ],
)
def test_several_servers_tell_whose_clock_is_wrong(count: int, said: str) -> None:
    assert FOUR.sources is not None
    sources = judged(FOUR.sources.sources[:count], 1)
    verdict = judge("NTP-OFFSET", offset_seconds=0.5, own_clock_error_seconds=0.25, sources=sources)
    assert isinstance(verdict, Hit)
    assert verdict.params["own"] == said


@pytest.mark.parametrize(
    ("jitter", "delay", "fires"),
    [
        (0.0249, 0.08, False),
        (0.0251, 0.08, True),  # beyond 25 ms
        (0.011, 0.02, True),  # beyond half of the delay
        (0.009, 0.02, False),
        (0.004, 0.0002, False),  # scheduling noise of a LAN
        (0.006, 0.0002, True),
    ],
)
def test_jitter(jitter: float, delay: float, fires: bool) -> None:
    verdict = judge("NTP-JITTER", jitter_seconds=jitter, delay_seconds=delay)
    assert isinstance(verdict, Hit) == fires


def test_jitter_needs_two_samples() -> None:
    assert isinstance(judge("NTP-JITTER", jitter_seconds=None), Skip)


@pytest.mark.parametrize(
    ("requests", "replies", "expected"),
    [(4, 3, None), (4, 2, Hit), (8, 6, None), (8, 5, Hit), (3, 2, Skip), (1, 1, Skip)],
)
def test_loss(requests: int, replies: int, expected: type | None) -> None:
    verdict = judge(
        "NTP-LOSS", requests=requests, replies=replies, loss_ratio=1 - replies / requests
    )
    assert verdict is None if expected is None else isinstance(verdict, expected)


def test_the_right_origin_from_the_wrong_address_is_less_than_an_attack() -> None:
    foreign = judge("NTP-SPOOF", spoofed=2, foreign=2, foreign_sources=("192.0.2.9",))
    assert isinstance(foreign, Hit)
    assert foreign.severity is Severity.HIGH
    forged = judge("NTP-SPOOF", spoofed=3, foreign=2)
    assert isinstance(forged, Hit)
    assert forged.severity is Severity.CRITICAL


@pytest.mark.parametrize(("leap", "stratum"), [(3, 2), (0, 16), (3, 16)])
def test_an_unsynchronised_server_is_judged_once(leap: int, stratum: int) -> None:
    facts = GOOD.learn(
        leap=leap, stratum=stratum, root_distance_seconds=9.0, reference_age_seconds=9e9,
        reference_id_hex="7f7f0101",
    )  # fmt: skip
    assert isinstance(RULES["NTP-UNSYNC"](facts), Hit)
    for other in ("STRATUM", "ROOTDIST", "STALE", "LOCALCLOCK", "LEAP", "LOOP"):
        assert isinstance(RULES[f"NTP-{other}"](facts), Skip), other


@pytest.mark.parametrize("code", ["INIT", "STEP"])
def test_ntpd_says_unsynchronised_with_a_kiss(code: str) -> None:
    facts = NtpFacts(requests=1, replies=1, kiss_codes=(code,))
    assert isinstance(RULES["NTP-UNSYNC"](facts), Hit)


def test_a_rate_kiss_says_nothing_about_the_clock() -> None:
    facts = NtpFacts(requests=1, replies=1, kiss_codes=("RATE",))
    assert isinstance(RULES["NTP-UNSYNC"](facts), Skip)
    assert isinstance(RULES["NTP-KOD-RATE"](facts), Hit)


@pytest.mark.parametrize(
    ("rule_id", "field", "passes", "fires"),
    [
        ("NTP-STRATUM", "stratum", 4, 5),
        ("NTP-ROOTDIST", "root_distance_seconds", 1.0, 1.001),
        ("NTP-STALE", "reference_age_seconds", 3600.0, 3601.0),
        ("NTP-MODE6", "control_factor", 1.0, 1.1),
    ],
)
def test_thresholds(rule_id: str, field: str, passes: float, fires: float) -> None:
    assert judge(rule_id, **{field: passes}) is None
    assert isinstance(judge(rule_id, **{field: fires}), Hit)


def test_no_reference_timestamp_is_no_pass() -> None:
    assert isinstance(judge("NTP-STALE", reference_age_seconds=None), Skip)


@pytest.mark.parametrize("code", ["DENY", "RSTR"])
def test_both_denials(code: str) -> None:
    verdict = judge("NTP-KOD-DENY", kiss_codes=(code,))
    assert isinstance(verdict, Hit)
    assert verdict.params["codes"] == (code,)


def test_a_loop_by_our_own_address() -> None:
    verdict = judge("NTP-LOOP", reference_id_hex="c6336407", reference_id="198.51.100.7")
    assert isinstance(verdict, Hit)
    assert "is ours (198.51.100.7)" in str(verdict.params["said"])


def test_a_loop_by_an_ipv6_address() -> None:
    verdict = judge(
        "NTP-LOOP", address="2001:db8::1", local_address="2001:db8::2",
        reference_id_hex="c67a33a6",
    )  # fmt: skip
    assert verdict is None
    import hashlib
    import ipaddress

    packed = ipaddress.ip_address("2001:db8::1").packed
    digest = hashlib.md5(packed, usedforsecurity=False).hexdigest()[:8]
    verdict = judge("NTP-LOOP", address="2001:db8::1", reference_id_hex=digest)
    assert isinstance(verdict, Hit)


def test_a_primary_servers_code_is_no_address() -> None:
    # "LOOP" as four letters of a stratum-1 server, asked at the address that spells the same.
    assert judge("NTP-LOOP", stratum=1, address="76.79.79.80", reference_id_hex="4c4f4f50") is None

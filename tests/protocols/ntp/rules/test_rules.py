"""The thresholds, at their edges."""

from __future__ import annotations

from typing import Any

import pytest

from seventh import protocols
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.together import compare_sources
from seventh.protocols.ntp.rules.examples import FOUR, GOOD, SILENT
from seventh.rules.rule import Hit, Skip
from seventh.rules.words import filled

RULES = {rule.id: rule for rule in protocols.rules("ntp") if rule.facts_type is NtpFacts}


def judge(rule_id: str, **changes: Any) -> Hit | Skip | None:
    return RULES[rule_id](GOOD.learn(**changes))


def evidence(rule_id: str, verdict: Hit) -> str:
    return filled(RULES[rule_id].words, verdict.params).evidence


@pytest.mark.parametrize("rule_id", RULES)
def test_a_silent_server_is_never_passed(rule_id: str) -> None:
    verdict = RULES[rule_id](SILENT)
    if rule_id == "NTP-NO-REPLY":
        assert isinstance(verdict, Hit)
        assert verdict.params["instead"] == ("timeout",)
    elif rule_id == "NTP-SPOOF":
        assert verdict is None, "nothing forged was received"
    else:
        assert isinstance(verdict, Skip)


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (2, "at most 0.250000 s off"),  # two that agree may both be wrong
        (3, "-0.000400 s ± 0.010000 s off, by the majority of 3 servers"),
    ],
)
def test_several_servers_show_whose_clock_is_wrong(count: int, shown: str) -> None:
    assert FOUR.sources is not None
    sources = compare_sources(FOUR.sources.sources[:count], 1)
    verdict = judge("NTP-OFFSET", offset_seconds=0.5, own_clock_error_seconds=0.25, sources=sources)
    assert isinstance(verdict, Hit)
    assert evidence("NTP-OFFSET", verdict).endswith(shown)


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

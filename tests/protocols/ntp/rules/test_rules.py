"""The thresholds, at their edges."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seventh import protocols
from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.nts import NtsFacts
from seventh.protocols.ntp.facts.together import compare_sources
from seventh.protocols.ntp.rules.examples import FOUR, GOOD, SILENT
from seventh.rules.rule import Hit, Skip
from seventh.rules.words import filled

RULES = {rule.id: rule for rule in protocols.rules("ntp")}


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
    ("own", "code", "shown"),
    [(None, "unknown", "error bound unknown"), (0.25, "bounded", "at most 0.250000 s off")],
)
def test_the_offset_says_how_good_our_own_clock_is(
    own: float | None, code: str, shown: str
) -> None:
    verdict = judge("NTP-OFFSET", offset_seconds=0.5, own_clock_error_seconds=own)
    assert isinstance(verdict, Hit)
    assert verdict.params["own"] == code
    assert evidence("NTP-OFFSET", verdict).endswith(f"this machine's clock: {shown}")


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
    assert (verdict.params["what"], verdict.params["ip"]) == ("us", "198.51.100.7")


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


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"spoofed": 3, "spoofed_kisses": 1}, ("forged",)),
        ({"spoofed": 2, "foreign": 2, "foreign_sources": ("192.0.2.9",)}, ("foreign", "sources")),
        (
            {"spoofed": 2, "foreign": 1, "foreign_sources": ("192.0.2.9",)},
            ("forged", "foreign", "sources"),
        ),
    ],
)
def test_forged_and_misdirected_replies_are_counted_apart(
    changes: dict[str, Any], what: tuple[str, ...]
) -> None:
    verdict = judge("NTP-SPOOF", **changes)
    assert isinstance(verdict, Hit)
    assert verdict.params["what"] == what
    assert "…" not in evidence("NTP-SPOOF", verdict)


def test_what_came_instead_of_a_reply() -> None:
    silent = SILENT.learn(
        icmp="port unreachable", malformed=1, malformed_detail="47 bytes", spoofed=3, foreign=1,
        foreign_sources=("192.0.2.9",), nts=NtsFacts(unauthenticated=2),
    )  # fmt: skip
    verdict = RULES["NTP-NO-REPLY"](silent)
    assert isinstance(verdict, Hit)
    assert verdict.params["instead"] == (
        "icmp", "unauthenticated", "malformed", "foreign", "spoofed",
    )  # fmt: skip
    assert (verdict.params["spoofed"], verdict.params["foreign"]) == (2, 1)
    shown = evidence("NTP-NO-REPLY", verdict)
    assert "port unreachable" in shown
    assert "replies from 192.0.2.9: 1" in shown


def test_what_a_control_query_exposes() -> None:
    verdict = judge("NTP-MODE6", control_factor=2.0, control_variables=())
    assert isinstance(verdict, Hit)
    assert verdict.params["what"] == ("amplified",)
    verdict = judge("NTP-MODE6", control_factor=2.0, control_variables=("version",))
    assert isinstance(verdict, Hit)
    assert evidence("NTP-MODE6", verdict).endswith("; variables exposed: version")


@pytest.mark.parametrize(("leap", "seconds"), [(1, "61"), (2, "59")])
def test_an_announced_leap_second_is_information(leap: int, seconds: str) -> None:
    verdict = judge("NTP-LEAP", leap=leap)
    assert isinstance(verdict, Hit)
    assert verdict.severity is Severity.INFO
    assert f"has {seconds} seconds" in evidence("NTP-LEAP", verdict)


@pytest.mark.parametrize(
    ("updates", "initstepslew", "complete", "expected"),
    [
        (3, False, True, None), (-1, True, True, "always"), (0, False, True, "never"),
        (0, True, True, None), (None, True, True, None), (None, False, True, "missing"),
        (None, False, False, Skip),
    ],
)  # fmt: skip
def test_when_the_clock_is_stepped(
    updates: int | None, initstepslew: bool, complete: bool, expected: object
) -> None:
    good = RULES["NTP-MAKESTEP"].good.config
    config = msgspec.structs.replace(
        good, makestep_updates=updates, initstepslew=initstepslew, complete=complete
    )
    verdict = RULES["NTP-MAKESTEP"](NtpFacts(config=config))
    if isinstance(verdict, Hit):
        assert verdict.params["what"] == expected
    else:
        assert verdict is None if expected is None else isinstance(verdict, Skip)

"""The whole verdict on a server's clock and on the header of its replies, at every boundary."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.protocols.ntp.facts import Contradiction, NtpFacts
from seventh.protocols.ntp.facts.sources import SourcesFacts
from seventh.protocols.ntp.rules import clock, header
from seventh.protocols.ntp.rules.examples import FOUR, GOOD, SILENT
from seventh.rules.rule import AnyRule
from tests.verdicts import fixed, told

NO_TIME = "skip: no reply with time was received"
UNSYNCHRONISED = "skip: the server is unsynchronised: see NTP-UNSYNC"


@pytest.mark.parametrize(
    "rule",
    [clock.stratum, clock.root_distance, header.header, header.stale, header.local_clock,
     header.leap, header.loop],
    ids=lambda rule: rule.id,
)  # fmt: skip
def test_a_server_without_time_is_not_judged_by_its_header(rule: AnyRule) -> None:
    assert told(rule, SILENT) == NO_TIME
    for without in ({"leap": 3}, {"stratum": 16}):
        assert told(rule, GOOD.learn(**without)) == UNSYNCHRONISED
    assert told(rule, GOOD) == "pass"


# -- clock -----------------------------------------------------------------------------------------

OWN = "this machine's clock: at most 0.010000 s off"


def majority(count: int, **own: Any) -> SourcesFacts:
    """``count`` servers that agree."""
    assert FOUR.sources is not None
    return replace(FOUR.sources, sources=FOUR.sources.sources[:count], **own)


BOUND = f"± 0.004002 s with a delay of 0.008000 s; {OWN}"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        # A tenth of a second, and the half of 8 ms that an asymmetric path can cause.
        ({"offset_seconds": 0.104}, "pass"), ({"offset_seconds": -0.104}, "pass"),
        ({"offset_seconds": 0.1041}, f"medium: offset +0.104100 s {BOUND}"),
        ({"offset_seconds": 0.125, "delay_seconds": 0.05}, "pass"),
        ({"offset_seconds": -1.0}, f"medium: offset -1.000000 s {BOUND}"),
        ({"offset_seconds": -1.001}, f"high: offset -1.001000 s {BOUND}"),
        ({"offset_seconds": 128.0}, f"high: offset +128.000000 s {BOUND}"),
        ({"offset_seconds": 128.1, "offset_error_seconds": None},
         f"critical: offset +128.100000 s {BOUND.replace('0.004002', '0.000000')}"),
        ({"offset_seconds": None}, NO_TIME), ({"delay_seconds": None}, NO_TIME),
    ],
)  # fmt: skip
def test_offsets(changes: dict[str, Any], line: str) -> None:
    assert told(clock.offset, GOOD.learn(**changes)) == line


@pytest.mark.parametrize(
    ("sources", "own"),
    [
        (None, "at most 0.010000 s off"),
        (majority(2, own_offset_seconds=0.2, own_offset_error_seconds=0.01),
         "at most 0.010000 s off"),
        (majority(3, own_offset_seconds=None), "at most 0.010000 s off"),
        (majority(3, own_offset_seconds=0.2, own_offset_error_seconds=0.03),
         "-0.200000 s ± 0.030000 s off, by the majority of 3 servers"),
        (majority(4, own_offset_seconds=-0.2, own_offset_error_seconds=None),
         "+0.200000 s ± 0.000000 s off, by the majority of 4 servers"),
    ],
)  # fmt: skip
def test_whose_clock_is_wrong(sources: SourcesFacts | None, own: str) -> None:
    facts = GOOD.learn(offset_seconds=0.5, sources=sources)
    assert told(clock.offset, facts).partition("; ")[2] == f"this machine's clock: {own}"


@pytest.mark.parametrize(
    ("jitter", "delay", "line"),
    [
        # 25 ms, or half of a shorter delay, but 5 ms on any path.
        (0.025, 0.08, "pass"),
        (0.0251, 0.08, "medium: jitter 0.025100 s over 4 samples, delay 0.080000 s"),
        (0.01, 0.02, "pass"),
        (0.0101, 0.02, "medium: jitter 0.010100 s over 4 samples, delay 0.020000 s"),
        (0.005, 0.0002, "pass"),
        (0.0051, 0.0002, "medium: jitter 0.005100 s over 4 samples, delay 0.000200 s"),
        (None, 0.08, "skip: fewer than two samples were taken"),
        (0.06, None, "skip: fewer than two samples were taken"),
    ],
)
def test_jitters(jitter: float | None, delay: float | None, line: str) -> None:
    assert told(clock.jitter, GOOD.learn(jitter_seconds=jitter, delay_seconds=delay)) == line


def test_the_fix_of_jitter_names_the_server() -> None:
    line = fixed(clock.jitter, GOOD.learn(jitter_seconds=0.06), "ntpd")
    assert line == "server 192.0.2.123 minpoll 4 maxpoll 6"


@pytest.mark.parametrize(
    ("rule", "changes", "line"),
    [
        (clock.stratum, {"stratum": 4}, "pass"),
        (clock.stratum, {"stratum": 5}, "low: stratum 5, reference ID 203.0.113.9"),
        (clock.root_distance, {"root_distance_seconds": None}, "pass"),
        (clock.root_distance, {"root_distance_seconds": 1.0}, "pass"),
        (clock.root_distance,
         {"root_distance_seconds": 1.001, "root_delay_seconds": 0.002,
          "root_dispersion_seconds": 1.0},
         "medium: root distance 1.001 s = root delay 0.002 s / 2 + root dispersion 1.000 s"),
        (clock.root_distance,
         {"root_distance_seconds": 2.0, "root_delay_seconds": None,
          "root_dispersion_seconds": None},
         "medium: root distance 2.000 s = root delay 0.000 s / 2 + root dispersion 0.000 s"),
    ],
)  # fmt: skip
def test_strata_and_root_distances(rule: AnyRule, changes: dict[str, Any], line: str) -> None:
    assert told(rule, GOOD.learn(**changes)) == line


# -- header ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (SILENT, NO_TIME),
        (SILENT.learn(kiss_codes=("RATE", "DENY")), NO_TIME),
        (SILENT.learn(kiss_codes=("STEP",)),
         "critical: leap indicator 3, stratum 16, reference ID STEP"),
        (SILENT.learn(kiss_codes=("STEP", "INIT")),
         "critical: leap indicator 3, stratum 16, reference ID INIT, STEP"),
        (GOOD.learn(kiss_codes=("INIT",)), "pass"),
        (GOOD.learn(leap=3), "critical: leap indicator 3, stratum 2, reference ID 203.0.113.9"),
        (GOOD.learn(leap=None, stratum=16, reference_id=""),
         "critical: leap indicator 0, stratum 16, reference ID none"),
    ],
)  # fmt: skip
def test_unsynchronised_servers(facts: NtpFacts, line: str) -> None:
    assert told(header.unsynchronised, facts) == line


LATER = "the reference timestamp is later than the transmit timestamp"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"contradictions": (Contradiction.REFERENCE_LATER,), "reference_age_seconds": -2.5},
         f"medium: {LATER} (age -2.500 s)"),
        ({"contradictions": (Contradiction.ROOT_DISTANCE,), "root_distance_seconds": 16.5},
         "medium: root delay / 2 + root dispersion is 16.500 s (limit: 16 s)"),
        ({"contradictions": tuple(Contradiction), "reference_age_seconds": None,
          "root_distance_seconds": None},
         (f"medium: {LATER} (age 0.000 s); root delay / 2 + root dispersion is 0.000 s "
         "(limit: 16 s)")),
    ],
)  # fmt: skip
def test_headers_that_contradict_themselves(changes: dict[str, Any], line: str) -> None:
    assert told(header.header, GOOD.learn(**changes)) == line


@pytest.mark.parametrize(
    ("age", "poll", "line"),
    [
        (3600.0, 64.0, "pass"),
        (3601.0, 64.0, "medium: reference timestamp 60 min old, poll interval 64 s"),
        (7200.0, None, "medium: reference timestamp 120 min old, poll interval 0 s"),
        (None, 64.0, "skip: the server sends no reference timestamp"),
    ],
)
def test_stale_clocks(age: float | None, poll: float | None, line: str) -> None:
    facts = GOOD.learn(reference_age_seconds=age, poll_seconds=poll)
    assert told(header.stale, facts) == line


@pytest.mark.parametrize(
    ("refid", "line"),
    [
        ("4c4f434c", "medium: reference ID shown (local clock) at stratum 2"),  # LOCL
        ("7f7f0100", "medium: reference ID shown (local clock) at stratum 2"),
        ("7f7f01ff", "pass"),  # chrony, smoothing
        ("7f7f01fe", "medium: reference ID shown (local clock) at stratum 2"),
        ("7f7f0200", "pass"),
        ("cb007109", "pass"),
    ],
)
def test_local_clocks(refid: str, line: str) -> None:
    facts = GOOD.learn(reference_id="shown", reference_id_hex=refid)
    assert told(header.local_clock, facts) == line


def sources(*leaps: int | None, smears: str = "", **alike: Any) -> NtpFacts:
    """Servers judged together, each with its leap indicator; the last may smear."""
    assert FOUR.sources is not None
    listed = [
        replace(source, leap=leap, **alike)
        for source, leap in zip(FOUR.sources.sources, leaps, strict=False)
    ]
    listed[-1] = replace(listed[-1], smears=smears)
    return NtpFacts(sources=replace(FOUR.sources, sources=tuple(listed)))


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (GOOD.learn(leap=1),
         "info: leap indicator 1: the last minute of this month has 61 seconds"),
        (GOOD.learn(leap=2),
         "info: leap indicator 2: the last minute of this month has 59 seconds"),
        (GOOD.learn(leap=None), "pass"),
        (sources(0, 1, 1), ("high: no leap second announced by 192.0.2.10; "
         "61-second minute announced by 192.0.2.11, 192.0.2.12")),
        (sources(2, 3), ("high: 59-second minute announced by 192.0.2.10; "
         "unsynchronised: 192.0.2.11")),
        (sources(1, 1), "pass"),
        (sources(1, 0, smears="Google, 24 h linear"), NO_TIME),
        (sources(1, 1, 0, smears="Google, 24 h linear"), "pass"),
        (sources(1, None), NO_TIME),
        (sources(1), NO_TIME),
        # One server of several: its own header counts where they agree.
        (GOOD.learn(leap=1, sources=sources(1, 1).sources),
         "info: leap indicator 1: the last minute of this month has 61 seconds"),
    ],
)  # fmt: skip
def test_leap_seconds(facts: NtpFacts, line: str) -> None:
    assert told(header.leap, facts) == line


def following(*refids: str) -> NtpFacts:
    """Servers judged together, each with its upstream's address as the reference ID."""
    assert FOUR.sources is not None
    listed = [
        replace(source, reference_id_hex=refid or source.reference_id_hex)
        for source, refid in zip(FOUR.sources.sources, refids, strict=False)
    ]
    return NtpFacts(sources=replace(FOUR.sources, sources=tuple(listed)))


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (GOOD.learn(reference_id="own", reference_id_hex="c000027b"),
         "medium: reference ID own is the server's own address 192.0.2.123, stratum 2"),
        (GOOD.learn(reference_id="ours", reference_id_hex="c6336407", stratum=3),
         "medium: reference ID ours is this machine's address 198.51.100.7, stratum 3"),
        (GOOD.learn(reference_id_hex="c000027b", stratum=1), "pass"),
        (GOOD.learn(reference_id_hex="c000027b", address=""), "pass"),
        # 192.0.2.10 to .13 are c000020a to c000020d.
        (following("c000020b", "c000020a", ""),
         "medium: servers synchronise to each other: 192.0.2.10 → 192.0.2.11 → 192.0.2.10"),
        (following("c000020b", "c000020c", "c000020a"), ("medium: servers synchronise to each "
         "other: 192.0.2.10 → 192.0.2.11 → 192.0.2.12 → 192.0.2.10")),
        (following("c000020b", "c000020a", "c000020d", "c000020c"),
         ("medium: servers synchronise to each other: 192.0.2.10 → 192.0.2.11 → 192.0.2.10, "
         "192.0.2.12 → 192.0.2.13 → 192.0.2.12")),
        (following("c000020b", "", ""), "pass"),
        (following("", ""), "pass"),
        (following(""), NO_TIME),
    ],
)  # fmt: skip
def test_timing_loops(facts: NtpFacts, line: str) -> None:
    assert told(header.loop, facts) == line

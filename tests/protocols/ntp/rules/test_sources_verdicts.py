"""The whole verdict on several servers, or on the lists of a file, with its lines."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts
from seventh.protocols.ntp.facts.sources import SourceFacts, SourcesFacts
from seventh.protocols.ntp.rules import sources as rules
from seventh.rules.rule import AnyRule
from tests.verdicts import hit, told

TWO_NEEDED = "skip: servers that gave time: {}; a comparison needs two"
GOOGLE, AWS = "Google, 24 h linear", "AWS, 24 h linear"
META = "Meta, 17 h after the leap second"


def server(last: int, verdict: Any = "truechimer", **more: Any) -> SourceFacts:
    alike: dict[str, Any] = {
        "address": f"192.0.2.{last}", "stratum": 2, "leap": 0, "verdict": verdict,
        "reference_id": f"up{last}", "reference_id_hex": f"cb0071{last:02x}",
        "offset_seconds": 0.25, "error_seconds": 0.01,
    }  # fmt: skip
    return SourceFacts(**{**alike, **more})


def judged(*listed: SourceFacts, **more: Any) -> NtpFacts:
    """Servers whose comparison is done."""
    return NtpFacts(sources=SourcesFacts(sources=listed, targets=len(listed), **more))


def line(name: str, kind: str = "server", **more: Any) -> ConfiguredSource:
    text = f"{kind} {name}"
    return ConfiguredSource(kind=kind, name=name, setting=text.lower(), text=text, **more)


def file(*listed: ConfiguredSource, **more: Any) -> NtpFacts:
    config = NtpConfigFacts(product="chrony", version="4.3", complete=True, sources=listed)
    return NtpFacts(config=replace(config, **more))


@pytest.mark.parametrize(
    "rule", [rules.falseticker, rules.smear_mix, rules.same_upstream], ids=lambda rule: rule.id
)
def test_one_server_is_no_comparison(rule: AnyRule) -> None:
    assert told(rule, NtpFacts()) == (
        "skip: only one server was checked: name several, or a pool, to compare them"
    )
    assert told(rule, judged()) == TWO_NEEDED.format(0)
    assert told(rule, judged(server(1), server(2, "unusable"), server(3, "repeated"))) == (
        TWO_NEEDED.format(1)
    )
    assert told(rule, judged(server(1), server(2))) == "pass"
    empty = "skip: no servers to compare: the file has no selectable source"
    assert told(rule, file()) == empty
    assert told(rule, file(line("a", noselect=True))) == empty


ONE = "192.0.2.1: +0.250000 s ± 0.010000 s"
NO_MAJORITY = "no majority agrees, so at least half of the servers are wrong"
MAJORITY = "the majority of 2 servers places true time -0.100000 to +0.200000 s from this "
BOUNDS = {"low_seconds": -0.1, "high_seconds": 0.2}


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        (judged(server(1), server(2, "alone")), "pass"),
        (judged(server(1, "falseticker"), server(2)), f"high: {ONE}; {NO_MAJORITY}"),
        (judged(server(1, "falseticker"), server(2), **BOUNDS),
         f"high: {ONE}; {MAJORITY}machine's clock"),
        (judged(server(1, "falseticker"), server(2), low_seconds=0.1),
         f"high: {ONE}; {NO_MAJORITY}"),
        (judged(server(1, "falseticker"), server(2), high_seconds=0.1),
         f"high: {ONE}; {NO_MAJORITY}"),
        (judged(server(1, "outvoted"), server(2), **BOUNDS), ("medium: "
         f"{ONE}; clients discard it, although it may be correct; {MAJORITY}machine's clock")),
        # What is surely wrong is shown alone.
        (judged(server(1, "falseticker"), server(2, "outvoted")), f"high: {ONE}; {NO_MAJORITY}"),
        (judged(server(1, "undecided"), server(2, "undecided", offset_seconds=None,
                                               error_seconds=None)),
         f"high: {ONE}, 192.0.2.2: +0.000000 s ± 0.000000 s; {NO_MAJORITY}"),
        (judged(server(2, "falseticker"), server(1, "undecided")), f"high: {ONE}; {NO_MAJORITY}"),
    ],
)  # fmt: skip
def test_falsetickers(facts: NtpFacts, shown: str) -> None:
    assert told(rules.falseticker, facts) == shown


@pytest.mark.parametrize(
    ("leap", "other", "smear"),
    [(1, 1.25, True), (2, -0.75, True), (1, 1.3, False), (0, 0.5, False), (3, 0.5, False),
     (None, 0.5, False)],
)  # fmt: skip
def test_a_smear_is_at_most_a_second_while_a_leap_second_is_announced(
    leap: int | None, other: float, smear: bool
) -> None:
    facts = judged(server(1, "falseticker", leap=leap), server(2, leap=0, offset_seconds=other))
    end = "; a leap second is announced, so this may be a smear" if smear else ""
    assert told(rules.falseticker, facts) == f"high: {ONE}; {NO_MAJORITY}{end}"


@pytest.mark.parametrize(
    ("facts", "shown", "settings"),
    [
        (judged(server(1, smears=GOOGLE, smears_by="name g"), server(2)),
         f"high: 192.0.2.1 (name g): {GOOGLE}; without smearing: 192.0.2.2", ()),
        (judged(server(1, smears=GOOGLE, smears_by="a"), server(2, smears=META, smears_by="b")),
         (f"high: 192.0.2.1 (a): {GOOGLE}, 192.0.2.2 (b): {META}; these smear in different "
          "ways"), ()),
        (judged(server(1, smears=GOOGLE), server(2, smears=AWS)), "pass", ()),
        (judged(server(1, smears="chrony smoothtime"), server(2, smears="ntpd leapsmearinterval")),
         ("high: 192.0.2.1 (): chrony smoothtime, 192.0.2.2 (): ntpd leapsmearinterval; these "
          "smear in different ways"), ()),
        (file(line("g", smears=GOOGLE), line("a"), line("b")),
         f"high: g: {GOOGLE}; without smearing: a, b", ("server g",)),
        (file(line("g", smears=GOOGLE), line("m", smears=META)),
         f"high: g: {GOOGLE}, m: {META}; these smear in different ways",
         ("server g", "server m")),
        (file(line("g", smears=GOOGLE), line("a", noselect=True), line("w", smears=AWS)), "pass",
         ()),
        (file(line("a")), "skip: the file has only one source", ()),
        (file(line("a"), line("b")), "pass", ()),
        # A machine that inserts the leap second itself differs from all of its sources.
        (file(line("g", smears=GOOGLE), leap_seconds="leapsectz right/UTC"),
         f"high: g: {GOOGLE}; this machine inserts leap seconds itself (leapsectz right/UTC)",
         ("leapsectz", "server g")),
        (file(line("g", smears=GOOGLE)), "skip: the file has only one source", ()),
        (file(line("a"), line("b"), leap_seconds="leapsectz right/UTC"), "pass", ()),
    ],
)  # fmt: skip
def test_smears(facts: NtpFacts, shown: str, settings: tuple[str, ...]) -> None:
    assert told(rules.smear_mix, facts) == shown
    if settings:
        assert hit(rules.smear_mix, facts).settings == settings


HOW_MANY = "how many a client uses is not known"


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        (NtpFacts(), f"skip: only one server was checked: {HOW_MANY}"),
        (NtpFacts(sources=SourcesFacts(targets=1, sources=(server(1),))),
         f"skip: the name resolves to one server: {HOW_MANY}"),
        (NtpFacts(sources=SourcesFacts(targets=1, sources=(server(1), server(2)))),
         "medium: usable sources: 2 (192.0.2.1, 192.0.2.2)"),
        (judged(server(1), server(2, "unusable")), "medium: usable sources: 1 (192.0.2.1)"),
        (judged(server(1, "unusable"), server(2, "unusable")),
         "medium: usable sources: 0 (none)"),
        (judged(server(1), server(2), server(3)),
         "medium: usable sources: 3 (192.0.2.1, 192.0.2.2, 192.0.2.3)"),
        (judged(server(1), server(2), server(3), server(4)), "pass"),
    ],
)  # fmt: skip
def test_few_servers(facts: NtpFacts, shown: str) -> None:
    assert told(rules.few, facts) == shown


POOL = "pool pool.ntp.org iburst maxsources 4"


@pytest.mark.parametrize(
    ("facts", "shown", "lines"),
    [
        (file(complete=False),
         "skip: the file is a part of a configuration; other parts may set this", ()),
        (file(), "medium: usable sources: 0 (none)", (POOL,)),
        (file(line("a"), line("p", "peer"), reference_clocks=("PPS /dev/pps0",)),
         "medium: usable sources: 3 (a, p, PPS /dev/pps0)", (POOL,)),
        (file(line("a"), line("p", "peer"), line("b"), reference_clocks=("PPS /dev/pps0",)),
         "pass", ()),
        (file(line("x", "pool")), "pass", ()),
        (file(line("x", "pool", maxsources=3)), "medium: usable sources: 3 (x)", (POOL,)),
        (file(line("x", "pool", maxsources=3), line("a")), "pass", ()),
        # ``maxsources`` of a server line means nothing.
        (file(line("a", maxsources=4)), "medium: usable sources: 1 (a)", (POOL,)),
        (file(line("x", "pool"), sources_at_most=3), "medium: usable sources: 3 (x)",
         ("tos maxclock 10", POOL)),
        (file(*(line(name) for name in "abcd"), sources_at_most=3),
         "medium: usable sources: 3 (a, b, c, d)", ("tos maxclock 10",)),
        (file(line("x", "pool"), sources_at_most=4), "pass", ()),
    ],
)  # fmt: skip
def test_few_sources_in_a_file(facts: NtpFacts, shown: str, lines: tuple[str, ...]) -> None:
    assert told(rules.few, facts) == shown
    if lines:
        found = hit(rules.few, facts)
        assert found.fixes == {"chrony": lines}
        assert facts.config is not None
        assert found.settings == tuple(source.setting for source in facts.config.sources)


def behind(last: int, upstream: int) -> SourceFacts:
    """A server that synchronises to 192.0.2.``upstream``."""
    return server(
        last, reference_id=f"192.0.2.{upstream}", reference_id_hex=f"c00002{upstream:02x}"
    )


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        (judged(behind(1, 99), behind(2, 99), server(3)),
         "medium: same upstream: 192.0.2.1, 192.0.2.2 → 192.0.2.99"),
        (judged(behind(1, 2), server(2)),
         "medium: one source is the upstream of another: 192.0.2.1 → 192.0.2.2"),
        (judged(behind(1, 3), behind(2, 3), server(3)),
         ("medium: same upstream: 192.0.2.1, 192.0.2.2 → 192.0.2.3; one source is the upstream of "
          "another: 192.0.2.1 → 192.0.2.3, 192.0.2.2 → 192.0.2.3")),
        (judged(behind(1, 2), behind(2, 1)), "pass"),  # NTP-LOOP's
        (judged(behind(1, 2), behind(2, 1), behind(3, 2)),
         ("medium: same upstream: 192.0.2.1, 192.0.2.3 → 192.0.2.2; one source is the upstream of "
          "another: 192.0.2.3 → 192.0.2.2")),
        (file(line("a")), "skip: the file has only one source"),
        (file(line("a"), line("b")), "pass"),
        (file(line("NTP.example."), line("b"), line("ntp.Example"), line("B"), line("b")),
         "medium: configured more than once: ntp.example (2), b (3)"),
        (file(line("a"), line("a", noselect=True), line("b")), "pass"),
    ],
)  # fmt: skip
def test_one_upstream(facts: NtpFacts, shown: str) -> None:
    assert told(rules.same_upstream, facts) == shown


def test_all_but_the_first_line_of_a_name_are_to_be_removed() -> None:
    found = hit(rules.same_upstream, file(line("A"), line("b"), line("a."), line("a"), line("B")))
    assert found.settings == ("server a", "server a.", "server a", "server b", "server b")
    assert found.fixes == {
        "chrony": tuple(f"# remove the second of: server {name}" for name in ("a.", "a", "B"))
    }
    many = hit(rules.same_upstream, file(*[line("a")] * 12))
    assert len(many.fixes["chrony"]) == 8

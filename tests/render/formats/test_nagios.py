"""Nagios' plugin output: one line, by the guidelines' grammar."""

from __future__ import annotations

import re

import msgspec
import pytest

from seventh import protocols
from seventh.model.sample import Sample
from seventh.model.severity import Severity
from seventh.model.tlsfacts import Certificate, TlsFacts
from seventh.protocols.ntp.facts import NtpFacts
from seventh.render import View, render
from seventh.rules.rule import Hit
from tests.render.samples import BROKEN, CLEAN, EMPTY, FOUND, SHAPES, document, report

pytestmark = pytest.mark.usefixtures("demo_room")

VALUE = r"-?[0-9]+(?:\.[0-9]+)?"
PERFDATUM = re.compile(
    rf"'(?P<label>[^'=|]+)'=(?P<value>{VALUE})(?P<unit>s|us|ms|%|B|KB|MB|TB|c)?"
    rf";(?:{VALUE})?;(?:{VALUE})?;(?P<min>{VALUE})?;(?P<max>{VALUE})?"
)


def perfdata(text: str) -> dict[str, tuple[str, str | None]]:
    """Parse a plugin's output by the guidelines' grammar; anything else in the data is an error."""
    first = text.splitlines()[0]
    assert first.count("|") == 1
    assert text.count("|") == 1
    data = first.split(" | ")[1]
    assert re.fullmatch(
        rf"{PERFDATUM.pattern}(?: {re.sub('P<[a-z]+>', ':', PERFDATUM.pattern)})*", data
    )
    return {m["label"]: (m["value"], m["unit"]) for m in PERFDATUM.finditer(data)}


def plugin(*reports: object, **view: object) -> str:
    return render("nagios", document(*reports), View(**view))  # type: ignore[arg-type]


def test_one_target_is_one_line() -> None:
    text = plugin(CLEAN)
    assert text.startswith("SEVENTH OK - demo://127.0.0.1:2222 no findings in 41.2 ms | ")
    assert perfdata(text) == {
        "time": ("0.0412", "s"),
        "phase connect": ("0.0012", "s"),
        "rtt": ("0.0001", "s"),
    }


@pytest.mark.field
def test_every_phase_and_metric_is_there_on_request() -> None:
    assert perfdata(plugin(CLEAN, verbose=True)) == {
        "time": ("0.0412", "s"),
        "phase connect": ("0.0012", "s"),
        "phase ssh.banner": ("0.0221", "s"),
        "rtt": ("0.0001", "s"),
        "seventh_rtt_seconds": ("0.0001", "s"),
    }


def test_several_targets_take_the_worst_state_and_labels_of_their_own() -> None:
    text = plugin(*SHAPES)
    assert text.startswith("SEVENTH CRITICAL - 4 targets: 2 critical, 1 unknown, 1 ok; demo://weak")
    data = perfdata(text)
    assert data["demo://weak.example:7 time"] == ("0.0412", "s")
    assert len(data) == len(PERFDATUM.findall(text))
    assert "[UNKNOWN] demo://nowhere.example:7 internal-error" in text
    assert plugin(EMPTY, CLEAN).startswith("SEVENTH UNKNOWN - ")
    assert plugin() == "SEVENTH UNKNOWN - no target\n"


def test_the_long_output_says_what_to_change() -> None:
    lines = plugin(FOUND).splitlines()
    assert "  high DEMO-WEAK: Weak algorithms: offers weak, weaker" in lines
    assert any(line.strip().startswith("fix in demod: Algorithms strong-one") for line in lines)
    assert "  skipped DEMO-TOLD: nothing was told" in plugin(FOUND, verbose=True).splitlines()


def test_units_follow_the_metric_names() -> None:
    samples = (
        Sample("a_seconds", (), 1e-7),
        Sample("b_bytes", (), 2.0),
        Sample("c_total", (("kind", "one"),), 3.0),
        Sample("d_ratio", (), 0.25),
        Sample("e", (), -1.5),
        Sample("f_seconds", (), 1e300),
    )
    text = plugin(report(metrics=samples))
    data = perfdata(text)
    assert data["a"] == ("0.0000001", "s")
    assert data["b"] == ("2", "B")
    assert data['c_total{kind:"one"}'] == ("3", "c")
    assert data["e"] == ("-1.5", None)
    assert "'d'=25%;;;0;100" in text


def test_without_watched_metrics_the_first_eight_are_there() -> None:
    samples = tuple(Sample(f"m{number}", (), 1.0) for number in range(10))
    phase = Sample("seventh_phase_seconds", (("phase", "tls"),), 1.0)
    assert list(perfdata(plugin(report(metrics=(phase, *samples), phases=())))) == [
        "time", *(f"m{number}" for number in range(8)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "short", "whole"),
    [
        ("seventh_a_ratio", 0.0, "'a'=0%;;;0;100", "'seventh_a_ratio'=0;;;;"),
        ("seventh_a_ratio", 1.0, "'a'=100%;;;0;100", "'seventh_a_ratio'=1;;;;"),
        ("seventh_a_ratio", 1.5, "'a_ratio'=1.5;;;;", "'seventh_a_ratio'=1.5;;;;"),
        ("seventh_a_ratio", -0.5, "'a_ratio'=-0.5;;;;", "'seventh_a_ratio'=-0.5;;;;"),
        ("a_seconds", 2.5, "'a'=2.5s;;;;", "'a_seconds'=2.5s;;;;"),
        ("a_bytes", 1e15, "'a'=1000000000000000B;;;0;", "'a_bytes'=1000000000000000B;;;0;"),
        ("a_total", 3.0, "'a_total'=3c;;;0;", ""),  # once is enough
        ("a_timestamp_seconds", 1795327260.4, "'a'=60s;;;;",
         "'a_timestamp_seconds'=1795327260.400000095;;;;"),
    ],
)  # fmt: skip
def test_a_metric_is_short_and_with_verbose_whole(
    name: str, value: float, short: str, whole: str
) -> None:
    made = report(metrics=(Sample(name, (), value),), phases=())
    time = "'time'=0.0412s;;;0;"
    assert plugin(made).splitlines()[0].partition(" | ")[2] == f"{time} {short}"
    shown = plugin(made, verbose=True).splitlines()[0].partition(" | ")[2]
    assert shown == f"{time} {short} {whole}".rstrip()


@pytest.mark.field
def test_an_expiry_is_the_time_that_is_left_and_has_the_bounds_of_its_rule() -> None:
    leaf = Certificate(subject="CN=x", issuer="CN=y", days_left=20.0, lifetime_days=90.0)
    made = report(
        facts={"tls": TlsFacts(chain=(leaf,))},
        metrics=(Sample("seventh_cert_expiry_timestamp_seconds", (), 1795327200.0 + 20 * 86400),),
    )
    assert "'cert_expiry'=1728000s;2592000:;604800:;;" in plugin(made)


@pytest.mark.field
@pytest.mark.parametrize("offset", [0.09, 0.11, 0.99, 1.01, -0.11, -1.5])
def test_bounds_say_what_the_rule_says(offset: float) -> None:
    """Between the graph's lines and the verdict there is no gap."""
    ntp = NtpFacts(offset_seconds=offset, delay_seconds=0.01, offset_error_seconds=0.005)
    (watched, *_) = protocols.watched("ntp")
    assert watched.metric == "seventh_ntp_offset_seconds"
    assert watched.bounds is not None
    bounds = watched.bounds(ntp)
    verdict = next(rule for rule in protocols.rules("ntp") if rule.id == "NTP-OFFSET")(
        ntp.learn(stratum=2, leap=0)
    )
    assert isinstance(verdict, Hit) is _outside(offset, bounds.warning)
    high = isinstance(verdict, Hit) and verdict.severity is Severity.HIGH
    assert high is _outside(offset, bounds.critical)


def _outside(value: float, within: str) -> bool:
    low, high = map(float, within.split(":"))
    return not low <= value <= high


@pytest.mark.field
@pytest.mark.parametrize("room", protocols.rooms())
def test_what_is_watched_is_among_the_metrics(room: str) -> None:
    watched = protocols.watched(room)
    known = {metric.name for metric in protocols.rooms()[room].metrics}
    assert {each.metric for each in watched} <= known
    assert len(watched) <= 8


def test_pipes_quotes_and_line_ends_cannot_break_the_line() -> None:
    hostile = report(
        target="demo://a|b'=c:7",
        phases=(msgspec.structs.replace(CLEAN.phases[0], name="x'=1;2;3|\n'y"),),
        metrics=(Sample("m", (("l", "a'b=c|d"),), 1.0),),
        failure=msgspec.structs.replace(BROKEN.failure, detail="one | 'time'=9\ntwo"),
    )
    for text in (plugin(hostile), plugin(hostile, hostile)):
        assert not any("9" in value for value, _ in perfdata(text).values())

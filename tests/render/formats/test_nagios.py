"""Nagios' plugin output: one line, by the guidelines' grammar."""

from __future__ import annotations

import re

import msgspec
import pytest

from seventh.model.sample import Sample
from seventh.render import View, render
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
    assert text.startswith("SEVENTH OK - demo://127.0.0.1:2222 nothing found in 41.2 ms | ")
    assert perfdata(text) == {
        "time": ("0.0412", "s"),
        "phase connect": ("0.0012", "s"),
        "phase ssh.banner": ("0.0221", "s"),
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
    assert plugin().startswith("SEVENTH UNKNOWN - no target")


def test_the_long_output_says_what_to_change() -> None:
    lines = plugin(FOUND).splitlines()
    assert "  high DEMO-WEAK: Weak algorithms: offers weak, weaker" in lines
    assert any(line.strip().startswith("fix in demod: Algorithms strong-one") for line in lines)
    assert "  not judged DEMO-TOLD: nothing was told" in plugin(FOUND, verbose=True).splitlines()


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
    assert data["a_seconds"] == ("0.0000001", "s")
    assert data["b_bytes"] == ("2", "B")
    assert data['c_total{kind:"one"}'] == ("3", "c")
    assert data["e"] == ("-1.5", None)
    assert "'d_ratio'=0.25;;;0;1" in text


def test_pipes_quotes_and_line_ends_cannot_break_the_line() -> None:
    hostile = report(
        target="demo://a|b'=c:7",
        phases=(msgspec.structs.replace(CLEAN.phases[0], name="x'=1;2;3|\n'y"),),
        metrics=(Sample("m", (("l", "a'b=c|d"),), 1.0),),
        failure=msgspec.structs.replace(BROKEN.failure, detail="one | 'time'=9\ntwo"),
    )
    for text in (plugin(hostile), plugin(hostile, hostile)):
        assert not any("9" in value for value, _ in perfdata(text).values())

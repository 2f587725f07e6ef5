"""Phases as bars: which share a row, how many are shown, and where the columns are."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.render.entries import PhaseEntry
from seventh.render.phase_lines import bar, lines
from seventh.render.view import View

PHASE = PhaseEntry(name="a", start_seconds=0, seconds=1.0, clock="kernel", outcome="ok",
                   address=None)  # fmt: skip


def shown(*phases: PhaseEntry, view: View | None = None) -> list[str]:
    bars = [(phase, number / len(phases), 1 / len(phases)) for number, phase in enumerate(phases)]
    return [line.plain for line in lines(bars, view or View(width=60))]


def styles(*phases: PhaseEntry, **view: Any) -> list[list[str]]:
    bars = [(phase, 0.0, 1.0) for phase in phases]
    made = lines(bars, View(width=60, **view))
    return [[str(span.style) for span in line.spans] for line in made]


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({}, 1), ({"name": "b"}, 2), ({"clock": "user"}, 2), ({"outcome": "failed"}, 2),
        ({"address": "192.0.2.1"}, 1), ({"seconds": 9.0}, 1),
    ],
)  # fmt: skip
def test_phases_of_one_name_clock_and_outcome_share_a_row(
    changes: dict[str, Any], rows: int
) -> None:
    second = replace(PHASE, **changes)
    assert len(shown(PHASE, second)) == rows
    assert len(shown(PHASE, second, view=View(width=60, verbose=True))) == 2


def test_a_row_has_its_name_its_bars_their_sum_and_its_clock() -> None:
    longer, again = replace(PHASE, name="longer", clock="user"), replace(PHASE, seconds=2.5)
    assert shown(PHASE, longer, again) == [
        "  a ×2    ██████████          ██████████   3.50 s  kernel",
        "  longer            ██████████             1.00 s  user",
    ]  # fmt: skip
    assert shown(replace(PHASE, outcome="failed")) == [f"  a  {'█' * 35}   1.00 s  kernel ✖"]
    user = replace(PHASE, outcome="failed", clock="user")
    assert shown(user) == [f"  a  {'█' * 35}   1.00 s  user   ✖"]
    assert shown(user, view=View(width=60, ascii=True)) == [f"  a  {'#' * 35}   1.00 s  user   x"]


def test_colours_are_for_the_clock_and_for_what_failed() -> None:
    assert styles(PHASE, replace(PHASE, clock="user"), replace(PHASE, outcome="failed")) == [
        ["green", "dim"], ["cyan", "dim"], ["red", "dim", "bold red"],
    ]  # fmt: skip
    many = [replace(PHASE, name=f"p{number}") for number in range(25)]
    (more,) = [
        line for line in lines([(phase, 0.0, 1.0) for phase in many], View()) if not line.spans
    ]
    assert more.style == "dim"


def test_addresses_are_named_if_there_are_several() -> None:
    one, other = replace(PHASE, address="::1"), replace(PHASE, address="::2")
    assert [line.split("█")[0].split() for line in shown(one, one)] == [["a", "×2"]]
    assert [line[:8].strip() for line in shown(one, other, PHASE)] == ["a ::1", "a ::2", "a"]


@pytest.mark.parametrize(
    ("count", "last"),
    [
        (24, None), (25, "  … and 1 phase more (-v)"), (26, "  … and 2 phases more (-v)"),
    ],
)  # fmt: skip
def test_24_rows_are_shown(count: int, last: str | None) -> None:
    phases = [replace(PHASE, name=f"p{number}") for number in range(count)]
    made = shown(*phases)
    assert len(made) == min(count, 25)
    assert (made[-1] if last else None) == last
    assert len(shown(*phases, view=View(width=60, verbose=True))) == count


def test_a_long_name_has_half_the_width_less_8_and_a_bar_60_columns_at_most() -> None:
    long = replace(PHASE, name="n" * 40)
    assert shown(long)[0].startswith(f"  {'n' * 10}…{'n' * 11}  █")
    assert shown(PHASE, view=View(width=200))[0].count("█") == 60


@pytest.mark.parametrize(
    ("begin", "length", "cells"),
    [
        (0.0, 1.0, "████████"),
        (0.5, 0.5, "    ████"),
        (0.49, 0.1, "   ▊    "),
        (0.125, 0.0, " ▏      "),
        (0.999, 0.0, "       ▏"),
        (1.5, 0.5, "       █"),
        (-0.5, 0.25, "██      "),
        (0.0, 0.203125, "█▋      "),
        (0.75, 9.0, "      ██"),
        (0.3 - 1e-17, 0.125, "  █     "),
    ],
)
def test_a_bar_is_drawn_to_an_eighth_of_a_cell(begin: float, length: float, cells: str) -> None:
    assert bar(begin, length, 8, ascii_only=False) == cells
    plain = bar(begin, length, 8, ascii_only=True)
    assert plain.strip("# ") == ""
    assert len(plain) == 8


@pytest.mark.parametrize(
    ("length", "cells"), [(0.0, "#       "), (0.17, "#       "), (0.2, "##      "), (1, "########")]
)
def test_in_ascii_it_is_drawn_to_a_whole_cell(length: float, cells: str) -> None:
    assert bar(0.0, length, 8, ascii_only=True) == cells

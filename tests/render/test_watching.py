"""The table of ``seventh watch``: its order is kept, what is wrong is seen, nothing is hidden."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from seventh.model.failure import Blame, Reason
from seventh.render.watching import Footer, TargetRow, change, table, why
from seventh.watch.alerts import Hold
from seventh.watch.samples import Cause
from seventh.watch.verdict import Condition

SECOND = 10**9
REFUSED = Cause(Reason.CONNECT_REFUSED, "connect", Blame.PEER)
CALM = Footer(lag_ns=1_500_000)


def row(name: str, condition: Condition, since: int = 0, **fields: object) -> TargetRow:
    return TargetRow(name=name, condition=condition, since_ns=since, **fields)  # type: ignore[arg-type]


HELD = (
    "d       down       10.0 s        -  "
    "connect-refused (connect); alert held: a target that it needs i…"
)
ROWS = [
    row("a", Condition.UP, 100 * SECOND, total_ns=41_200_000),
    row("b", Condition.UNKNOWN),
    row("c", Condition.UP, 100 * SECOND, failing=True, cause=REFUSED),
    row("d", Condition.DOWN, 4000 * SECOND, failing=True, cause=REFUSED, hold=Hold.PARENT),
]


def drawn(rows: list[TargetRow], footer: Footer = CALM, most: int = 10) -> list[str]:
    console = Console(file=io.StringIO(), width=100, _environ={})
    with console.capture() as captured:
        console.print(table(rows, footer, 4010 * SECOND, most))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_the_order_is_that_of_the_configuration() -> None:
    assert drawn(ROWS) == [
        "target                for     time",
        "a       up       65.2 min  41.2 ms",
        "b       unknown         -        -",
        "c       up       65.2 min        -  connect-refused (connect)",
        HELD,
        "4 targets: 1 unknown, 2 up, 1 down · lag 1.50 ms",
    ]


def test_if_not_all_fit_those_in_trouble_are_shown() -> None:
    lines = drawn(ROWS, Footer(lag_ns=0, troubles=("the disk is full",)), most=2)
    assert [line.split()[0] for line in lines[1:3]] == ["d", "c"]
    assert lines[3:] == [
        "4 targets: 1 unknown, 2 up, 1 down · lag 0 s",
        "2 more are not shown",
        "the disk is full",
    ]


def test_a_long_name_leaves_room_and_no_control_character_is_shown() -> None:
    lines = drawn([row("\x1b[31m" + "n" * 10_000, Condition.UP)])
    assert lines[1] == "\\x1b[31m" + "n" * 51 + "…  up    -     -"
    assert change("\x1b", Condition.UP, Condition.UP, 0, None) == (
        "1970-01-01T00:00:00Z \\x1b: up → up"
    )


@pytest.mark.parametrize("hold", Hold)
def test_every_hold_has_its_words(hold: Hold) -> None:
    assert why(row("x", Condition.DOWN, hold=hold)).split(":")[0] in {"alert held", "silenced"}


def test_a_change_is_one_line() -> None:
    up, down = Condition.UP, Condition.DOWN
    at = 1_790_000_000_999_999_999
    assert change("x", up, down, at, REFUSED) == (
        "2026-09-21T14:13:20Z x: up → down: connect-refused (connect)"
    )
    nowhere = Cause(Reason.INTERNAL, "-", Blame.SEVENTH)
    assert change("x", up, down, at, nowhere) == (
        "2026-09-21T14:13:20Z x: up → down: internal-error"
    )
    assert change("x", down, up, at, None) == "2026-09-21T14:13:20Z x: down → up"

"""The fleet as a page shows it: which targets, in which order, and what is known of each. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace

from seventh.watch.alerts import Hold
from seventh.watch.samples import Cause
from seventh.watch.verdict import Condition, State

PAGE = 100
"""Rows of a table."""
CARDS = 24
"""Up to so many targets each has a card with a drawing; more are a map and a table."""
MOST_GROUPS = 60
_STEPS_NS = (10_000_000, 30_000_000, 100_000_000, 300_000_000)
"""Below which each shade of a target that is up ends."""
_SEARCH = 300


class Sort(StrEnum):
    """The order of targets."""

    STATE = "state"
    """The worst first."""
    NAME = "name"
    LATENCY = "latency"
    """The slowest first."""
    LOSS = "loss"
    SINCE = "since"
    """The last change first."""


class Shown(StrEnum):
    """The state of a target as a person sees it, the worst first."""

    DOWN = "down"
    FLAPPING = "flapping"
    DEGRADED = "degraded"
    FAILING = "failing"
    """Up by the verdict, and the last pulse failed."""
    UNKNOWN = "unknown"
    UP = "up"


_CELLS = {
    Shown.DOWN: "d", Shown.FLAPPING: "l", Shown.DEGRADED: "g", Shown.FAILING: "f",
    Shown.UNKNOWN: "n",
}  # fmt: skip
_RANKS = {each: rank for rank, each in enumerate(Shown)}


class Row(msgspec.Struct, frozen=True, gc=False):
    """One target."""

    number: int
    name: str
    labels: Mapping[str, str]
    shown: Shown
    since_ns: int
    """0 if nothing is known yet."""
    total_ns: int | None
    """The sum of the phases of the last pulse; None if it failed, or there was none."""
    loss: float | None
    """The share of failures among the last pulses, at most 64; None without any."""
    cell: str
    """Its cell of the map: one letter for the state, or a digit for how slow it is."""
    cause: Cause | None = None
    """Why the last pulse failed."""
    hold: Hold | None = None


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for."""

    search: str = ""
    """Words: ``label=value``, or a part of the name."""
    state: Shown | None = None
    sort: Sort = Sort.STATE
    group: str = ""
    """The label by which the map is divided."""
    page: int = 1

    def url(self, path: str = "/", **changes: object) -> str:
        """Return the address of a page with this view, and ``changes``."""
        view = replace(self, **{"page": 1, **changes})
        asked = {
            "q": view.search, "state": view.state or "",
            "sort": view.sort if view.sort is not Sort.STATE else "", "group": view.group,
            "page": view.page if view.page > 1 else "",
        }  # fmt: skip
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{path}?{query}" if query else path


def view_of(query: Mapping[str, str]) -> View:
    """Read a query; what is not understood is left out."""
    state, sort, page = query.get("state", ""), query.get("sort", ""), query.get("page", "")
    return View(
        search=query.get("q", "")[:_SEARCH], group=query.get("group", "")[:_SEARCH],
        state=Shown(state) if state in {*Shown} else None,
        sort=Sort(sort) if sort in {*Sort} else Sort.STATE,
        page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
    )  # fmt: skip


def shown_of(state: State) -> Shown:
    """Return the state that is shown."""
    if state.condition is Condition.UP:
        return Shown.FAILING if state.failing else Shown.UP
    return Shown(state.condition)


def cell_of(shown: Shown, total_ns: int | None) -> str:
    """Return the cell of a target in the map."""
    if shown is not Shown.UP:
        return _CELLS[shown]
    return str(sum((total_ns or 0) >= step for step in _STEPS_NS))


def loss_of(state: State) -> float | None:
    """Return the share of failures among the last pulses; None without any."""
    trigger = state.down
    return trigger.bits.bit_count() / trigger.seen if trigger.seen else None


def chosen(rows: Iterable[Row], view: View) -> list[Row]:
    """Return the targets that were asked for, in the order that was asked for."""
    found = [row for row in rows if view.state is None or row.shown is view.state]
    for word in view.search.casefold().split():
        label, equals, value = word.partition("=")
        found = [
            row
            for row in found
            if word in row.name.casefold()
            or (equals and any(name.casefold() == label and of.casefold() == value
                               for name, of in row.labels.items()))
        ]  # fmt: skip
    found.sort(key=lambda row: row.name)
    if view.sort is Sort.STATE:
        found.sort(key=lambda row: _RANKS[row.shown])
    elif view.sort is Sort.LATENCY:
        found.sort(key=lambda row: -1 if row.total_ns is None else row.total_ns, reverse=True)
    elif view.sort is Sort.LOSS:
        found.sort(key=lambda row: row.loss or 0.0, reverse=True)
    elif view.sort is Sort.SINCE:
        found.sort(key=lambda row: row.since_ns, reverse=True)
    return found


def grouped(rows: Sequence[Row], label: str) -> dict[str, list[Row]]:
    """Return the targets by the value of a label, ``""`` for those without it, in its order."""
    if not label:
        return {"": [*rows]}
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.labels.get(label, ""), []).append(row)
    names = sorted(found)
    kept, rest = names[:MOST_GROUPS], names[MOST_GROUPS:]
    groups = {name: found[name] for name in kept}
    if rest:
        groups["…"] = [row for name in rest for row in found[name]]
    return groups


def counts(rows: Iterable[Row]) -> dict[Shown, int]:
    """Return how many targets have each state, the worst first; none that no target has."""
    tally = Counter(row.shown for row in rows)
    return {each: tally[each] for each in Shown if tally[each]}


def label_names(rows: Iterable[Row]) -> list[str]:
    """Return the names of all labels."""
    return sorted({name for row in rows for name in row.labels})

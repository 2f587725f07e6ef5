"""The fleet: which targets, in which order, and what is known of each."""

from __future__ import annotations

from typing import Any

from seventh.serve.pages.fleet import (
    MOST_GROUPS,
    Row,
    Shown,
    Sort,
    View,
    cell_of,
    chosen,
    counts,
    grouped,
    label_names,
    loss_of,
    shown_of,
    view_of,
)
from seventh.watch.verdict import Condition, State, Trigger

MS = 1_000_000


def row(name: str, shown: Shown = Shown.UP, **values: Any) -> Row:
    total_ns = values.pop("total_ns", 5 * MS)
    made: dict[str, Any] = {
        "number": 1, "name": name, "labels": {}, "shown": shown, "since_ns": 0,
        "total_ns": total_ns, "loss": None, "cell": cell_of(shown, total_ns),
    }  # fmt: skip
    return Row(**(made | values))


def names(rows: list[Row]) -> list[str]:
    return [each.name for each in rows]


def test_a_query_is_read_and_written() -> None:
    view = View(search="team=web", state=Shown.DOWN, sort=Sort.LOSS, group="team", page=3)
    query = {"q": "team=web", "state": "down", "sort": "loss", "group": "team", "page": "3"}
    assert view_of(query) == view
    assert view.url(page=3) == "/?q=team%3Dweb&state=down&sort=loss&group=team&page=3"
    assert view.url("/cells", search="", state=None, sort=Sort.STATE, group="") == "/cells"
    wrong = {"state": "no", "sort": "no", "page": "x", "q": "x" * 999}
    assert view_of(wrong) == View(search="x" * 300)
    assert [view_of({"page": page}).page for page in ("0", "-1", "٣", "9" * 9)] == [1, 1, 1, 1]


def test_targets_are_found_by_name_label_and_state() -> None:
    web = row("a.example", labels={"team": "Web"})
    core = row("web.example", Shown.DOWN, labels={"team": "core", "region": "fra"})
    both = [web, core]
    for search, found in {
        "": ["web.example", "a.example"], "WEB": ["web.example"], "team=web": ["a.example"],
        "example region=fra": ["web.example"], "team=": [], "y": [],
    }.items():  # fmt: skip
        assert (search, names(chosen(both, View(search=search)))) == (search, found)
    assert names(chosen(both, View(state=Shown.UP))) == ["a.example"]
    assert label_names(both) == ["region", "team"]
    assert counts(both) == {Shown.DOWN: 1, Shown.UP: 1}


def test_orders() -> None:
    rows = [
        row("c", Shown.UNKNOWN, total_ns=None, since_ns=3),
        row("b", total_ns=9 * MS, loss=0.1, since_ns=1),
        row("a", Shown.FAILING, total_ns=1, loss=0.5, since_ns=2),
    ]
    found = {sort: names(chosen(rows, View(sort=sort))) for sort in Sort}
    assert found == {
        Sort.STATE: ["a", "c", "b"], Sort.NAME: ["a", "b", "c"], Sort.LATENCY: ["b", "a", "c"],
        Sort.LOSS: ["a", "b", "c"], Sort.SINCE: ["c", "a", "b"],
    }  # fmt: skip


def test_groups_keep_the_order_and_are_bounded() -> None:
    rows = [row(f"{n:03}", labels={"rack": f"{n % 70:02}"}) for n in range(140)] + [row("none")]
    groups = grouped(rows, "rack")
    assert list(groups)[:3] == ["", "00", "01"]
    assert (names(groups[""]), names(groups["00"])) == (["none"], ["000", "070"])
    assert (len(groups), len(groups["…"])) == (MOST_GROUPS + 1, 2 * (71 - MOST_GROUPS))
    assert grouped(rows, "") == {"": rows}


def test_what_is_shown_of_a_state() -> None:
    failing = State(condition=Condition.UP, down=Trigger(bits=0b101, seen=4))
    assert (shown_of(failing), loss_of(failing)) == (Shown.FAILING, 0.5)
    good = State(condition=Condition.UP, down=Trigger(bits=0b10, seen=2))
    assert shown_of(good) is Shown.UP
    assert (shown_of(State()), loss_of(State())) == (Shown.UNKNOWN, None)
    assert [cell_of(Shown.UP, ns * MS) for ns in (9, 10, 99, 100, 300)] == ["0", "1", "2", "3", "4"]
    others = [each for each in Shown if each is not Shown.UP]
    assert len({cell_of(each, None) for each in others} - {*"01234"}) == len(others)

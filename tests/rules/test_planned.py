"""The plan: what is promised is built or still planned, and no id is ever lost."""

from __future__ import annotations

import pytest

from seventh import protocols
from seventh.rules.planned import Planned, plan

BUILT = {rule.id for room in protocols.rooms() for rule in protocols.rules(room)}


def test_no_id_is_ever_lost() -> None:
    lost = set(plan().ids) - BUILT - {row.id for row in plan().rules}
    assert not lost, f"neither built nor planned: {sorted(lost)}"


def test_a_planned_id_stands_among_the_ids() -> None:
    new = {row.id for row in plan().rules} - set(plan().ids)
    assert not new, f"promised, but not among the ids: {sorted(new)}"


def test_a_rule_that_is_built_is_planned_no_more() -> None:
    built = sorted(BUILT & {row.id for row in plan().rules})
    assert not built, f"take the lines of {', '.join(built)} out of planned.toml"


def test_each_id_stands_once() -> None:
    for ids in (plan().ids, tuple(row.id for row in plan().rules)):
        assert len(set(ids)) == len(ids)
    assert list(plan().ids) == sorted(plan().ids)


@pytest.mark.parametrize("row", plan().rules, ids=lambda row: row.id)
def test_a_promise_says_all_of_itself(row: Planned) -> None:
    assert row.title
    assert row.source
    # A protocol that is there has all its rules but those that wait for more than the protocol.
    there = {*protocols.rooms(), *protocols.schemes()}
    assert row.waits_for not in {"", *(f"the {name} protocol" for name in there)}

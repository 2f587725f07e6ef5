"""The table of the lab: every fault is named by its rules, every clean server comes out clean."""

from __future__ import annotations

import pytest

from seventh.cli.tour import visit
from seventh.lab import start
from seventh.labkit.serve import Fault, Kit

STOPS = [
    pytest.param(room, fault, id=f"{room}-{fault.name if fault else 'clean'}")
    for room in start.labs()
    for fault in (None, *start.faults(room))
]


@pytest.mark.parametrize(("room", "fault"), STOPS)
async def test_the_lab_comes_out_as_it_must(room: str, fault: Fault | None, kit: Kit) -> None:
    stop = await visit(room, fault, kit)
    if stop.skipped:
        pytest.skip(f"{stop.name} {stop.skipped}")
    assert not stop.problem, f"{stop.problem}\n{stop.report}"

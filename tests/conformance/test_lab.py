"""The table of the lab: every fault is named by its rules, every clean server comes out clean."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from seventh import protocols
from seventh.cli.show import document
from seventh.cli.tour import visit
from seventh.lab import start
from seventh.labkit.serve import Fault, Kit
from seventh.render import View, render
from tests.conformance.test_checklists import misjudged

_SCHEMA_FILE = Path(__file__).parent.parent.parent / "docs" / "report.schema.json"
SCHEMA = jsonschema.Draft202012Validator(json.loads(_SCHEMA_FILE.read_text(encoding="utf-8")))

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
    assert stop.report is not None
    assert not misjudged(fault, stop.report)
    layers = protocols.rooms()[room].layers
    assert set(map(protocols.owner, stop.report.facts)) <= {"net", room, *layers}, (
        "the spec names its layers"
    )
    made = json.loads(render("json", document([stop.report]), View(checklist=True)))
    SCHEMA.validate(made)

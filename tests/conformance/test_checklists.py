"""What a room's debugging checklist owes: its lines are decided, worded, and true of the lab."""

from __future__ import annotations

import ast
import re
import types
import typing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields

from seventh import given, protocols
from seventh.engine.check import check_one
from seventh.engine.checklist import judge
from seventh.engine.recognise import by_name
from seventh.labkit.serve import Fault, free_port
from seventh.model.checklist import CheckLine, LineVerdict
from seventh.model.facts import Facts
from seventh.model.options import Options
from seventh.model.report import Report, SkipCause
from seventh.model.target import Target, parse_target
from seventh.rules.rule import AnyRule, Skip

ROOMS = [room for room in protocols.rooms() if protocols.has_part(room, "checklist")]
LINES = [
    pytest.param(room, line, id=f"{room}: {line.text}")
    for room in ROOMS
    for line in protocols.checklist(room)
]
PHASES = {phase.name for spec in protocols.rooms().values() for phase in spec.phases}
UNPLAIN = re.compile(
    r"[!?]|\w'(t|re|ve|ll)\b|\b(whoever|nobody|mend\w*|anew|afresh|speaks?|spoken|person|talk)\b"
)


def misjudged(fault: Fault | None, report: Report) -> list[str]:
    """Which lines a report of the lab gives a verdict that it should not; empty when none.

    A clean server fails no line. A fault fails every line that one of its rules decides, and
    whatever ended the conversation fails some line: an operator must find it in the list.
    """
    verdicts = [(line.line, line.verdict) for line in judge(report)]
    failing = [line for line, verdict in verdicts if verdict is LineVerdict.FAIL]
    if fault is None:
        return [f"fails on a clean server: {line.text}" for line in failing]
    triggered = set(fault.triggers)
    wrong = [
        f"{verdict}, though {', '.join(triggered.intersection(line.rules))} fired: {line.text}"
        for line, verdict in verdicts
        if triggered.intersection(line.rules) and verdict is not LineVerdict.FAIL
    ]
    if report.failure is not None and not failing:
        wrong.append(f"no line fails with {report.failure.reason} in {report.failure.phase}")
    return wrong


def test_every_room_that_people_debug_has_one() -> None:
    assert {"net", "ssh", "ntp", "http", "tls", "websocket"} <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_checklist_is_pure(room: str) -> None:
    source = Path(protocols.part(room, "checklist").__file__ or "").read_text(encoding="utf-8")
    imported = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import)]
    named = [
        node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)
    ]
    assert not imported
    assert all(name and name.startswith("seventh.model.") for name in named)


@pytest.mark.parametrize("room", ROOMS)
def test_texts_are_unique(room: str) -> None:
    texts = [line.text for line in protocols.checklist(room)]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize(("room", "line"), LINES)
def test_a_line_is_a_short_statement(room: str, line: CheckLine) -> None:
    assert re.match(r"[A-Z]", line.text)
    assert not line.text.endswith(".")
    assert len(line.text) <= 72
    assert not UNPLAIN.search(line.text), UNPLAIN.search(line.text)


@pytest.mark.parametrize(("room", "line"), LINES)
def test_a_line_is_decided_by_what_its_room_has(room: str, line: CheckLine) -> None:
    assert line.rules or line.facts
    # A report has the lines of each room whose facts it has, so that none needs another's rules.
    assert set(line.rules) <= {rule.id for rule in protocols.rules(room)}
    for path in line.facts:
        assert can_be_unknown(facts_of(room), path), f"{path}: no such fact, or never unlearnt"
    for phase in line.phases:
        assert any(f"{name}.".startswith(f"{phase}.") for name in PHASES), phase


def facts_of(room: str) -> type[Facts]:
    """The room's facts as a report has them."""
    (kind,) = (
        value
        for value in vars(protocols.part(room, "facts")).values()
        if isinstance(value, type) and issubclass(value, Facts) and room == value.ROOM
    )
    return kind


def can_be_unknown(kind: type[Any], path: str) -> bool:
    """Whether the fact exists, and nothing or emptiness is what it is when it was not learnt."""
    name, _, rest = path.partition(".")
    if isinstance(getattr(kind, name, None), property):
        return not rest
    field = next((field for field in fields(kind) if field.name == name), None)
    if field is None:
        return False
    if not rest:
        return field.default in (None, "", ()) or field.required
    structs = [
        one
        for one in leaves(typing.get_type_hints(kind)[name])
        if hasattr(one, "__struct_fields__")
    ]
    return len(structs) == 1 and can_be_unknown(structs[0], rest)


def leaves(hint: Any) -> list[Any]:
    """The types that a hint is made of: of ``tuple[Trust, ...] | None`` they are Trust and None."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is not None:
        return [leaf for part in typing.get_args(hint) for leaf in leaves(part)]
    return [hint]


@pytest.mark.parametrize(("room", "line"), [each for each in LINES if each.values[1].look])
def test_what_to_type_can_be_typed(room: str, line: CheckLine) -> None:
    if line.look.startswith("seventh lint "):
        kind = by_name(Path(line.look.removeprefix("seventh lint ")))
        assert kind is not None
        assert kind.room == room
    elif line.look.startswith("seventh check "):
        for target in line.look.removeprefix("seventh check ").split():
            (parsed,) = parse_target(target, protocols.schemes())
            assert protocols.room_of(parsed.scheme).name == room
    elif not line.is_elsewhere:
        used = [e.flag for e in given.options().values() if given.uses(protocols.rooms()[room], e)]
        assert {word for word in line.look.split() if word.startswith("-")} <= {*used}


RULES = [pytest.param(rule, id=rule.id) for room in ROOMS for rule in protocols.rules(room)]


@pytest.mark.parametrize("rule", RULES)
def test_without_evidence_nothing_is_said_not_to_apply(rule: AnyRule) -> None:
    verdict = rule(rule.facts_type())
    assert isinstance(verdict, Skip)
    assert verdict.cause is SkipCause.NO_EVIDENCE


SCHEMES = sorted(protocols.schemes())


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_nothing_passes_where_nothing_answers(scheme: str) -> None:
    target = Target(scheme=scheme, host="127.0.0.1", port=free_port())
    report = await check_one(target, Options(timeout_seconds=3))
    verdicts = judge(report)
    assert not [line.line.text for line in verdicts if line.verdict is LineVerdict.PASS]
    assert [line.line.text for line in verdicts if line.verdict is LineVerdict.FAIL]

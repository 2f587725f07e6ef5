"""What an area of ``seventh local`` owes: a table that is fixed, bounded and fully described."""

from __future__ import annotations

import pytest

from seventh import protocols
from seventh.engine.local import Wanted, look
from seventh.localkit.area import Area
from seventh.localkit.seen import Seen
from seventh.model.localfacts import Cause, Unread
from seventh.model.option import declared
from seventh.render.local_page import explain_local, page
from seventh.render.wording import built
from seventh.rules.rule import Skip

AREAS = [pytest.param(room, area, id=name) for name, (room, area) in protocols.areas().items()]
LOOK_SECONDS = 2.0
SHELLS = {"sh", "bash", "dash", "env", "sudo", "su", "xargs", "nsenter", "chroot"}


def test_names_are_unique() -> None:
    names = [
        area.name
        for room in protocols.rooms()
        if protocols.has_part(room, "local")
        for area in protocols.part(room, "local").AREAS
    ]
    assert names
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("room", "area"), AREAS)
def test_an_area_is_described(room: str, area: Area) -> None:
    assert area.title
    assert area.name.isalpha()
    assert area.name.islower()
    assert room == area.facts.ROOM
    assert area.judges
    for each in (*area.commands, *area.files, *area.calls, *area.further):
        assert each.reads
        assert not each.reads.endswith(".")
    for option in declared(area.options) if area.options else ():
        assert option.option.help


@pytest.mark.parametrize(("room", "area"), AREAS)
def test_its_table_is_fixed_and_bounded(room: str, area: Area) -> None:
    names = [command.name for command in area.commands]
    assert len(names) == len(set(names))
    for command in area.commands:
        program, *words = command.words
        assert "/" not in program, "programs are looked for in Machine.path"
        assert program not in SHELLS
        assert not {"-exec", "--exec"}.intersection(words)
        assert 0 < command.seconds <= LOOK_SECONDS
        assert command.max_bytes <= 4 * 1024 * 1024
    for file in area.files:
        assert file.path.startswith("/")
        assert ".." not in file.path
        assert file.max_bytes <= 4 * 1024 * 1024
    assert all(0 < len(name) <= 15 for name in area.processes)


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize(("room", "area"), AREAS)
def test_what_gave_nothing_is_never_a_verdict(room: str, area: Area, cause: Cause) -> None:
    def unread(name: str) -> Unread:
        return Unread(name=name, cause=cause, detail="why")

    seen = Seen(
        outputs={command.name: unread(command.name) for command in area.commands},
        files={file.path: unread(file.path) for file in area.files},
        processes=unread("/proc"),
        calls={each.name: unread(each.name) for each in (*area.calls, *area.further)},
    )
    facts = area.learn(area.facts(), seen, area.options() if area.options else None)
    for rule in protocols.rules(room):
        if area.decides(rule):
            verdict = rule(facts)
            assert isinstance(verdict, Skip), f"{rule.id} says {verdict!r}"
            assert verdict.reason


@pytest.mark.parametrize(("room", "area"), AREAS)
@pytest.mark.parametrize("text", ["", "\n", "a,b,c\n" * 20, "\0\x1b[31m=,=\n", "é" * 3000])
def test_any_output_gives_facts(room: str, area: Area, text: str) -> None:
    seen = Seen(
        outputs={command.name: text for command in area.commands},
        files={file.path: {file.path: text} for file in area.files},
        calls={},
    )
    facts = area.learn(area.facts(), seen, area.options() if area.options else None)
    for rule in protocols.rules(room):
        if area.decides(rule):
            rule(facts)


def test_everything_in_a_table_is_listed() -> None:
    explained, documented = explain_local(), page(built())
    for name, (_, area) in protocols.areas().items():
        assert f"Area {name} " in explained
        assert f"## Area `{name}`" in documented
        named = [command.words[0] for command in area.commands]
        for text in (
            *named,
            *(f.path for f in area.files),
            *(c.name for c in (*area.calls, *area.further)),
        ):
            assert text in explained
            assert text in documented


async def test_a_whole_look_at_this_machine_is_quick() -> None:
    report = await look(Wanted(areas=tuple(protocols.areas())))
    assert report.failure is None
    assert report.duration_seconds <= LOOK_SECONDS

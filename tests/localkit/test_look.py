"""One look: everything of a table, side by side, on a made machine."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from seventh.localkit import look
from seventh.localkit.area import Area, Call, Command, File, Further
from seventh.localkit.look import Looker, container_of
from seventh.localkit.machine import Machine
from seventh.localkit.seen import Reading, Seen
from seventh.model.facts import Facts
from seventh.model.localfacts import Cause, Unread
from tests.localkit.test_processes import process

NAPS = 4


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def area(**parts: object) -> Area:
    return Area(name="it", title="", facts=Facts, learn=lambda facts, seen, options: facts, **parts)  # type: ignore[arg-type]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    process(tmp_path, 1, "systemd")
    (tmp_path / "bin").mkdir()
    return Machine(root=tmp_path, path=(str(tmp_path / "bin"), "/bin", "/usr/bin"))


def asks(name: str, *of: str) -> Command:
    return Command(name=name, words=(name,), reads="", of=of)


async def test_a_client_is_run_only_beside_its_daemon(machine: Machine, tmp_path: Path) -> None:
    for name in ("client", "other", "free"):
        program(tmp_path / "bin", name, f"echo {name} ran")
    process(tmp_path, 7, "daemon")
    commands = (asks("client", "daemon"), asks("other", "none"), asks("free"))
    seen = await Looker(machine).look(area(commands=commands, processes=("systemd",)))
    assert seen.outputs == {
        "client": "client ran\n",
        "other": Unread(name="other", cause=Cause.NOT_RUNNING),
        "free": "free ran\n",
    }
    assert not isinstance(seen.processes, Unread)
    assert [each.name for each in seen.processes] == ["systemd", "daemon"]
    assert seen.unread == (seen.outputs["other"],)


async def test_where_processes_are_hidden_the_client_is_run(
    machine: Machine, tmp_path: Path
) -> None:
    (tmp_path / "proc" / "1" / "comm").unlink()
    program(tmp_path / "bin", "client", "echo ran")
    seen = await Looker(machine).look(area(commands=(asks("client", "daemon"),)))
    assert seen.output("client") == "ran\n"
    assert isinstance(seen.processes, Unread)


async def test_files_and_calls(machine: Machine, tmp_path: Path) -> None:
    def refused(machine: Machine) -> object:
        raise PermissionError(1, "Operation not permitted")

    (tmp_path / "name").write_text("x")
    calls = (
        Call(name="root", reads="", run=lambda machine: machine.root),
        Call(name="refused", reads="", run=refused),
    )
    files = (File(path="/name", reads=""), File(path="/n*", reads=""), File(path="/z", reads=""))
    seen = await Looker(machine).look(area(files=files, calls=calls))
    denied = Unread(name="refused", cause=Cause.NOT_PERMITTED, detail="Operation not permitted")
    absent = Unread(name="/z", cause=Cause.NOT_FOUND)
    assert seen == Seen(
        files={"/name": {"/name": "x"}, "/n*": {"/name": "x"}, "/z": {"/z": absent}},
        calls={"root": tmp_path, "refused": denied},
    )
    assert seen.file("/name") == "x"
    assert seen.file("/z") == absent
    assert seen.file("/never") == Unread(name="/never", cause=Cause.NOT_FOUND)
    assert seen.matching("/n*") == {"/name": "x"}
    assert seen.matching("/never") == {}
    assert set(seen.unread) == {denied, absent}


async def test_commands_run_side_by_side(machine: Machine) -> None:
    naps = tuple(
        Command(name=str(number), words=("sleep", "0.5"), reads="") for number in range(NAPS)
    )
    begun = time.monotonic()
    seen = await Looker(machine).look(area(commands=naps))
    assert time.monotonic() - begun < 0.5 * NAPS
    assert set(seen.outputs.values()) == {""}


async def test_hanging_commands_do_not_add_up(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "_SIDE_BY_SIDE", 1)
    naps = tuple(
        Command(name=name, words=("sleep", "60"), reads="", seconds=seconds)
        for name, seconds in (("a", 0.2), ("b", 30.0), ("c", 30.0))
    )
    begun = time.monotonic()
    seen = await Looker(machine, 0.5).look(area(commands=naps))
    assert time.monotonic() - begun < 5
    details = {name: said.detail for name, said in seen.outputs.items() if isinstance(said, Unread)}
    assert details.keys() == {"a", "b", "c"}
    assert details["a"] == "0.2 s"
    assert details["c"] == "others took all the time of the look"
    assert {each.cause for each in seen.unread} == {Cause.TIMED_OUT}


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("run/.containerenv", "", "podman"),
        (".dockerenv", "", "docker"),
        ("run/systemd/container", "lxc\n", "lxc"),
        ("run/other", "", ""),
    ],
)
def test_a_container_says_which(tmp_path: Path, path: str, content: str, kind: str) -> None:
    (tmp_path / "run" / "systemd").mkdir(parents=True)
    (tmp_path / path).write_text(content)
    assert container_of(Machine(root=tmp_path)) == kind


class Found(Reading, frozen=True, kw_only=True):
    """What a further reading of these tests finds."""

    words: tuple[str, ...] = ()


async def test_further_readings_come_last_and_in_their_order(machine: Machine) -> None:
    program(Path(machine.path[0]), "client", "echo said")

    async def first(_: Machine, seen: Seen, options: object) -> Reading:
        return Found(words=(str(seen.output("client")).strip(),))

    async def second(_: Machine, seen: Seen, options: object) -> Reading:
        missing = Unread(name="/x", cause=Cause.NOT_FOUND)
        return Found(words=(*seen.calls["first"].words, "then"), unread=(missing,))

    further = (
        Further(name="first", reads="", run=first), Further(name="second", reads="", run=second),
    )  # fmt: skip
    seen = await Looker(machine).look(area(commands=(asks("client"),), further=further))
    assert seen.calls["second"].words == ("said", "then")
    assert seen.unread == (Unread(name="/x", cause=Cause.NOT_FOUND),)


async def test_a_further_reading_ends_with_the_look(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "FURTHER_SECONDS", 0.02)

    async def hang(_: Machine, seen: Seen, options: object) -> Reading:
        await asyncio.Event().wait()
        return Reading()

    further = (Further(name="it", reads="", run=hang),)
    seen = await Looker(machine, 0.0).look(area(further=further))
    assert seen.unread == (Unread(name="it", cause=Cause.TIMED_OUT),)


async def test_arguments_are_taken_from_the_daemon(machine: Machine, tmp_path: Path) -> None:
    process(tmp_path, 12, "chronyd", cmdline="chronyd\0-f\0/x\0")
    program(tmp_path / "bin", "ask", 'echo "$@"')
    made = Command(
        name="ask", words=("ask", "-T"), reads="", of=("chronyd",),
        more=lambda processes: processes[0].arguments[1:],
    )  # fmt: skip
    seen = await Looker(machine).look(area(commands=(made,)))
    assert seen.output("ask") == "-T -f /x\n"


async def test_where_processes_are_hidden_no_argument_is_taken(machine: Machine) -> None:
    (machine.root / "proc" / "1" / "comm").unlink()
    program(machine.root / "bin", "ask", 'echo "$@"')
    made = Command(
        name="ask", words=("ask", "-T"), reads="", of=("chronyd",),
        more=lambda processes: tuple(each.name for each in processes),
    )  # fmt: skip
    seen = await Looker(machine).look(area(commands=(made,)))
    assert seen.output("ask") == "-T\n"

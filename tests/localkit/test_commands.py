"""The runner: every way in which a command can give nothing is typed, and none outlives it."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path

import pytest

from seventh.localkit.area import Command
from seventh.localkit.commands import run
from seventh.localkit.machine import Machine
from seventh.localkit.seen import Cut
from seventh.model.localfacts import Cause, Unread

SHELL = Machine(path=("/bin", "/usr/bin"))


def command(script: str, seconds: float = 5.0, **changes: object) -> Command:
    """A command that a shell stands for; the runner itself uses none."""
    return Command(name="it", words=("sh", "-c", script), reads="", seconds=seconds, **changes)  # type: ignore[arg-type]


async def unread(script: str, seconds: float = 5.0, **changes: object) -> Unread:
    said = await run(command(script, seconds, **changes), SHELL)
    assert isinstance(said, Unread)
    assert said.name == "it"
    return said


async def test_what_it_prints_is_returned() -> None:
    assert await run(command("echo one; echo two; echo noise >&2"), SHELL) == "one\ntwo\n"


async def test_its_environment_is_the_path_and_the_language_c() -> None:
    said = await run(command("env; pwd; cat"), SHELL)
    assert isinstance(said, str)
    lines = [line for line in said.splitlines() if not line.startswith(("_=", "PWD=", "SHLVL="))]
    assert sorted(lines) == ["/", "LC_ALL=C", "PATH=/bin:/usr/bin"]


async def test_arguments_of_the_machine_come_first() -> None:
    machine = Machine(path=SHELL.path, arguments={"echo": ("-h", "SOCKET")})
    made = Command(name="echo", words=("echo", "tracking"), reads="")
    assert await run(made, machine) == "-h SOCKET tracking\n"


async def test_arguments_of_the_daemon_come_last() -> None:
    made = Command(name="echo", words=("echo", "-T"), reads="")
    assert await run(made, SHELL, None, ("-f", "a b")) == "-T -f a b\n"


async def test_what_is_printed_on_standard_error() -> None:
    assert await run(command("echo noise; echo it >&2", on_stderr=True), SHELL) == "it\n"


async def test_the_first_lines_of_a_long_output() -> None:
    said = await run(command("yes 12345", max_bytes=20, seconds=30.0, partial=True), SHELL)
    assert said == "12345\n12345\n12345\n"
    assert isinstance(said, Cut)
    whole = await run(command("echo 12345", max_bytes=6, partial=True), SHELL)
    assert whole == "12345\n"
    assert not isinstance(whole, Cut)


async def test_the_first_lines_before_the_deadline() -> None:
    said = await run(command("echo 1; printf 2; sleep 60", seconds=0.5, partial=True), SHELL)
    assert said == "1\n"
    assert isinstance(said, Cut)


async def test_no_whole_line_is_nothing() -> None:
    said = await unread("printf 123; sleep 60", seconds=0.5, partial=True)
    assert said.cause is Cause.TIMED_OUT
    assert (await unread("printf 123456", max_bytes=5, partial=True)).cause is Cause.TOO_LARGE
    failed = await unread("echo 1; exit 3", partial=True)
    assert failed.detail == "1 (exit code 3)"


async def test_a_missing_program(tmp_path: Path) -> None:
    said = await run(command("true"), Machine(path=(str(tmp_path),)))
    assert said == Unread(name="it", cause=Cause.NOT_INSTALLED)


async def test_a_folder_of_its_name_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "sh").mkdir()
    said = await run(command("true"), Machine(path=(str(tmp_path),)))
    assert said == Unread(name="it", cause=Cause.NOT_INSTALLED)


async def test_a_program_that_is_not_one(tmp_path: Path) -> None:
    (tmp_path / "sh").write_bytes(b"\x7fELFnot")
    (tmp_path / "sh").chmod(0o755)
    said = await run(command("true"), Machine(path=(str(tmp_path),)))
    assert said == Unread(name="it", cause=Cause.FAILED, detail="Exec format error")


async def test_another_exit_code() -> None:
    assert await unread("echo out; echo first >&2; echo last >&2; exit 3") == Unread(
        name="it", cause=Cause.FAILED, detail="last (exit code 3)"
    )
    assert (await unread("echo out; exit 3")).detail == "out (exit code 3)"
    assert (await unread("exit 3")).detail == "exit code 3"
    assert (await unread("kill -TERM $$")).detail == "killed by signal 15"
    assert await run(command("echo out; exit 3", exit_codes=(0, 3)), SHELL) == "out\n"


@pytest.mark.parametrize("said", ["501 Not authorised", "cat: x: Permission denied"])
async def test_no_right(said: str) -> None:
    assert await unread(f"echo '{said}'; exit 1") == Unread(
        name="it", cause=Cause.NOT_PERMITTED, detail=f"{said} (exit code 1)"
    )


async def test_the_deadline_ends_it_with_its_children(tmp_path: Path) -> None:
    begun = time.monotonic()
    said = await unread(f"sleep 60 & echo $! > {tmp_path}/child; wait", seconds=0.3)
    assert said == Unread(name="it", cause=Cause.TIMED_OUT, detail="0.3 s")
    assert time.monotonic() - begun < 5
    assert has_ended(int((tmp_path / "child").read_text()))


async def test_a_child_that_keeps_the_output_open_does_not_hold_it(tmp_path: Path) -> None:
    said = await unread(f"sleep 60 & echo $! > {tmp_path}/child", seconds=0.3)
    assert said.cause is Cause.TIMED_OUT
    assert has_ended(int((tmp_path / "child").read_text()))


@pytest.mark.parametrize("stream", [1, 2])
async def test_too_much_output_ends_it(stream: int) -> None:
    begun = time.monotonic()
    said = await unread(f"yes >&{stream}", max_bytes=1000, seconds=30.0)
    assert said == Unread(name="it", cause=Cause.TOO_LARGE, detail="more than 1000 bytes")
    assert time.monotonic() - begun < 15


async def test_output_up_to_the_limit_is_read() -> None:
    assert await run(command("printf 12345", max_bytes=5), SHELL) == "12345"
    assert (await unread("printf 123456", max_bytes=5)).cause is Cause.TOO_LARGE


async def test_long_output_is_whole() -> None:
    said = await run(command("head -c 200000 /dev/zero"), SHELL)
    assert said == "\0" * 200_000


async def test_a_look_may_shorten_the_deadline() -> None:
    said = await run(command("sleep 60", seconds=30.0), SHELL, 0.25)
    assert said == Unread(name="it", cause=Cause.TIMED_OUT, detail="0.25 s")


async def test_bytes_that_are_no_text() -> None:
    assert await run(command(r"printf '\377a'"), SHELL) == "\N{REPLACEMENT CHARACTER}a"


def has_ended(pid: int) -> bool:
    """Whether a process ends within seconds; a killed one may take a moment to be gone."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 5.0)[0])
    finally:
        os.close(descriptor)

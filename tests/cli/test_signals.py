"""A signal ends a command in order: what is known is written, and the exit code admits the rest."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from seventh.cli import signals
from seventh.cli.show import worst_exit
from seventh.labkit.serve import tcp_server
from seventh.model.severity import Severity
from tests.render.samples import CLEAN

pytestmark = pytest.mark.field
SEVENTH = (sys.executable, "-m", "seventh")


class Silent:
    """A server that accepts and never answers."""

    def __init__(self) -> None:
        self.port = 0
        self.held = 0
        self.accepted = asyncio.Condition()

    async def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self.accepted:
            self.held += 1
            self.accepted.notify_all()
        await reader.read()

    async def holds(self, count: int) -> None:
        async with asyncio.timeout(20), self.accepted:
            await self.accepted.wait_for(lambda: self.held >= count)


@pytest.fixture
async def silent() -> AsyncIterator[Silent]:
    server = Silent()
    async with tcp_server(server.hold) as server.port:
        yield server


async def started(*arguments: str, prefix: tuple[str, ...] = ()) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *prefix, *SEVENTH, *arguments,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("number", signals.ENDING)
async def test_what_was_measured_is_written(
    number: signal.Signals, silent: Silent, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    targets = [f"ssh://127.0.0.1:{silent.port}"] * 5
    process = await started(
        "check", *targets, "--parallel", "3", "--timeout", "60", "--format", "json",
        "--output", str(path),
    )  # fmt: skip
    await silent.holds(3)
    process.send_signal(number)
    code, out, err = await ended(process)
    reports = json.loads(path.read_text())["reports"]
    assert [report["failure"]["reason"] for report in reports] == ["interrupted"] * 3
    assert all(report["phases"] for report in reports)
    assert err == f"seventh: interrupted by {number.name}; 2 of 5 targets were not checked\n"
    assert (code, out) == (3, "")


def test_a_list_that_is_not_finished_is_never_ok() -> None:
    assert worst_exit([CLEAN], Severity.MEDIUM) == 0
    assert worst_exit([CLEAN], Severity.MEDIUM, whole=False) == 3


async def test_a_second_signal_ends_at_once() -> None:
    """Also where no loop turns any more: in the middle of writing, or of a long computation."""
    script = (
        "import time\n"
        "from seventh.cli.signals import ending\n"
        "with ending() as end:\n"
        "    print('ready', flush=True)\n"
        "    while True:\n"
        "        if end.by: print(end.by.name, flush=True); break\n"
        "    while True: time.sleep(60)\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    assert await process.stdout.readline() == b"SIGTERM\n"
    process.send_signal(signal.SIGHUP)
    assert await asyncio.wait_for(process.wait(), 20) == -signal.SIGHUP


async def test_a_hangup_that_is_ignored_stays_ignored(silent: Silent) -> None:
    target = f"ssh://127.0.0.1:{silent.port}"
    process = await started("check", target, "--timeout", "60", prefix=("nohup",))
    await silent.holds(1)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    code, out, _ = await ended(process)
    assert code == 3
    assert "interrupted" in out


def entries(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize("number", signals.ENDING)
async def test_a_lab_ends_and_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *SEVENTH, "lab", "tls", stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).startswith(b"seventh check tls://")
    assert entries(tmp_path)
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), 20) == 0
    assert entries(tmp_path) == []


async def test_a_tour_says_what_it_has_not_seen(tmp_path: Path) -> None:
    process = await started("tour", "ntp")
    assert process.stdout is not None
    while b"ntp/clean" not in await process.stdout.readline():
        pass
    process.terminate()
    code, out, err = await ended(process)
    assert code == 3
    assert "1 correct server without findings" in out
    assert "interrupted by SIGTERM; " in err
    assert "reference servers were not checked" in err


async def test_what_waits_for_its_input_ends() -> None:
    process = await started("lint", "-")
    assert process.stdin is not None
    process.stdin.write(b"\n" * 200_000)
    await process.stdin.drain()  # most of it has been read: the command is at work
    process.terminate()
    code, _, err = await ended(process)
    assert (code, err) == (3, "seventh: interrupted; the remaining files were not checked\n")


def test_a_folder_of_which_a_part_was_judged_gives_that_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from seventh.cli import main
    from seventh.engine import lint, lint_folder

    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "sshd_config").write_text("PermitEmptyPasswords yes\n")
    judged: list[Path] = []
    real = lint.lint_file

    def slow(path: Path, wanted: lint.Wanted) -> object:
        judged.append(path)
        if len(judged) == 3:
            signal.raise_signal(signal.SIGTERM)
        return real(path, wanted)

    monkeypatch.setattr(lint_folder, "lint_file", slow)
    before = {each: signal.getsignal(each) for each in signals.ENDING}
    try:
        code = main.main(["lint", str(tmp_path), "--format", "json"])
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    out, err = capsys.readouterr()
    assert [report["target"] for report in json.loads(out)["reports"]] == [
        f"file:{tmp_path}/{name}/sshd_config" for name in ("a", "b")
    ]
    assert (code, err) == (2, "seventh: interrupted; the remaining files were not checked\n")


@pytest.fixture
def handlers() -> Iterator[None]:
    """The handlers as they are, put back when the test ends."""
    before = {each: signal.getsignal(each) for each in signals.ENDING}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("handlers")
def test_the_first_signal_acts_and_the_systems_defaults_return() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    acted: list[str] = []
    with signals.ending(lambda: acted.append("outer")) as end:
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        with end.doing(lambda: acted.append("inner")):
            assert acted == []
            signal.raise_signal(signal.SIGINT)
        assert (acted, end.by) == (["inner"], signal.SIGINT)
        with end.doing(lambda: acted.append("late")):
            assert acted == ["inner", "late"], "what begins after the signal acts at once"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


@pytest.mark.usefixtures("handlers")
def test_without_a_signal_the_handlers_are_put_back() -> None:
    before = {each: signal.getsignal(each) for each in signals.ENDING}
    with signals.ending() as end:
        assert {signal.getsignal(each) for each in signals.ENDING}.isdisjoint(before.values())
    assert {each: signal.getsignal(each) for each in signals.ENDING} == before
    assert end.by is None
    with pytest.raises(KeyboardInterrupt), signals.ending(signals.interrupt):
        signal.raise_signal(signal.SIGHUP)

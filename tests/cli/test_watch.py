"""``seventh watch``: what is typed, what is shown, a reload, and a calm end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import re
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from seventh.cli import watch
from seventh.cli.main import main
from seventh.cli.watch import Lines
from seventh.labkit.serve import tcp_server
from seventh.render.troubles import troubles
from seventh.watch.alerts import VANTAGE, Alert
from seventh.watch.config import Config
from seventh.watch.fleet import Seen
from seventh.watch.outbox import Waiting
from seventh.watch.run import Watcher
from seventh.watch.schedule import Slot, phase_ns
from seventh.watch.store import Store
from seventh.watch.verdict import Condition

SEVENTH = (sys.executable, "-m", "seventh", "watch")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with tcp_server(serve) as port:
        yield port


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "no target: name one, such as `seventh watch ssh://host`, or --config seventh.toml"),
        (["a"], "target 'a': 'a' has no scheme: write a URL, such as ssh://a"),
        (["--check-config"], "--check-config: needs --config FILE"),
        (["ssh://a", "--config", "x"], ("--config: not with targets or --every; write them in the "
         "file")),
        (["--every", "5", "--config", "x"], ("--config: not with targets or --every; write them in "
         "the file")),
        (["--config", "none.toml"], "none.toml: cannot be read: No such file or directory"),
        (["ssh://a", "--every", "0.5"], ("--every: '0.5' is not a number from 1 to 86400; see "
         "`seventh watch --help`")),
        (["ssh://a", "--every", "x"], ("--every: 'x' is not a number from 1 to 86400; see "
         "`seventh watch --help`")),
        (["ssh://a", "--state", "/dev/null/x"], ("/dev/null/x: cannot be written: Not a directory; "
         "choose another with --state")),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", *words]) == 3
    assert capsys.readouterr() == ("", f"seventh: {expected}\n")


def test_a_configuration_is_checked_without_its_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "seventh.toml"
    monkeypatch.setenv("HOOK", "https://s3cret")
    path.write_text(
        '[[target]]\nurl = "ssh://a"\nevery = 10\n[[target]]\nurl = "ssh://b"\n'
        '[[notify]]\nname = "ops"\nkind = "webhook"\nurl = "env:HOOK"\n'
        '[[heartbeat]]\nname = "backup"\nevery = 86400\n',
        encoding="utf-8",
    )
    assert main(["watch", "--config", str(path), "--check-config"]) == 0
    assert capsys.readouterr().out == (
        f"{path}: valid: 2 targets, 0.133 pulses a second, 1 receiver, 1 heartbeat\n"
    )
    monkeypatch.delenv("HOOK")
    assert main(["watch", "--config", str(path), "--check-config"]) == 3
    assert capsys.readouterr().err == (
        f"seventh: {path}:6: url: env:HOOK: the environment has no such variable\n"
    )


class Run:
    """A process that watches, its lines read one by one."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self, stream: str = "stdout") -> str:
        """The next line, without its time."""
        reader: asyncio.StreamReader = getattr(self.process, stream)
        data = await asyncio.wait_for(reader.readline(), 20)
        return re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", "TIME ", data.decode().rstrip("\n"))

    async def end(self, number: signal.Signals) -> tuple[int | None, bytes, bytes]:
        self.process.send_signal(number)
        out, err = await asyncio.wait_for(self.process.communicate(), 20)
        return self.process.returncode, out, err


async def started(*words: str) -> Run:
    return Run(await asyncio.create_subprocess_exec(
        *SEVENTH, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    ))  # fmt: skip


async def test_changes_are_lines_and_a_reload_is_one(port: int, tmp_path: Path) -> None:
    path, state = tmp_path / "s.toml", tmp_path / "state"
    alert = "[[alert]]\nfailures = 1\npasses = 1\n[defaults]\nevery = 1\n"
    target = '[[target]]\nurl = "tcp://127.0.0.1:{}"\nname = "{}"\n'
    path.write_text(alert + target.format(port, "a"), encoding="utf-8")
    it = await started("--config", str(path), "--state", str(state))
    assert await it.line() == "TIME a: unknown → up"
    path.write_text(alert + "[[target]]\n", encoding="utf-8")
    it.process.send_signal(signal.SIGHUP)
    assert await it.line("stderr") == f"seventh: not reloaded: {path}:6: needs url = …"
    path.write_text(alert + target.format(port, "a") + target.format(1, "b"), encoding="utf-8")
    it.process.send_signal(signal.SIGHUP)
    assert await it.line("stderr") == "seventh: reloaded: 2 targets, 2 pulses a second"
    assert await it.line() == "TIME b: unknown → down: connect-refused (connect)"
    assert main(["watch", "tcp://127.0.0.1:1", "--state", str(state)]) == 3
    assert await it.end(signal.SIGINT) == (0, b"", b"")


def test_what_is_wrong_with_this_process_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    watcher = Watcher(store, Config(), lambda watcher, seen: None)
    lines = Lines()
    monkeypatch.setattr(watch, "_DRAWN_SECONDS", 0)

    def said() -> list[str]:
        lines(watcher, Seen())
        return sorted(capsys.readouterr().err.replace("seventh: ", "").splitlines())

    assert said() == []
    key = (VANTAGE, Condition.UNKNOWN, "")
    watcher.fleet.alerts[key] = Alert(target=VANTAGE, kind=key[1], since_ns=1, fired_ns=1)
    watcher.health.store, watcher.health.dropped, watcher.health.damaged = "disk full", 2, 1
    watcher.health.began(Slot(1, time.time_ns() - 2 * 10**9, late=3), time.time_ns())
    found = said()
    assert re.sub(r"to [\d.]+ s late", "to N s late", found.pop(3)) == (
        "overloaded: pulses begin up to N s late, 3 of the last minute were skipped"
    )
    assert found == [
        "1 part of the journal damaged and ignored", "2 pulses lost: no place to store them",
        "nothing can be stored: disk full",
        "this machine has lost its network: of targets that fail nothing is known",
    ]  # fmt: skip
    assert said() == []
    watcher.health.store = ""
    assert said() == ["no longer without a store"]
    store.close()


def milliseconds(name: str, other: str) -> int:
    """How long after a slot of one target that of another is."""
    return (phase_ns(other, "", 10**9) - phase_ns(name, "", 10**9)) % 10**9 // 10**6


async def test_after_kill_9_the_state_is_kept_and_nothing_is_alerted_again(
    port: int, tmp_path: Path
) -> None:
    path, state = tmp_path / "s.toml", tmp_path / "state"
    target = '[[target]]\nurl = "tcp://127.0.0.1:{}"\nname = "{}"\n'
    text = "[[alert]]\nfailures = 1\n[defaults]\nevery = 1\n" + target.format(1, "a")
    path.write_text(text, encoding="utf-8")
    words = "--config", str(path), "--state", str(state)
    it = await started(*words)
    assert await it.line() == "TIME a: unknown → down: connect-refused (connect)"
    # The slot of this one is 0.6 s after that of "a", which is stored by then.
    later = next(name for name in "bdefghijklmnop" if 600 <= milliseconds("a", name) <= 900)
    path.write_text(text + target.format(port, later), encoding="utf-8")
    it.process.send_signal(signal.SIGHUP)
    assert await it.line() == f"TIME {later}: unknown → up"
    await it.end(signal.SIGKILL)
    path.write_text(text + target.format(port, "c"), encoding="utf-8")
    it = await started(*words)
    assert await it.line() == "TIME c: unknown → up"
    assert await it.end(signal.SIGINT) == (0, b"", b"")
    with contextlib.closing(sqlite3.connect(state / "watch.sqlite3")) as database:
        incidents = database.execute("SELECT target, kind, resolved_ns FROM incident").fetchall()
        conditions = database.execute(
            "SELECT name, condition FROM condition JOIN target ON target.id = target ORDER BY at_ns"
        ).fetchall()
    assert incidents == [(1, "down", None)]
    assert conditions[0] == ("a", "down")
    assert [each for each in conditions if each[0] == "a"] == [("a", "down")]
    assert conditions[-1] == ("c", "up")


async def test_a_closed_pipe_ends_it(port: int, tmp_path: Path) -> None:
    read, write = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *SEVENTH, f"tcp://127.0.0.1:{port}", "--every", "1", "--state", str(tmp_path),
        stdout=write, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    os.close(write)
    os.close(read)
    _, err = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, err) == (0, b"")


async def test_a_terminal_shows_a_table(port: int, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *SEVENTH, f"tcp://127.0.0.1:{port}", "--every", "1", "--state", str(tmp_path),
        stdin=theirs, stdout=theirs, stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"COLUMNS": "100", "LINES": "20", "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    shown = ""
    reading = asyncio.get_running_loop().run_in_executor
    async with asyncio.timeout(20):
        while " up " not in shown:
            data = await reading(None, os.read, ours, 65536)
            shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown + data.decode())
    process.send_signal(signal.SIGTERM)
    _, err = await asyncio.wait_for(process.communicate(), 20)
    os.close(ours)
    assert (process.returncode, err) == (0, b"")
    assert re.search(rf"^tcp://127\.0\.0\.1:{port}  up +[\d.]+ \w+ +[\d.]+ µs", shown, re.MULTILINE)
    assert re.search(r"^1 target: 1 up · lag [\d.]+ \w+", shown, re.MULTILINE)


def test_receivers_and_heartbeats_that_fail_are_troubles_of_our_own(tmp_path: Path) -> None:
    store = Store(tmp_path)
    watcher = Watcher(store, Config(), lambda _, __: None)
    waiting = Waiting(receiver="a", count=2, tries=3, since_ns=1, error="status 503")
    watcher.health.waiting = {
        "a": waiting,
        "b": msgspec.structs.replace(waiting, receiver="b", count=1, error="refused"),
        "c": msgspec.structs.replace(waiting, receiver="c", error=""),
    }
    watcher.health.heartbeats = {"alive": "store stopped"}
    assert troubles(watcher, 0) == {
        "short of a receiver": (
            "2 notifications not received by a: status 503; 1 notification not received by b: "
            "refused"
        ),
        "without a heartbeat": "heartbeat alive not sent: store stopped",
    }
    store.close()

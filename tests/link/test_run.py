"""A command behind a link: the world it reaches, its exit code, its signals, and what it leaves."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from seventh.link import run as run_module
from seventh.link.emulator import Wanted
from seventh.link.profile import Allow, NatKeys, Profile
from seventh.link.relay import nameservers
from seventh.link.run import Result, run
from seventh.link.way import Cause, Shape
from tests.link.carriers import CARRIERS, TUN, USER, why_not, within

FAST = Profile(name="fast", up=Shape(delay_ms=1), down=Shape(delay_ms=1))
BODY = bytes(range(256)) * 4096
SECONDS = 20.0
PYTHON = "/usr/bin/python3"
HERE = "198.18.0.1"
"""This machine's loopback, behind a link."""


@contextlib.contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server on loopback, and its port; ``answer`` gets each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, contextlib.suppress(OSError):
                        answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def client(code: str) -> list[str]:
    """A program that only needs sockets, for a user who may read no more than the system's."""
    return [PYTHON, "-I", "-S", "-c", f"import socket\nsocket.setdefaulttimeout(15)\n{code}"]


def behind(kind: str, profile: Profile, command: list[str]) -> tuple[Result, str]:
    """A run, and what the command printed."""

    if not Path(command[0]).exists() and command[0] == PYTHON:
        pytest.skip(f"needs {PYTHON}, which every user may run")

    def work(wanted: Wanted) -> tuple[bytes, str]:
        reader, writer = os.pipe()
        os.dup2(writer, 1)
        os.environ["PATH"] = "/usr/bin:/bin"
        result = run(profile, command, 1, wanted)
        os.dup2(2, 1)
        os.close(writer)
        with os.fdopen(reader) as file:
            return msgspec.json.encode(result), file.read()

    data, printed = within(kind, work)
    return msgspec.json.decode(data, type=Result), printed


@CARRIERS
@pytest.mark.parametrize("profile", [FAST, Profile(name="none")], ids=["delayed", "straight"])
def test_a_connection_goes_on_to_loopback(kind: str, profile: Profile) -> None:
    def answer(connection: socket.socket) -> None:
        asked = b""
        while data := connection.recv(65536):  # until the client's half is closed
            asked += data
        connection.sendall(asked[::-1])

    code = f"""
s = socket.create_connection(("{HERE}", PORT))
s.sendall(bytes(range(256)) * 4096); s.shutdown(1)
got = b""
while data := s.recv(65536): got += data
print(got == (bytes(range(256)) * 4096)[::-1], s.getsockname()[0])
"""
    with serving(answer) as port:
        result, printed = behind(kind, profile, client(code.replace("PORT", str(port))))
    assert printed == "True 198.18.0.2\n"
    assert result.exit_code == 0
    done = result.statistics
    assert done.up.accounted
    assert done.down.accounted
    assert done.refused == 0
    # Without rights a socket's buffer is small: a busy machine may overrun it, and TCP sends again.
    assert done.missed == 0 or kind == USER
    assert done.up.bytes > len(BODY) < done.down.bytes


@CARRIERS
def test_a_refusal_is_a_refusal_and_a_reset_a_reset(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refused = closed.getsockname()[1]

    def answer(connection: socket.socket) -> None:
        connection.recv(1)
        linger = b"\1\0\0\0\0\0\0\0"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    code = f"""
for port in (REFUSED, OPEN):
    try:
        s = socket.create_connection(("{HERE}", port)); s.sendall(b"x"); print(s.recv(1))
    except OSError as error: print(type(error).__name__)
"""
    with serving(answer) as port:
        text = code.replace("REFUSED", str(refused)).replace("OPEN", str(port))
        result, printed = behind(kind, FAST, client(text))
    assert printed == "ConnectionRefusedError\nConnectionResetError\n"
    assert result.exit_code == 0


@CARRIERS
def test_datagrams_go_on_and_their_answers_come_from_where_they_went(kind: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def echo() -> None:
            for _ in range(2):
                data, source = server.recvfrom(100)
                server.sendto(data[::-1], source)

        thread = threading.Thread(target=echo, daemon=True)
        thread.start()
        code = f"""
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(15)
for data in (b"abc", b"def"):
    s.sendto(data, ("{HERE}", {server.getsockname()[1]})); print(*s.recvfrom(100))
"""
        result, printed = behind(kind, FAST, client(code))
        thread.join(5)
        port = server.getsockname()[1]
    assert printed == f"b'cba' ('{HERE}', {port})\nb'fed' ('{HERE}', {port})\n"
    assert result.statistics.down.sent == 2


@CARRIERS
def test_the_filter_of_a_profile_holds(kind: str) -> None:
    profile = Profile(name="x", allow=Allow(tcp_ports=(443,)), nat=NatKeys(tcp_idle_seconds=60))
    code = f"""
s = socket.socket(); s.settimeout(0.2)
try: s.connect(("{HERE}", 80))
except OSError as error: print(type(error).__name__)
"""
    result, printed = behind(kind, profile, client(code))
    assert printed == "TimeoutError\n"
    assert result.statistics.up.dropped == {Cause.FILTER: 1}


@CARRIERS
@pytest.mark.parametrize(
    ("command", "code"),
    [("exit 7", 7), ("kill -TERM $$", 143), ("true", 0)],
    ids=["7", "TERM", "0"],
)
def test_the_exit_code_is_the_commands(kind: str, command: str, code: int) -> None:
    result, _ = behind(kind, FAST, ["sh", "-c", command])
    assert (result.exit_code, result.profile, result.seed) == (code, "fast", 1)
    assert result.command == ("sh", "-c", command)


def test_a_run_that_was_not_what_was_asked_for_is_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    true = run_module.reasons
    monkeypatch.setattr(
        run_module, "reasons", lambda checks, done: [*true(checks, done), "a fault"]
    )
    result, _ = behind(TUN, FAST, ["true"])
    assert not result.valid
    assert result.reasons[-1] == "a fault"


def test_the_name_servers_of_this_machine(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("# nameserver 1.1.1.1\nnameserver 127.0.0.53\nsearch x\nnameserver\t::1\n")
    assert nameservers(str(file)) == ["127.0.0.53", "::1"]
    assert nameservers(str(tmp_path / "none")) == []


# The command itself, as a process that is ended in every way.


class Command:
    """``seventh link run`` with a shell behind the link, and every process that belongs to it."""

    def __init__(self, folder: Path, script: str, profile: str = "none") -> None:
        self.output = folder / "summary.json"
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "seventh", "link", "run", profile, "--format", "json",
                "--output", str(self.output), "--", "sh", "-c", script,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.pid = self._process.pid
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        self.children = [int(pid) for pid in _children(self.pid)]
        everyone = [*self.children]
        for pid in self.children:
            everyone += [int(each) for each in _children(pid)]
        self.handles = [os.pidfd_open(pid) for pid in everyone]

    def kill(self) -> None:
        """End it, if it is still there."""
        self._process.kill()
        self._process.wait(SECONDS)

    def ended(self) -> tuple[int, str]:
        """The exit code and what was said, once all processes have ended."""
        code = self._process.wait(SECONDS)
        for handle in self.handles:
            assert select.select([handle], [], [], SECONDS)[0], "a process is left"
            os.close(handle)
        assert self._process.stderr is not None
        said = self._process.stderr.read()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        return code, said


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[[str], Command]]:
    """What starts a command; one that a test has not ended is ended by its emulator."""
    if reason := why_not(TUN):
        pytest.skip(reason)
    started: list[Command] = []

    def start(script: str) -> Command:
        started.append(Command(tmp_path, script))
        return started[-1]

    yield start
    for each in started:
        each.kill()


def interfaces() -> set[str]:
    return {each.name for each in Path("/sys/class/net").iterdir()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_goes_to_the_command(
    command: Callable[[str], Command], number: signal.Signals
) -> None:
    before = interfaces()
    running = command(f"trap 'exit 5' {number.name[3:]}; echo ready; while :; do sleep 0.1; done")
    os.kill(running.pid, number)
    assert running.ended() == (5, "")
    summary = msgspec.json.decode(running.output.read_bytes(), type=Result)
    assert (summary.exit_code, summary.profile) == (5, "none")
    assert interfaces() == before


def test_what_the_command_leaves_is_ended(command: Callable[[str], Command]) -> None:
    running = command("sleep 600 & trap '' HUP; echo ready; read x < /dev/null; exit 3")
    code, _ = running.ended()
    assert code == 3


def test_a_parent_that_is_killed_leaves_nothing(command: Callable[[str], Command]) -> None:
    before = interfaces()
    running = command("sleep 600 & echo ready; wait")
    assert len(running.handles) == 3  # the emulator, the shell, and what it runs
    os.kill(running.pid, signal.SIGKILL)
    assert running.ended() == (-9, "")
    assert interfaces() == before


def test_an_emulator_that_is_killed_ends_the_command(command: Callable[[str], Command]) -> None:
    running = command("sleep 600 & echo ready; wait")
    os.kill(running.children[0], signal.SIGKILL)
    assert running.ended() == (
        3, "seventh: the link's process has ended unexpectedly; the command was ended, too\n"
    )  # fmt: skip


def test_both_are_killed_at_once(command: Callable[[str], Command]) -> None:
    running = command("echo ready; exec sleep 600")
    for pid in (running.children[0], running.pid):
        os.kill(pid, signal.SIGKILL)
    assert running.ended()[0] == -9


def test_ctrl_c_reaches_the_command_once_and_ends_nothing_else(
    command: Callable[[str], Command], tmp_path: Path
) -> None:
    """In a terminal both have the signal from it; the command decides."""
    del command  # its reasons to skip
    script = "trap 'echo caught' INT; echo ready; read x; echo $x; exit 6"
    words = [sys.executable, "-m", "seventh", "link", "run", "none", "--output",
             str(tmp_path / "summary"), "--", "sh", "-c", script]  # fmt: skip
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(words[0], words)  # noqa: S606
    try:
        shown = _until(terminal, b"ready")
        os.write(terminal, b"\x03")
        shown += _until(terminal, b"caught")
        os.write(terminal, b"typed\n")
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 6
    assert shown.count(b"caught") == 1


def _until(terminal: int, word: bytes) -> bytes:
    shown = b""
    while word not in shown:
        assert select.select([terminal], [], [], SECONDS)[0], shown
        shown += os.read(terminal, 1000)
    return shown

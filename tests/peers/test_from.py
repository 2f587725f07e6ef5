"""``--from ssh://host`` through OpenSSH: a Python that the session starts makes the check."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import seventh
from seventh import __version__, given
from seventh.engine.bundle import MAX_BYTES, bundle
from seventh.lab.start import kit, labs, serving
from seventh.labkit.serve import Served, free_port, tcp_server
from tests.peers import need_binary
from tests.peers.sshd_users import USER, LoginSshd, login_sshd

pytestmark = pytest.mark.peer
ELSEWHERE = Path("/usr/bin/python3")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp().parent / "cache"


@pytest.fixture(autouse=True)
def _another_python(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    if not ELSEWHERE.exists():
        pytest.skip(f"{ELSEWHERE} is not installed")


class Run:
    """One run of the command: its exit code, its report and its lines on standard error."""

    def __init__(self, code: int, output: bytes, errors: bytes) -> None:
        self.code = code
        self.errors = [
            line.removeprefix("seventh: ")
            for line in errors.decode().splitlines()
            if "compressing" not in line
        ]
        self.report: dict[str, Any] = json.loads(output) if output else {}

    @property
    def places(self) -> dict[str, dict[str, Any]]:
        return {place["name"]: place for place in self.report["places"]}

    def from_(self, place: str) -> list[dict[str, Any]]:
        return [each for each in self.report["reports"] if each["place"] == place]


class Far:
    """A running sshd as a place of ``--from``."""

    def __init__(self, server: LoginSshd) -> None:
        self.server = server
        self.name = f"ssh://{USER}@127.0.0.1:{server.port}"

    @contextlib.asynccontextmanager
    async def running(
        self, *words: str, style: str = "json"
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "seventh", "check", *words, "--no-agent",
            "--identity", str(self.server.key), "--known-hosts", str(self.server.known_hosts),
            "--format", style, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def check(self, *words: str, places: str = "local,{}") -> Run:
        async with self.running(*words, "--from", places.format(self.name)) as process:
            output, errors = await process.communicate()
        assert process.returncode is not None
        return Run(process.returncode, output, errors)


@contextlib.asynccontextmanager
async def far(folder: Path, *lines: str, python: str | None = None) -> AsyncIterator[Far]:
    """A place whose ``python3`` is a shell script, if one is given."""
    (folder / "bin").mkdir()
    (folder / "tmp").mkdir()
    environment = f"TMPDIR={folder}/tmp"
    if python is not None:
        script = folder / "bin" / "python3"
        script.write_text(f"#!/bin/sh\n{python}\n")
        script.chmod(0o755)
        environment += f" PATH={folder}/bin:/usr/bin:/bin"
    async with login_sshd(folder, "LogLevel INFO", f"SetEnv {environment}", *lines) as server:
        yield Far(server)


def rules_of(report: dict[str, Any]) -> dict[str, Any]:
    return {
        "fired": sorted(finding["id"] for finding in report["findings"]),
        "passed": sorted(report["passed"]),
    }


NOT_THERE = {
    "token_file",  # a token of some seconds may end on the way there
    "call", "data_file", "calls", "backend_header",  # of gRPC: the other machine has no protobuf
}  # fmt: skip


def words_of(served: Served) -> list[str]:
    """The options that the check of a reference server needs, as they are typed."""
    words: list[str] = []
    for name, value in served.options.items():
        if name in NOT_THERE:
            continue
        each = given.options()[name]
        if each.is_switch:
            words += [each.flag] if value else []
        else:
            values = value if isinstance(value, tuple) else (value,)
            words += [f"--{each.option.flag}={one}" for one in values]
    return words


async def test_the_same_check_is_made_there_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with far(tmp_path) as there:
        run = await there.check(f"tcp://127.0.0.1:{there.server.port}")
    assert (run.code, run.errors) == (0, [])
    (here,), (other,) = run.from_("local"), run.from_(there.name)
    assert rules_of(here) == rules_of(other)
    assert [phase["name"] for phase in other["phases"]] == ["connect"]
    place = run.places[there.name]
    assert (place["missing"], place["failure"], place["installed"]) == (0, "", False)
    assert place["vantage"] == other["vantage"] == socket.gethostname()
    assert re.fullmatch(r"3\.\d+\.\d+", place["python"])
    assert run.report["comparisons"] == []
    assert list((tmp_path / "home").iterdir()) == list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("room", labs())
async def test_each_protocol_is_checked_there(tmp_path: Path, room: str) -> None:
    with kit() as made:
        async with serving(room, None, made) as served, far(tmp_path) as there:
            words = words_of(served)
            words += ["--i-own-this"] if "--intrusive" in words else []
            run = await there.check(served.target, *words)
    assert run.errors == []
    (here,), (other,) = run.from_("local"), run.from_(there.name)
    assert other["failure"] == here["failure"] is None
    # A look-up may be slow on a busy machine, from here or from there.
    fired = [[rule for rule in rules_of(each)["fired"] if rule != "NET-DNS-SLOW"]
             for each in (here, other)]  # fmt: skip
    assert fired[0] == fired[1]
    assert other["facts"].keys() == here["facts"].keys()


async def test_an_installed_seventh_of_this_version_is_used(tmp_path: Path) -> None:
    source = Path(seventh.__file__).parents[1]
    python = f'PYTHONPATH={source} exec {sys.executable} "$@"'
    async with far(tmp_path, python=python) as there:
        run = await there.check(f"tcp://127.0.0.1:{there.server.port}", places="{}")
    assert (run.code, run.errors) == (0, [])
    assert run.places[there.name]["installed"] is True
    assert len(run.report["reports"]) == 1


async def test_a_seventh_beside_its_own_python_is_found(tmp_path: Path) -> None:
    source = Path(seventh.__file__).parents[1]
    async with far(tmp_path) as there:
        command = tmp_path / "home" / ".local" / "bin" / "seventh"
        command.parent.mkdir(parents=True)
        own = tmp_path / "python-of-it"
        own.write_text(f'#!/bin/sh\nPYTHONPATH={source} exec {sys.executable} "$@"\n')
        own.chmod(0o755)
        command.write_text(f"#!{own}\n")
        command.chmod(0o755)
        run = await there.check(f"tcp://127.0.0.1:{there.server.port}", places="{}")
    assert (run.code, run.errors) == (0, [])
    assert run.places[there.name]["installed"] is True


async def test_what_the_login_prints_first_is_skipped(tmp_path: Path) -> None:
    noise = 'ForceCommand echo "Welcome to seventh-from/1"; exec sh -c "$SSH_ORIGINAL_COMMAND"'
    async with far(tmp_path, noise) as there:
        run = await there.check(f"tcp://127.0.0.1:{there.server.port}", places="{}")
    assert (run.code, run.errors) == (0, [])


NOT_STARTED = "Python did not start there: exit status 1; its output:"
FOREIGN = (
    f"Python 3.13.1 on linux-riscv64 there, and {sys.implementation.cache_tag} on "
    f"{sys.platform}-{os.uname().machine} here, whose compiled libraries do not run there: "
    f"install Seventh {__version__} on that machine"
)
SAYS = 'printf \'\\nseventh-from/1 {"version":[%s],"tag":"%s","platform":"%s","seventh":null}\\n\''


@pytest.mark.parametrize(
    ("lines", "python", "line"),
    [
        ((), "exit 127", "python3 not found there"),
        ((), f"{SAYS % ('3,9,2', 'cpython-39', 'linux-x86_64')}; cat > /dev/null",
         "Python 3.9.2 there: 3.11 or later is required"),
        ((), f"{SAYS % ('3,13,1', 'cpython-313', 'linux-riscv64')}; cat > /dev/null",
         FOREIGN),
        ((), "echo no memory >&2; exit 1", "Python did not start there: exit status 1: no memory"),
        ((), "yes", "65536 bytes of other output: the user's shell does not run commands"),
        (("ForceCommand echo This account is not available.; exit 1",), None,
         f"{NOT_STARTED} This account is not available."),
        (("ForceCommand internal-sftp",), None,
         f"{NOT_STARTED} This service allows sftp connections only."),
        (("ForceCommand sleep 60",), None,
         "no answer from Python in 2 s: the login or the user's shell does not run commands"),
        (("AuthorizedKeysFile /dev/null",), None, "login"),
    ],
)  # fmt: skip
async def test_a_place_that_cannot_check_is_one_line_and_the_other_reports_stay(
    tmp_path: Path, lines: tuple[str, ...], python: str | None, line: str
) -> None:
    async with far(tmp_path, *lines, python=python) as there:
        run = await there.check(
            f"tcp://127.0.0.1:{there.server.port}", "--timeout",
            "2" if "in 2 s" in line else "20",
        )  # fmt: skip
    assert run.code == 3, "unknown: the targets were not checked from there"
    (error,) = run.errors
    if line == "login":
        assert error.startswith(f"{there.name}: the host 127.0.0.1:{there.server.port}: ")
    else:
        assert error == f"{there.name}: {line}"
    assert run.places[there.name]["missing"] == 1
    assert [report["status"] for report in run.report["reports"]] == ["ok"]


HOSTILE = """
import json, sys, msgspec
from seventh import __version__
def send(kind, data):
    sys.stdout.buffer.write(kind + len(data).to_bytes(4, "big") + data)
    sys.stdout.buffer.flush()
hello = {"version": [3, 11, 2], "tag": "x", "platform": "x", "seventh": __version__}
sys.stdout.buffer.write(b"\\nseventh-from/1 " + json.dumps(hello).encode() + b"\\n")
finding = {"id": "X", "room": "net", "severity": "low", "tier": 0, "params": {}, "references": (),
           "seed": ()}
report = {"target": "t", "protocol": "net", "vantage": "v", "started_seconds": 1,
          "duration_seconds": 2, "facts": {}}
"""
"""The begin of a far end that behaves as it likes."""


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (("send(b'R', msgspec.msgpack.encode("
         "{'index': 0, 'report': {**report, 'findings': [finding] * 10**5}, 'facts': {}}))"),
         "a report with 100000 findings (maximum: 10000)"),
        (("send(b'R', msgspec.msgpack.encode("
         "{'index': 0, 'report': {**report, 'started_seconds': 1e300}, 'facts': {}}));"
         "send(b'Z', b'')"),
         "impossible values in a report: OverflowError"),
        ("sys.stdout.buffer.write(b'R' + (10**9).to_bytes(4, 'big') + b'x' * 10**7)",
         "a report of 1000000005 bytes (maximum: 8388608)"),
        ("sys.stdout.buffer.write(b'R' + (8 * 10**6).to_bytes(4, 'big') + b'\\x91' * 8 * 10**6)",
         "not a report of this version: Expected `object`, got `array`"),
    ],
)  # fmt: skip
async def test_a_hostile_far_end_is_one_line_and_what_was_measured_here_stays(
    tmp_path: Path, more: str, line: str
) -> None:
    (tmp_path / "hostile.py").write_text(HOSTILE + more + "\nsys.stdin.buffer.read()\n")
    source = Path(seventh.__file__).parents[1]
    python = f"PYTHONPATH={source} exec {sys.executable} {tmp_path}/hostile.py"
    async with far(tmp_path, python=python) as there:
        run = await there.check(f"tcp://127.0.0.1:{there.server.port}", "--timeout", "20")
    assert (run.code, run.errors) == (3, [f"{there.name}: {line}"])
    assert run.places[there.name]["missing"] == 1
    assert [(report["place"], report["status"]) for report in run.report["reports"]] == [
        ("local", "ok")
    ]


async def test_a_python_that_is_killed_there(tmp_path: Path) -> None:
    python = f'echo $$ > {tmp_path}/pid; exec {ELSEWHERE} "$@"'
    async with silent_server() as (port, reached), far(tmp_path, python=python) as there:
        words = (f"ssh://127.0.0.1:{port}", "--timeout", "30", "--from", there.name)
        async with there.running(*words) as process:
            await reached.wait()
            os.kill(pid_in(tmp_path), signal.SIGKILL)
            output, errors = await process.communicate()
    assert process.returncode is not None
    run = Run(process.returncode, output, errors)
    assert run.code == 3
    assert run.errors == [f"{there.name}: the check there ended early: killed by the signal KILL"]
    assert run.report["reports"] == []


@pytest.mark.parametrize("end", ["sshd", "seventh"])
async def test_a_lost_connection_ends_the_process_there(tmp_path: Path, end: str) -> None:
    python = f'echo $$ > {tmp_path}/pid; exec {ELSEWHERE} "$@"'
    async with silent_server() as (port, reached), far(tmp_path, python=python) as there:
        words = (f"ssh://127.0.0.1:{port}", "--timeout", "30", "--from", there.name)
        async with there.running(*words) as process:
            await reached.wait()
            handle = os.pidfd_open(pid_in(tmp_path))
            gone = asyncio.Event()
            asyncio.get_running_loop().add_reader(handle, gone.set)
            if end == "sshd":
                os.kill(parent_of(pid_in(tmp_path)), signal.SIGKILL)
                output, errors = await process.communicate()
                run = Run(process.returncode or 0, output, errors)
                assert run.code == 3
                assert len(run.errors) == 1
                assert run.errors[0].startswith(f"{there.name}: the host 127.0.0.1:")
            else:
                process.kill()
            async with asyncio.timeout(10):
                await gone.wait()
            asyncio.get_running_loop().remove_reader(handle)
            os.close(handle)


@contextlib.asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A server that says nothing, and an event for its first connection."""
    reached = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        reached.set()
        await reader.read()

    async with tcp_server(wait) as port:
        yield port, reached


def pid_in(folder: Path) -> int:
    """The process that has written its number there."""
    return int((folder / "pid").read_text())


def parent_of(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


async def test_a_port_that_is_open_here_and_silent_there_is_filtered_near_there(
    tmp_path: Path,
) -> None:
    # A namespace whose route to 127.0.0.0/8 leads nowhere.
    nowhere = tmp_path / "nowhere"
    nowhere.write_text(
        "ip link add v0 type veth peer name v1 && ip link set v1 up &&\n"
        "ip link set v0 up arp off &&\n"
        "ip addr add 10.9.9.9/24 dev v0 &&\n"
        f'ip route add 127.0.0.0/8 dev v0 && exec {ELSEWHERE} "$@"\n'
    )
    python = f'exec {need_binary("unshare")} -n sh {nowhere} "$@"'
    async with far(tmp_path, python=python) as there:
        port = there.server.port
        run = await there.check(f"tcp://127.0.0.1:{port}", "--timeout", "20")
        async with there.running(
            f"tcp://127.0.0.1:{port}", "--from", f"local,{there.name}", style="terminal"
        ) as process:
            output, _ = await process.communicate()
    assert (run.code, run.errors) == (2, [])
    assert run.report["comparisons"] == [{
        "target": f"tcp://127.0.0.1:{port}",
        "differences": [
            {"aspect": "port", "values": {"local": ["open"], there.name: ["filtered"]}},
            {"aspect": "failure", "values": {"local": ["none"], there.name: ["connect-timeout"]}},
            *run.report["comparisons"][0]["differences"][2:],
        ],
        "filtered_near": [there.name],
    }]  # fmt: skip
    assert f"filtered near {there.name}: " in " ".join(output.decode().split())


async def test_a_port_that_is_closed_from_there_is_compared(tmp_path: Path) -> None:
    closed = free_port()
    async with far(tmp_path) as there:
        run = await there.check(f"tcp://127.0.0.1:{closed}", f"tcp://127.0.0.1:{there.server.port}")
    assert run.code == 2
    assert [report["place"] for report in run.report["reports"]] == ["local", there.name] * 2
    assert run.report["comparisons"] == [], "closed from both"


def test_the_archives_are_five_megabytes_at_most() -> None:
    said: list[str] = []
    parts = bundle(set(labs()), said.append)
    assert sum(map(len, parts)) <= MAX_BYTES == 5_100_000
    assert parts == bundle(set(labs()), said.append)
    assert len(said) <= 1, "the second time they are in the cache"

"""``seventh check ssh://host --local`` through OpenSSH, and that a look writes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import seventh
from seventh import protocols
from tests.peers import need_binary
from tests.peers.test_from import ELSEWHERE, Run, far, parent_of, pid_in

pytestmark = pytest.mark.peer
WRITES = re.compile(
    r"\bopen(at)?\(.*(O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE)"
    r"|\b(creat|mkdir|mkdirat|mknod|mknodat|unlink|unlinkat|rename|renameat2?|link|linkat|symlink"
    r"|symlinkat|chmod|fchmod|fchmodat|chown|fchown|fchownat|truncate|ftruncate|utimensat"
    r"|settimeofday|clock_settime|sethostname|mount|setxattr)\("
)


CLIENT_SOCKET = re.compile(r"/run/(chrony/chronyc|pmc)\.\d+")
"""Where a running daemon replies to its client, which removes it again."""


@pytest.fixture(autouse=True)
def _another_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path.parent.parent / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    if not ELSEWHERE.exists():
        pytest.skip(f"{ELSEWHERE} is not installed")


async def test_the_machine_of_a_target_is_looked_at(tmp_path: Path) -> None:
    async with far(tmp_path) as there:
        async with there.running(there.name, "--local") as process:
            output, errors = await process.communicate()
    assert process.returncode is not None
    run = Run(process.returncode, output, errors)
    assert run.errors == []
    check, look = run.report["reports"]
    assert check["protocol"] == "ssh"
    assert (look["target"], look["protocol"]) == ("local://127.0.0.1", "local")
    rooms = {room for room, _ in protocols.areas().values()}
    assert set(look["facts"]) == {"local", *rooms}
    assert look["facts"]["local"]["areas"] == [*protocols.areas()]
    judged = {each["id"] for each in look["findings"] + look["skipped"]} | {*look["passed"]}
    assert {"NTP-DUAL-DAEMON", "SSH-THROTTLE"} <= judged  # the latter by a linter
    assert list((tmp_path / "home").iterdir()) == list((tmp_path / "tmp").iterdir()) == []


async def test_a_login_that_fails_leaves_the_check(tmp_path: Path) -> None:
    async with far(tmp_path, python="exit 127") as there:
        async with there.running(there.name, "--local") as process:
            output, errors = await process.communicate()
    assert process.returncode is not None
    run = Run(process.returncode, output, errors)
    assert run.code >= 2
    (check,) = run.report["reports"]
    assert check["protocol"] == "ssh"
    (line,) = run.errors
    assert line == f"--local {check['target']}: python3 not found there"


HANGS = """\
#!/bin/sh
sleep 600 &
echo $$ $! > {folder}/hanging
wait
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a mount namespace")
async def test_a_command_that_hangs_ends_with_the_connection(tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "journalctl").write_text(HANGS.format(folder=tmp_path))
    (programs / "journalctl").chmod(0o755)
    os.mkfifo(tmp_path / "hanging")
    unshare = need_binary("unshare")
    inside = f'mount --bind {programs} /usr/local/sbin; exec {ELSEWHERE} "$@"'
    python = f"echo $$ > {tmp_path}/pid; exec {unshare} -m sh -c '{inside}' sh \"$@\""
    async with far(tmp_path, python=python) as there:
        async with there.running(there.name, "--local") as process:
            async with asyncio.timeout(60):  # the first look of a machine compresses what is sent
                started = await told(tmp_path / "hanging")
            gone = [ended(int(pid)) for pid in started.split()]
            assert len(gone) == 2
            os.kill(parent_of(pid_in(tmp_path)), signal.SIGKILL)
            output, _ = await process.communicate()
            # The look had not come to its end, which ends its commands anyway.
            assert len(json.loads(output)["reports"]) == 1
            async with asyncio.timeout(10):
                await asyncio.gather(*gone)


async def told(pipe: Path) -> str:
    """What is written to a pipe; its wait can be cancelled, as that of a thread cannot."""
    handle = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    written = asyncio.Event()
    asyncio.get_running_loop().add_reader(handle, written.set)
    try:
        await written.wait()
        return os.read(handle, 4096).decode()
    finally:
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)


async def ended(pid: int) -> None:
    """Wait for the end of a process that is no child of ours."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(handle, over.set)
    await over.wait()
    asyncio.get_running_loop().remove_reader(handle)
    os.close(handle)


def test_a_look_writes_nothing(tmp_path: Path) -> None:
    strace = need_binary("strace")
    trace = tmp_path / "trace"
    subprocess.run(
        [strace, "-f", "-o", str(trace), "-e", "trace=%file,%desc,%network,clock_settime",
         sys.executable, "-B", "-m", "seventh", "local"],
        env={
            **{name: value for name, value in os.environ.items() if "COVERAGE" not in name},
            "PYTHONPATH": str(Path(seventh.__file__).parents[1]),
        },
        stdout=subprocess.DEVNULL, check=False, timeout=60, cwd="/",
    )  # fmt: skip
    lines = trace.read_text().splitlines()
    assert any('"/proc/1/comm"' in line for line in lines)
    written = [
        line for line in lines
        if WRITES.search(line) and " = -1 " not in line and '"/dev/null"' not in line
        and not CLIENT_SOCKET.search(line)
    ]  # fmt: skip
    assert written == []
    connected = [line for line in lines if "AF_INET" in line and "connect(" in line]
    assert not [line for line in connected if "127.0.0.1" not in line and '"::1"' not in line]

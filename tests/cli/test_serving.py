"""``seventh watch --listen``: what is typed, a reload over HTTP, and a supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from seventh.cli import supervised
from seventh.cli.main import main
from tests.serve.made import ask

BEYOND = (
    "--listen 0.0.0.0:0: reachable from other machines: write token-sha256 = […] in [serve] of "
    "seventh.toml, or listen on 127.0.0.1"
)


@pytest.mark.parametrize(
    ("words", "serve", "expected"),
    [
        (["--probe-any"], "", "--probe-any: needs --listen HOST:PORT"),
        (["--blackbox", "x"], "", "--blackbox: needs --listen HOST:PORT"),
        (["--snmp", "x"], "", "--snmp: needs --listen HOST:PORT"),
        (["--listen", ":0", "--snmp", "/nowhere"], "",
         "/nowhere: cannot be read: No such file or directory"),
        (["--listen", "9"], "", "--listen '9': write HOST:PORT, such as 127.0.0.1:9707"),
        (["--listen", "0.0.0.0:0"], "", BEYOND),
        ([], 'listen = "0.0.0.0:0"', BEYOND),
        ([], 'token-sha256 = ["secret"]',
         "{}:3: token-sha256: write 64 hexadecimal digits, the hash"),
        ([], 'tls-key = "x"', "{}:3: tls-cert and tls-key are needed together"),
        ([], "x = 1", ("{}:3: unknown key 'x': write blackbox, hosts, listen, snmp, "
         "tls-cert, tls-key or token-sha256")),
        ([], 'listen = ":0"\ntls-cert = "a"\ntls-key = "b"',
         "tls-cert a, tls-key b: No such file or directory"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(
    words: list[str], serve: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s.toml"
    path.write_text(f'[[target]]\nurl = "tcp://127.0.0.1:1"\n[serve]\n{serve}\n', encoding="utf-8")
    assert main(["watch", "--config", str(path), "--state", str(tmp_path), *words]) == 3
    assert capsys.readouterr() == ("", f"seventh: {expected.format(path)}\n")


async def test_it_is_served_supervised_and_reloaded(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    text = (
        '[serve]\nlisten = ":0"\n[defaults]\nevery = 3600\n[[target]]\nurl = "tcp://127.0.0.1:1"\n'
    )
    path.write_text(text, encoding="utf-8")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.setblocking(False)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "seventh", "watch", "--config", str(path), "--state",
            str(tmp_path), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"},
        )  # fmt: skip

        async def told() -> bytes:
            return await asyncio.wait_for(loop.sock_recv(supervisor, 100), 20)

        loop = asyncio.get_running_loop()
        assert process.stderr is not None
        said = (await asyncio.wait_for(process.stderr.readline(), 20)).decode()
        assert said.startswith("seventh: dashboard: http://127.0.0.1:")
        port = int(said.rpartition(":")[2])
        assert [await told(), await told()] == [b"READY=1", b"WATCHDOG=1"]
        assert (await ask(port, "/-/reload", "POST")).body == (
            "reloaded: 1 target, 0.000278 pulses a second\n"
        )
        key = hashlib.sha256(b"secret").hexdigest()
        more = f'token-sha256 = ["{key}"]\nblackbox = "{tmp_path}/none.yml"\n'
        path.write_text(text.replace("[defaults]", f"{more}[defaults]"), encoding="utf-8")
        wrong = await ask(port, "/-/reload", "POST")
        assert (wrong.status, wrong.body) == (
            400,
            f"not reloaded: {tmp_path}/none.yml: cannot be read: No such file or directory\n",
        )
        blackbox = tmp_path / "none.yml"
        blackbox.write_text("modules:\n  mine:\n    prober: tcp\n", encoding="utf-8")
        moved = text.replace("[defaults]", f"{more}[defaults]").replace('":0"', '":1"')
        path.write_text(moved, encoding="utf-8")
        assert (await ask(port, "/-/reload", "POST")).body == (
            "reloaded: 1 target, 0.000278 pulses a second; applies after a restart: listen of "
            "[serve]\n"
        )
        probe = await ask(port, "/probe?target=127.0.0.1:1&module=mine")
        assert "\nprobe_success 0\n" in probe.body
        assert (await ask(port, "/-/reload", "POST")).status == 401
        token = {"Authorization": "Bearer secret"}
        path.write_text(text, encoding="utf-8")
        assert (await ask(port, "/-/reload", "POST", **token)).body == (
            "reloaded: 1 target, 0.000278 pulses a second\n"
        )
        path.write_text(text + "[[target]]\n", encoding="utf-8")
        wrong = await ask(port, "/-/reload", "POST")
        assert (wrong.status, wrong.body) == (400, f"not reloaded: {path}:7: needs url = …\n")
        assert "\nseventh_watch_reload_success 0\n" in (await ask(port, "/metrics")).body
        process.send_signal(signal.SIGTERM)
        told_last = (await asyncio.wait_for(process.communicate(), 20))[1].decode()
        for line in told_last.splitlines():  # what a pulse between two reloads has shown
            assert line in {
                "seventh: [serve]: applies after a restart: listen",
                "seventh: no longer in need of a restart",
            }
        assert process.returncode == 0
        last = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                last = supervisor.recv(100)
        assert last == b"STOPPING=1"


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [({}, None), ({"WATCHDOG_USEC": "500000"}, 0.5), ({"WATCHDOG_USEC": "0"}, None),
     ({"WATCHDOG_USEC": "x"}, None), ({"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}, None),
     ({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}, 1.0)],
)  # fmt: skip
def test_the_watchdog(environ: dict[str, str], seconds: float | None) -> None:
    assert supervised.watchdog_seconds(environ) == seconds


def test_an_abstract_socket_and_none(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(f"\0seventh-{tmp_path}")
        supervisor.settimeout(20)
        supervised.notify(f"@seventh-{tmp_path}", "READY=1")
        assert supervisor.recv(100) == b"READY=1"
    supervised.notify(str(tmp_path / "none"), "READY=1")

"""``seventh listen snmp`` as a process: what it writes, how it ends, and what a kill leaves."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from seventh.model.failure import UsageError
from seventh.net.udp_listener import listener
from seventh.protocols.snmp.lab.notifier import Notifier
from seventh.protocols.snmp.lab.setup import COMMUNITY
from seventh.protocols.snmp.wire.message import Community, decode
from tests.cli.forked import ROOT
from tests.cli.listening import conf, listening

MAX_SECONDS = 10.0


def asked(port: int, *messages: bytes) -> list[bytes]:
    """The answers to messages, each awaited."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(MAX_SECONDS)
        sock.connect(("127.0.0.1", port))
        found = []
        for message in messages:
            sock.send(message)
            found.append(sock.recv(65535))
        return found


def informs(count: int) -> list[bytes]:
    sender = Notifier()
    return [sender.v2c(COMMUNITY, sender.pdu(number, inform=True)) for number in range(count)]


async def test_what_arrives_is_written_and_a_signal_ends_it(tmp_path: Path) -> None:
    metrics = tmp_path / "m.prom"
    async with listening(tmp_path, "--metrics", str(metrics)) as it:
        (answer,) = asked(it.port, informs(1)[0])
        message = decode(answer)
        assert isinstance(message, Community)
        found = await it.until("notification")
        assert (found["verdict"], found["notification"]["name"]) == ("unauthenticated", "linkDown")
        assert found["clock"]["synchronised"] in {True, False}
        code, rest = await it.end()
    assert (code, [(each["event"], each.get("rule")) for each in rest]) == (
        0, [("finding", "SNMP-TRAP-UNAUTH")],
    )  # fmt: skip
    assert it.said.splitlines()[-1] == ("seventh: 1 datagram received, 0 lost; 1 unauthenticated")
    assert 'seventh_snmp_traps_total{version="2c",verdict="unauthenticated"} 1' in (
        metrics.read_text().splitlines()
    )


async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """The receiver of records is away; the process is killed; the next one sends them."""
    target = tmp_path / "away" / "traps.jsonl"
    more = f'[[forward]]\nname = "file"\nto = "{target}"\n'
    sent = informs(50)
    async with listening(tmp_path, more=more) as it:
        assert len(asked(it.port, *sent)) == 50
        await it.end(signal.SIGKILL)
        engine = it.engine
    target.parent.mkdir()
    async with listening(tmp_path, more=more) as it:
        assert it.engine == engine
        code, _ = await it.end()
        assert (code, it.said.splitlines()[-1]) == (
            0, "seventh: 0 datagrams received, 0 lost; nothing judged",
        )  # fmt: skip
    lines = target.read_text().splitlines()
    events = [line for line in lines if '"event":"notification"' in line]
    assert len(events) == len({line.partition('"id":"')[2].partition('"')[0] for line in events})
    assert len(events) == 50
    assert [f"{engine}-1-" in line for line in events] == [True] * 50


async def test_an_endless_receiver_of_records_does_not_keep_it(tmp_path: Path) -> None:
    more = '[[forward]]\nname = "gone"\nto = "https://127.0.0.1:9/"\n'
    async with listening(tmp_path, more=more) as it:
        asked(it.port, *informs(3))
        code, _ = await it.end()
    assert code == 0
    assert "seventh: gone: not received, and tried again: connect-refused" in it.said


def run(*words: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "seventh", "listen", "snmp", *words], check=False,
        capture_output=True, text=True, cwd=ROOT, **more,  # type: ignore[call-overload]
    )  # fmt: skip


def test_a_file_is_checked(tmp_path: Path) -> None:
    file = conf(tmp_path)
    ran = run("--config", str(file), "--check-config")
    assert (ran.returncode, ran.stdout) == (0, f"{file}: valid: 1 user, 1 community, 1 receiver\n")


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        ran = run("--host", "127.0.0.1", "--port", str(port), "--state", str(tmp_path))
    assert ran.returncode == 3
    assert ran.stderr == (
        f"seventh: cannot listen on 127.0.0.1 port {port}: another program uses it; choose another "
        "with --port\n"
    )


def test_a_port_without_rights() -> None:
    """The system refuses port 162 to a user without the capability."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:  # what it imports is imported: it may not be able to read the files
        if os.geteuid() == 0:
            os.setuid(65534)
        try:
            listener("127.0.0.1", 162)
        except UsageError as error:
            os.write(theirs, str(error).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with open(ours, encoding="utf-8") as said:  # noqa: PTH123 - a descriptor
        text = said.read()
    os.waitpid(child, 0)
    if not text:
        pytest.skip("this system permits port 162 to everyone (ip_unprivileged_port_start)")
    assert text == (
        "cannot listen on 127.0.0.1 port 162: permission denied; choose another with --port 1162, "
        "or run as root or with CAP_NET_BIND_SERVICE"
    )


def test_no_address(tmp_path: Path) -> None:
    ran = run("--host", "nowhere", "--state", str(tmp_path))
    assert (ran.returncode, ran.stderr) == (
        3, "seventh: --host nowhere: not an IP address of this machine\n",
    )  # fmt: skip

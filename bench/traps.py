"""Notifications received, verified and written: CPU for each, and the rate that loses none.

The senders are a process of their own, whose datagrams are made before. ``to the file`` is the
time from the last datagram's sending to the last line in the receiver's file.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.measure import cpu_seconds, figure
from bench.peers import MissingError, need, process
from bench.table import Table
from seventh.labkit.serve import free_port
from seventh.protocols.snmp.lab.notifier import Notifier
from seventh.protocols.snmp.lab.setup import AUTH_PASSWORD, COMMUNITY, PRIV_PASSWORD
from seventh.protocols.snmp.wire.message import Binding, Kind

_HOST = "127.0.0.1"
_SENDERS = 8
_SERIAL = (1, 3, 6, 1, 4, 1, 8072, 9999, 1, 0)
_READY_SECONDS = 10.0
_PATIENCE_SECONDS = 15.0
"""A notification that is not written by then is lost."""
GOALS = {"v2c": 3000.0, "v3 authPriv": 1000.0}
"""Notifications per second on one core."""
MAX_SECONDS = 1.0


class Sent(NamedTuple):
    """One run."""

    rate: float
    cpu: float
    written: int
    latest_seconds: float


def run(folder: Path, quick: bool) -> list[Table]:
    seconds = 3 if quick else 20
    table = Table(
        "Notifications received, verified and written",
        ("notifications", "rate sent, /s", "lost", "CPU each, ms", "/s on one core", "goal",
         "to the file, s", "goal", "CPU / snmptrapd"),
        notes=(
            f"{seconds} s at each rate. Seventh commits with fsync; snmptrapd does not.",
            f"Load average of the machine: {os.getloadavg()[0]:.1f}.",
        ),
    )  # fmt: skip
    for name, rate in (("v2c", 3000), ("v3 authPriv", 1000), ("v2c", 5000), ("v3 authPriv", 2500)):
        count = rate * seconds
        ours = _measure(_seventh, folder, name, rate, count)
        theirs = _measure(_snmptrapd, folder, name, rate, count)
        per_core = ours.written / ours.cpu
        if (lost := count - ours.written) and rate <= GOALS[name]:
            table.missed.append(f"{name} at {rate}/s: {lost} lost")
        table.add(
            name, f"{ours.rate:.0f}", str(lost), figure(ours.cpu / max(ours.written, 1), 1e3),
            f"{per_core:.0f}",
            # What is held is at most: the CPU of one second's goal.
            table.hold(f"{name}: CPU for {GOALS[name]:.0f}", GOALS[name] / per_core, 1.0),
            f"{ours.latest_seconds:.2f}",
            table.hold(f"{name}: to the file", ours.latest_seconds, MAX_SECONDS),
            figure((ours.cpu / max(ours.written, 1)) / (theirs.cpu / max(theirs.written, 1))),
        )  # fmt: skip
    return [table]


Start = Callable[[Path], object]


def _measure(start: Start, folder: Path, name: str, rate: int, count: int) -> Sent:
    with start(folder) as (pid, port, file, mark):  # type: ignore[attr-defined]
        before = cpu_seconds(pid)
        fork = multiprocessing.get_context("fork")
        ended, taken = fork.Event(), fork.Value("d", 0.0)
        sending = fork.Process(target=_send, args=(port, name, rate, count, taken, ended))
        sending.start()
        written = _written(file, mark)
        last, sent_at = time.monotonic(), 0.0
        while time.monotonic() - last < _PATIENCE_SECONDS and written < count:
            time.sleep(0.01)
            if ended.is_set() and not sent_at:
                sent_at = time.monotonic()
            if (now := _written(file, mark)) > written or not sent_at:
                written, last = now, time.monotonic()
        sending.join()
        return Sent(
            count / taken.value, cpu_seconds(pid) - before, written, last - (sent_at or last)
        )


_read: dict[str, tuple[int, int]] = {}


def _written(file: Path, mark: bytes) -> int:
    """The lines with ``mark``; a file is read on from where it was read to."""
    at, count = _read.get(str(file), (0, 0))
    if file.exists():
        with file.open("rb") as opened:
            opened.seek(at)
            data = opened.read()
        data = data[: data.rfind(b"\n") + 1]
        at, count = at + len(data), count + data.count(mark)
        _read[str(file)] = at, count
    return count


def _send(port: int, name: str, rate: int, count: int, taken: object, ended: object) -> None:
    senders = [Notifier(engine_id=_engine(number)) for number in range(_SENDERS)]
    socks = [_bound(f"127.0.0.{number + 2}", port) for number in range(_SENDERS)]
    made = []
    for number in range(count):
        sender = senders[number % _SENDERS]
        pdu = sender.pdu(number, Binding(_SERIAL, Kind.COUNTER32, number))
        made.append(
            sender.v2c(COMMUNITY, pdu) if name == "v2c" else sender.v3(100 + number // rate, pdu)
        )
    start = time.monotonic()
    for number, data in enumerate(made):
        if number % 10 == 0 and (ahead := start + number / rate - time.monotonic()) > 0:
            time.sleep(ahead)
        socks[number % _SENDERS].send(data)
    taken.value = time.monotonic() - start  # type: ignore[attr-defined]
    ended.set()  # type: ignore[attr-defined]


def _engine(number: int) -> bytes:
    return b"\x80\0\0\0\5sender" + bytes([number])


def _bound(ip: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((ip, 0))
    sock.connect((_HOST, port))
    return sock


@contextmanager
def _seventh(folder: Path) -> Iterator[tuple[int, int, Path, bytes]]:
    port = free_port(socket.SOCK_DGRAM)
    here = folder / f"seventh-{port}"
    here.mkdir()
    for name, text in (("c", COMMUNITY), ("a", AUTH_PASSWORD), ("p", PRIV_PASSWORD)):
        (here / name).write_text(text, encoding="utf-8")
    out = here / "traps.jsonl"
    (here / "traps.toml").write_text(
        f"""
[listen]
source-limit = 100000
[[community]]
community = "file:{here}/c"
[[user]]
name = "monitor"
auth = "sha256"
auth-password = "file:{here}/a"
priv = "aes"
priv-password = "file:{here}/p"
[[forward]]
name = "file"
to = "{out}"
""",
        encoding="utf-8",
    )
    command = [
        need("seventh"), "listen", "snmp", "--config", str(here / "traps.toml"), "--host", _HOST,
        "--port", str(port), "--state", str(here / "state"),
    ]  # fmt: skip
    with process(command) as child:
        _until(lambda: out.exists() and b'"started"' in out.read_bytes())
        yield child.pid, port, out, b'"event":"notification"'


@contextmanager
def _snmptrapd(folder: Path) -> Iterator[tuple[int, int, Path, bytes]]:
    port = free_port(socket.SOCK_DGRAM)
    here = folder / f"snmptrapd-{port}"
    (here / "kept").mkdir(parents=True)
    engines = "\n".join(
        f'createUser -e 0x{_engine(number).hex()} monitor SHA-256 "{AUTH_PASSWORD}" '
        f'AES "{PRIV_PASSWORD}"'
        for number in range(_SENDERS)
    )
    conf = here / "snmptrapd.conf"
    conf.write_text(
        f"{engines}\nauthUser log monitor priv\nauthCommunity log {COMMUNITY}\n"
        "[snmp] persistentDir " + str(here / "kept") + "\n",
        encoding="utf-8",
    )
    out = here / "log"
    command = [
        need("snmptrapd"), "-f", "-n", "-C", "-c", str(conf), "-m", "", "-Lf", str(out),
        f"udp:{_HOST}:{port}",
    ]  # fmt: skip
    with process(command) as child:
        _until(lambda: out.exists() and b"NET-SNMP version" in out.read_bytes())
        yield child.pid, port, out, b"8072.9999.1"


def _until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + _READY_SECONDS
    while not holds():
        if time.monotonic() > until:
            raise MissingError("a receiver that does not start")
        time.sleep(0.02)

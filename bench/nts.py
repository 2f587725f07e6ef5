"""NTS exchanges and key establishments per second and core, beside plain NTP and chronyd.

The server is chronyd with NTS; it sleeps between requests, in a process of its own. Both ways of
asking have the same server, so that what NTS costs is the difference between them.
"""

from __future__ import annotations

import os
import pwd
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.measure import figure, in_turn, ratio, run_process, spread
from bench.peers import need, process, worker
from bench.table import Table
from seventh.labkit.ca import Authority
from seventh.labkit.serve import free_port
from seventh.protocols.ntp.wire.nts_fields import (
    Cipher,
    Client,
    FieldType,
    Judgement,
    Keys,
    authenticator,
    dissect,
    key_bytes,
)
from seventh.protocols.ntp.wire.packet import ExtensionField, Mode, Packet, parse

_HOST = "127.0.0.1"
_READY_SECONDS = 10.0


class Ports(NamedTuple):
    """Where chronyd listens."""

    ntp: int
    keys: int


def run(folder: Path, quick: bool) -> list[Table]:
    chronyd = need("chronyd")
    authority = Authority(folder)
    issued = authority.issue("localhost", _HOST)
    lines = (f"ntsserverkey {issued.key_file}", f"ntsservercert {issued.cert_file}")
    with _server(chronyd, folder, lines) as ports:
        ca = str(authority.ca_file)
        return [_exchanges(ports, ca, quick), _whole(chronyd, folder, ports, ca, quick)]


@contextmanager
def _server(chronyd: str, folder: Path, lines: tuple[str, ...]) -> Iterator[Ports]:
    """chronyd with NTS, when its keys can be asked for."""
    ports = Ports(free_port(socket.SOCK_DGRAM), free_port())
    conf = folder / "server.conf"
    conf.write_text(
        f"port {ports.ntp}\nbindaddress {_HOST}\ncmdport 0\nbindcmdaddress /\n"
        f"pidfile {folder}/server.pid\nallow 127.0.0.0/8\nlocal stratum 2\nntsport {ports.keys}\n"
        f"ntsprocesses 1\nntsdumpdir {folder}\n" + "\n".join(lines) + "\n",
        encoding="utf-8",
    )
    with (
        (folder / "server.log").open("wb") as log,
        process([chronyd, "-d", "-x", "-U", "-u", _user(), "-f", str(conf)],
                stdout=log, stderr=log) as child,
    ):  # fmt: skip
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and child.poll() is None:
            with socket.socket() as sock:
                if sock.connect_ex((_HOST, ports.keys)) == 0:
                    break
            time.sleep(0.05)
        yield ports


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _exchanges(ports: Ports, ca: str, quick: bool) -> Table:
    rounds, count, keys = (3, 300, 50) if quick else (9, 3000, 500)
    plain, authenticated = f"ntp://{_HOST}:{ports.ntp}", f"nts://{_HOST}:{ports.keys}"
    options = {"ca_file": ca, "timeout_seconds": 120.0}
    with worker() as ours:
        sides: dict[str, Callable[[], float]] = {
            "AES-SIV-CMAC-256 alone: seal a request, open its reply": lambda: _codec(count),
            "plain NTP exchange": lambda: ours.cpu(
                do="exchanges", url=plain, count=count, options=options
            ),
            "NTS exchange": lambda: ours.cpu(
                do="exchanges", url=authenticated, count=count, options=options
            ),
            "plain NTP pulse": lambda: ours.cpu(do="pulse", url=plain, count=count),
            "NTS pulse: keys over TLS 1.3, then one exchange": lambda: ours.cpu(
                do="pulse", url=authenticated, count=keys, options={"ca_file": ca}
            ),
        }
        measured = in_turn(rounds, *sides.values())
    table = Table(
        "NTS, per second and core",
        ("what", "per second and core", "range", "CPU of a plain exchange"),
        notes=(
            "An exchange has a socket of a fresh port; the keys of all are of one establishment.",
            "A pulse is a whole look with its report; the certificate is verified.",
        ),
    )
    for name, values in zip(sides, measured, strict=True):
        rate = spread([1 / value for value in values])
        share = ratio(values, measured[1])
        table.add(name, figure(rate.median), rate.range(), f"× {share.text()}")
    return table


def _codec(count: int) -> float:
    """CPU seconds of what NTS adds to one exchange on the client's side, without a socket."""
    keys = Keys(*(Cipher(15, bytes([n]) * key_bytes(15)) for n in (1, 2)))
    client = Client(keys, [bytes([n]) * 100 for n in range(8)], os.urandom)
    spent = 0
    for nonce in range(1, count + 1):
        start = time.thread_time_ns()
        fields = client.request(nonce)
        spent += time.thread_time_ns() - start
        asked = Packet(transmit=nonce, extensions=fields).encode()
        good = _reply(keys, asked)
        packet = parse(good)
        start = time.thread_time_ns()
        judged = client.judge(packet, good)
        spent += time.thread_time_ns() - start
        if judged.kind is not Judgement.AUTHENTIC:
            raise RuntimeError(judged)
    return spent / 1e9 / count


def _reply(keys: Keys, asked: bytes) -> bytes:
    request = parse(asked)
    unique_id = dissect(request, asked).unique_id or b""
    prefix = Packet(
        mode=Mode.SERVER, stratum=2, origin=request.transmit, receive=1, transmit=1,
        extensions=(ExtensionField(FieldType.UNIQUE_IDENTIFIER, unique_id),),
    ).encode()  # fmt: skip
    fresh = ExtensionField(FieldType.COOKIE, os.urandom(100)).encode()
    return prefix + authenticator(keys.to_client, os.urandom(16), prefix, fresh).encode()


# -- against chronyd as the client -----------------------------------------------------------------


def _whole(chronyd: str, folder: Path, ports: Ports, ca: str, quick: bool) -> Table:
    """One measurement by a process of each: ``chronyd -Q`` and ``seventh check``."""
    rounds = 3 if quick else 7
    conf = folder / "client.conf"
    conf.write_text(
        f"server {_HOST} nts ntsport {ports.keys} iburst maxsamples 1 minpoll 0\n"
        f"ntstrustedcerts {ca}\nnosystemcert\ncmdport 0\nbindcmdaddress /\n"
        f"pidfile {folder}/client.pid\n",
        encoding="utf-8",
    )
    theirs = [chronyd, "-Q", "-U", "-u", _user(), "-t", "10", "-f", str(conf)]
    ours = [
        sys.executable, "-m", "seventh", "check", f"nts://{_HOST}:{ports.keys}", "--ca", ca,
        "--samples", "1", "--format", "json", "--fail-on", "critical",
    ]  # fmt: skip
    measured = in_turn(
        rounds, lambda: run_process(theirs, folder), lambda: run_process(ours, folder)
    )
    for values in measured:
        for ran in values:
            if ran.code != 0:
                raise RuntimeError(f"a measurement failed: {ran.stdout.decode()}")
    table = Table(
        "One authenticated measurement, process start to end",
        ("way", "wall, ms", "CPU, ms", "wall of chronyd"),
        notes=(
            "chronyd -Q: keys, one sample, the offset in a line.",
            "seventh check: keys, one sample, the other AEAD algorithm, all rules, JSON.",
        ),
    )
    base = [ran.wall for ran in measured[0]]
    for name, values in zip(("chronyd -Q", "seventh check nts://"), measured, strict=True):
        wall = [ran.wall for ran in values]
        table.add(
            name,
            spread(wall).text(1e3),
            spread([ran.cpu for ran in values]).text(1e3),
            f"× {ratio(wall, base).text()}",
        )
    return table

"""NTP pulses per second and core, against a bare blocking socket on the same responder.

Measured as :mod:`bench.pulse` does: against a responder that is awake, and against one that sleeps.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path

from bench.measure import figure, in_turn, ratio, spread
from bench.peers import server, worker
from bench.servers import ntp_now
from bench.table import Table

AT_ONCE = 64


def run(folder: Path, quick: bool) -> list[Table]:
    del folder
    table = Table(
        "NTP pulses",
        ("way", "per second and core", "range", "CPU of a bare socket"),
        notes=(
            "Bare: sendto and recvfrom of one blocking UDP socket of Python's, nothing judged.",
            "A pulse has a socket of a fresh port, judges the reply and gives a whole report.",
        ),
    )
    _measure(table, "ntp-awake", "", quick)
    _measure(table, "ntp", ", asleep", quick)
    return [table]


def _measure(table: Table, kind: str, where: str, quick: bool) -> None:
    rounds, count = (3, 500) if quick else (9, 5000)
    with server(kind) as responder, worker() as ours:
        url = f"ntp://127.0.0.1:{responder.port}"
        bare, one, many = in_turn(
            rounds,
            lambda: _bare(responder.port, count),
            lambda: ours.cpu(do="pulse", url=url, count=count),
            lambda: ours.cpu(do="parallel", url=url, count=count, parallel=AT_ONCE),
        )
    for name, values in (
        ("a bare blocking socket", bare),
        ("seventh, one at a time", one),
        (f"seventh, {AT_ONCE} at once", many),
    ):
        rate = spread([1 / value for value in values])
        share = ratio(values, bare)
        table.add(name + where, figure(rate.median), rate.range(), f"× {share.text()}")


def _bare(port: int, count: int) -> float:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        start = time.process_time()
        for _ in range(count):
            sock.sendto(bytes([0x23]) + bytes(39) + ntp_now().to_bytes(8), ("127.0.0.1", port))
            if len(sock.recvfrom(512)[0]) != 48:
                raise RuntimeError("no NTP reply")
        return (time.process_time() - start) / count

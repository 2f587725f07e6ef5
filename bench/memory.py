"""Memory for 10,000 targets in one process that keeps every report, as the command does.

The targets are as many addresses of 127/8. Beside it: the most that blackbox_exporter has resident
while it probes as many, as many at once; it keeps nothing.
"""

from __future__ import annotations

import threading
from pathlib import Path

from bench.measure import figure
from bench.peers import Blackbox, blackbox, server, worker
from bench.table import Table

AT_ONCE = 500


def run(folder: Path, quick: bool) -> list[Table]:
    count = 1000 if quick else 10_000
    hosts = [f"127.{1 + i // 62_500}.{i // 250 % 250}.{1 + i % 250}" for i in range(count)]
    table = Table(
        f"{count:,} targets in one process, {AT_ONCE} at once",
        ("work", "peak RSS, MiB", "grown by, MiB", "bytes a target", "CPU, s", "wall, s"),
        notes=("Grown: resident after the last report, all reports kept, less resident before.",),
    )
    for room, kind in (("tcp", "greet"), ("ntp", "ntp")):
        with server(kind) as served, worker() as ours:
            urls = [f"{room}://{host}:{served.port}" for host in hosts]
            options = {"samples": 1, "timeout_seconds": 60}
            got = ours.ask(do="many", urls=urls, options=options, parallel=AT_ONCE)
        assert got["reports"] == count
        grown = got["after"] - got["before"]
        table.add(
            f"seventh check {room}://",
            _mib(got["peak"]),
            _mib(grown),
            figure(grown / count),
            figure(got["cpu"]),
            figure(got["wall"]),
        )
    with server("greet") as served, blackbox(folder, {"tcp": {"prober": "tcp"}}) as exporter:
        before = exporter.peak_bytes()
        _probe_all(exporter, [f"{host}:{served.port}" for host in hosts])
        peak = exporter.peak_bytes()
    table.add("blackbox_exporter, tcp", _mib(peak), _mib(peak - before), "(keeps none)", "—", "—")
    return [table]


def _mib(size: int) -> str:
    return figure(size / 2**20)


def _probe_all(exporter: Blackbox, targets: list[str]) -> None:
    left = iter(targets)
    lock = threading.Lock()
    failed: list[str] = []

    def drive() -> None:
        mine = Blackbox(exporter.pid, exporter.port)
        while True:
            with lock:
                target = next(left, None)
            if target is None:
                break
            if "\nprobe_success 1" not in mine.probe(target, "tcp"):
                failed.append(target)
        mine.close()

    threads = [threading.Thread(target=drive) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(f"blackbox cannot probe {failed[0]} and {len(failed) - 1} more")

"""``seventh watch`` at scale: slots run on time, memory and CPU a target, alerts, and Prometheus.

The process under test is the command itself, with thousands of addresses of 127/8 as its targets;
what it did is read afterwards from its own journal. ``python -m bench.watch --minutes 30`` soaks.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import json
import math
import os
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.measure import cpu_seconds, figure, memory_bytes
from bench.peers import MissingError, blackbox, need, process, server
from bench.table import Table
from seventh.labkit.serve import free_port
from seventh.watch import journal
from seventh.watch.store import FILE

EVERY = 10
WARM = 2 * EVERY
FLEETS = (100, 1000, 10_000)
SECONDS, QUICK_SECONDS = 120, 20
MOST_LAG_MS, MOST_KIB, LEAST_SLOTS = 20.0, 10.0, 0.999
FAILURES, FAIL_EVERY, ROUNDS = 3, 2, 3


def hosts(count: int) -> list[str]:
    return [f"127.{1 + i // 62_500}.{i // 250 % 250}.{1 + i % 250}" for i in range(count)]


def config(path: Path, count: int, port: int, every: int = EVERY, more: str = "") -> None:
    rows = "".join(f'[[target]]\nurl = "tcp://{host}:{port}"\n' for host in hosts(count))
    path.write_text(f"{more}[defaults]\nevery = {every}\n{rows}", encoding="utf-8")


@contextlib.contextmanager
def watching(folder: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The command, with ``folder``'s seventh.toml, and its store there."""
    # Its own standard error is shown: what is wrong with it is said there.
    words = [
        need("seventh"), "watch", "--config", str(folder / "s.toml"),
        "--state", str(folder / "state"),
    ]  # fmt: skip
    with process(words, stdout=subprocess.DEVNULL, env=os.environ | environment) as child:
        yield child


class Ran(NamedTuple):
    """What the command did in a time."""

    slots: float
    """Pulses that began, as a part of the slots there were."""
    lag_ms: float
    """The 99th percentile of how late they began."""
    cpu: float
    """CPU seconds a second."""
    rss: list[int]
    """Bytes, every five seconds."""
    rate: float


def observed(folder: Path, count: int, seconds: int) -> Ran:
    with watching(folder) as child:
        _wait_until_pulses(folder, child, count)
        time.sleep(WARM)
        begun, cpu = time.time_ns(), cpu_seconds(child.pid)
        ends, rss = time.monotonic() + seconds, []
        while time.monotonic() < ends:
            rss.append(memory_bytes(child.pid, "VmRSS"))
            time.sleep(min(5.0, max(0.0, ends - time.monotonic())))
        ended, cpu = time.time_ns(), cpu_seconds(child.pid) - cpu
    lags = [lag for at, lag in _pulses(folder) if begun <= at - lag < ended]
    took = (ended - begun) / 1e9
    return Ran(
        slots=len(lags) / (count * took / EVERY), lag_ms=_percentile(lags, 0.99) / 1e6,
        cpu=cpu / took, rss=rss, rate=count / EVERY,
    )  # fmt: skip


def _wait_until_pulses(folder: Path, child: subprocess.Popen[str], count: int) -> None:
    """Wait until most targets have had a pulse: the start is over."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise RuntimeError("seventh watch has ended; its words are above")
        with contextlib.suppress(sqlite3.Error):
            database = sqlite3.connect(f"file:{folder}/state/{FILE}?mode=ro", uri=True)
            with contextlib.closing(database):
                (pulses,) = database.execute("SELECT sum(pulses) FROM journal").fetchone()
            if (pulses or 0) >= count:
                return
        time.sleep(1)
    raise RuntimeError("seventh watch has not pulsed its targets within five minutes")


def _pulses(folder: Path) -> Iterator[tuple[int, int]]:
    """When each pulse in the store began, and how late that was."""
    database = sqlite3.connect(folder / "state" / FILE)
    with contextlib.closing(database):
        for (data,) in database.execute("SELECT data FROM journal"):
            blob = journal.read(data)
            yield from zip(blob.at_ns, blob.lags_ns, strict=True)


def _percentile(values: list[int], part: float) -> float:
    return float(sorted(values)[math.ceil(len(values) * part) - 1])


def slope_mib_an_hour(rss: list[int]) -> float:
    """The slope of the straight line through the memory of the second half."""
    half = rss[len(rss) // 2 :]
    if len(half) < 2:
        return 0.0
    line = statistics.linear_regression([n * 5.0 for n in range(len(half))], half)
    return line.slope * 3600 / 2**20


def scale(folder: Path, fleets: tuple[int, ...], seconds: int) -> Table:
    table = Table(
        f"seventh watch, a TCP pulse of each target every {EVERY} s, measured for {seconds} s",
        ("targets", "slots run", "goal", "lag p99, ms", "goal", "CPU, % of a core",
         "CPU, µs a pulse", "RSS, MiB", "KiB a target", "goal", "RSS slope, MiB/h"),
        notes=(
            f"KiB a target: over the memory with {fleets[0]} targets.",
            "The servers that are watched run on the same machine.",
            f"{_load()}.",
        ),
    )  # fmt: skip
    base = 0
    for count in fleets:
        here = folder / str(count)
        here.mkdir()
        with server("greet") as served:
            config(here / "s.toml", count, served.port)
            ran = observed(here, count, seconds)
        least = ran.rss[-1]
        base = base or least
        each = (least - base) / 1024 / max(1, count - fleets[0])
        table.add(
            f"{count:,}", f"{ran.slots:.2%}",
            table.hold(f"{count} targets: slots missed", 1 - ran.slots, 1 - LEAST_SLOTS),
            figure(ran.lag_ms), table.hold(f"{count} targets: lag", ran.lag_ms, MOST_LAG_MS),
            figure(ran.cpu * 100), figure(ran.cpu / ran.rate * 1e6), figure(least / 2**20),
            figure(each) if count != fleets[0] else "—",
            table.hold(f"{count} targets: memory", each, MOST_KIB) if count != fleets[0] else "—",
            figure(slope_mib_an_hour(ran.rss)),
        )  # fmt: skip
    return table


def _load() -> str:
    return "The load of the machine at the start was " + ", ".join(
        f"{value:.1f}" for value in os.getloadavg()
    )


class Hook(http.server.BaseHTTPRequestHandler):
    """Notes when each notification arrives."""

    arrived: list[float]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.arrived.append(time.time())
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        pass


def alerts(folder: Path, rounds: int) -> Table:
    """From the first pulse that fails to the webhook, with a server that goes away."""
    limit = FAILURES * FAIL_EVERY + 2
    table = Table(
        f"from the first failing pulse to the webhook; {FAILURES} failures, every {FAIL_EVERY} s",
        ("round", "seconds", "goal"),
    )  # fmt: skip
    more = (
        f"[[alert]]\nfailures = {FAILURES}\npasses = 1\n"
        '[[notify]]\nname = "ops"\nkind = "webhook"\nurl = "env:HOOK"\n'
    )
    for number in range(rounds):
        here = folder / f"alert{number}"
        here.mkdir()
        arrived: list[float] = []
        handler = type("Noted", (Hook,), {"arrived": arrived})
        hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=hook.serve_forever, daemon=True).start()
        listener = socket.create_server(("127.0.0.1", 0))
        config(here / "s.toml", 0, 0, FAIL_EVERY, more)
        with (here / "s.toml").open("a", encoding="utf-8") as text:
            text.write(f'[[target]]\nurl = "tcp://127.0.0.1:{listener.getsockname()[1]}"\n')
        try:
            with watching(here, HOOK=f"http://127.0.0.1:{hook.server_port}/") as child:
                _wait_until_pulses(here, child, 2)
                listener.close()
                deadline = time.monotonic() + 60
                while not arrived and time.monotonic() < deadline:
                    time.sleep(0.02)
            first = _first_failure(here)
            took = arrived[0] - first / 1e9
        finally:
            hook.shutdown()
            hook.server_close()
        table.add(str(number + 1), figure(took), table.hold("an alert: seconds", took, limit))
    return table


def _first_failure(folder: Path) -> int:
    database = sqlite3.connect(folder / "state" / FILE)
    with contextlib.closing(database):
        for (data,) in database.execute("SELECT data FROM journal ORDER BY seq"):
            for pulse in journal.decode(data):
                if pulse.cause is not None:
                    return pulse.at_ns
    raise LookupError("no pulse has failed")


def beside(folder: Path, count: int, seconds: int) -> Table:
    """The same targets watched by Prometheus with blackbox_exporter."""
    table = Table(
        f"{count:,} targets every {EVERY} s, a TCP connection each, for {seconds} s",
        ("program", "CPU, % of a core", "RSS, MiB"),
        notes=("Prometheus and the exporter as Debian has them; both are needed for one history.",),
    )
    ours = folder / "ours"
    ours.mkdir()
    with server("greet") as served:
        config(ours / "s.toml", count, served.port)
        ran = observed(ours, count, seconds)
        table.add("seventh watch", figure(ran.cpu * 100), figure(ran.rss[-1] / 2**20))
        modules = {"tcp": {"prober": "tcp", "tcp": {"preferred_ip_protocol": "ip4"}}}
        with (
            blackbox(folder, modules) as exporter,
            _prometheus(folder, exporter.port, count, served.port) as pid,
        ):
            time.sleep(WARM + EVERY)
            before = [cpu_seconds(each) for each in (pid, exporter.pid)]
            time.sleep(seconds)
            after = [cpu_seconds(each) for each in (pid, exporter.pid)]
            used = [(b - a) / seconds for a, b in zip(before, after, strict=True)]
            rss = [memory_bytes(each, "VmRSS") for each in (pid, exporter.pid)]
    for name, cpu, memory in zip(("prometheus", "blackbox_exporter"), used, rss, strict=True):
        table.add(name, figure(cpu * 100), figure(memory / 2**20))
    table.add("both", figure(sum(used) * 100), figure(sum(rss) / 2**20))
    table.add(
        "ours/theirs", figure(ran.cpu / sum(used)), figure(ran.rss[-1] / sum(rss))
    )  # fmt: skip
    return table


@contextlib.contextmanager
def _prometheus(folder: Path, exporter: int, count: int, port: int) -> Iterator[int]:
    path = folder / "prometheus.yml"
    job = {
        "job_name": "b", "metrics_path": "/probe", "params": {"module": ["tcp"]},
        "static_configs": [{"targets": [f"{host}:{port}" for host in hosts(count)]}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"target_label": "__address__", "replacement": f"127.0.0.1:{exporter}"},
        ],
    }  # fmt: skip
    whole = {"global": {"scrape_interval": f"{EVERY}s"}, "scrape_configs": [job]}
    path.write_text(json.dumps(whole), encoding="utf-8")  # JSON is YAML
    words = [
        need("prometheus"), f"--config.file={path}", f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{free_port()}", "--log.level=error",
    ]  # fmt: skip
    with process(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        time.sleep(1)
        if child.poll() is not None:
            raise RuntimeError("prometheus has ended at once")
        yield child.pid


def run(folder: Path, quick: bool) -> list[Table]:
    seconds = QUICK_SECONDS if quick else SECONDS
    fleets = FLEETS[:2] if quick else FLEETS
    tables = [scale(folder, fleets, seconds), alerts(folder, 1 if quick else ROUNDS)]
    try:
        tables.append(beside(folder, 100 if quick else 1000, seconds))
    except MissingError as error:
        print(f"watch: not compared: {error}")
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.watch")
    parser.add_argument("--minutes", type=float, default=30, help="how long (default: 30)")
    parser.add_argument("--targets", type=int, default=10_000, help="how many (default: 10000)")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="seventh-bench-") as folder:
        fleets = (100, parsed.targets)
        scale(Path(folder), fleets, round(parsed.minutes * 60)).show()


if __name__ == "__main__":
    main()

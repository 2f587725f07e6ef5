"""``seventh link``: what real packets meet, against what was asked for; and what the link costs.

Twenty parameter sets for each carrier, with a busy process for each CPU beside; the same requests
by both carriers; a TCP stream through the link that does nothing, against one within a namespace.
No traffic leaves the machine. The process that sends has SCHED_FIFO where the emulator has it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import pwd
import statistics
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from bench.measure import percentile
from bench.peers import MissingError
from bench.table import Table
from seventh.link import kernel
from seventh.link.carrier import Carrier
from seventh.link.emulator import Wanted
from seventh.link.profile import Profile
from seventh.link.validate import Line, loss_interval, preferred
from seventh.link.way import Shape

T = TypeVar("T")
CARRIERS = {
    "root, TUN": Wanted(tun=True, user=False),
    "without root, veth": Wanted(tun=False, user=True),
}
DELAYS = [Shape(delay_ms=ms) for ms in (1, 5, 20, 50, 100, 300)]
RATES = [Shape(rate_kbit=kbit) for kbit in (32, 128, 1000, 5000, 12_000, 50_000, 100_000)]
LOSSES = [
    *(Shape(loss_percent=percent) for percent in (0.1, 0.5, 1, 5, 20)),
    Shape(loss_percent=1, burst_packets=4),
    Shape(loss_percent=5, burst_packets=8, burst_loss_percent=80),
]
MEDIAN_MS, P99_MS, RATE_PERCENT, APART_PERCENT, UNSHAPED_GBIT = 0.15, 1.0, 1.0, 5.0, 1.5
_99 = 2.576
REQUESTS = ("cable", "lte", "transatlantic")
_EXACT = (
    f"Goals: delay within {MEDIAN_MS} ms in the median and {P99_MS:g} ms at p99, rate ± "
    f"{RATE_PERCENT:g} %, loss within the 99 % interval, every packet accounted for. They hold the "
    "carriers with SCHED_FIFO, which here are: {}."
)
_SEGMENTS = (
    "TUN devices pass segments of up to 64 kB when a profile does nothing, as network cards do; "
    "veth pairs pass packets of 1500 bytes."
)
_SERVER = """
import socket
with socket.create_server(("", 5000)) as s:
    print("up", flush=True)
    c, _ = s.accept()
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while d := c.recv(64): c.sendall(d * 50)
"""
_CLIENT = """
import socket, sys, time
c = socket.create_connection(("198.18.0.1", 5000))
c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for _ in range(int(sys.argv[1])):
    begun = time.perf_counter(); c.sendall(b"x" * 64); left = 3200
    while left: left -= len(c.recv(left))
    print(time.perf_counter() - begun)
"""
_SINK = """
import socket
with socket.create_server(("", 5001)) as s:
    print("up", flush=True)
    c, _ = s.accept()
    while c.recv(1 << 20): pass
"""
_SOURCE = """
import socket, sys, time
c = socket.create_connection((sys.argv[1], 5001)); sent = 0; begun = time.perf_counter()
while time.perf_counter() - begun < float(sys.argv[2]): sent += c.send(b"x" * (1 << 20))
c.shutdown(1); c.recv(1)
print(sent * 8 / (time.perf_counter() - begun) / 1e9)
"""
PYTHON = ("python3", "-I", "-S", "-c")


class Row(NamedTuple):
    asked: str
    got: str
    misses: list[tuple[str, float, float]]
    """What is held to a goal: its name, its value, and the most it may be."""


def as_user(wanted: Wanted, work: Callable[[], T]) -> T:
    """Run in a child, without rights if the carrier is for that."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if wanted.user and os.geteuid() == 0:
                nobody = pwd.getpwnam("nobody")
                os.setgroups([])
                os.setgid(nobody.pw_gid)
                os.setuid(nobody.pw_uid)
                kernel.dumpable()
            os.environ["PATH"] = "/usr/bin:/bin"
            with os.fdopen(writer, "wb") as file:
                file.write(pickle.dumps(work()))
        except Exception:  # noqa: BLE001 - shown, as the child ends here
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        data = file.read()
    os.waitpid(pid, 0)
    if not data:
        raise MissingError("a link cannot be made here: the reason is above")
    result: T = pickle.loads(data)  # noqa: S301 - of our own child
    return result


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """A process for each CPU that computes."""
    hogs = [
        subprocess.Popen([*PYTHON, "while True: sum(range(1000))"])
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def lines(carrier: Carrier) -> list[Line]:
    client, world = carrier.probes
    return [Line(carrier, "up", client, world), Line(carrier, "down", world, client)]


def delay(line: Line, shape: Shape, count: int) -> Row:
    """Packets of 1000 bytes every 2 ms: 4 Mbit/s."""
    line.use(shape)
    arrived = []
    for number in range(count):
        line.send(number, 1000)
        arrived += line.receive(count, 0.002)
    arrived += line.receive(count - len(arrived), 2)
    late = [(each.at_ns - each.sent_ns) / 1e6 - shape.delay_ms for each in arrived]
    median, p99 = statistics.median(late), percentile(late, 0.99)
    done = line.statistics()
    lost = abs(count - len(arrived)) + done.missed + done.refused
    return Row(
        f"delay {shape.delay_ms:g} ms",
        f"+{median:.3f} ms, p99 +{p99:.3f} ms",
        [("median error", median, MEDIAN_MS), ("p99 error", p99, P99_MS), ("lost", lost, 0)],
    )


def rate(line: Line, shape: Shape, seconds: float) -> Row:
    line.use(Shape(rate_kbit=shape.rate_kbit, queue_bytes=1_000_000_000))
    size = 1400 if shape.rate_kbit > 1000 else 200
    # What waits at the receiver before it is read must fit into its buffer.
    count = max(int(shape.rate_kbit * 125 * seconds / size), 12)
    arrived = []
    for number in range(count):
        line.send(number, size)
        if number % 32 == 31:
            arrived += line.receive(count, 0.0)
    arrived += line.receive(count - len(arrived), count * size * 8 / shape.rate_kbit / 1e3 + 5)
    took_ms = (arrived[-1].at_ns - arrived[0].at_ns) / 1e6
    measured = (len(arrived) - 1) * size * 8 / took_ms
    off = abs(measured / shape.rate_kbit - 1) * 100
    return Row(
        f"rate {shape.rate_kbit:g} kbit/s",
        f"{measured:.6g} kbit/s",
        [("rate error, %", off, RATE_PERCENT), ("lost", abs(count - len(arrived)), 0)],
    )


def loss(line: Line, shape: Shape, count: int, seed: int) -> Row:
    line.use(shape, seed)
    arrived = 0
    for number in range(count):
        line.send(number)
        if number % 64 == 63:
            arrived += len(line.receive(64, 0.0))
    done = getattr(line.statistics(), line.name)
    arrived += len(line.receive(done.sent - arrived, 2))
    percent = 100 * (1 - arrived / count)
    low, high = loss_interval(shape, count, _99)
    outside = max(low - percent, percent - high, 0.0)
    burst = f", bursts of {shape.burst_packets:g}" if shape.is_bursty else ""
    unaccounted = abs(done.sent - arrived) + (not done.accounted)
    return Row(
        f"loss {shape.loss_percent:g} %{burst}",
        f"{percent:.3f} % in {max(low, 0):.3f}–{high:.3f} %",
        [("outside the 99 % interval, %", outside, 0), ("unaccounted for", unaccounted, 0)],
    )


def sets(wanted: Wanted, quick: bool) -> tuple[bool, list[Row]]:
    """All twenty, alternately up and down."""
    with Carrier(wanted) as carrier:
        both = lines(carrier)
        for each in both:
            each.receive(1, 0)
        with busy(), preferred():
            rows = [
                delay(both[n % 2], shape, 100 if quick else 1000) for n, shape in enumerate(DELAYS)
            ]
            rows += [rate(both[n % 2], shape, 0.5 if quick else 3) for n, shape in enumerate(RATES)]
            rows += [
                loss(both[n % 2], shape, 2000 if quick else 30_000, n)
                for n, shape in enumerate(LOSSES)
            ]
        return carrier.realtime, rows


def exact(quick: bool) -> Table:
    found = {
        name: as_user(wanted, functools.partial(sets, wanted, quick))
        for name, wanted in CARRIERS.items()
    }  # type: ignore[misc]
    table = Table(
        "What packets meet, with a busy process for each CPU", ("asked for", *found, "goal"),
        notes=(_EXACT.format(", ".join(name for name, (yes, _) in found.items() if yes) or "no"),),
    )  # fmt: skip
    for number in range(len(next(iter(found.values()))[1])):
        rows = {name: rows[number] for name, (_, rows) in found.items()}
        met = True
        for name, (realtime, _) in found.items():
            for what, value, most in rows[name].misses:
                if value > most:
                    met = met and not realtime
                    if realtime:
                        table.hold(f"{rows[name].asked}, {name}: {what}", value, most)
        first = next(iter(rows.values()))
        table.add(first.asked, *(row.got for row in rows.values()), "met" if met else "MISSED")
    return table


def requests(quick: bool) -> Table:
    from seventh.link.profile import find

    table = Table(
        "The same requests by both carriers: 64 bytes, answered by 3200, over one connection",
        ("profile", *CARRIERS, "apart", "goal"),
        notes=("Medians; jitter and losses off, as their draws differ with each packet.",),
    )
    count, rounds = (20, 1) if quick else (60, 3)
    for name in REQUESTS:
        profile = find(name)
        plain = Profile(
            name=name,
            **{
                side: Shape(
                    delay_ms=shape.delay_ms, rate_kbit=shape.rate_kbit,
                    queue_bytes=shape.queue_bytes,
                )
                for side, shape in (("up", profile.up), ("down", profile.down))
            },
        )  # fmt: skip
        times: dict[str, list[float]] = {each: [] for each in CARRIERS}
        for _ in range(rounds):
            for each, wanted in CARRIERS.items():
                times[each] += as_user(wanted, functools.partial(asked, wanted, plain, count))
        one, other = (statistics.median(some) for some in times.values())
        apart = abs(one / other - 1) * 100
        table.add(
            name, f"{one * 1e3:.2f} ms", f"{other * 1e3:.2f} ms", f"{apart:.2f} %",
            table.hold(f"{name}: root and without root apart, %", apart, APART_PERCENT),
        )  # fmt: skip
    return table


def asked(wanted: Wanted, profile: Profile, count: int) -> list[float]:
    with Carrier(wanted) as carrier:
        carrier.use(profile)
        server = carrier.spawn([*PYTHON, _SERVER], world=True, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        server.stdout.readline()
        client = carrier.spawn([*PYTHON, _CLIENT, str(count)], stdout=subprocess.PIPE, text=True)
        out, _ = client.communicate()
        server.wait()
        return [float(line) for line in out.split()]


def stream(wanted: Wanted, seconds: float, *, linked: bool) -> float:
    """Gbit/s of a TCP connection: through the link that does nothing, or within its far end."""
    with Carrier(wanted) as carrier:
        carrier.use(Profile(name="none"))
        sink = carrier.spawn([*PYTHON, _SINK], world=True, stdout=subprocess.PIPE, text=True)
        assert sink.stdout is not None
        sink.stdout.readline()
        source = carrier.spawn(
            [*PYTHON, _SOURCE, "198.18.0.1", str(seconds)], world=not linked,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        out, _ = source.communicate()
        sink.wait()
        return float(out)


def unshaped(quick: bool) -> Table:
    table = Table(
        "One TCP stream, Gbit/s: the link that does nothing, against loopback",
        ("carrier", "link", "loopback", "ratio", "goal"),
        notes=(_SEGMENTS,),
    )
    seconds, rounds = (0.5, 1) if quick else (3.0, 3)
    for name, wanted in CARRIERS.items():
        pairs = [
            tuple(
                as_user(wanted, functools.partial(stream, wanted, seconds, linked=on))
                for on in (True, False)
            )
            for _ in range(rounds)
        ]
        link, loopback = (statistics.median(some) for some in zip(*pairs, strict=True))
        goal = "–"
        if name == "root, TUN":
            held = table.hold(
                f"{name}: Gbit/s of {UNSHAPED_GBIT:g}, inverse", 1 / link, 1 / UNSHAPED_GBIT
            )
            goal = f"≥ {UNSHAPED_GBIT:g} Gbit/s: {'MISSED' if 'MISSED' in held else 'met'}"
        table.add(name, f"{link:.2f}", f"{loopback:.2f}", f"{link / loopback:.3f}", goal)
    return table


def run(folder: Path, quick: bool) -> list[Table]:
    del folder
    if os.geteuid() != 0 or sys.platform != "linux":
        raise MissingError("needs root on Linux, for the carrier with TUN devices")
    return [exact(quick), requests(quick), unshaped(quick)]

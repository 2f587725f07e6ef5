"""``seventh mqtt pub --spool`` against ``mosquitto_pub -l``, and what ``kill -9`` × 50 leave of it.

The peer keeps nothing: the ratio is the price of a disk that is synced before each batch.
"""

from __future__ import annotations

import itertools
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bench.measure import figure, in_turn, spread
from bench.mqtt import _await_port
from bench.peers import need, process
from bench.table import Table
from seventh.labkit.serve import free_port

TOPIC = "bench/spool/line"
BYTES = 100
LINES_PER_KILL = 2000


class Subscriber:
    """A subscriber that keeps what comes, in order."""

    def __init__(self, port: int) -> None:
        self.arrived: queue.SimpleQueue[int] = queue.SimpleQueue()
        ready = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.on_message = lambda *given: self.arrived.put(int(given[2].payload.split()[0]))
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe(TOPIC, qos=2)
        assert ready.wait(10)

    def take(self, seconds: float) -> list[int]:
        """What has come, until nothing comes for so long."""
        found = []
        while True:
            try:
                found.append(self.arrived.get(timeout=seconds))
            except queue.Empty:
                return found

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def run(folder: Path, quick: bool) -> list[Table]:
    port, conf = free_port(), folder / "mosquitto.conf"
    user = "user root\n" if os.geteuid() == 0 else ""
    conf.write_text(
        f"{user}listener {port} 127.0.0.1\nallow_anonymous true\n"
        "max_queued_messages 0\n",  # else it drops what a slow subscriber has not taken
        "ascii",
    )
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with process([need("mosquitto"), "-c", str(conf)], **quiet):
        _await_port(port)
        return [_speed(folder, port, quick), _kills(folder, port, quick)]


def _lines(numbers: range) -> bytes:
    return b"".join(b"%d " % n + b"x" * BYTES + b"\n" for n in numbers)


def _seventh(port: int, spool: Path, qos: int, *more: str) -> list[str]:
    return [sys.executable, "-m", "seventh", "mqtt", "pub", f"mqtt://127.0.0.1:{port}", TOPIC,
            "--lines", "-", "--qos", str(qos), "--spool", str(spool), "--wait", "120",
            *more]  # fmt: skip


def _speed(folder: Path, port: int, quick: bool) -> Table:
    count, rounds = (2000, 1) if quick else (20_000, 3)
    table = Table(
        f"Messages per second from standard input to the last acknowledgement, {count} of them",
        ("QoS", "seventh pub --spool, fsync", "mosquitto_pub -l, nothing kept", "ours/its"),
        notes=(
            f"Whole processes; {BYTES} bytes each; median of {rounds} rounds in turn.",
            "mosquitto's Receive Maximum of 20 bounds both.",
        ),
    )
    data = _lines(range(count))
    names = itertools.count()
    for qos in (1, 2):
        theirs = [need("mosquitto_pub"), "-p", str(port), "-V", "5", "-t", TOPIC, "-q", str(qos),
                  "-l"]  # fmt: skip

        def ours(qos: int = qos) -> float:
            return _timed(_seventh(port, folder / f"speed{next(names)}", qos), data)

        mine, its = in_turn(rounds, ours, lambda command=theirs: _timed(command, data))
        rates = [count / spread(each).median for each in (mine, its)]
        table.add(str(qos), figure(rates[0]), figure(rates[1]), figure(rates[0] / rates[1]))
    return table


def _timed(command: list[str], data: bytes) -> float:
    begun = time.perf_counter()
    subprocess.run(command, input=data, check=True, capture_output=True, timeout=600)
    return time.perf_counter() - begun


def _kills(folder: Path, port: int, quick: bool) -> Table:
    kills = 5 if quick else 50
    table = Table(
        f"Messages with a receipt after {kills} kill -9 in the middle",
        ("QoS", "with a receipt", "lost", "out of order", "arrived again", "goal"),
    )
    for qos in (1, 2):
        subscriber = Subscriber(port)
        stored, spool = _killed(folder / f"kills{qos}", port, qos, kills)
        subprocess.run(_seventh(port, spool, qos), input=b"", check=True, capture_output=True,
                       timeout=600)  # fmt: skip
        arrived = subscriber.take(5.0)
        subscriber.close()
        first = list(dict.fromkeys(arrived))
        lost = len(set(stored) - set(first))
        disorder = sum(one > other for one, other in itertools.pairwise(first))
        again = len(arrived) - len(first)
        wrong = lost + disorder + (again if qos == 2 else 0)
        table.add(
            str(qos), str(len(stored)), str(lost), str(disorder), str(again),
            table.hold(f"QoS {qos}: lost, out of order, twice", wrong, 0),
        )  # fmt: skip
    return table


def _killed(spool: Path, port: int, qos: int, kills: int) -> tuple[list[int], Path]:
    """Kill the publisher, each time after other work; return what it had given a receipt for."""
    stored: list[int] = []
    for kill in range(kills):
        numbers = range(kill * LINES_PER_KILL, (kill + 1) * LINES_PER_KILL)
        child = subprocess.Popen(
            _seventh(port, spool, qos, "--receipts"), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert child.stdin is not None
        assert child.stdout is not None
        feeding = threading.Thread(target=_feed, args=(child, _lines(numbers)))
        feeding.start()
        wanted = 1 + kill * 37 % (LINES_PER_KILL - 1)
        receipts = 0
        for line in child.stdout:
            receipts += line.startswith(b"stored ") and line.endswith(b"\n")
            if receipts == wanted:
                os.kill(child.pid, signal.SIGKILL)
        child.wait()
        feeding.join()
        stored += numbers[:receipts]
    return stored, spool


def _feed(child: subprocess.Popen[bytes], data: bytes) -> None:
    assert child.stdin is not None
    try:
        child.stdin.write(data)
        child.stdin.flush()
    except BrokenPipeError:
        return

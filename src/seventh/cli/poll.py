"""``seventh snmp poll``: many agents at their intervals, until a signal ends it."""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import sys
from collections.abc import Callable

import msgspec

from seventh.cli.check import run_loop
from seventh.cli.parser import Parser
from seventh.cli.signals import Ending, ending
from seventh.render.presentation import count
from seventh.watch.polling.devices import Device, load
from seventh.watch.polling.poller import Poll, poll_all

_DESCRIPTION = (
    "Polls the agents of a TOML file over a few sockets, each at its own instant of its interval. "
    "What was read before an error is kept. Ctrl-C ends it."
)


def parse(words: list[str]) -> argparse.Namespace:
    """Read the words after ``snmp poll``. Raises UsageError."""
    parser = Parser(
        prog="seventh snmp poll", description=_DESCRIPTION,
        epilog="Exit code: 0 done, 2 with --once where a device was not read completely, 3 usage.",
    )  # fmt: skip
    parser.add_argument(
        "file", metavar="FILE", help="devices.toml: [defaults] and [[device]] with url, every, "
        "objects, and options of SNMP such as user",
    )  # fmt: skip
    parser.add_argument("--once", action="store_true", help="poll each device once, and stop")
    parser.add_argument(
        "--format", choices=("text", "json", "csv"), default="text",
        help="output format: a line for each poll, JSON lines, or CSV with a row for each object "
        "(default: text)",
    )  # fmt: skip
    parsed = parser.read(words)
    parsed.verb = run
    return parsed


def run(parsed: argparse.Namespace) -> int:
    """Poll until a signal; returns 0, or with ``--once`` 2 where something was not read."""
    devices = load(parsed.file)
    with ending() as end:
        failed = run_loop(_poll(devices, FORMATS[parsed.format], parsed.once, end))
    return 2 if failed and parsed.once else 0


async def _poll(
    devices: tuple[Device, ...], text: Callable[[Poll], str], once: bool, end: Ending
) -> int:
    stop = asyncio.Event()
    unwritten: list[OSError] = []

    def show(poll: Poll) -> None:
        if unwritten:
            return
        try:
            sys.stdout.write(text(poll))
            sys.stdout.flush()
        except OSError as error:
            unwritten.append(error)
            stop.set()

    with end.in_loop(stop.set):
        failed = await poll_all(devices, show, stop, once=once)
    if unwritten:
        raise unwritten[0]
    return failed


def as_text(poll: Poll) -> str:
    """Return a line for people."""
    rest = f": {poll.error}" if poll.error else ""
    read = count(len(poll.values), "object")
    return f"{poll.at}  {poll.device}  {read} in {poll.seconds:.3f} s{rest}\n"


def as_json(poll: Poll) -> str:
    """Return a line of JSON."""
    return f"{msgspec.json.encode(poll).decode()}\n"


def as_csv(poll: Poll) -> str:
    """Return a row for each object (RFC 4180): time, device, OID, name, type, value, rate."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    for each in poll.values:
        rate = "" if each.rate_per_second is None else f"{each.rate_per_second:.6g}"
        value = "" if each.value is None else each.value
        writer.writerow((poll.at, poll.device, each.oid, each.name, each.type, value, rate))
    return made.getvalue()


FORMATS: dict[str, Callable[[Poll], str]] = {"text": as_text, "json": as_json, "csv": as_csv}

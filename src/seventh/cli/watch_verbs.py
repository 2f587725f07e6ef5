"""``seventh watch alerts``, ``ack``, ``silence`` and the like: beside a watch that is running."""

from __future__ import annotations

import argparse
import getpass
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from sqlite3 import Connection

from seventh.cli.parser import Parser
from seventh.model.failure import UsageError
from seventh.render.watching import alert_line, silence_line, waiting_line
from seventh.watch import outbox, records
from seventh.watch.folder import default_folder
from seventh.watch.records import Silence
from seventh.watch.store import beside

Verb = Callable[[Connection, argparse.Namespace], Iterator[str]]
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TIME = re.compile(r"([0-9]{1,7})([smhd])")
_MOST_SECONDS = 366 * 86_400


def parse(name: str, words: list[str]) -> argparse.Namespace:
    """Read the words of one verb; raises UsageError."""
    text, _ = VERBS[name]
    parser = Parser(prog=f"seventh watch {name}", description=text)
    if name in {"ack", "unsilence"}:
        what = "alert, as `alerts` lists it" if name == "ack" else "silence, as `silences` lists it"
        parser.add_argument(
            "numbers", nargs="+", type=_number, metavar="N", help=f"number of the {what}"
        )
    if name == "silence":
        parser.add_argument(
            "match", nargs="+", metavar="LABEL=VALUE",
            help="labels that a target must have, all of them; target=NAME is one target",
        )  # fmt: skip
        parser.add_argument(
            "--for", dest="seconds", type=_seconds, required=True, metavar="TIME",
            help="how long, such as 30m, 2h or 1d",
        )  # fmt: skip
        parser.add_argument("--why", default="", metavar="TEXT", help="reason, for others")
    if name in {"ack", "silence"}:
        parser.add_argument("--by", metavar="NAME", help="who (default: the user)")
    parser.add_argument(
        "--state", metavar="DIR",
        help="folder of the store (default: seventh in the user's state folder)",
    )  # fmt: skip
    parsed = parser.read(words)
    parsed.watch_verb = name
    parsed.verb = run
    return parsed


def run(parsed: argparse.Namespace) -> int:
    """Run a verb; a watch that uses the store sees the change within a second."""
    _, verb = VERBS[parsed.watch_verb]
    with beside(Path(parsed.state) if parsed.state else default_folder()) as database:
        lines = [*verb(database, parsed)]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _alerts(database: Connection, _: argparse.Namespace) -> Iterator[str]:
    for firing in outbox.firing(database):
        yield alert_line(firing, time.time_ns())


def _ack(database: Connection, parsed: argparse.Namespace) -> Iterator[str]:
    by = _by(parsed)
    for number in parsed.numbers:
        if not outbox.acknowledge(database, number, by, time.time_ns()):
            raise UsageError(f"alert {number} is not firing; `seventh watch alerts` lists them")
        yield f"alert {number} acknowledged by {by}"


def _silence(database: Connection, parsed: argparse.Namespace) -> Iterator[str]:
    now_ns = time.time_ns()
    silence = Silence(
        match=_match(parsed.match), from_ns=now_ns, until_ns=now_ns + parsed.seconds * 10**9,
        by=_by(parsed), why=parsed.why,
    )  # fmt: skip
    yield silence_line(records.add_silence(database, silence), silence)


def _silences(database: Connection, _: argparse.Namespace) -> Iterator[str]:
    for number, silence in records.silences(database, time.time_ns()).items():
        yield silence_line(number, silence)


def _unsilence(database: Connection, parsed: argparse.Namespace) -> Iterator[str]:
    known = records.silences(database, time.time_ns())
    for number in parsed.numbers:
        if number not in known:
            raise UsageError(
                f"no silence has the number {number}; `seventh watch silences` lists them"
            )
        records.end_silence(database, number, time.time_ns())
        yield f"silence {number} ended"


def _outbox(database: Connection, _: argparse.Namespace) -> Iterator[str]:
    for waiting in outbox.waiting(database):
        yield waiting_line(waiting, time.time_ns())


VERBS: dict[str, tuple[str, Verb]] = {
    "alerts": ("Lists the alerts that are firing.", _alerts),
    "ack": ("Notes who takes care of an alert; `alerts` shows it until the alert ends.", _ack),
    "silence": ("Sends no alert of the targets that match, for a time; ends are sent.", _silence),
    "silences": ("Lists the silences.", _silences),
    "unsilence": ("Ends a silence.", _unsilence),
    "outbox": ("Lists what receivers have not received yet, with the last error.", _outbox),
}
"""By name: the description, and the function."""


def _match(words: list[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise UsageError(f"{name + equals + value!r:.200}: write LABEL=VALUE, such as team=web")
    return {name: value for name, _, value in pairs}


def _by(parsed: argparse.Namespace) -> str:
    try:
        return parsed.by or getpass.getuser()
    except (OSError, KeyError):  # a user without an entry
        raise UsageError("the user has no name here: give --by NAME") from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise argparse.ArgumentTypeError(f"{text!r:.80} is not a number")
    return int(text)


def _seconds(text: str) -> int:
    match = _TIME.fullmatch(text)
    seconds = int(match[1]) * _UNITS[match[2]] if match is not None else 0
    if not 0 < seconds <= _MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r:.80} is not a time such as 30m, 2h or 1d")
    return seconds

"""``seventh history``: what happened to a target, drawn or as JSON."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from pathlib import Path

import msgspec

from seventh import protocols
from seventh.cli.output import need_writable
from seventh.cli.show import deliver
from seventh.cli.streams import say
from seventh.model.failure import UsageError
from seventh.model.near import near
from seventh.model.target import parse_target
from seventh.render.history import LABEL, Picture, document, picture_of
from seventh.watch.folder import default_folder
from seventh.watch.history.database import HistoryError
from seventh.watch.history.query import History, opened

FORMATS = ("terminal", "json")
_SPANS = (
    10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
    604_800, 2_592_000,
)  # fmt: skip
_WIDTH = 80
"""Columns where there is no terminal."""


def run(parsed: argparse.Namespace) -> int:
    """Show a target's history, or list the targets; returns 0."""
    need_writable(parsed.output)
    folder = state_folder(parsed)
    try:
        with opened(folder) as history:
            text = _shown(history, parsed) if parsed.target else _listed(history)
            report(history)
    except HistoryError as error:
        raise UsageError(str(error)) from None
    deliver(text, parsed)
    return 0


def state_folder(parsed: argparse.Namespace) -> Path:
    """Return the folder that was asked for; raises UsageError if there is none."""
    folder = Path(parsed.state) if parsed.state else default_folder()
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; `seventh watch` makes it, or name one with "
                         "--state")  # fmt: skip
    return folder


def report(history: History) -> None:
    """Say which files were not read."""
    for each in history.skipped:
        say(f"{each.path}: skipped: {each.why}")
    for why in history.damaged:
        say(f"part of the journal skipped: {why}")


def found(history: History, name: str) -> str:
    """Return the name of a target as the history has it; raises UsageError."""
    if history.has(name):
        return name
    names = history.names()
    if name in names:
        return name
    with contextlib.suppress(UsageError):  # ssh://a is ssh://a:22
        for target in parse_target(name, protocols.schemes()):
            if str(target) in names:
                return str(target)
    meant = near(name, names)
    hint = f": did you mean {meant[0]}?" if meant else "; `seventh history` lists them"
    raise UsageError(f"the history has no target {name!r:.100}{hint}")


def _listed(history: History) -> str:
    names = history.names()
    if not names:
        raise UsageError("the history has no targets yet: `seventh watch` makes it")
    return "".join(f"{name}\n" for name in names)


def _shown(history: History, parsed: argparse.Namespace) -> str:
    from rich.console import Console

    name = found(history, parsed.target)
    since_s, until_s = between(parsed)
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDTH)
    columns = max(10, console.width - LABEL - 1)
    span_s = next((each for each in _SPANS if each * columns >= until_s - since_s), _SPANS[-1])
    begin = int(since_s // span_s * span_s)
    end = int(-(-until_s // span_s) * span_s)
    rows = history.spans(name, begin, end, span_s, parsed.phase)
    picture = Picture(
        target=name, phase=parsed.phase, since_s=begin, until_s=end, span_s=span_s, rows=rows
    )
    if parsed.format == "json":
        return msgspec.json.format(msgspec.json.encode(document(picture)), indent=2).decode() + "\n"
    with console.capture() as drawn:
        console.print(picture_of(picture), no_wrap=True, overflow="crop")
    return "".join(f"{line.rstrip()}\n" for line in drawn.get().splitlines())


def between(parsed: argparse.Namespace) -> tuple[float, float]:
    """Return the time of ``--since`` and ``--until``; raises UsageError for one that is none."""
    now_s = time.time()
    until_s = now_s if parsed.until is None else parsed.until(now_s)
    since_s: float = parsed.since(now_s)
    if since_s >= until_s:
        raise UsageError("--since is not before --until")
    return since_s, until_s

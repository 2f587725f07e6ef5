"""``seventh import``: the configuration of another monitor, as ``seventh.toml``."""

from __future__ import annotations

import argparse
import sys

from seventh.cli.output import need_writable, write
from seventh.cli.parser import Parser
from seventh.cli.streams import say, write_utf8
from seventh.importers.found import Found, Item, document
from seventh.importers.reading import found
from seventh.model.failure import UsageError
from seventh.render.presentation import count
from seventh.wire.text import printable


def build(parser: Parser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE",
        help="blackbox.yml and prometheus.yml; Gatus's config.yaml; or Uptime Kuma's monitors "
        "(JSON)",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="FILE", help="file to write to (default: standard output)"
    )


def run(parsed: argparse.Namespace) -> int:
    """Write the file, and say what it lacks; returns 1 if a monitor is not in it, else 0."""
    need_writable(parsed.output)
    result = found(parsed.files)
    text = document(result)
    for line in lines(result):
        say(line)
    if not result.written:
        raise UsageError(f"{result.file}: none of its monitors can be watched")
    if parsed.output is not None:
        write(parsed.output, text)
    else:
        write_utf8()
        sys.stdout.write(text)
    return 0 if len(result.written) == len(result.items) else 1


def lines(result: Found) -> list[str]:
    """Return a line for each thing that was not carried over, and the sum."""
    own = result.file
    said = [f"{each.file or own}:{each.line}: {printable(each.why, 400)}" for each in result.lost]
    for item in result.items:
        name = printable(item.name, 100)
        if item.refused:
            said.append(f"{own}:{item.line}: {name}: not carried over: "
                        f"{printable(item.refused, 400)}")  # fmt: skip
        else:
            said += [f"{each.file or own}:{each.line}: {name}: {printable(each.why, 400)}"
                     for each in item.lost]  # fmt: skip
    missing = len(result.items) - len(result.written)
    summary = f"{count(len(result.items), 'monitor')}: {_sum(result.written)}, {missing} left out"
    return [*said, summary]


def _sum(written: list[Item]) -> str:
    beats = sum(each.kind == "heartbeat" for each in written)
    parts = [count(len(written) - beats, "target")]
    return ", ".join([*parts, count(beats, "heartbeat")] if beats else parts)

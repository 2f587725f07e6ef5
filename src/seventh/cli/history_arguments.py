"""The arguments of ``seventh history`` and ``seventh export``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime

from seventh.cli.parser import Parser

Moment = Callable[[float], float]
"""A time, given the present: both in seconds since 1970."""
_AGO = re.compile(r"(\d{1,6})(s|m|h|d|w)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def build_history(history: Parser) -> None:
    """Add those of ``history``."""
    from seventh.cli.history import FORMATS

    history.add_argument(
        "target", nargs="?", metavar="TARGET", help="name of a target (default: list all)"
    )
    _shared(history)
    history.add_argument(
        "--phase", default="", metavar="NAME",
        help="phase to show, such as tls (default: the sum of all phases)",
    )  # fmt: skip
    _written(history, FORMATS, "terminal")


def build_export(export: Parser) -> None:
    """Add those of ``export``."""
    from seventh.watch.history.export import FORMATS

    export.add_argument(
        "targets", nargs="*", metavar="TARGET", help="names of targets (default: all)"
    )
    _shared(export)
    _written(export, FORMATS, "csv")


def _shared(parser: Parser) -> None:
    when = "such as 90m, 24h, 7d (ago), 2026-11-30 or 2026-11-30T12:00Z"
    parser.add_argument(
        "--since", type=moment, default=moment("24h"), metavar="TIME",
        help=f"first time, {when} (default: 24h)",
    )  # fmt: skip
    parser.add_argument(
        "--until", type=moment, metavar="TIME", help="last time, alike (default: now)"
    )
    parser.add_argument(
        "--state", metavar="DIR",
        help="folder of the store (default: seventh in the user's state folder)",
    )  # fmt: skip


def _written(parser: Parser, formats: tuple[str, ...], default: str) -> None:
    parser.add_argument(
        "--format", choices=formats, default=default, help=f"output format (default: {default})"
    )
    parser.add_argument(
        "--output", metavar="FILE", help="file to write to (default: standard output)"
    )


def moment(text: str) -> Moment:
    """Read a time: a length before the present, or a date and time, UTC unless it says else."""
    if (match := _AGO.fullmatch(text)) is not None:
        ago = int(match[1]) * _UNITS[match[2]]
        return lambda now_s: now_s - ago
    try:
        at = datetime.fromisoformat(text)
        at_s = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r:.60} is not a time: write 24h, 7d, 2026-11-30 or 2026-11-30T12:00Z"
        ) from None
    return lambda _: at_s

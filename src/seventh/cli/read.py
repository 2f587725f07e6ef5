"""``seventh read``."""

from __future__ import annotations

import argparse
import os
import stat
import sys
import tempfile
from typing import BinaryIO

from seventh import given
from seventh.cli.check import run_loop, selection_of
from seventh.cli.earlier import Earlier
from seventh.cli.output import need_writable
from seventh.cli.parser import Parser, add
from seventh.cli.show import document
from seventh.cli.signals import ending, interrupt
from seventh.cli.streams import USAGE_EXIT, say
from seventh.engine.read import Wanted, read
from seventh.lintkit.unpack import MAX_BYTES, PIECE_BYTES
from seventh.model.failure import UsageError, system_error
from seventh.model.option import declared
from seventh.model.options import Options
from seventh.model.report import Report

OPTIONS = ("resolver", "timeout_seconds")
"""The options of checks that this verb has, too."""


def run(parsed: argparse.Namespace) -> int:
    """Read the files, print the reports, and return the exit code."""
    typed = {name: getattr(parsed, name) for name in OPTIONS if hasattr(parsed, name)}
    wanted = Wanted(
        options=given.make(typed), offline=parsed.offline, selection=selection_of(parsed)
    )
    need_writable(parsed.output)
    earlier = Earlier(parsed)
    reports: list[Report] = []
    whole = True
    with ending(interrupt):
        for name in parsed.files:
            try:
                reports.append(_read(name, wanted))
            except UsageError as error:
                say(str(error))
                whole = False
    if not reports:
        return USAGE_EXIT
    return earlier.emit(document(earlier.mark(reports)), whole=whole)


def _read(name: str, wanted: Wanted) -> Report:
    """Read one file, ``-`` being standard input. Raises UsageError."""
    if name == "-":
        with tempfile.TemporaryFile() as spooled:
            _spool(spooled)
            return run_loop(read(name, spooled, wanted))
    try:
        # Opened without waiting: a pipe would wait for somebody to write.
        with open(
            name, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)
        ) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(
                    f"{name}: not a regular file; write `seventh read -` to read a pipe"
                )
            return run_loop(read(name, file, wanted))
    except (OSError, ValueError) as error:
        raise UsageError(f"{name}: {system_error(error)}") from None


def _spool(file: BinaryIO) -> None:
    """Copy standard input, so that it can be read more than once. Raises UsageError."""
    total = 0
    try:
        while piece := os.read(sys.stdin.fileno(), PIECE_BYTES):
            total += len(piece)
            if total > MAX_BYTES:
                raise UsageError(f"standard input: more than {MAX_BYTES >> 20} MiB")
            file.write(piece)
    except (OSError, ValueError) as error:
        raise UsageError(f"standard input: cannot be read: {system_error(error)}") from None


def add_options(parser: Parser) -> None:
    """Add the options of checks that this verb has, too."""
    add(parser, [each for each in declared(Options) if each.field in OPTIONS])

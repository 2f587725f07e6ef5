"""``seventh diff``."""

from __future__ import annotations

import argparse
import os
import sys

import msgspec

from seventh.cli.output import need_writable
from seventh.cli.show import deliver
from seventh.cli.targets import read
from seventh.model.failure import UsageError
from seventh.render.difference import Diff, PastDocument, diff, read_report
from seventh.render.document import json_document
from seventh.render.view import Document, View, view_for

FORMATS = ("terminal", "json")


def run(parsed: argparse.Namespace) -> int:
    """Print what changed between two JSON reports, and return the exit code."""
    if parsed.old == parsed.new == "-":
        raise UsageError("only one of the two reports can be standard input")
    need_writable(parsed.output)
    old, new = (past(name) for name in (parsed.old, parsed.new))
    made = diff(old, new, parsed.fail_on)
    show(made, parsed)
    return made.status.exit_code


def past(name: str) -> PastDocument:
    """Read an older report; raises UsageError, with the file's name, if that fails."""
    return read_report(read(name), "stdin" if name == "-" else name)


def show(made: Diff, parsed: argparse.Namespace) -> None:
    """Write a difference to standard output or to ``--output``, as text or JSON."""
    if parsed.format == "json":
        text = msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"
    else:
        from seventh.render.difference_lines import text as lines

        view = View(verbose=parsed.verbose, bar=parsed.fail_on)
        to_file = parsed.output is not None
        text = lines(made, view if to_file else view_for(sys.stdout, os.environ, view))
    deliver(text, parsed)


def present(made: Document, lang: str) -> PastDocument:
    """Return the reports of this run as a comparison reads them."""
    plain = msgspec.json.encode(json_document(made, View(lang=lang)))
    return msgspec.json.decode(plain, type=PastDocument)

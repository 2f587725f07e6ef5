"""Writes tables into docs/benchmarks.md, between the marks that the page has for each benchmark."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

from bench import machine
from bench.table import Table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def write(name: str, tables: list[Table], described: list[str]) -> None:
    """Replace what stands between ``<!-- bench NAME -->`` and ``<!-- end -->``.

    The words around the marks are written by hand and stay.
    """
    text = PAGE.read_text(encoding="utf-8")
    marks = re.compile(rf"(<!-- bench {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not marks.search(text):
        raise SystemExit(f"{PAGE} has no comment <!-- bench {name} -->")
    shown = "\n\n".join(table.markdown() for table in tables)
    made = f"{shown}\n\n`{_command(name)}`, {_today()}, {described[0]}\n"
    text = marks.sub(lambda found: f"{found.group(1)}\n{made}\n{found.group(2)}", text)
    machine_marks = re.compile(r"(<!-- machine -->\n).*?(<!-- end -->)", re.DOTALL)
    lines = "\n".join(f"- {line}" for line in described)
    text = machine_marks.sub(lambda found: f"{found.group(1)}\n{lines}\n\n{found.group(2)}", text)
    PAGE.write_text(text, encoding="utf-8")


def _command(name: str) -> str:
    return f"python -m bench {name}{' --quick' if machine.is_quick() else ''}"


def _today() -> str:
    return dt.datetime.now(dt.UTC).date().isoformat()

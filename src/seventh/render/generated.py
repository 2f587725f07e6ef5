"""Files that are made from declarations: written, or held against what stands in the tree."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
"""The source tree's docs/; an installed Seventh has none, and is told one by ``--docs``."""


def write(files: Mapping[Path, str], *, owned: Sequence[Path] = ()) -> list[str]:
    """Write what differs and remove what is no longer made; gives one line for each change.

    ``owned`` are the files that stand there now and belong to the generator alone.
    """
    changes = complaints(files, owned=owned)
    for path, text in files.items():
        if _read(path) != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    for path in owned:
        if path not in files:
            path.unlink()
    return changes


def complaints(files: Mapping[Path, str], *, owned: Sequence[Path] = ()) -> list[str]:
    """One line for each file that is missing, stale or surplus; empty when all is up to date."""
    found: list[str] = []
    for path, text in files.items():
        there = _read(path)
        if there != text:
            found.append(f"{'missing' if there is None else 'stale'}: {path}")
    found.extend(f"surplus: {path}" for path in owned if path not in files)
    return found


def arguments(what: str, argv: Sequence[str] | None) -> tuple[Path, bool]:
    """Return ``--docs DIR`` and ``--check``, which every generator takes."""
    parser = argparse.ArgumentParser(description=f"Write {what} from the declarations.")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder docs/ to write into")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if not current")
    chosen = parser.parse_args(argv)
    return chosen.docs, chosen.check


def finish(files: Mapping[Path, str], owned: Sequence[Path], *, check: bool, how: str) -> int:
    """Write or check, say what changed, and give the exit code."""
    if not check:
        for line in write(files, owned=owned):
            sys.stdout.write(f"was {line}\n")
        return 0
    lines = complaints(files, owned=owned)
    for line in lines:
        sys.stderr.write(f"{line}: run `{how}`\n")
    return 1 if lines else 0


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None

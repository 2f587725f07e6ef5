"""Generated files: written, or compared with those in the source tree."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
"""The source tree's docs/; an installed Seventh has none and needs ``--docs``."""


def arguments(what: str, argv: Sequence[str] | None) -> tuple[Path, bool]:
    """Return ``--docs DIR`` and ``--check``, which every generator takes."""
    parser = argparse.ArgumentParser(description=f"Write {what} from the declarations.")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder docs/ to write to")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    chosen = parser.parse_args(argv)
    return chosen.docs, chosen.check


def finish(files: Mapping[Path, str], owned: Sequence[Path], *, check: bool, how: str) -> int:
    """Write or check the files, print what changed, and return the exit code.

    ``owned`` are the generator's existing files; surplus ones are removed.
    """
    changes: list[str] = []
    for path in dict.fromkeys([*files, *owned]):
        text, old = files.get(path), _read(path)
        if text == old:
            continue
        changes.append(f"{'missing' if old is None else 'stale' if text else 'surplus'}: {path}")
        if not check and text is None:
            path.unlink()
        elif not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text or "", encoding="utf-8", newline="\n")
    for change in changes:
        if check:
            sys.stderr.write(f"{change}: run `{how}`\n")
        else:
            sys.stdout.write(f"was {change}\n")
    return 1 if check and changes else 0


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None

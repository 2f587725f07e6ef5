"""``seventh ports``."""

from __future__ import annotations

import argparse
import sys

from seventh import protocols
from seventh.model.ports import PORTS


def run(parsed: argparse.Namespace) -> int:
    """Print the table of well-known ports."""
    del parsed
    built = protocols.schemes()
    lines = [f"{'PORT':>5}  {'':4} {'SERVICE':<24} {'TARGET':<16} NOTE"]
    for row in PORTS:
        if row.scheme is None:
            target = "-"
        elif row.scheme in built:
            target = f"{row.scheme}://"
        else:
            target = f"({row.scheme}://)"
        lines.append(f"{row.port:>5}  {row.transport:<4} {row.service:<24} {target:<16} {row.note}")
    sys.stdout.write("\n".join([*lines, "", "(in brackets: not supported yet)", ""]))
    return 0

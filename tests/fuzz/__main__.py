"""``python -m tests.fuzz lint [--inputs N] [--seed S] [--kind KIND]``; exit 1 where one raised."""

from __future__ import annotations

import argparse
import sys

from tests.fuzz import lint

NAMES = {"lint": lint.run}


def main() -> int:
    """Run one fuzzer to its end."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--inputs", type=int, default=10_000, help="in total (default: 10000)")
    parser.add_argument("--seed", type=int, default=0, help="the same gives the same inputs")
    parser.add_argument("--kind", action="append", help="this kind alone (default: all)")
    parsed = parser.parse_args()
    return NAMES[parsed.name](parsed.inputs, parsed.seed, parsed.kind)


if __name__ == "__main__":
    sys.exit(main())

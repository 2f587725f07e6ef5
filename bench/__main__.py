"""``python -m bench [NAME…] [--quick] [--markdown]``."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path

from bench import machine, pages
from bench.peers import MissingError
from bench.table import Table

NAMES = ("pulse", "handshake", "ssh", "ssh_login", "via", "places", "ntp", "nts",
         "http", "mail", "mail_domain", "snmp", "grpc", "mqtt", "mqtt_spool", "lint", "lint_cost",
         "local", "link", "memory", "history", "watch", "dashboard", "truth", "websocket", "traps",
         "startup")  # fmt: skip
"""Each is a module with ``run(folder, quick) -> list[Table]``; its docstring says what it does."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Ratios against named peers, measured in the same run."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it works")
    parser.add_argument(
        "--markdown", action="store_true", help=f"also write the tables into {pages.PAGE.name}"
    )
    parsed = parser.parse_args()
    unknown = [name for name in parsed.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]!r}; there are {', '.join(NAMES)}")
    described = machine.describe()
    print("\n".join(described), flush=True)
    missed: list[str] = []
    for name in parsed.names or NAMES:
        tables = _run(name, parsed.quick)
        missed += [goal for table in tables for goal in table.missed]
        for table in tables:
            table.show()
        if parsed.markdown and tables:
            pages.write(name, tables, described)
    for goal in missed:
        print(f"missed: {goal}", file=sys.stderr)
    return 1 if missed else 0


def _run(name: str, quick: bool) -> list[Table]:
    print(f"\n{name} …", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="seventh-bench-") as folder:
        # The servers under test may run as another user than the one who made the folder.
        Path(folder).chmod(0o755)
        try:
            tables: list[Table] = importlib.import_module(f"bench.{name}").run(Path(folder), quick)
        except MissingError as error:
            print(f"{name}: left out: {error}", file=sys.stderr)
            return []
    print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)
    return tables


if __name__ == "__main__":
    sys.exit(main())

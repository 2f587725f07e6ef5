"""One file linted and printed in a process of its own: CPU seconds, and memory at its most.

``python -m bench.lint_cost_worker KIND FILE`` prints a line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from bench.measure import memory_bytes
from seventh.cli.show import document
from seventh.engine.lint import Wanted, lint_file
from seventh.model.report import Report
from seventh.render import FORMATS, View, render


def _print(report: Report) -> None:
    made = document([report])
    for name in FORMATS:
        render(name, made, View())


def main() -> None:
    """Lint a small file first: rules, tables and formats load with it."""
    kind, path = sys.argv[1], Path(sys.argv[2])
    small = path.with_name("small")
    small.write_text("a b\n")
    wanted = Wanted(kind=kind)
    _print(lint_file(small, wanted))
    before = memory_bytes(os.getpid(), "VmHWM")
    begun = time.process_time()
    report = lint_file(path, wanted)
    lint_seconds = time.process_time() - begun
    _print(report)
    cpu_seconds = time.process_time() - begun
    grown = memory_bytes(os.getpid(), "VmHWM") - before
    reason = report.failure.reason.value if report.failure else ""
    print(json.dumps({"lint": lint_seconds, "cpu": cpu_seconds, "bytes": grown, "reason": reason}))


if __name__ == "__main__":
    main()

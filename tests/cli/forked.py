"""The command in forked processes, which start in a twentieth of the time of new ones.

Each run is a process of its own: its standard streams are opened, or closed, and wrapped as the
interpreter does it at its start, and it ends with the interpreter's own finalization. Only the
imports are made before. Tests that begin in :mod:`tests.cli.test_output` with ``shell`` start an
interpreter.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FULL = ("/dev/full", os.O_WRONLY)
READ_ONLY = ("/dev/null", os.O_RDONLY)
CLOSED = None
Stream = tuple[str, int] | None

_SERVER = """
import gc, json, os, sys
from seventh import protocols
from seventh.cli import check, explain, lab, lint, ports, protocol_help, rules, tour, work
from seventh.cli.main import run
from seventh.lab import start
from seventh.lint import kinds
from seventh.render.formats import html, json as as_json, junit, markdown, nagios, terminal

kinds()
for room in start.labs():
    start.faults(room), protocols.rules(room)
    if protocols.has_part(room, "probe"):
        protocols.part(room, "probe")
gc.freeze()


def wrapped(descriptor, mode, errors):
    try:
        os.fstat(descriptor)
    except OSError:
        return None
    return open(descriptor, mode, encoding="utf-8", errors=errors, closefd=False)


while line := sys.stdin.readline():
    job = json.loads(line)
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
        continue
    os.environ.update(job["env"])
    opened = [os.open(*stream) if stream else None for stream in job["streams"]]
    for descriptor, stream in enumerate(opened):
        os.close(descriptor)
        if stream is not None:
            os.dup2(stream, descriptor)
            os.close(stream)
    sys.stdin = wrapped(0, "r", "strict")
    sys.stdout = wrapped(1, "w", "strict")
    sys.stderr = wrapped(2, "w", "backslashreplace")
    sys.argv = ["seventh", *job["words"]]
    run()
"""


@functools.cache
def _server(rooms: str, linters: str) -> subprocess.Popen[str]:
    """One parent of all runs with these folders; it ends with its standard input, which we hold."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=ROOT, env={**os.environ, "SEVENTH_ROOMS": rooms, "SEVENTH_LINTERS": linters},
    )  # fmt: skip
    atexit.register(process.__exit__, None, None, None)
    return process


_LOCK = threading.Lock()


def seventh(
    *words: str,
    stdin: str | Stream = "",
    stdout: Stream | str = "",
    stderr: Stream | str = "",
    env: dict[str, str] | None = None,
) -> tuple[int, str, str]:
    """Run the command; the exit code, and what it wrote to streams that were not replaced."""
    with tempfile.TemporaryDirectory() as name, _LOCK:
        folder = Path(name)
        given, out, err = folder / "in", folder / "out", folder / "err"
        given.write_text(stdin if isinstance(stdin, str) else "", encoding="utf-8")
        for path in (out, err):
            path.touch()
        streams = [
            (str(given), os.O_RDONLY) if isinstance(stdin, str) else stdin,
            (str(out), os.O_WRONLY) if stdout == "" else stdout,
            (str(err), os.O_WRONLY) if stderr == "" else stderr,
        ]
        environ = {**os.environ, **(env or {})}
        job = {"words": words, "streams": streams, "env": environ}
        server = _server(environ.get("SEVENTH_ROOMS", ""), environ.get("SEVENTH_LINTERS", ""))
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        return int(server.stdout.readline()), out.read_text("utf-8"), err.read_text("utf-8")

"""The standard streams: opened where they were closed, and lines that must not end in a traceback.

Loads next to nothing: ``seventh --version`` passes through here.
"""

from __future__ import annotations

import os
import sys

USAGE_EXIT = 3
MAX_LINE = 1500
"""The most characters of a line on standard error; what is left out is its middle."""


def open_standard_streams() -> None:
    """Put something where standard input, output or error was closed.

    Else a socket would get its number, and be written to as if it were the stream. What a stream's
    encoding does not have is written as an escape.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stdout is None:
        from seventh.cli.output import ClosedOutput

        sys.stdout = ClosedOutput()
    else:
        _reconfigure(errors="backslashreplace")


def write_utf8() -> None:
    """Write standard output in UTF-8 from now on, as formats that programs read are defined."""
    _reconfigure(encoding="utf-8", errors="backslashreplace")


def _reconfigure(**settings: str) -> None:
    reconfigure = getattr(sys.stdout, "reconfigure", None)  # a test's stream may have none
    if reconfigure is not None:
        reconfigure(**settings)


def stdin_bytes(count: int) -> bytes:
    """Up to ``count`` bytes of standard input; UsageError where it cannot be read."""
    from seventh.model.failure import UsageError

    read = bytearray()
    try:
        # Piece by piece: one long read would not notice a signal between two of its own.
        while len(read) < count and (
            piece := os.read(sys.stdin.fileno(), min(count - len(read), 65536))
        ):
            read += piece
        return bytes(read)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise UsageError(f"standard input: cannot be read: {said}") from None


def say(text: str) -> None:
    """Print one line on standard error; one that cannot be written is dropped.

    It may repeat what was typed: control characters become escapes, and a line has an end.
    """
    if len(text) > MAX_LINE:
        text = f"{text[: MAX_LINE // 2]} … {text[-MAX_LINE // 2 :]}"
    if not text.isprintable():
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    try:
        print(f"seventh: {text}", file=sys.stderr)  # noqa: T201
        sys.stderr.flush()
    except (OSError, ValueError):
        _drop(2)


def flushed(code: int) -> int:
    """Write what is buffered; the exit code is ``code``, or 3 where that fails.

    A reader that has gone (``seventh … | head``) has seen what it wanted: that is no failure.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
    except OSError as error:
        return cannot_write(error)
    return code


def drop_output() -> None:
    """Discard what is still buffered for standard output, and all that follows."""
    _drop(1)


def cannot_write(error: OSError) -> int:
    """Report that standard output failed, and drop the rest; the exit code is 3."""
    said = f"standard output cannot be written: {error.strerror}" if error.strerror else str(error)
    say(said)
    drop_output()
    return USAGE_EXIT


def _drop(descriptor: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)

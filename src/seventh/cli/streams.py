"""The standard streams: opened if they were closed, and written without a traceback.

It imports as little as possible, for ``seventh --version``.
"""

from __future__ import annotations

import io
import os
import sys

USAGE_EXIT = 3
MAX_LINE = 1500
"""The maximum length of a line on standard error; a longer one is shortened in its middle."""


def open_standard_streams() -> None:
    """Open the null device for each standard stream that is closed.

    Otherwise a socket would get its number, and be written to like the stream. Characters that the
    encoding of standard output lacks are escaped.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stdout is None:
        from seventh.cli.output import ClosedOutput

        sys.stdout = ClosedOutput()
    else:
        _buffer_output()
        _reconfigure(errors="backslashreplace")


def _buffer_output() -> None:
    """Give standard output a buffer if it has none, as with PYTHONUNBUFFERED.

    Without one, a write that the system cuts short (a disk that fills up, a signal) loses the rest
    and raises no error.
    """
    raw = getattr(sys.stdout, "buffer", None)
    if isinstance(raw, io.RawIOBase):
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(raw), sys.stdout.encoding, line_buffering=sys.stdout.isatty()
        )


def write_utf8() -> None:
    """Set the encoding of standard output to UTF-8, which the formats for programs require."""
    _reconfigure(encoding="utf-8", errors="backslashreplace")


def _reconfigure(**settings: str) -> None:
    reconfigure = getattr(sys.stdout, "reconfigure", None)  # a test's stream may have none
    if reconfigure is not None:
        reconfigure(**settings)


def stdin_bytes(count: int) -> bytes:
    """Read up to ``count`` bytes of standard input; raises UsageError if that fails."""
    from seventh.model.failure import UsageError, system_error

    read = bytearray()
    try:
        # One long read would not return for a signal.
        while len(read) < count and (
            piece := os.read(sys.stdin.fileno(), min(count - len(read), 65536))
        ):
            read += piece
        return bytes(read)
    except (OSError, ValueError) as error:
        raise UsageError(f"standard input: cannot be read: {system_error(error)}") from None


def say(text: str) -> None:
    """Print one line on standard error, control characters escaped; ignore errors of writing."""
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
    """Flush standard output, and return ``code``, or 3 if that fails.

    A closed pipe (``seventh … | head``) is no failure.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
    except OSError as error:
        return cannot_write(error)
    return code


def drop_output() -> None:
    """Discard the buffer of standard output, and all further output."""
    _drop(1)


def cannot_write(error: OSError) -> int:
    """Report that standard output failed, discard the rest, and return the exit code 3."""
    say(f"standard output cannot be written: {error.strerror}" if error.strerror else str(error))
    drop_output()
    return USAGE_EXIT


def _drop(descriptor: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)

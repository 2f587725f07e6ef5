"""Lines on standard error, and what a command does with streams that fail."""

from __future__ import annotations

import errno
import io
import os
import sys

import pytest

from seventh.cli import arguments, main, streams
from seventh.cli.output import ClosedOutput
from seventh.cli.streams import cannot_write, flushed, say, stdin_bytes
from seventh.model.failure import UsageError


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("größe\t\x1b[31m\n\u202e", "größe\\t\\x1b[31m\\n\\u202e"),
        ("x" * 1500, "x" * 1500),
        ("a" * 750 + "x" + "b" * 750, f"{'a' * 750} … {'b' * 750}"),
        ("\x00" * 1500, "\\x00" * 1500),
    ],
)
def test_a_line_is_printable_and_not_too_long(
    text: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say(text)
    assert capsys.readouterr() == ("", f"seventh: {line}\n")


class Broken(io.StringIO):
    """A stream that cannot be flushed."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def flush(self) -> None:
        raise self.error


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (BrokenPipeError(), 1, ""),
        (FULL, 3, "seventh: standard output cannot be written: No space left on device\n"),
        (OSError("it is closed"), 3, "seventh: it is closed\n"),
    ],
)
def test_an_output_that_cannot_be_flushed_is_exit_3_unless_its_reader_left(
    error: OSError, code: int, says: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    dropped: list[int] = []
    monkeypatch.setattr(streams, "_drop", dropped.append)
    monkeypatch.setattr(sys, "stdout", Broken(error))
    assert flushed(1) == code
    assert dropped == [1]
    assert capsys.readouterr().err == says
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert flushed(2) == 2
    assert dropped == [1]


def test_a_standard_error_that_fails_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[int] = []
    monkeypatch.setattr(streams, "_drop", dropped.append)
    for error in (FULL, ValueError("I/O operation on closed file")):
        monkeypatch.setattr(sys, "stderr", Broken(error))  # type: ignore[arg-type]
        say("x")
    assert dropped == [2, 2]


def test_what_is_dropped_goes_nowhere() -> None:
    reading, writing = os.pipe()
    streams._drop(writing)
    os.write(writing, b"x")
    os.close(writing)
    assert os.read(reading, 1) == b""
    os.close(reading)


class Input:
    """A standard input over a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def fileno(self) -> int:
        return self.descriptor


def test_standard_input_is_read_to_its_end_or_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    pieces = [b"ab", b"cd", b"ef", b""]

    def read(descriptor: int, count: int) -> bytes:
        assert descriptor == 99
        asked.append(count)
        return pieces.pop(0)

    monkeypatch.setattr(sys, "stdin", Input(99))
    monkeypatch.setattr(os, "read", read)
    assert stdin_bytes(4) == b"abcd"
    assert asked == [4, 2]
    assert stdin_bytes(100_000) == b"ef"
    assert asked[2:] == [65_536, 65_536]


def test_a_standard_input_that_cannot_be_read_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", Input(9999))
    with pytest.raises(UsageError, match=r"^standard input: cannot be read: Bad file descriptor$"):
        stdin_bytes(4)


def test_a_closed_output_cannot_be_written() -> None:
    with pytest.raises(OSError, match="standard output is closed"):
        ClosedOutput().write("x")


def raised(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def verb(parsed: object) -> int:
        raise error

    class Parsed:
        pass

    parsed = Parsed()
    parsed.verb = verb  # type: ignore[attr-defined]
    monkeypatch.setattr(arguments, "parse", lambda words: parsed)
    monkeypatch.setattr(main, "drop_output", lambda: None)
    monkeypatch.setattr(streams, "_drop", lambda descriptor: None)
    return main.main(["x"])


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UsageError("write more"), 3, "write more"),
        (KeyboardInterrupt(), 3, "interrupted"),
        (SystemExit(0), 0, ""),
        (BrokenPipeError(), 0, ""),
        (OSError(errno.EMFILE, "Too many open files"), 3,
         "Too many open files: raise the limit with `ulimit -n 1024`"),
        (OSError(errno.ENFILE, "Too many open files in system"), 3,
         "Too many open files in system: raise the limit with `ulimit -n 1024`"),
        (FULL, 3, "standard output cannot be written: No space left on device"),
        (OSError(errno.EACCES, "Permission denied", "/x"), 3,
         "[Errno 13] Permission denied: '/x'"),
    ],
)  # fmt: skip
def test_every_error_of_a_verb_is_one_line_and_its_exit_code(
    error: BaseException, code: int, says: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert raised(error, monkeypatch) == code
    assert capsys.readouterr() == ("", f"seventh: {says}\n" if says else "")


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_written_before_anything_is_read(
    flag: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from seventh import __version__

    monkeypatch.delattr(arguments, "parse")
    assert main.main([flag]) == 0
    assert capsys.readouterr() == (f"seventh {__version__}\n", "")
    monkeypatch.setattr(sys, "stdout", ClosedOutput())
    monkeypatch.setattr(streams, "_drop", lambda descriptor: None)
    assert main.main([flag]) == 3
    assert capsys.readouterr().err == "seventh: standard output is closed\n"


def test_the_rest_of_an_output_that_failed_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[int] = []
    monkeypatch.setattr(streams, "_drop", dropped.append)
    assert cannot_write(FULL) == 3
    assert dropped == [1]

"""The command ``seventh``: which verb, and every error as one line with the right exit code."""

from __future__ import annotations

import os
import sys

USAGE_EXIT = 3


def run() -> None:
    """Entry point of the command."""
    _open_standard_streams()
    code = main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError as error:
        code = _cannot_write(error)
    sys.exit(code)


def _open_standard_streams() -> None:
    """Put something where standard input, output or error was closed.

    Else a socket would get its number, and be written to as if it were the stream.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stdout is None:
        from seventh.cli.output import ClosedOutput

        sys.stdout = ClosedOutput()


def _failed(error: OSError) -> int:
    """What the machine refused, in its words; of a full disk without a name, what was written."""
    import errno

    if error.filename is None and error.errno in {errno.ENOSPC, errno.EFBIG, errno.EIO}:
        return _cannot_write(error)
    print(f"seventh: {error}", file=sys.stderr)  # noqa: T201
    return USAGE_EXIT


def _cannot_write(error: OSError) -> int:
    """One line on stderr; what is still buffered for stdout is dropped."""
    print(f"seventh: standard output cannot be written: {error.strerror or error}", file=sys.stderr)  # noqa: T201
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return USAGE_EXIT


def main(arguments: list[str]) -> int:
    """Run one command line; the exit code is 0 ok, 1 warning, 2 critical, 3 unknown or usage."""
    # Answered before anything is imported: scripts ask it at every start.
    if arguments in (["--version"], ["-V"]):
        from seventh import __version__

        print(f"seventh {__version__}")  # noqa: T201
        return 0
    from seventh.cli.arguments import parse
    from seventh.model.failure import UsageError

    try:
        parsed = parse(arguments)
        code: int = parsed.verb(parsed)
    except UsageError as error:
        print(f"seventh: {error}", file=sys.stderr)  # noqa: T201
        return USAGE_EXIT
    except BrokenPipeError:
        # The reader has gone (`seventh … | head`): nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _failed(error)
    except KeyboardInterrupt:
        print("seventh: interrupted", file=sys.stderr)  # noqa: T201
        return USAGE_EXIT
    return code

"""The command ``seventh``: runs a verb; every error is one line and an exit code."""

from __future__ import annotations

import gc
import sys

from seventh.cli.streams import (
    USAGE_EXIT,
    cannot_write,
    drop_output,
    flushed,
    open_standard_streams,
    say,
)


def run() -> None:
    """Run the command; its entry point."""
    open_standard_streams()
    code = flushed(main(sys.argv[1:]))
    gc.freeze()  # the interpreter looks for garbage as it ends: 15 ms for all that was imported
    sys.exit(code)


def _failed(error: OSError) -> int:
    """Report an error of the system, and return the exit code.

    Files are opened by name, and checks type their own errors: an error without a file name is one
    of standard output, or a limit of this process.
    """
    import errno

    if isinstance(error, BrokenPipeError):
        drop_output()  # the reader has closed the pipe: `seventh … | head`
        return 0
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        say(f"{error.strerror}: raise the limit with `ulimit -n 1024`")
        return USAGE_EXIT
    if error.filename is None:
        return cannot_write(error)
    say(str(error))
    return USAGE_EXIT


def main(arguments: list[str]) -> int:
    """Run one command line; the exit code is 0 ok, 1 warning, 2 critical, 3 unknown or usage."""
    # Printed before anything is imported, because scripts run it at every start.
    if arguments in (["--version"], ["-V"]):
        from seventh import __version__

        try:
            sys.stdout.write(f"seventh {__version__}\n")
        except OSError as error:
            return _failed(error)
        return 0
    from seventh.cli.arguments import parse
    from seventh.cli.signals import ending, interrupt
    from seventh.model.failure import UsageError

    try:
        with ending(interrupt):
            parsed = parse(arguments)
            code: int = parsed.verb(parsed)
    except SystemExit:  # argparse, after --help
        return 0
    except UsageError as error:
        say(str(error))
        return USAGE_EXIT
    except OSError as error:
        return _failed(error)
    except KeyboardInterrupt:
        say("interrupted")
        return USAGE_EXIT
    return code

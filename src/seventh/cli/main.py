"""The command ``seventh``: which verb, and every error as one line with the right exit code."""

from __future__ import annotations

import os
import sys

USAGE_EXIT = 3


def run() -> None:
    """Entry point of the command."""
    sys.exit(main(sys.argv[1:]))


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
    except KeyboardInterrupt:
        print("seventh: interrupted", file=sys.stderr)  # noqa: T201
        return USAGE_EXIT
    return code

"""``seventh link list``, ``show`` and ``run``."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable

import msgspec

from seventh.cli.output import need_writable
from seventh.cli.parser import Parser
from seventh.link import profile
from seventh.model.failure import UsageError
from seventh.render import link as words

_RUN = (
    "Runs a command behind an emulated link, and shows what the link did. The exit code is the "
    "command's. Inside, 198.18.0.1 is the loopback of this machine."
)
_MOST_SEED = 1 << 62


def parse(name: str, given: list[str]) -> argparse.Namespace:
    """Read the words of one verb; raises UsageError."""
    text, build, _ = VERBS[name]
    parser = Parser(prog=f"seventh link {name}", description=text)
    build(parser)
    command: list[str] = []
    if name == "run":
        parser.usage = "seventh link run [OPTION…] PROFILE -- COMMAND …"
        if "--" in given:
            at = given.index("--")
            given, command = given[:at], given[at + 1 :]
        elif not {"-h", "--help"}.intersection(given):
            raise UsageError("write -- before the command: seventh link run lte -- ssh host")
    parsed = parser.read(given)
    parsed.command = command
    parsed.link_verb = name
    parsed.verb = run
    return parsed


def run(parsed: argparse.Namespace) -> int:
    """Run a verb, and return the exit code."""
    _, _, verb = VERBS[parsed.link_verb]
    return verb(parsed)


def _list(_: argparse.Namespace) -> int:
    found = [profile.find(name) for name in profile.names()]
    sys.stdout.write("".join(f"{line}\n" for line in words.table(found)))
    return 0


def _show(parsed: argparse.Namespace) -> int:
    found = profile.find(parsed.profile)
    sys.stdout.write("".join(f"{line}\n" for line in words.profile_lines(found)))
    return 0


def _run(parsed: argparse.Namespace) -> int:
    from seventh.link.emulator import Wanted
    from seventh.link.run import run as run_behind

    wanted = profile.find(parsed.profile)
    if not parsed.command:
        raise UsageError("no command: write it after --: seventh link run lte -- ssh host")
    if shutil.which(parsed.command[0]) is None:
        raise UsageError(f"{parsed.command[0]}: no such program")
    need_writable(parsed.output)
    result = run_behind(wanted, parsed.command, parsed.seed, Wanted(congestion=parsed.congestion))
    if parsed.format == "json":
        text = msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"
    else:
        text = "".join(f"{line}\n" for line in words.summary(result))
    if parsed.output:
        with open(parsed.output, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
    else:
        # Standard output is the command's.
        sys.stderr.write(text)
    return result.exit_code


def _build_show(parser: Parser) -> None:
    parser.add_argument("profile", metavar="PROFILE", help="name, or a .toml file")


def _build_run(parser: Parser) -> None:
    _build_show(parser)
    parser.add_argument(
        "--seed", type=_seed, default=0, metavar="N",
        help="what losses and jitter follow from: the same for the same N (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--congestion", default="", metavar="NAME",
        help="congestion control of TCP at both ends, such as cubic (default: the system's)",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=("terminal", "json"), default="terminal",
        help="format of the summary (default: terminal)",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="FILE", help="file for the summary (default: standard error)"
    )


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:20]) < _MOST_SEED):
        raise argparse.ArgumentTypeError(f"{text!r:.80} is not a number from 0")
    return int(text)


VERBS: dict[str, tuple[str, Callable[[Parser], None], Callable[[argparse.Namespace], int]]] = {
    "list": ("Lists the profiles.", lambda _: None, _list),
    "show": (
        "Shows a profile: its figures, their sources, and what is assumed.",
        _build_show,
        _show,
    ),
    "run": (
        _RUN,
        _build_run,
        _run,
    ),
}
"""By name: the description, the arguments, and the function."""

"""The command line's grammar. Each verb's work is imported when the verb is run.

argparse, because it starts in a third of the time of the libraries that build on top of it and
comes with Python; what it says on an error becomes this project's one line and exit code 3.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from typing import NoReturn

from seventh import __version__
from seventh.model.failure import UsageError
from seventh.model.severity import Severity
from seventh.render import FORMATS


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; `{self.prog} --help` shows how")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read a command line; ``verb`` is the function to call with the result.

    Raises UsageError; exits 0 after ``--help``.
    """
    parser = _Parser(
        prog="seventh",
        description="Speaks, times and diagnoses the application layer: what is wrong, and exactly "
        "what to change.",
        epilog="Exit code: 0 ok, 1 warning, 2 critical, 3 unknown or usage.",
    )
    parser.add_argument("-V", "--version", action="version", version=f"seventh {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    _check(verbs)
    _explain(verbs)
    _rules(verbs)
    _ports(verbs)
    _lab(verbs)
    _tour(verbs)
    return parser.parse_args(arguments)


_Verbs = argparse._SubParsersAction


def _late(module: str) -> Callable[[argparse.Namespace], int]:
    def verb(parsed: argparse.Namespace) -> int:
        code: int = importlib.import_module(f"seventh.cli.{module}").run(parsed)
        return code

    return verb


def _check(verbs: _Verbs[_Parser]) -> None:
    check = verbs.add_parser(
        "check",
        help="look at targets now: timed phases, facts, findings and fixes",
        description="Looks at each target now. A target is a URL such as ssh://host, "
        "tls://host:443 or ntp://host; a bare host is checked on every well-known port that "
        "Seventh has a room for.",
    )
    check.add_argument("targets", nargs="*", metavar="TARGET", help="what to look at; - is stdin")
    check.add_argument(
        "--targets",
        dest="files",
        action="append",
        default=[],
        metavar="FILE",
        help="more targets, one a line, or a .toml file with options of their own; - is stdin",
    )
    _connecting(check)
    _selecting(check)
    _showing(check)
    check.add_argument(
        "--parallel",
        type=_count,
        default=16,
        metavar="N",
        help="how many targets at once (default 16)",
    )
    check.add_argument(
        "--samples", type=_count, default=4, metavar="N", help="datagrams to a clock (default 4)"
    )
    check.add_argument(
        "--interval",
        type=_seconds,
        default=2.0,
        metavar="SECONDS",
        help="pause between two of them (default 2)",
    )
    check.set_defaults(verb=_late("check"))


def _connecting(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("connecting")
    group.add_argument(
        "--timeout",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="for a whole target (default 10)",
    )
    family = group.add_mutually_exclusive_group()
    family.add_argument(
        "-4", dest="family", action="store_const", const="ipv4", default="any", help="IPv4 only"
    )
    family.add_argument("-6", dest="family", action="store_const", const="ipv6", help="IPv6 only")
    group.add_argument("--resolver", metavar="HOST[:PORT]", help="ask this name server")
    group.add_argument("--ca", metavar="FILE", help="trust this CA, too")
    group.add_argument(
        "--ca-store", metavar="PATH", help="the public roots are here, not in the system's place"
    )
    group.add_argument("--server-name", metavar="NAME", help="the name to ask for and to verify")
    group.add_argument("--cert", metavar="FILE", help="client certificate, PEM")
    group.add_argument("--key", metavar="FILE", help="its key, PEM")


def _selecting(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("rules")
    group.add_argument(
        "--only", type=_ids, action="extend", default=[], metavar="ID[,ID…]", help="these rules"
    )
    group.add_argument(
        "--skip", type=_ids, action="extend", default=[], metavar="ID[,ID…]", help="not these"
    )
    group.add_argument(
        "--fail-on",
        type=_severity,
        default=Severity.MEDIUM,
        metavar="SEVERITY",
        help="the least severity that the exit code counts (default medium)",
    )


def _showing(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--format", choices=FORMATS, default="terminal", help="default: terminal")
    group.add_argument("--output", metavar="FILE", help="write there instead of to stdout")
    group.add_argument("--lang", default="en", metavar="LANG", help="language of the findings")
    group.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="the transcript, redacted, and why rules were skipped",
    )


def _explain(verbs: _Verbs[_Parser]) -> None:
    explain = verbs.add_parser("explain", help="what a rule sees, why it matters, how to mend it")
    explain.add_argument("ids", nargs="+", metavar="ID")
    explain.add_argument("--lang", default="en", metavar="LANG")
    explain.set_defaults(verb=_late("explain"))


def _rules(verbs: _Verbs[_Parser]) -> None:
    rules = verbs.add_parser("rules", help="list the rules")
    rules.add_argument("--all", action="store_true", help="also those not built yet")
    rules.set_defaults(verb=_late("rules"))


def _ports(verbs: _Verbs[_Parser]) -> None:
    ports = verbs.add_parser("ports", help="the well-known ports and what looks at them")
    ports.set_defaults(verb=_late("ports"))


def _lab(verbs: _Verbs[_Parser]) -> None:
    lab = verbs.add_parser(
        "lab",
        help="start reference servers on loopback, clean or faulty",
        description="Starts reference servers on free loopback ports with a throw-away CA and "
        "prints what to check; Ctrl-C ends them.",
    )
    lab.add_argument("room", nargs="?", metavar="ROOM", help="one room only, such as ssh")
    lab.add_argument("--fault", metavar="NAME", help="switch this fault on (needs ROOM)")
    lab.add_argument("--list", action="store_true", help="list the faults and what they trigger")
    lab.set_defaults(verb=_late("lab"))


def _tour(verbs: _Verbs[_Parser]) -> None:
    tour = verbs.add_parser(
        "tour",
        help="check every reference server, clean and faulty, and tell whether all was named",
    )
    tour.add_argument("room", nargs="?", metavar="ROOM", help="one room only")
    tour.add_argument("--quiet", action="store_true", help="the table only, without the reports")
    tour.set_defaults(verb=_late("tour"))


def _ids(text: str) -> list[str]:
    return [part.strip().upper() for part in text.split(",") if part.strip()]


def _severity(text: str) -> Severity:
    try:
        return Severity(text.lower())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(Severity)}") from None


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:6]) <= 4096:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 4096")
    return int(text)

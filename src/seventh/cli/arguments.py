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

MAX_BODY_BYTES = 64 * 1024 * 1024
"""The most that --max-body may allow."""


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
    _lint(verbs)
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
    _logging_in(check)
    _requesting(check)
    _upgrading(check)
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
    check.add_argument(
        "--checklist",
        action="store_true",
        help="show each protocol's debugging checklist: PASS, FAIL or NOT LOOKED AT, and why",
    )
    check.set_defaults(verb=_late("check"))


def _lint(verbs: _Verbs[_Parser]) -> None:
    lint = verbs.add_parser(
        "lint",
        help="judge configuration files by the same rules, with file and line",
        description="Reads configuration files of servers and clients and judges them by the "
        "rules that a file decides. A folder is searched for files that are recognised.",
    )
    lint.add_argument("files", nargs="+", metavar="FILE", help="a file or a folder; - is stdin")
    lint.add_argument(
        "--kind", metavar="NAME", help="what the files are, such as sshd_config; else recognised"
    )
    lint.add_argument(
        "--software",
        action="append",
        default=[],
        metavar="PRODUCT=VERSION",
        help="whose defaults hold, such as openssh=9.2 (default: the newest known)",
    )
    _selecting(lint)
    _showing(lint)
    lint.set_defaults(verb=_late("lint"))


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
    group.add_argument(
        "--via", metavar="URL[,URL…]", help="through jump hosts, nearest first: ssh://bastion"
    )
    group.add_argument(
        "--ssh-config",
        metavar="FILE",
        help="host aliases for ssh targets and --via (default: your own; none: no file)",
    )


def _logging_in(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("logging in (tier 2) and permissions")
    group.add_argument("--user", metavar="NAME", help="log in as NAME")
    group.add_argument(
        "--identity",
        action="append",
        default=[],
        metavar="FILE",
        help="with this private key; may be repeated (default: the agent's keys)",
    )
    group.add_argument(
        "--no-agent", dest="agent", action="store_false", help="leave the ssh-agent alone"
    )
    group.add_argument(
        "--password-file",
        metavar="FILE",
        help="with the password in its first line (or set SEVENTH_PASSWORD)",
    )
    group.add_argument("--known-hosts", metavar="FILE", help="host keys that are known")
    group.add_argument("--ntp-keys", metavar="FILE", help="symmetric keys, as chrony's keyfile")
    group.add_argument("--ntp-key", type=_count32, metavar="ID", help="which of them")
    group.add_argument(
        "--allow-write", action="store_true", help="tier 3: what leaves a trace others can see"
    )
    group.add_argument(
        "--intrusive", action="store_true", help="tier 4: limits, holding open, malformed input"
    )
    group.add_argument(
        "--i-own-this", action="store_true", help="tier 4 off this machine: I answer for it"
    )
    group.add_argument(
        "--hold",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="with --intrusive: hold a connection open, to see keepalives (default: do not)",
    )


def _requesting(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the request (HTTP and what stands on it)")
    group.add_argument("--method", default="GET", metavar="NAME", help="tier 3 where it is unsafe")
    group.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="to the target's own origin; VALUE may be file:PATH or env:NAME; may be repeated",
    )
    group.add_argument("--token-file", metavar="FILE", help="a bearer token in its first line")
    group.add_argument("--body", metavar="FILE", help="to send with the request")
    group.add_argument(
        "--expect-status", metavar="NNN[,…]", help="else it is a failure; also 2xx, 200-299"
    )
    group.add_argument(
        "--expect-json", metavar="EXPRESSION", help="JMESPath that must hold of the answer"
    )
    group.add_argument(
        "--max-body", type=_size, default=1048576, metavar="BYTES", help="of an answer (1 MiB)"
    )
    group.add_argument("--http-version", choices=("1.1", "2", "3"), help="speak this one alone")
    group.add_argument("--qlog", metavar="FILE", help="write a QUIC connection's log there")


def _upgrading(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("WebSocket")
    group.add_argument("--origin", metavar="URL", help="in the handshake (default: its own site)")
    group.add_argument(
        "--subprotocol",
        action="append",
        default=[],
        metavar="NAME",
        help="to offer; may be repeated, the preferred one first",
    )
    group.add_argument(
        "--message-template",
        "--echo-template",
        dest="message_template",
        metavar="TEXT",
        help="with --allow-write: publish this and see whom it reaches; {id} is another word each "
        "time; lines before the last are said first by every socket; may be file:PATH",
    )
    group.add_argument(
        "--sockets", type=_sockets, default=10, metavar="N", help="of a fan-out (default 10)"
    )
    group.add_argument("--direct", metavar="URL", help="the same service without its proxy")


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
    explain = verbs.add_parser(
        "explain", help="what a rule sees and how to mend it, or what a room looks at"
    )
    explain.add_argument("ids", nargs="+", metavar="ID", help="a rule's id or a room's name")
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


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= MAX_BODY_BYTES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MAX_BODY_BYTES}")
    return int(text)


def _sockets(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 2 <= int(text[:3]) <= 50:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 2 to 50")
    return int(text)


def _count32(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:11]) <= 2**32 - 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 4294967295")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:6]) <= 4096:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 4096")
    return int(text)

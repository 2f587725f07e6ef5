"""The grammar of the command line; a verb's grammar and module load when the verb is typed.

The options of checks are declared in :mod:`seventh.model.options` and in the protocols' specs.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from seventh import __version__
from seventh.cli.parser import Group, Parser, add, add_grouped
from seventh.model.failure import UsageError
from seventh.model.near import unknown
from seventh.model.severity import Severity

Run = Callable[[argparse.Namespace], int]
_CHECK = (
    "Checks each target once. A target is a URL such as ssh://host, tls://host:443 or ntp://host; "
    "a host name alone is checked on every well-known port that Seventh supports, and a closed "
    "port is then no failure."
)
_LINT = (
    "Checks configuration files of servers and clients by the rules that a file can decide. In a "
    "folder, every file of a recognised type is checked."
)
_READ = (
    "Reads files that others made: a message that arrived (DKIM and ARC signatures, SPF, DMARC, "
    "and its way), a DMARC aggregate report, or a TLS report; plain, gzip or zip. The content "
    "decides what a file is."
)
_LOCAL = (
    "Looks at this machine by commands and files that show what no connection does, and judges "
    "them by the same rules. Everything is read-only and bounded; `seventh explain local` lists it."
)
_DIFF = (
    "Compares two JSON reports (`seventh check … --format json`) target by target. The exit code "
    "counts what is new or worse; what was not evaluated again is unknown, never fixed."
)
_WATCH = (
    "Watches targets: a pulse of each at its interval, and a verdict from several pulses. Shows a "
    "table, or without a terminal a line for each change. Ctrl-C ends it; with --config, SIGHUP "
    "loads the file again. Beside it: `seventh watch alerts`, `ack`, `silence`, `silences`, "
    "`unsilence`, `outbox`."
)
_HISTORY = (
    "Draws what `seventh watch` has stored of a target: a strip of states, and the quantiles of "
    "the times. Without a target, lists all. What is older than 14 days is shown by the hour."
)
_EXPORT = (
    "Writes the pulses that `seventh watch` has stored: one row each, times in seconds, within "
    "0.14 %."
)
_IMPORT = (
    "Writes the configuration of another monitor as seventh.toml, and lists what could not be "
    "carried over, with its line and the reason. Exit code 1 if a monitor is missing from it."
)
_LISTEN = (
    "Receives SNMP traps and informs, verifies and acknowledges them, and writes a line of JSON "
    "for each; sends them on to files, syslog or HTTP. What was accepted is kept until it is sent "
    "on, also over a restart. Ctrl-C ends it."
)
_LINK = (
    "Runs any program behind an emulated link: delay, jitter, rate, loss, outages, NAT. Type "
    "`seventh link list`, `seventh link show PROFILE` or `seventh link run PROFILE -- COMMAND`. "
    "Needs root, or unprivileged user namespaces."
)
_LAB = (
    "Starts reference servers on free loopback ports with a temporary CA, and prints the commands "
    "that check them. Ctrl-C stops them."
)
_TOUR = (
    "Starts a dozen reference servers on loopback one after the other, some correct and some "
    "faulty, and checks each; takes half a minute. Exit code 0 when every fault was found and "
    "every correct server had no finding, else 2."
)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read a command line; ``verb`` is the function to call with the result.

    Raises UsageError; exits 0 after ``--help``.
    """
    name, words = (arguments[0], arguments[1:]) if arguments else ("", [])
    if name == "watch" and words:
        from seventh.cli import watch_verbs

        if words[0] in watch_verbs.VERBS:
            return watch_verbs.parse(words[0], words[1:])
    if name == "link" and words:
        from seventh.cli import link

        if words[0] in link.VERBS:
            return link.parse(words[0], words[1:])
    if (name, *words[:1]) == ("snmp", "poll"):
        from seventh.cli import poll

        return poll.parse(words[1:])
    if (name, *words[:1]) == ("grpc", "diff"):
        from seventh.cli import grpc_diff

        return grpc_diff.parse(words[1:])
    if name in VERBS:
        _, described, build = VERBS[name]
        parser = Parser(
            prog=f"seventh {name}", description=described or None, add_help=build is not _check
        )
        build(parser)
        parsed = parser.read(words)
        parsed.verb = _late({"import": "importing"}.get(name, name))  # a keyword of Python
        return parsed
    if name and not name.startswith("-"):
        from seventh.cli import work

        if (spec := work.spec_with_verbs(name)) is not None:
            return work.parse(spec, words)
        from seventh.cli.unknown import no_verb

        raise UsageError(no_verb(name, VERBS))
    _top().read(arguments)
    raise UsageError("a verb is required: `seventh --help` lists them")


def _late(module: str) -> Run:
    def verb(parsed: argparse.Namespace) -> int:
        code: int = importlib.import_module(f"seventh.cli.{module}").run(parsed)
        return code

    return verb


def _top() -> Parser:
    """Return the parser of the command itself, whose help lists the verbs."""
    from seventh.cli import work

    parser = Parser(
        prog="seventh",
        usage="seventh VERB …",
        description="Checks application-layer servers and configuration files: what is wrong, and "
        "the exact change that fixes it.",
        epilog="Start with `seventh check HOST` or `seventh tour`. Exit code: 0 ok, 1 warning, "
        "2 critical, 3 unknown or usage error. `seventh VERB --help` describes a verb.",
    )
    parser.add_argument("-V", "--version", action="version", version=f"seventh {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    for name, (short, _, _) in VERBS.items():
        verbs.add_parser(name, help=short)
    for room, verb in work.verbs():
        verbs.add_parser(f"{room} {verb.name}", help=verb.help)
    for (room, name), text in work.FLEET.items():
        verbs.add_parser(f"{room} {name}", help=text)
    return parser


class _Help(argparse.Action):
    """``--help``, and ``--help PROTOCOL`` for the options of one protocol."""

    def __init__(self, option_strings: list[str], dest: str, **settings: Any) -> None:
        super().__init__(option_strings, dest, nargs="?", **settings)

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: object, values: Any, option: Any = None
    ) -> NoReturn:
        if values is None:
            parser.print_help()
        else:
            from seventh.cli.protocol_help import protocol_help

            protocol_help(values, parser.prog).print_help()
        parser.exit()


def _check(check: Parser) -> None:
    from seventh import protocols
    from seventh.model.option import declared
    from seventh.model.options import Options

    with_own = [name for name, spec in protocols.rooms().items() if spec.options is not None]
    check.add_argument(
        "-h", "--help", action=_Help, default=argparse.SUPPRESS, metavar="PROTOCOL",
        help="show this help, or the options of one protocol, such as ssh",
    )  # fmt: skip
    check.add_argument("targets", nargs="*", metavar="TARGET", help="what to check; - is stdin")
    check.add_argument(
        "--targets", dest="files", action="append", default=[], metavar="FILE",
        help="file with one target per line, or a .toml file with options per target; - is stdin",
    )  # fmt: skip
    check.add_argument(
        "--parallel", type=_count, default=16, metavar="N",
        help="number of targets to check at once (default: 16)",
    )  # fmt: skip
    check.add_argument(
        "--from", dest="places", metavar="URL[,URL…]",
        help="where to check from: ssh://host (logs in and needs only Python 3.11 there), local; "
        "several are compared (default: local)",
    )  # fmt: skip
    check.add_argument(
        "--local", action="store_true",
        help="also look at the machine of each ssh:// target, as `seventh local` does there; logs "
        "in and needs only Python 3.11 there",
    )  # fmt: skip
    add_grouped(check, declared(Options))
    _rules_of(check)
    _output(check)
    check.add_argument(
        "--checklist", action="store_true",
        help="show the protocol's debugging checklist: PASS, FAIL or NOT CHECKED, and why",
    )  # fmt: skip
    own = check.add_argument_group(
        "options of one protocol",
        f"`seventh check --help PROTOCOL` lists them, for {', '.join(with_own)}",
    )
    for spec in protocols.rooms().values():
        if spec.options is not None:
            add(own, declared(spec.options), hidden=True)
            check.helped.update({f"--{e.option.flag}": spec.name for e in declared(spec.options)})


def _watch(watch: Parser) -> None:
    from seventh.cli.watch_arguments import build

    build(watch)


def _listen(listen: Parser) -> None:
    from seventh.cli.listen_arguments import build

    build(listen)


def _import(parser: Parser) -> None:
    from seventh.cli.importing import build

    build(parser)


def _history(history: Parser) -> None:
    from seventh.cli.history_arguments import build_history

    build_history(history)


def _export(export: Parser) -> None:
    from seventh.cli.history_arguments import build_export

    build_export(export)


def _lint(lint: Parser) -> None:
    lint.add_argument("files", nargs="+", metavar="FILE", help="file or folder; - is stdin")
    lint.add_argument(
        "--kind", metavar="NAME",
        help="type of the files, such as sshd_config (default: recognised by name and content)",
    )  # fmt: skip
    lint.add_argument(
        "--software", action="append", default=[], metavar="PRODUCT=VERSION",
        help="version whose defaults apply, such as openssh=9.2 (default: the newest known)",
    )  # fmt: skip
    lint.add_argument(
        "--diff", action="store_true",
        help="print a patch of the fixes instead of the report, for patch -p0; no file is changed",
    )  # fmt: skip
    lint.add_argument(
        "--fix", action="store_true",
        help="apply the fixes to the files; each old file is kept beside (.FILE.seventh-orig)",
    )  # fmt: skip
    _rules_of(lint)
    _output(lint)


def _read(parser: Parser) -> None:
    from seventh.cli.read import add_options

    parser.add_argument("files", nargs="+", metavar="FILE", help="file to read; - is stdin")
    parser.add_argument(
        "--offline", action="store_true",
        help="ask no DNS: what needs it is reported as not verified",
    )  # fmt: skip
    add_options(parser)
    _rules_of(parser)
    _output(parser)


def _local(local: Parser) -> None:
    from seventh import protocols
    from seventh.model.option import declared

    names = ", ".join(protocols.areas())
    local.add_argument(
        "areas", nargs="*", metavar="AREA", help=f"what to look at: {names} (default: all)"
    )
    for name, (_, area) in protocols.areas().items():
        if area.options is not None:
            add(local.add_argument_group(f"options of {name}"), declared(area.options))
    _rules_of(local)
    _output(local)


def _diff(parser: Parser) -> None:
    from seventh.cli.diff import FORMATS

    parser.add_argument("old", metavar="OLD", help="JSON report of the earlier run; - is stdin")
    parser.add_argument("new", metavar="NEW", help="JSON report of the later run")
    _fail_on(parser)
    _written(parser, FORMATS)
    parser.add_argument("-v", "--verbose", action="store_true", help="also show what is the same")


def _rules_of(parser: Parser) -> None:
    group = parser.add_argument_group("rules")
    group.add_argument(
        "--only", type=_ids, action="extend", default=[], metavar="ID[,ID…]",
        help="rules to run (default: all)",
    )  # fmt: skip
    group.add_argument(
        "--skip", type=_ids, action="extend", default=[], metavar="ID[,ID…]", help="rules to skip"
    )
    _fail_on(group)
    group.add_argument(
        "--against", metavar="REPORT",
        help="show only what changed since this JSON report; the exit code counts what is new or "
        "worse, as in `seventh diff`",
    )  # fmt: skip
    group.add_argument(
        "--baseline", metavar="REPORT",
        help="JSON report whose findings are known: the exit code does not count them",
    )  # fmt: skip


def _fail_on(group: Group) -> None:
    group.add_argument(
        "--fail-on", type=_severity, default=Severity.MEDIUM, metavar="SEVERITY",
        help="lowest severity that the exit code counts (default: medium)",
    )  # fmt: skip


def _output(parser: Parser) -> None:
    from seventh.render import FORMATS

    group = parser.add_argument_group("output")
    _written(group, FORMATS)
    _lang_of(group)
    group.add_argument(
        "-v", "--verbose", action="store_true",
        help="show the transcript, without secrets, and why rules were skipped",
    )  # fmt: skip


def _written(group: Group, formats: Sequence[str]) -> None:
    group.add_argument(
        "--format", choices=formats, default="terminal", help="output format (default: terminal)"
    )
    group.add_argument(
        "--output", metavar="FILE", help="file to write to (default: standard output)"
    )


def _lang_of(group: Group) -> None:
    group.add_argument(
        "--lang", type=_language, default="en", metavar="LANG",
        help="language of the texts of rules (default: en)",
    )  # fmt: skip


def _link(link: Parser) -> None:
    link.add_argument(
        "what", choices=("list", "show", "run"), metavar="VERB", help="list, show, run"
    )


def _explain(explain: Parser) -> None:
    explain.add_argument(
        "ids", nargs="+", metavar="ID", help="ID of a rule, name of a protocol, or `local`"
    )
    _lang_of(explain)


def _rules(rules: Parser) -> None:
    rules.add_argument("--all", action="store_true", help="include rules that are not built yet")


def _lab(lab: Parser) -> None:
    lab.add_argument("room", nargs="?", metavar="PROTOCOL", help="only this protocol, such as ssh")
    lab.add_argument("--fault", metavar="NAME", help="fault to enable (requires PROTOCOL)")
    lab.add_argument("--list", action="store_true", help="list the faults and their rules")


def _tour(tour: Parser) -> None:
    tour.add_argument(
        "room", nargs="?", metavar="PROTOCOL", help="check all servers of one protocol, such as ssh"
    )
    tour.add_argument("--all", action="store_true", help="check every reference server")
    much = tour.add_mutually_exclusive_group()
    much.add_argument("-v", "--verbose", action="store_true", help="also show the reports")
    much.add_argument("--quiet", action="store_true", help="show only the errors and the last line")


VERBS: dict[str, tuple[str, str, Callable[[Parser], None]]] = {
    "check": ("check targets: timed phases, facts, findings and fixes", _CHECK, _check),
    "lint": ("check configuration files by the same rules, with file and line", _LINT, _lint),
    "read": ("read messages and reports: signatures, alignment, failures", _READ, _read),
    "local": ("look at this machine: what no connection shows", _LOCAL, _local),
    "watch": ("watch targets: a pulse at each interval, and verdicts from several", _WATCH, _watch),
    "import": ("write another monitor's configuration as seventh.toml", _IMPORT, _import),
    "listen": ("receive SNMP traps and informs, verify them and send them on", _LISTEN, _listen),
    "history": ("draw what was stored of a target, or list the targets", _HISTORY, _history),
    "export": ("write stored pulses as CSV, JSON lines or Parquet", _EXPORT, _export),
    "diff": ("compare two JSON reports: what is new, worse, better, fixed", _DIFF, _diff),
    "explain": ("explain a rule and its fix, a protocol, or what `local` reads", "", _explain),
    "rules": ("list the rules", "", _rules),
    "ports": ("list the well-known ports and the protocols that check them", "", lambda _: None),
    "link": ("run a program behind an emulated link, such as LTE or a satellite", _LINK, _link),
    "lab": ("start reference servers on loopback, correct or faulty", _LAB, _lab),
    "tour": ("demonstrate checks on correct and faulty reference servers", _TOUR, _tour),
}
"""By name: the line in the list of verbs, the description, and the function that adds the
arguments."""


def _ids(text: str) -> list[str]:
    return [part.strip().upper() for part in text.split(",") if part.strip()]


def _severity(text: str) -> Severity:
    try:
        return Severity(text.lower())
    except ValueError:
        raise argparse.ArgumentTypeError(unknown("severity", text, Severity)) from None


def _language(text: str) -> str:
    from seventh.render.wording import languages

    if text not in (known := languages()):
        raise argparse.ArgumentTypeError(unknown("language", text, known))
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 4096):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 4096")
    return int(text)

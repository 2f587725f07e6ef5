"""``seventh PROTOCOL VERB TARGET …``: the verbs that protocols declare."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from seventh import given, protocols
from seventh.cli.check import run_loop
from seventh.cli.parser import Parser, add
from seventh.cli.signals import ending
from seventh.cli.streams import say
from seventh.engine.work import do
from seventh.model.failure import Failure, Reason, UsageError
from seventh.model.near import near
from seventh.model.option import Declared, declared
from seventh.model.options import Options
from seventh.model.report import judge
from seventh.model.severity import Severity
from seventh.model.spec import Spec
from seventh.model.target import Target, parse_target
from seventh.model.verb import Verb
from seventh.net.work import Progress, Show

_CODES = {0: "done", 2: "failed", 3: "usage or interrupted"}


FLEET = {
    ("grpc", "diff"): "compare two schemas: what breaks messages, JSON or calls",
    ("snmp", "poll"): "poll many agents at their intervals: JSON lines, CSV, rates",
}
"""Verbs that take files instead of a target, each a module of this package."""


def verbs() -> Iterator[tuple[str, Verb]]:
    """Yield every verb of every protocol, with the protocol's name that is typed."""
    for name, spec in protocols.rooms().items():
        for verb in spec.verbs:
            yield verb.under or name, verb


def spec_with_verbs(name: str) -> Spec | None:
    """Return the protocol of that name, if verbs are typed behind it."""
    spec = protocols.rooms().get(name)
    typed = {*(word for word, _ in verbs()), *(room for room, _ in FLEET)}
    return spec if spec is not None and name in typed else None


def parse(spec: Spec, words: list[str]) -> argparse.Namespace:
    """Read the words after the protocol's name. Raises UsageError; exits 0 after ``--help``."""
    known = {verb.name: verb for word, verb in verbs() if word == spec.name}
    more = [name for room, name in FLEET if room == spec.name]
    if not words or words[0] not in known:
        if words[:1] in (["-h"], ["--help"]):
            _overview(spec, known.values()).parse_args(words)
        if words and not words[0].startswith("-") and (meant := near(words[0], [*known, *more])):
            raise UsageError(
                f"unknown verb {words[0]!r}: did you mean `seventh {spec.name} {meant[0]}`? "
                f"`seventh {spec.name} --help` lists them"
            )
        raise UsageError(
            f"seventh {spec.name}: a verb is required: {', '.join([*known, *more])}; "
            f"`seventh {spec.name} --help` describes them"
        )
    verb = known[words[0]]
    owner = next(room for room in protocols.rooms().values() if verb in room.verbs)
    parsed = _parser(owner, verb).read(words[1:])
    parsed.verb = lambda parsed: _run(owner, verb, parsed)
    return parsed


def _overview(spec: Spec, known: Iterable[Verb]) -> Parser:
    parser = Parser(prog=f"seventh {spec.name}", usage=f"seventh {spec.name} VERB …")
    listed = parser.add_subparsers(title="verbs", metavar="VERB")
    for verb in known:
        listed.add_parser(verb.name, help=verb.help)
    for (room, name), text in FLEET.items():
        if room == spec.name:
            listed.add_parser(name, help=text)
    return parser


def _parser(spec: Spec, verb: Verb) -> Parser:
    codes = ", ".join(f"{n} {what}" for n, what in sorted({**_CODES, **verb.exit_codes}.items()))
    parser = Parser(
        prog=f"seventh {verb.under or spec.name} {verb.name}",
        description=f"{verb.help[0].upper()}{verb.help[1:]}.",
        epilog=f"Exit code: {codes}.",
    )
    if verb.has_target:
        parser.add_argument("target", metavar="TARGET", help=f"URL: {_urls(spec)}")
    for argument in verb.arguments:
        parser.add_argument(
            f"word_{argument.name}", metavar=argument.name.upper(),
            nargs="*" if argument.many else "?" if argument.optional else 1, help=argument.help,
        )  # fmt: skip
    own = spec.options if not verb.under else None
    for title, kind in ((f"options of {verb.under or spec.name} {verb.name}", verb.options),
                        (f"options of {spec.title}", own)):  # fmt: skip
        if kind is not None:
            add(parser.add_argument_group(title), declared(kind))
    add(parser.add_argument_group("shared options"), _shared(spec, verb))
    parser.add_argument(
        "--format", choices=("text", "json", *verb.formats), default="text",
        help="output format of each result (default: text)",
    )  # fmt: skip
    return parser


def _urls(spec: Spec) -> str:
    return " or ".join(scheme.pattern for scheme in spec.schemes)


def _shared(spec: Spec, verb: Verb) -> list[Declared]:
    """Return the shared options of the verb, without permissions: typing it permits its tier."""
    used = [e for e in declared(Options) if given.uses(spec, e) and not e.option.reports]
    kept = [e for e in used if e.option.grants is None or (e.field, verb.tier) == ("i_own_this", 4)]
    flags: set[str] = set()
    for each in kept:  # what an option needs is declared before it
        if each.option.needs is None or each.option.needs[0] in flags:
            flags.add(each.option.flag)
    return [each for each in kept if each.option.flag in flags]


def _run(spec: Spec, verb: Verb, parsed: argparse.Namespace) -> int:
    options = given.make(given.among(vars(parsed)))
    if verb.has_target:
        target = _target(spec, verb, parsed.target)
    else:
        target = protocols.part(spec.name, "work").target_of(options)
    words = {a.name: _words(getattr(parsed, f"word_{a.name}")) for a in verb.arguments}
    text = _text(spec, parsed.format)
    code, failure = run_loop(_do(target, options, verb, words, text, parsed.format))
    if failure is None:
        return code
    if verb.endless and failure.reason is Reason.INTERRUPTED:
        say("interrupted")
    elif failure.reason is Reason.OPTIONS_UNUSABLE:  # said as other errors of a command line
        say(failure.detail)
    else:
        say(f"{failure.reason} in {failure.phase}: {failure.detail}")
    return judge(failure, (), Severity.MEDIUM).exit_code


def _words(given: str | list[str] | None) -> tuple[str, ...]:
    """Return the words of an argument; an optional one has none or one."""
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)


def _target(spec: Spec, verb: Verb, text: str) -> Target:
    (target, *more) = parse_target(text, protocols.schemes())
    if more or protocols.room_of(target.scheme) is not spec:
        raise UsageError(
            f"target {text!r}: `seventh {verb.under or spec.name} {verb.name}` takes {_urls(spec)}"
        )
    return target


def _text(spec: Spec, format: str) -> Callable[[msgspec.Struct], str]:  # noqa: A002
    """Return the function that makes a result's text."""
    if format == "text":
        return str
    if format == "json":
        return lambda result: msgspec.json.encode(result).decode()
    text: Callable[[msgspec.Struct], str] = getattr(
        protocols.part(spec.name, "work"), f"as_{format.replace('-', '_')}"
    )
    return text


async def _do(
    target: Target,
    options: Options,
    verb: Verb,
    words: Mapping[str, Sequence[str]],
    text: Callable[[msgspec.Struct], str],
    format: str,  # noqa: A002
) -> tuple[int, Failure | None]:
    """Run the verb until it ends or until a signal, and print each result at once."""
    unwritten: list[OSError] = []

    def show(result: msgspec.Struct) -> None:
        if unwritten:
            return
        try:
            sys.stdout.write(f"{text(result)}\n")
            sys.stdout.flush()
        except OSError as error:  # ours, not the peer's: it must not become the check's failure
            unwritten.append(error)
            task.cancel()

    doing = do(
        target, options, verb, words, show, _progress(), say=say, update=_update(text),
        format=format,
    )  # fmt: skip
    task = asyncio.ensure_future(doing)
    with ending() as end, end.in_loop(task.cancel):
        await asyncio.wait((task,))
    if unwritten:
        raise unwritten[0]
    return task.result()


def _update(text: Callable[[msgspec.Struct], str]) -> Show | None:
    """Return a function that shows a result in place of the last one; None without a terminal."""
    if text is not str or not sys.stdout.isatty():
        return None
    height = 0

    def update(result: msgspec.Struct) -> None:
        nonlocal height
        size = shutil.get_terminal_size()
        lines = [line[: size.columns - 1] for line in text(result).splitlines()]
        if len(lines) > (most := size.lines - 2):
            lines = [*lines[: most - 1], f"… {len(lines) - most + 1} more lines"]
        up = f"\x1b[{height}A\x1b[J" if height else ""
        sys.stdout.write(up + "".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
        height = len(lines)

    return update


def _progress() -> Progress:
    """Return a function that shows the progress on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        return lambda done, total: None

    def show(done: int, total: int | None) -> None:
        of = f"/{total}" if total is not None else ""
        sys.stderr.write(f"\r\x1b[K{done}{of}" + ("\n" if done == total else ""))
        sys.stderr.flush()

    return show

"""``seventh check --help ssh``: the options of one protocol."""

from __future__ import annotations

import argparse
import textwrap

from seventh import given, protocols
from seventh.cli.parser import Parser, add
from seventh.model.failure import UsageError
from seventh.model.near import unknown
from seventh.model.option import declared
from seventh.model.options import Options
from seventh.model.spec import Spec


def protocol_help(name: str, prog: str) -> Parser:
    """Return the parser whose help describes a protocol, which a scheme may also name.

    Raises UsageError for another name.
    """
    rooms = protocols.rooms()
    word = name.partition(":")[0].lower()
    if word in protocols.schemes():
        word = protocols.room_of(word).name
    if word not in rooms:
        raise UsageError(f"--help: {unknown('protocol', word, rooms)}")
    return options_of(rooms[word], prog)


def _tier(tier: int, does: str) -> str:
    return textwrap.fill(f"tier {tier}: {does}", 78, subsequent_indent=" " * 8)


def options_of(spec: Spec, prog: str) -> Parser:
    """Return a parser with the protocol's own options, then the shared ones that it uses."""
    urls = ", ".join(scheme.pattern for scheme in spec.schemes)
    parser = Parser(
        prog=prog,
        usage=f"{prog} [OPTION…] {urls}",
        description="\n".join(_tier(tier, does) for tier, does in spec.tiers.items()),
        epilog=f"`{prog} --help` lists the options for rules and output.",
        add_help=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if spec.options is not None:
        add(parser.add_argument_group(f"options of {spec.title}"), declared(spec.options))
    shared = [each for each in declared(Options) if given.uses(spec, each)]
    add(parser.add_argument_group("shared options"), shared)
    return parser

"""``seventh check --help ssh``: the options that one protocol uses, and its verbs."""

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
    """Return a parser to print the help of, for a protocol or a scheme; UsageError for neither."""
    rooms, schemes = protocols.rooms(), protocols.schemes()
    word = name.partition(":")[0].lower()
    if word in rooms:
        spec = rooms[word]
    elif word in schemes:
        spec = protocols.room_of(word)
    else:
        raise UsageError(f"--help: {unknown('protocol', word, rooms)}")
    return options_of(spec, prog)


def _tier(tier: int, does: str) -> str:
    return textwrap.fill(f"tier {tier}: {does}", 78, subsequent_indent=" " * 8)


def options_of(spec: Spec, prog: str) -> Parser:
    """Return the protocol's own options first, then the shared ones that it uses."""
    urls = ", ".join(f"{scheme.name}://HOST" for scheme in spec.schemes)
    parser = Parser(
        prog=prog,
        usage=f"{prog} [OPTION…] {urls}",
        description="\n".join(_tier(tier, does) for tier, does in spec.tiers.items()),
        epilog=f"`{prog} --help` shows the options for rules and output.",
        add_help=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if spec.options is not None:
        add(parser.add_argument_group(f"options of {spec.title}"), declared(spec.options))
    shared = [each for each in declared(Options) if given.uses(spec, each)]
    add(parser.add_argument_group("shared options that it uses"), shared)
    return parser

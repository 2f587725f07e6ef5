"""What a linter declares and gives: a product's folder under ``seventh/lint`` has ``KINDS``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from seventh.lintkit.files import Files, Text
from seventh.lintkit.patch import Place, Validator
from seventh.model.facts import Facts
from seventh.model.failure import UsageError
from seventh.model.source import Line


class Program(msgspec.Struct, frozen=True):
    """How an installed program is asked for its version."""

    command: tuple[str, ...]
    """Such as ``sshd -V``; it must print its version and end, whatever its version is."""
    says: str
    """A regular expression with the group ``version``, such as ``9.2``; where another product may
    have that name, also ``product``."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of file that can be judged."""

    name: str
    """What ``--kind`` takes, such as ``sshd_config``."""
    title: str
    room: str
    """The protocol that it configures: whose report it makes, and whose rules judge it first."""
    product: str
    """Whose file it is, a key of the rules' ``fix`` and ``directives``: ``openssh``, ``chrony``."""
    also: tuple[str, ...] = ()
    """Other products that read such a file, whose version may be said instead."""
    programs: tuple[Program, ...] = ()
    """What reads such a file, the first that is installed with its version."""
    names: tuple[str, ...]
    """Shell patterns of usual file names and path ends: ``sshd_config``, ``.ssh/config``."""
    looks: Callable[[tuple[str, ...]], int]
    """How many of these lines look like this kind and no other; for a file of another name."""
    fits: Callable[[tuple[str, ...]], int] | None = None
    """How many of these lines this kind may have, also such as other kinds have; for a file that
    has its name. None is: as ``looks``."""
    only_by_name: bool = False
    """Whether a file that is met in a folder is of this kind by its name alone: what reads like it
    may be for another purpose."""
    tree: bool = False
    """Whether it is JSON or YAML, as files of no kind are, too."""
    lint: Callable[[Text, Files, Software | None], Linted]
    """Reads one file. Raises nothing for what it contains: what cannot be understood becomes a
    problem."""
    fix: Place | None = None
    """Places the fix of a finding in the files; None where fixes are not lines of such a file."""
    validator: Validator | None = None
    """How the program is asked whether it accepts a file."""


class Software(msgspec.Struct, frozen=True, kw_only=True):
    """A product and its version, as ``--software openssh=9.2`` names it."""

    product: str
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}"


def parse_software(text: str) -> Software:
    """Read ``PRODUCT=VERSION``; UsageError when it is not that. ``9.2p1`` counts as 9.2."""
    product, _, version = text.partition("=")
    match = re.match(r"^v?(\d{1,6}(?:\.\d{1,6}){0,3})", version.strip())
    if not product.strip() or match is None:
        raise UsageError(f"--software {text!r}: write PRODUCT=VERSION, such as openssh=9.2")
    numbers = tuple(int(number) for number in match.group(1).split("."))
    return Software(product=product.strip().lower(), version=numbers)


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One effective setting and where it comes from."""

    value: str
    at: Line


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a file takes effect: as a whole, or inside a Match or Host block."""

    label: str = ""
    """Empty for the file as a whole; else the block's own words, such as ``Match User root``."""
    within: str | None = ""
    """The label of the view whose settings hold here, too, where the block has none of its own;
    None for a block that stands by itself, as a web server's servers do."""
    place: str = ""
    """Where the lines of a fix belong, such as ``in sshd_config, under the line Match User root``;
    empty where any place will do."""
    block: Line | None = None
    """The line that opens the block; None for the file as a whole."""
    facts: Mapping[str, Facts]
    """By room, what the file decides of its facts; the rest stays "not learnt". A web server's file
    decides its TLS, too: those of another room's rules that name this kind's product judge it."""
    settings: Mapping[str, tuple[Setting, ...]]
    """By lower-case name of the directive; also by any further key that a rule's Hit points at."""


class Linted(msgspec.Struct, frozen=True, kw_only=True):
    """What reading one file (and what it includes) gave."""

    views: tuple[View, ...]
    """The file as a whole first; where its parts alone take effect, as a web server's servers do,
    these. A finding of a later view that an earlier one has, too, names both."""
    software: str = ""
    software_assumed: bool = False
    problems: tuple[Line, ...] = ()

"""Parsing sshd_config and ssh_config: lines, includes and blocks, without their meaning.

Both have one grammar with different block keywords. A file's content never raises: lines that its
program would refuse are in ``refused``, unreadable files in the problems of
:class:`~seventh.lintkit.files.Files`.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from seventh.lintkit.files import MAX_DEPTH, MAX_PROBLEMS, Files, Text
from seventh.lintkit.place import Place, folder_name, place_of
from seventh.model.source import Line
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.wire.patterns import (
    GrammarError,
    Names,
    address_in_list,
    arguments,
    config_line,
    criteria,
    matches_list,
    port_number,
)
from seventh.wire.text import printable

MAX_INCLUDED = 1024
"""Included files in one lint, counted each time."""
MAX_DIRECTIVES = 200_000
"""Directives in one lint."""
SYSTEM_FOLDER = "/etc/ssh"
_DROP_INS = frozenset({"sshd_config.d", "ssh_config.d"})
_WITHOUT_ARGUMENT = {
    "server": frozenset({"all", "invalid-user"}),
    "client": frozenset({"all", "canonical", "final"}),
}
_CRITERIA = {
    "server": frozenset({
        "all", "invalid-user", "user", "group", "host", "address", "localaddress", "localport",
        "rdomain", "version",
    }),
    "client": frozenset({
        "all", "canonical", "final", "host", "originalhost", "user", "localuser", "exec", "tagged",
        "localnetwork", "command", "sessiontype", "version",
    }),
}  # fmt: skip
_OF_THE_MACHINE = {
    "exec": "a command, which Seventh does not run",
    "localnetwork": "the addresses of the machine",
    "command": "the command of the session",
    "sessiontype": "the type of the session",
    "version": "the version of ssh",
}
"""Criteria that files do not decide, and what they depend on."""
_WHOLE_LINES = frozenset({"match", "proxycommand", "localcommand", "remotecommand", "forcecommand",
                      "knownhostscommand", "proxyjump"})  # fmt: skip
"""Directives whose argument is the rest of the line."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A Match or Host line."""

    index: int
    kind: str
    """``match`` or ``host``."""
    label: str
    """The line, such as ``Match User root``."""
    at: Line
    patterns: Names = ()
    """Of a Host line."""
    criteria: tuple[tuple[str, str], ...] = ()
    """Of a Match line; a ``!`` stays before the name."""


class Directive(msgspec.Struct, frozen=True, kw_only=True):
    """One directive, with its blocks, outermost first.

    There are several where a file that is included in a block has blocks of its own.
    """

    name: str
    """In lower case, aliases resolved."""
    written: str
    """The keyword as written."""
    values: Names
    rest: str
    at: Line
    blocks: tuple[Block, ...] = ()
    indented: bool = False

    @property
    def value(self) -> str:
        """The arguments as one text."""
        return " ".join(self.values)


class Reading(msgspec.Struct, kw_only=True):
    """A parsed configuration, in the order in which it takes effect."""

    side: directives.Side
    directives: list[Directive] = []
    blocks: list[Block] = []
    refused: list[Line] = []
    """Lines that the program would refuse."""
    includes: list[Line] = []
    """The Include lines."""
    unknown: list[Line] = []
    """Directives that are unknown here; a newer program may support them."""
    undecided: list[Line] = []
    """Lines that depend on the machine, such as ``Match exec``."""

    def refuse(self, at: Line, text: str) -> None:
        """Note a line that the program would refuse."""
        if len(self.refused) < MAX_PROBLEMS:
            self.refused.append(Line(file=at.file, line=at.line, text=printable(text, 300)))


def read(text: Text, files: Files, side: directives.Side, *, is_user: bool = False) -> Reading:
    """Parse a file and its includes. ``is_user``: a user's own file, not the system's."""
    if is_user:
        folder = files.base if files.home is None else files.home / ".ssh"
        place = Place(folder, folder, "", None, is_copy=False)
    else:
        place = place_of(_main_of(text.name), SYSTEM_FOLDER)
    reader = _Reader(files, side, place)
    reader.file(text, (), (os.path.realpath(text.name),))
    return reader.reading


def _main_of(name: str) -> str:
    """Return the main file for a file in a drop-in folder (``sshd_config.d``); else ``name``."""
    folder = folder_name(name)
    return (
        str(Path(name).parent / ".." / folder.removesuffix(".d")) if folder in _DROP_INS else name
    )


class _Reader:
    def __init__(self, files: Files, side: directives.Side, place: Place) -> None:
        self.files = files
        self._place = place
        self.side = side
        self.reading = Reading(side=side)
        self._full = False
        self._included = 0
        self._reported: set[str] = set()
        self._texts: dict[str, Text | None] = {}
        self._places: dict[str, list[tuple[Path, str]]] = {}
        self._ignored = ""
        self._aliases = directives.aliases(side)

    def file(self, text: Text, outer: tuple[Block, ...], stack: tuple[str, ...]) -> None:
        """Parse one file; its blocks end with it."""
        current: tuple[Block, ...] = ()
        for number, raw in text.numbered():
            at = Line(file=text.name, line=number, text="")
            try:
                line = config_line(raw)
                if line is None:
                    continue
                name = self._aliases.get(line.keyword, line.keyword)
                if name == "match" or (name == "host" and self.side == "client"):
                    current = (self._block(name, line.rest, at),)
                    continue
                values = () if name in _WHOLE_LINES else arguments(line.rest)
            except GrammarError as error:
                self.reading.refuse(at, str(error))
                # The lines of a malformed block have no effect.
                if raw.split()[:1] and raw.split()[0].lower() in {"match", "host"}:
                    current = (self._nowhere(at),)
                continue
            if len(self.reading.directives) >= MAX_DIRECTIVES:
                self._full = True
                self._report(at, f"only the first {MAX_DIRECTIVES} directives were read")
                return
            blocks = outer + current
            if name == "include":
                self._include(values, at, blocks, stack)
            else:
                shown = printable(f"{line.written} {' '.join(values) or line.rest}", 400)
                self._take(Directive(
                    name=name, written=line.written, values=values, rest=line.rest,
                    at=Line(file=text.name, line=number, text=shown), blocks=blocks,
                    indented=raw[:1].isspace(),
                ))  # fmt: skip

    def _report(self, at: Line, why: str) -> None:
        """Report a limit once."""
        if why not in self._reported:
            self._reported.add(why)
            self.files.problem(at.file, at.line, why)

    def _take(self, directive: Directive) -> None:
        name = directive.name
        if name == "ignoreunknown":
            self._ignored = self._ignored or ",".join(directive.values)
        if name not in directives.spelled(self.side) and not self._is_ignored(name):
            if len(self.reading.unknown) < MAX_PROBLEMS:
                self.reading.unknown.append(directive.at)
            return
        if not directive.values and name not in _WHOLE_LINES:
            self.reading.refuse(directive.at, f"{directive.written}: argument missing")
            return
        self.reading.directives.append(directive)

    def _is_ignored(self, name: str) -> bool:
        return bool(self._ignored) and matches_list(name, self._ignored, lower=True) == 1

    def _block(self, kind: str, rest: str, at: Line) -> Block:
        label = printable(f"{kind.capitalize()} {rest}", 200)
        at = Line(file=at.file, line=at.line, text=label)
        patterns = arguments(rest) if kind == "host" else ()
        found = criteria(rest, _WITHOUT_ARGUMENT[self.side]) if kind == "match" else ()
        for name, argument in found:
            self._check(name, argument, at)
        block = Block(
            index=len(self.reading.blocks), kind=kind, label=label, at=at,
            patterns=patterns, criteria=found,
        )  # fmt: skip
        self.reading.blocks.append(block)
        return block

    def _check(self, name: str, argument: str, at: Line) -> None:
        plain = name.removeprefix("!") if self.side == "client" else name
        if plain not in _CRITERIA[self.side]:
            raise GrammarError(f"unknown Match criterion {plain}")
        if plain in {"address", "localaddress"}:
            address_in_list(None, argument)
        if plain == "localport" and port_number(argument) is None:
            raise GrammarError(f"Match LocalPort {argument}: not a port")
        if self.side == "client" and plain in _OF_THE_MACHINE:
            why = _OF_THE_MACHINE[plain]
            self.reading.undecided.append(Line(
                file=at.file, line=at.line,
                text=f"Match {plain} depends on {why}: assumed not to match",
            ))  # fmt: skip

    @staticmethod
    def _nowhere(at: Line) -> Block:
        return Block(index=-1, kind="match", label="", at=at, criteria=(("nowhere", ""),))

    # -- includes --------------------------------------------------------------------------------

    def _include(
        self, patterns: Names, at: Line, blocks: tuple[Block, ...], stack: tuple[str, ...]
    ) -> None:
        self.reading.includes.append(at)
        if not patterns:
            self.reading.refuse(at, "Include: file missing")
        for pattern in patterns:
            if pattern not in self._places and len(self._places) >= MAX_INCLUDED:
                self._report(at, f"only the first {MAX_INCLUDED} patterns were included")
                return
            for path, real in self._found(pattern, at):
                if real in stack:
                    self.reading.refuse(at, f"Include {path} includes itself")
                elif len(stack) > MAX_DEPTH:
                    self.reading.refuse(at, f"Include {path}: nested more than {MAX_DEPTH} deep")
                elif self._included >= MAX_INCLUDED:
                    self._report(at, f"only the first {MAX_INCLUDED} files were included")
                elif (text := self._text(path, at)) is not None and not self._full:
                    self._included += 1
                    self.file(text, blocks, (*stack, real))

    def _text(self, path: Path, at: Line) -> Text | None:
        """Read a file's lines, once for each file."""
        name = str(path)
        if name not in self._texts:
            self._texts[name] = self.files.read(path, at=at)
        return self._texts[name]

    def _found(self, pattern: str, at: Line) -> list[tuple[Path, str]]:
        """Return the files that an Include matches, with their real paths; cached."""
        if pattern not in self._places:
            paths = self._matching(pattern, at)
            self._places[pattern] = [(path, os.path.realpath(path)) for path in paths]
        return self._places[pattern]

    def _matching(self, pattern: str, at: Line) -> list[Path]:
        """Return the files that an Include matches, relative to the main file."""
        if pattern.startswith("~/"):
            pattern = str(self.files.expand(pattern).absolute())
        found = self._place.included(pattern, self.files, at)
        return [path for path in found if os.path.lexists(path)]

"""Reads dovecot.conf with its includes into a tree of blocks, and notes what Dovecot refuses."""

from __future__ import annotations

import functools
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from seventh.lint.dovecot.lines import Parsed, Shape, parsed
from seventh.lintkit.files import Files, Text, has_wildcard, is_there
from seventh.lintkit.place import place_of
from seventh.model.source import Line
from seventh.wire.table import read_text
from seventh.wire.text import printable

SYSTEM = "/etc/dovecot"
Version = tuple[int, ...]
NEWEST_OLD: Version = (2, 3, 21)
"""The newest version of the syntax without dovecot_config_version."""
NEW: Version = (2, 4)
"""The first version of the new syntax."""
MAX_INCLUDES = 256
MAX_DEPTH = 20
MAX_BLOCKS = 5000
_SHOWN = 300
_PRINTED = re.compile(r"# (?P<version>\d+\.\d+(?:\.\d+)*) \([0-9a-f]+\)")
"""How ``doveconf -n`` begins."""


class Differences(msgspec.Struct, frozen=True):
    """What differs between the settings of 2.3 and 2.4, which refuse each other's."""

    replaced: Mapping[str, str]
    """Settings of 2.3 alone, with those that replace them."""
    removed: frozenset[str]
    """Settings of 2.3 alone that nothing replaces."""
    added: frozenset[str]
    """Settings of 2.4 alone."""


@functools.cache
def differences() -> Differences:
    """Return the table beside this file."""
    data = tomllib.loads(read_text(__package__, "settings.toml"))
    replacing = {name for name in data["replaced"].values() if " " not in name}
    return Differences(
        replaced=data["replaced"],
        removed=frozenset(data["removed"]),
        added=frozenset({*data["added"], *replacing}),
    )


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A line ``key = value``."""

    key: str
    value: str
    at: Line
    is_file: bool = False


class Block(msgspec.Struct, kw_only=True):
    """A block with what is in it, in order."""

    type: str = ""
    """Empty for the file as a whole."""
    name: str = ""
    at: Line | None = None
    settings: list[Setting] = []
    blocks: list[Block] = []

    @property
    def label(self) -> str:
        """The block's own words, such as ``protocol imap``."""
        return f"{self.type} {self.name}".strip()

    def value(self, key: str) -> Setting | None:
        """Return the last setting of that name."""
        return next((one for one in reversed(self.settings) if one.key == key), None)

    def within(self, type_: str, name: str | None = None) -> Iterator[Block]:
        """Yield the blocks of a type, and of a name."""
        for block in self.blocks:
            if block.type == type_ and name in {None, block.name}:
                yield block


class Conf(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration."""

    root: Block
    written_for: Version | None
    """Its dovecot_config_version, or the version in the head of ``doveconf -n``."""
    printed: bool


def printed_version(lines: tuple[str, ...]) -> Version | None:
    """Return the version that the output of ``doveconf`` begins with."""
    match = _PRINTED.match(lines[0]) if lines else None
    return _version(match["version"]) if match is not None else None


def _version(text: str) -> Version:
    return tuple(int(part[:6]) for part in text.split(".")[:4])


class Reader:
    """Reads a file and what it includes."""

    def __init__(self, text: Text, files: Files) -> None:
        self._files = files
        self._place = place_of(text.name, SYSTEM)
        self._root = Block()
        self._stack = [self._root]
        self._open: list[str] = []
        self._included = 0
        self._blocks = 0
        self._text = text

    def read(self) -> Conf:
        """Return the whole configuration."""
        self._file(self._text)
        block = self._stack[-1]
        if block.at is not None:
            self._refuse(block.at, f"the block {block.label} is not closed")
        printed = printed_version(self._text.lines)
        stated = self._root.value("dovecot_config_version")
        said = re.fullmatch(r"\d+(\.\d+){0,3}", stated.value) if stated is not None else None
        return Conf(
            root=self._root,
            written_for=printed or (_version(said[0]) if said is not None else None),
            printed=printed is not None,
        )

    def _refuse(self, at: Line, why: str) -> None:
        self._files.problem(at.file, at.line, f"{why}: Dovecot does not start")

    def _file(self, text: Text) -> None:
        self._open.append(os.path.realpath(text.name))
        for line in parsed(text):
            shown = f"{line.key} = {'<' * line.is_file}{line.value}"
            at = Line(file=text.name, line=line.first, text=printable(shown, _SHOWN))
            self._line(line, at)
        self._open.pop()

    def _line(self, line: Parsed, at: Line) -> None:
        block = self._stack[-1]
        if line.shape is Shape.SETTING:
            self._setting(block, line, at)
        elif line.shape is Shape.OPENS:
            self._opens(block, line, at)
        elif line.shape is Shape.CLOSES:
            if len(self._stack) == 1:
                self._refuse(at, "} without a block")
            else:
                self._stack.pop()
        elif line.shape is Shape.WRONG:
            self._refuse(at, line.value)
            if line.opens:
                self._stack.append(Block(type=line.key))  # what its } closes
        else:
            self._include(line, at)

    def _setting(self, block: Block, line: Parsed, at: Line) -> None:
        value = line.value
        if not (line.quoted or line.is_file) and "$" in value:
            value = self._with_own(block, line.key, value)
        block.settings.append(Setting(key=line.key, value=value, at=at, is_file=line.is_file))

    def _with_own(self, block: Block, key: str, value: str) -> str:
        """Return ``$key more`` with what the setting was before; other names stay."""
        before = next((one for each in (block, self._root) if (one := each.value(key))), None)
        words = (
            (before.value if before is not None else "") if word == f"${key}" else word
            for word in value.split()
        )
        return " ".join(filter(None, words))

    def _opens(self, block: Block, line: Parsed, at: Line) -> None:
        self._blocks += 1
        label = f"{line.key} {line.value}".strip()
        where = Line(file=at.file, line=at.line, text=printable(label, _SHOWN))
        new = Block(type=line.key, name=line.value, at=where)
        if self._blocks <= MAX_BLOCKS:
            block.blocks.append(new)
        elif self._blocks == MAX_BLOCKS + 1:
            self._files.unreadable(at.file, at.line, f"more than {MAX_BLOCKS} blocks")
        self._stack.append(new)

    def _include(self, line: Parsed, at: Line) -> None:
        tried = line.shape is Shape.INCLUDE_TRY
        if len(self._open) > MAX_DEPTH:
            self._files.unreadable(at.file, at.line, f"includes nest more than {MAX_DEPTH} deep")
            return
        path = self._place.path(line.value)
        if not line.value.startswith("/"):
            path = Path(at.file).parent / line.value
        if has_wildcard(line.value):
            paths = self._files.matching(str(path))
        else:
            paths = [path] if is_there(path) else []
        if not paths and not tried:
            self._missing(at, f"!include {line.value}: no such file")
        for each in paths:
            self._included += 1
            if self._included > MAX_INCLUDES:
                self._files.unreadable(at.file, at.line, f"more than {MAX_INCLUDES} includes")
                return
            if os.path.realpath(each) in self._open:
                self._refuse(at, f"{each.name} includes itself")
            elif (text := self._files.read(each, at=at)) is not None:
                self._file(text)

    def _missing(self, at: Line, why: str) -> None:
        """Note a missing file, which is no fault of a copy of another machine's files."""
        if self._place.is_copy:
            self._files.unreadable(at.file, at.line, f"{why} on this machine")
        else:
            self._refuse(at, why)


def check_version(conf: Conf, version: Version, files: Files, main: str) -> None:
    """Note what a version refuses: settings of the other syntax."""
    new = version[:2] >= NEW
    if new and not conf.printed:
        first = conf.root.settings[0] if conf.root.settings else None
        if first is None or first.key != "dovecot_config_version":
            files.problem(
                main, None,
                "the first setting must be dovecot_config_version: Dovecot 2.4 does not start",
            )  # fmt: skip
    known = differences()
    for setting in _settings(conf.root):
        if new and setting.key in known.replaced:
            _refused(files, setting, f"was replaced by {known.replaced[setting.key]} in 2.4")
        elif new and setting.key in known.removed:
            _refused(files, setting, "was removed in 2.4")
        elif not new and setting.key in known.added:
            _refused(files, setting, "requires Dovecot 2.4")


def _refused(files: Files, setting: Setting, why: str) -> None:
    files.problem(setting.at.file, setting.at.line, f"{setting.key} {why}: Dovecot does not start")


def _settings(block: Block) -> Iterator[Setting]:
    if block.type == "plugin":
        return  # plugins have names of their own
    yield from block.settings
    for one in block.blocks:
        yield from _settings(one)

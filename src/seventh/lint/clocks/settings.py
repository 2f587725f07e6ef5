"""From directives to the settings and sources that the rules read; the same for every program."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from seventh.lint.clocks.lines import Conf, Directive, Reading, as_integer, shown, split
from seventh.lintkit.files import Files, Text, holds
from seventh.lintkit.linted import Setting, Software
from seventh.model.source import Line
from seventh.protocols.ntp.facts.config import ConfiguredSource
from seventh.protocols.ntp.wire.smearing import smearer_of
from seventh.wire.text import printable

MAX_SOURCES = 1000
"""How many sources the facts hold; a configuration with more is judged by the first of them."""
MAX_CLOCKS = 100
MAX_KEYS = 100
MAX_SETTINGS = 100
"""How many lines of one key are kept; a finding shows fewer."""
_NAME_CHARS = 255


class Settings:
    """A view's settings while they are gathered: by key, each with its line."""

    def __init__(self, main: Text, software: Software, *, assumed: bool) -> None:
        self._by_key: dict[str, list[Setting]] = {}
        self._main = main.name
        self._default_of = f"default of {software}{', assumed' if assumed else ''}"

    def add(self, key: str, directive: Directive) -> None:
        """One more line under a key; evidence shows the first of very many."""
        held = self._by_key.setdefault(key.lower(), [])
        if len(held) < MAX_SETTINGS:
            held.append(_setting(directive))

    def put(self, key: str, directive: Directive) -> None:
        """The line that alone holds under a key: the latest."""
        self._by_key[key.lower()] = [_setting(directive)]

    def default(self, key: str, value: str, said: str) -> None:
        """What holds where no line says otherwise."""
        if key.lower() not in self._by_key:
            at = Line(file=self._main, line=None, text=f"{said} ({self._default_of})")
            self._by_key[key.lower()] = [Setting(value=value, at=at)]

    def done(self) -> dict[str, tuple[Setting, ...]]:
        """Return all of them."""
        return {key: tuple(settings) for key, settings in self._by_key.items()}


def _setting(directive: Directive) -> Setting:
    return Setting(value=shown(directive.words), at=directive.at)


class Options(msgspec.Struct, frozen=True):
    """What follows a source's name, taken apart."""

    flags: frozenset[str]
    values: dict[str, str]

    def integer(self, name: str) -> int | None:
        """Return the number after an option; None without it."""
        return as_integer(self.values.get(name, ""))


def options_of(words: Iterable[str], valued: frozenset[str]) -> Options:
    """Options and their values; ``valued`` are those that take one."""
    flags: set[str] = set()
    values: dict[str, str] = {}
    waiting = ""
    for word in words:
        if waiting:
            values[waiting], waiting = word, ""
        elif word.lower() in valued:
            waiting = word.lower()
        else:
            flags.add(word.lower())
    return Options(frozenset(flags), values)


def source_of(directive: Directive, name: str, options: Options) -> ConfiguredSource:
    """Return the source that a line names."""
    shown = printable(name, _NAME_CHARS)
    return ConfiguredSource(
        kind=directive.name,
        name=shown,
        setting=f"{directive.name} {shown}".lower(),
        text=directive.at.text,
        iburst="iburst" in options.flags,
        nts="nts" in options.flags,
        autokey="autokey" in options.flags,
        noselect="noselect" in options.flags,
        key=options.integer("key"),
        minpoll=options.integer("minpoll"),
        maxpoll=options.integer("maxpoll"),
        smears=smearer_of(name),
    )


def capped(
    sources: list[ConfiguredSource], named: int, files: Files, conf: Conf
) -> tuple[ConfiguredSource, ...]:
    """Return the sources that the facts hold; that more are named is noted."""
    if named > MAX_SOURCES:
        at = conf.directives[-1].at
        files.unreadable(at.file, None, f"{named} sources: the first {MAX_SOURCES} are judged")
    return tuple(sources)


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a file of symmetric keys shows without its keys."""

    read: bool = False
    md5: tuple[str, ...] = ()
    """Numbers of keys of type MD5."""
    lines: tuple[Directive, ...] = ()
    """Their lines, the keys left out."""


def key_file(name: str, files: Files, *, untyped_is_md5: bool) -> KeyFile:
    """Numbers and types of the keys in a file, if this user may read it; never the keys."""
    path = Reading(files).place(name)
    if not name or not holds(Path.is_file, Path(path)) or not os.access(path, os.R_OK):
        return KeyFile()
    if (text := files.read(path)) is None:
        return KeyFile()
    lines: list[Directive] = []
    for number, line in text.numbered():
        words = split(line.partition("#")[0])
        if len(words) < 2 or not words[0].isdecimal() or words[0][0] in "!;%":
            continue
        kind = words[1] if len(words) > 2 else ("MD5" if untyped_is_md5 else "")
        if kind.upper() in {"MD5", "M"} and len(lines) < MAX_KEYS:
            shown = f"{words[0][:10]} {kind.upper()} …"
            at = Line(file=text.name, line=number, text=shown)
            lines.append(Directive(f"key {words[0][:10]}", (), at))
    return KeyFile(
        read=True, md5=tuple(d.name.removeprefix("key ") for d in lines), lines=tuple(lines)
    )


def is_part(name: str) -> bool:
    """Return whether a file is one of many that make a configuration, told by its folder's name."""
    return Path(name).parent.name.endswith(".d")

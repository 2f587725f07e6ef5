"""The settings and sources of a configuration, for all time daemons."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from seventh.lint.clocks.lines import Conf, Directive, Reading, as_integer, shown, split
from seventh.lintkit.files import Files, Text, holds
from seventh.lintkit.linted import Linted, Setting, Software, View
from seventh.model.source import Line
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts
from seventh.protocols.ntp.wire.smearing import smearer_of
from seventh.wire.text import printable

MAX_SOURCES = 1000
"""The limit on sources in the facts; of a configuration with more, only the first are judged."""
MAX_CLOCKS = 100
MAX_KEYS = 100
MAX_SETTINGS = 100
"""The limit on lines of one key; a finding shows fewer."""
_NAME_CHARS = 255


class Settings:
    """Collects a view's settings: by key, each with its line."""

    def __init__(self, main: Text, software: Software, *, assumed: bool) -> None:
        self._by_key: dict[str, list[Setting]] = {}
        self._main = main.name
        self._software, self._assumed = software, assumed
        self._default_of = f"default of {software}{', assumed' if assumed else ''}"

    def add(self, key: str, directive: Directive) -> None:
        """Add a line under a key, up to the limit."""
        held = self._by_key.setdefault(key.lower(), [])
        if len(held) < MAX_SETTINGS:
            held.append(_setting(directive))

    def put(self, key: str, directive: Directive) -> None:
        """Set the line under a key: the last one replaces those before."""
        self._by_key[key.lower()] = [_setting(directive)]

    def default(self, key: str, value: str, text: str) -> None:
        """Set what applies if no line has the key."""
        if key.lower() not in self._by_key:
            at = Line(file=self._main, line=None, text=f"{text} ({self._default_of})")
            self._by_key[key.lower()] = [Setting(value=value, at=at)]

    def linted(self, config: NtpConfigFacts, conf: Conf) -> Linted:
        """Return the result of the lint, a single view with these settings."""
        settings = {key: tuple(settings) for key, settings in self._by_key.items()}
        return Linted(
            views=(View(facts={"ntp": NtpFacts(config=config)}, settings=settings),),
            software=str(self._software),
            software_assumed=self._assumed,
            problems=conf.refused,
        )


def _setting(directive: Directive) -> Setting:
    return Setting(value=shown(directive.words), at=directive.at)


class Options(msgspec.Struct, frozen=True):
    """The options of a line: those without and those with a value."""

    flags: frozenset[str]
    values: dict[str, str]

    def integer(self, name: str) -> int | None:
        """Return the number after an option; None without the option."""
        return as_integer(self.values.get(name, ""))


def options_of(words: Iterable[str], valued: frozenset[str]) -> Options:
    """Return the options in ``words``; ``valued`` are those with a value."""
    flags: set[str] = set()
    values: dict[str, str] = {}
    option = ""
    for word in words:
        if option:
            values[option], option = word, ""
        elif word.lower() in valued:
            option = word.lower()
        else:
            flags.add(word.lower())
    return Options(frozenset(flags), values)


def source_of(directive: Directive, name: str, options: Options) -> ConfiguredSource:
    """Return the time source of a line."""
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
    """Return the sources as a tuple; add a problem if there were more than the limit."""
    if named > MAX_SOURCES:
        at = conf.directives[-1].at
        files.unreadable(at.file, None, f"{named} sources: the first {MAX_SOURCES} are judged")
    return tuple(sources)


def md5_keys(name: str, files: Files, *, untyped_is_md5: bool) -> dict[str, Directive] | None:
    """Return the lines of MD5 keys in a file by the key's ID, without the keys.

    None if the file cannot be read by this user.
    """
    path = Reading(files).place(name)
    if not name or not holds(Path.is_file, path) or not os.access(path, os.R_OK):
        return None
    if (text := files.read(path)) is None:
        return None
    found: dict[str, Directive] = {}
    for number, line in text.numbered():
        words = split(line.partition("#")[0])
        if len(words) < 2 or not words[0].isdecimal():
            continue
        kind = words[1] if len(words) > 2 else ("MD5" if untyped_is_md5 else "")
        if kind.upper() in {"MD5", "M"} and len(found) < MAX_KEYS:
            identifier = words[0][:10]
            at = Line(file=text.name, line=number, text=f"{identifier} {kind.upper()} …")
            found[identifier] = Directive(f"key {identifier}", (), at)
    return found


def is_part(name: str) -> bool:
    """Return whether a file is a part of a configuration, by the name of its folder."""
    return Path(name).parent.name.endswith(".d")

"""What nginx would refuse of a configuration that can be read: places, words, repetitions.

Names that nginx's own modules do not have are left alone: they are most likely another module's.
"""

from __future__ import annotations

import re
from typing import Literal

from seventh.lint.nginx import known as nginx_known
from seventh.lint.nginx.conf import Conf, Directive
from seventh.lint.nginx.known import PLACES, Known, Version
from seventh.model.source import Line

Place = Literal["main", "events", "http", "server", "location", "if in server", "if in location",
                "limit_except", "upstream", ""]  # fmt: skip
"""Where directives stand; empty where they follow rules of their own, as in ``map`` and ``types``
and in blocks that another module brought."""
_INSIDE: dict[tuple[str, str], Place] = {
    ("main", "events"): "events", ("main", "http"): "http",
    ("http", "server"): "server", ("http", "upstream"): "upstream",
    ("server", "location"): "location", ("server", "if"): "if in server",
    ("location", "location"): "location", ("location", "if"): "if in location",
    ("location", "limit_except"): "limit_except",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_GUESSED = 50
"""Unknown names that are held against the known ones."""
_FIRST_GUESS: tuple[Place, ...] = ("http", "server", "location", "main", "upstream", "events")


def root_place(conf: Conf) -> Place:
    """Where the file's outermost directives stand: in a whole configuration, in ``main``.

    A part that another file includes is told by what it holds.
    """
    names = {directive.name for directive in conf.directives}
    if names & {"events", "http", "stream", "mail"}:
        return "main"
    if any(d.name in {"server", "upstream"} and d.block is not None for d in conf.directives):
        return "http"
    if any(d.name == "location" and d.block is not None for d in conf.directives):
        return "server"
    if not names:
        return ""
    known = [known for n in names if (known := nginx_known.directives().get(n)) is not None]
    for place in _FIRST_GUESS:
        if known and all(PLACES[place] in one.places for one in known):
            return place
    return ""


def check(conf: Conf, root: Place, version: Version, *, stated: bool) -> None:
    """Note everything for which nginx of this version would not start."""
    checker = _Checker(conf, version, stated)
    waiting: list[tuple[list[Directive], Place]] = [(conf.directives, root)]
    if not root:
        checker.names(conf.directives)
    while waiting:
        block, place = waiting.pop()
        if not place:
            continue
        checker.block(block, place)
        waiting.extend(
            (directive.block, _INSIDE.get((place, directive.name), ""))
            for directive in block
            if directive.block is not None
        )
    whole = root == "main" and not conf.missing and not conf.refused
    if whole and not any(d.name == "events" for d in conf.directives):
        conf.refuse(Line(file=conf.name, line=None, text=""),
                    'no "events" section in configuration')  # fmt: skip


class _Checker:
    def __init__(self, conf: Conf, version: Version, stated: bool) -> None:
        self._conf = conf
        self._version = version
        self._stated = stated
        self._guessed: set[str] = set()

    def block(self, directives: list[Directive], place: Place) -> None:
        """Check one block's own directives."""
        seen: set[str] = set()
        for directive in directives:
            known = nginx_known.directives().get(directive.name)
            if known is None:
                self._unknown(directive)
                continue
            why = self._why(directive, known, place)
            if why is None and known.once:
                if directive.name in seen:
                    why = f'"{directive.name}" directive is duplicate'
                seen.add(directive.name)
            if why is not None:
                self._conf.refuse(directive.at, why)
        if place in {"server", "location"}:
            self._locations(directives)

    def names(self, directives: list[Directive]) -> None:
        """Check the names alone, where nothing tells the place."""
        for directive in directives:
            if directive.name not in nginx_known.directives():
                self._unknown(directive)

    def _unknown(self, directive: Directive) -> None:
        name = directive.name
        if _NAME.fullmatch(name) is None:
            self._conf.refuse(directive.at, f'unknown directive "{name}"')
            return
        if name in self._guessed or len(self._guessed) >= _MAX_GUESSED:
            return
        self._guessed.add(name)
        meant = nginx_known.meant(name)
        if meant is not None:
            self._conf.refuse(directive.at, f'unknown directive "{name}": is {meant} meant?')

    def _why(self, directive: Directive, known: Known, place: Place) -> str | None:
        """Why nginx refuses it; None where it does not."""
        name = directive.name
        first, last = nginx_known.since(name), nginx_known.until(name)
        if self._stated and self._version < first:
            return f'unknown directive "{name}": nginx has it from {nginx_known.text_of(first)} on'
        if self._stated and last is not None and self._version >= last:
            return f'unknown directive "{name}": nginx {nginx_known.text_of(last)} dropped it'
        if PLACES[place] not in known.places:
            return f'"{name}" directive is not allowed here'
        needs_block = known.block or (name == "server" and place == "http")
        if needs_block and directive.block is None:
            return f'directive "{name}" has no opening "{{"'
        if not needs_block and directive.block is not None:
            return f'directive "{name}" is not terminated by ";"'
        least, most = known.least, known.most
        if name == "server":
            least, most = (0, 0) if place == "http" else (1, None)
        count = len(directive.words)
        if count < least or (most is not None and count > most):
            return f'invalid number of arguments in "{name}" directive'
        if known.flag and directive.words[0].lower() not in {"on", "off"}:
            return f'invalid value "{directive.words[0]}" in "{name}", it must be "on" or "off"'
        return None

    def _locations(self, directives: list[Directive]) -> None:
        """Two locations of one path."""
        seen: set[tuple[str, ...]] = set()
        for directive in directives:
            if directive.name != "location" or not directive.words or directive.block is None:
                continue
            words = directive.words
            if words[0].startswith(("~", "@")):
                continue  # patterns may be repeated, and so may names
            key = ("exact",) * (words[0] == "=") + words[-1:]
            if key in seen:
                self._conf.refuse(directive.at, f'duplicate location "{words[-1]}"')
            seen.add(key)

"""What nginx would refuse of a configuration that can be read: places, words, repetitions.

Names that nginx's own modules do not have are left alone: they are most likely another module's.
"""

from __future__ import annotations

import re
from typing import Literal

from seventh.lint.nginx import blocks as nginx_blocks
from seventh.lint.nginx import directives as nginx_directives
from seventh.lint.nginx import parameters, values
from seventh.lint.nginx import whole as nginx_whole
from seventh.lint.nginx.conf import Conf, Directive
from seventh.lint.nginx.directives import PLACES, TABLES, Known, Version, directives, table_of
from seventh.model.source import Line

Place = Literal["main", "events", "http", "server", "location", "if in server", "if in location",
                "limit_except", "upstream", "stream", "stream server", "stream upstream", "mail",
                "mail server", ""]  # fmt: skip
"""Where directives stand; empty where they follow rules of their own, as in ``map`` and ``types``
and in blocks that another module brought."""
_INSIDE: dict[tuple[str, str], Place] = {
    ("main", "events"): "events", ("main", "http"): "http",
    ("main", "stream"): "stream", ("main", "mail"): "mail",
    ("http", "server"): "server", ("http", "upstream"): "upstream",
    ("server", "location"): "location", ("server", "if"): "if in server",
    ("location", "location"): "location", ("location", "if"): "if in location",
    ("location", "limit_except"): "limit_except",
    ("stream", "server"): "stream server", ("stream", "upstream"): "stream upstream",
    ("mail", "server"): "mail server",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ONE_OF_EACH = frozenset({"limit_conn", "limit_req"})
"""Directives that may be repeated in a block, with another first word."""
_ALIKE = frozenset(
    {"allow", "deny", "resolver", "server", "zone", "hash", "random", "limit_conn",
     "limit_conn_zone", "access_log", "error_log", "log_format", "open_log_file_cache",
     "ssl_session_cache", "set", "proxy_bind"}
)  # fmt: skip
"""Directives that have the same words in stream and mail as in http."""
_MAX_GUESSED = 50
"""Unknown names that are held against the known ones."""
_FIRST_GUESS: tuple[Place, ...] = (
    "http", "server", "location", "main", "upstream", "events", "stream", "stream server",
    "stream upstream", "mail", "mail server",
)  # fmt: skip
_WITH_SERVERS: tuple[Place, ...] = ("http", "stream", "mail")
_MOST_WEIGHED = 2000
"""Directives that are looked at to find a file's place."""


def root_place(conf: Conf) -> Place:
    """Return where the file's outermost directives stand: in a whole configuration, in ``main``.

    A part that another file includes is told by what it holds; empty where that tells too little.
    """
    names = {directive.name for directive in conf.directives}
    if names & {"events", "http", "stream", "mail"}:
        return "main"
    if any(d.name in {"server", "upstream"} and d.block is not None for d in conf.directives):
        folder = set(re.split(r"[/._-]", conf.name))
        hinted = next((p for p in _WITH_SERVERS if folder & {p, f"{p}s"}), "http")
        return min(_WITH_SERVERS, key=lambda p: (_misplaced(conf.directives, p), p != hinted))
    if any(d.name == "location" and d.block is not None for d in conf.directives):
        return "server"
    if "server" in names:
        return "upstream"
    known = [name for name in names if any(name in directives(t) for t in TABLES)]
    for place in _FIRST_GUESS:
        if known and all(_stands(name, place) for name in known):
            return place
    return ""


def _stands(name: str, place: Place) -> bool:
    known = directives(table_of(place)).get(name)
    return known is not None and PLACES[place] in known.places


def _misplaced(block: list[Directive], root: Place) -> int:
    """Count the directives that are misplaced if ``root`` is the outermost place."""
    waiting: list[tuple[list[Directive], Place]] = [(block, root)]
    seen = wrong = 0
    while waiting and seen < _MOST_WEIGHED:
        block, place = waiting.pop()
        for directive in block[: _MOST_WEIGHED - seen]:
            seen += 1
            wrong += not _stands(directive.name, place)
            inner = _INSIDE.get((place, directive.name), "")
            if inner and directive.block is not None:
                waiting.append((directive.block, inner))
    return wrong


def check(conf: Conf, root: Place, version: Version, *, stated: bool) -> None:
    """Note everything for which nginx of this version would not start."""
    checker = _Checker(conf, version, stated)
    waiting: list[tuple[list[Directive], Place]] = []
    if root:
        waiting.append((conf.directives, root))
    else:
        checker.names(conf.directives)
    while waiting:
        block, place = waiting.pop()
        checker.block(block, place)
        waiting.extend(
            (directive.block, inner)
            for directive in block
            if directive.block is not None and (inner := _INSIDE.get((place, directive.name)))
        )
    nginx_blocks.check(conf, root)
    if root == "main" and not conf.missing and not conf.refused:
        if not any(d.name == "events" for d in conf.directives):
            conf.refuse(Line(file=conf.name, line=None, text=""),
                        'no "events" section in configuration')  # fmt: skip
        nginx_whole.check(conf)


class _Checker:
    def __init__(self, conf: Conf, version: Version, stated: bool) -> None:
        self._conf = conf
        self._version = version
        self._stated = stated
        self._guessed: set[str] = set()

    def block(self, block: list[Directive], place: Place) -> None:
        """Check one block's own directives."""
        seen: set[str] = set()
        table = directives(table_of(place))
        for directive in block:
            known = table.get(directive.name)
            if known is None:
                self._unknown(directive, place)
                continue
            why = self._why(directive, known, place)
            if why is None and (known.once or directive.name in _ONE_OF_EACH):
                same = (directive.name, *directive.words[:1] * (not known.once))
                key = " ".join(same)
                if key in seen:
                    why = f'"{directive.name}" directive is duplicate'
                seen.add(key)
            if why is not None:
                self._conf.refuse(directive.at, why)
        if place in {"server", "location"}:
            self._locations(block)

    def names(self, block: list[Directive]) -> None:
        """Check the names alone, where nothing tells the place.

        Where none is known, it may be the inside of a ``map``, whose lines begin with anything.
        """
        known = [any(one.name in directives(table) for table in TABLES) for one in block]
        of_nginx = any(known)
        for directive, is_known in zip(block, known, strict=True):
            if not is_known and (of_nginx or directive.block is not None):
                self._unknown(directive, "")

    def _unknown(self, directive: Directive, place: Place) -> None:
        name = directive.name
        if place and any(name in directives(table) for table in TABLES):
            self._conf.refuse(directive.at, f'"{name}" directive is not allowed here')
            return
        if _NAME.fullmatch(name) is None:
            self._conf.refuse(directive.at, f'unknown directive "{name}"')
            return
        if name in self._guessed or len(self._guessed) >= _MAX_GUESSED:
            return
        self._guessed.add(name)
        meant = nginx_directives.meant(name)
        if meant is not None:
            self._conf.refuse(directive.at, f'unknown directive "{name}": is {meant} meant?')

    def _why(self, directive: Directive, known: Known, place: Place) -> str | None:
        """Return why nginx refuses it; None where it does not."""
        name, table = directive.name, table_of(place)
        full = name if table == "directives" else f"{table} {name}"
        first, last = nginx_directives.since(full), nginx_directives.until(full)
        if self._stated and self._version < first:
            since = nginx_directives.text_of(first)
            return f'unknown directive "{name}": nginx has it from {since} on'
        if self._stated and last is not None and self._version >= last:
            return f'unknown directive "{name}": nginx {nginx_directives.text_of(last)} dropped it'
        if PLACES[place] not in known.places:
            return f'"{name}" directive is not allowed here'
        needs_block = known.block or (name == "server" and place in _WITH_SERVERS)
        if needs_block and directive.block is None:
            return f'directive "{name}" has no opening "{{"'
        if not needs_block and directive.block is not None:
            return f'directive "{name}" is not terminated by ";"'
        least, most = known.least, known.most
        if name == "server":
            least, most = (0, 0) if place in _WITH_SERVERS else (1, None)
        count = len(directive.words)
        if count < least or (most is not None and count > most):
            return f'invalid number of arguments in "{name}" directive'
        if known.flag and directive.words[0].lower() not in {"on", "off"}:
            return (f'invalid value "{directive.words[0]}" in "{name}" directive, '
                    'it must be "on" or "off"')  # fmt: skip
        return values.unfit(name, known, directive.words) or self._word(directive, place)

    def _word(self, directive: Directive, place: Place) -> str | None:
        """Return what is wrong with words that the table has no rule for."""
        name, words = directive.name, directive.words
        if name == "server" and "upstream" not in place:
            return None
        if table_of(place) != "directives" and name not in _ALIKE:
            return None
        if self._stated and words and self._version < nginx_directives.since(f"{name} {words[0]}"):
            return f'invalid value "{words[0]}"'
        return parameters.unfit(name, words, self._version)

    def _locations(self, block: list[Directive]) -> None:
        """Refuse a second location of the same path."""
        seen: set[tuple[str, ...]] = set()
        for directive in block:
            if directive.name != "location" or not directive.words or directive.block is None:
                continue
            words = directive.words
            if words[0].startswith(("~", "@")):
                continue  # patterns may be repeated, and so may names
            exact = words[0].startswith("=")
            path = words[-1] if len(words) > 1 else re.sub(r"^(?:=|\^~)", "", words[0])
            key = ("exact",) * exact + (path,)
            if key in seen:
                self._conf.refuse(directive.at, f'duplicate location "{path}"')
            seen.add(key)

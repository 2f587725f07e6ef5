"""What is known of nginx's directives and their defaults, by version: the table's reader."""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Mapping
from typing import Any

import msgspec

from seventh.lintkit.linted import Software
from seventh.wire.table import read_text

PRODUCT = "nginx"
Version = tuple[int, ...]
TABLES = ("directives", "stream", "mail")
DATA = frozenset({"map", "geo", "types", "split_clients", "charset_map"})
"""Directives whose blocks hold lines of a table and no directives."""
_MARKS = frozenset({"flag", "once", "block", "vars"})
PLACES = {
    "main": "M", "events": "E", "http": "H", "server": "S", "location": "L",
    "if in server": "s", "if in location": "l", "limit_except": "X", "upstream": "U",
    "stream": "T", "stream server": "t", "stream upstream": "v", "mail": "A", "mail server": "a",
}  # fmt: skip
"""Where a directive can stand, and the letter that the table writes for it."""


class Known(msgspec.Struct, frozen=True):
    """What nginx takes of one directive."""

    places: str
    """The letters of PLACES."""
    least: int
    most: int | None
    """Words after the name; None is no limit."""
    flag: bool
    """Whether its one word is ``on`` or ``off``."""
    once: bool
    """Whether a second one in the same block is refused."""
    block: bool
    """Whether it takes braces. ``server`` does in http and does not in an upstream."""
    vars: bool = False
    """Whether variables in its words are looked up when nginx starts."""
    value: str = ""
    """What its first word is, such as ``time`` or ``number:1-9``; empty where that is not told."""
    allowed: tuple[str, ...] = ()
    """The words that there are, where it takes no others."""


@functools.cache
def _table() -> dict[str, Any]:
    return tomllib.loads(read_text(__package__, "directives.toml"))


def version_of(text: str) -> Version:
    """Return ``1.25.1`` as numbers that compare."""
    return tuple(int(part) for part in text.split("."))


def newest() -> Software:
    """Return the newest version that the table knows."""
    return Software(product=PRODUCT, version=version_of(_table()["newest"]))


@functools.cache
def directives(table: str = "directives") -> Mapping[str, Known]:
    """Return every directive of nginx's own modules, and of brotli's, by name.

    ``stream`` and ``mail`` are tables of their own: their names mean other things there.
    """
    return {name: _known(text.split()) for name, text in _table()[table].items()}


@functools.cache
def table_of(place: str) -> str:
    """Give the table that has the directives of a place."""
    return place.partition(" ")[0] if place.startswith(("stream", "mail")) else "directives"


def _known(parts: list[str]) -> Known:
    places, words, *marks = parts
    value = next((mark for mark in marks if mark not in _MARKS), "")
    least, dash, most = words.removesuffix("+").partition("-")
    unlimited = words.endswith("+")
    return Known(
        places=places,
        least=int(least),
        most=None if unlimited else int(most if dash else least),
        flag="flag" in marks,
        once="once" in marks,
        block="block" in marks,
        vars="vars" in marks,
        value=value,
        allowed=_allowed(value),
    )


def _allowed(value: str) -> tuple[str, ...]:
    kind, _, words = value.partition(":")
    if kind not in {"one", "each"}:
        return ()
    if words.startswith("="):
        return tuple(_table()["words"][words[1:]].split())
    return tuple(words.split("|"))


@functools.cache
def variables() -> frozenset[str]:
    """Return the variables of nginx's own modules."""
    return frozenset(_table()["variables"]["names"].split())


@functools.cache
def settable() -> frozenset[str]:
    """Return those of them that a configuration may set."""
    return frozenset(_table()["variables"]["settable"].split())


@functools.cache
def variable_prefixes() -> tuple[str, ...]:
    """Return how the names of variables begin that need no definition, such as ``http_``."""
    return tuple(_table()["variables"]["prefixes"].split())


def text_of(version: Version) -> str:
    """Return ``1.30`` for (1, 30, 0), as it is written."""
    parts = version[:-1] if len(version) == 3 and not version[-1] else version
    return ".".join(map(str, parts))


@functools.cache
def since(name: str) -> Version:
    """Return the version that introduced the directive; zero where all have it."""
    return version_of(_table()["since"].get(name, "0"))


@functools.cache
def until(name: str) -> Version | None:
    """Return the version that removed the directive."""
    text = _table()["until"].get(name)
    return None if text is None else version_of(text)


@functools.cache
def default(name: str, version: Version) -> str | None:
    """Return this version's default of a directive; None where it is not known."""
    found: str | None = None
    for first, value in _table()["defaults"].get(name, ()):
        if version >= version_of(first):
            found = value
    return found


@functools.cache
def meant(name: str) -> str | None:
    """Return the directive that a misspelt name means; None where it is no misspelling.

    nginx has hundreds of modules by others, so that an unknown name alone says nothing.
    """
    close = difflib.get_close_matches(name, directives(), n=1, cutoff=0.88)
    return close[0] if close and abs(len(close[0]) - len(name)) <= 1 else None

"""What is known of Caddy's directives and options: the table's reader."""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Literal, get_args

import msgspec

from seventh.lintkit.linted import Software
from seventh.wire.table import read_text

PRODUCT = "caddy"
Words = Literal["", "dur", "int", "size", "ratio", "span", "delay"]
_DURATION = re.compile(
    r"[+-]?(?:0|(?:(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:ns|us|µs|μs|ms|s|m|h|d))+)"
)
_PART = re.compile(r"([0-9.]+)(ns|us|µs|μs|ms|s|m|h|d)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600,
            "d": 86400}  # fmt: skip
_RATIO = re.compile(r"[0-9]{0,18}\.?[0-9]{1,18}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_SIZE = re.compile(
    r"(?:[0-9]{1,18}(?:[.,][0-9]{0,18})*|\.[0-9]{1,18})\s*(?:[kmgtpe]?i?b?|unlimited)|unlimited",
    re.IGNORECASE,
)


class Known(msgspec.Struct, frozen=True):
    """What Caddy takes of one directive, option or subdirective."""

    matched: bool
    """Whether a matcher may stand before the words."""
    counts: tuple[tuple[int, int | None], ...]
    """How many words there may be: ranges; None is no limit."""
    words: Words
    one_of: tuple[str, ...]
    block: str
    """The table of its block: ``?`` for one that is not looked into, empty where it takes none."""

    def takes(self, count: int) -> bool:
        """Return whether there may be so many words."""
        return any(least <= count and (most is None or count <= most)
                   for least, most in self.counts)  # fmt: skip


@functools.cache
def _table() -> dict[str, Any]:
    return tomllib.loads(read_text(__package__, "directives.toml"))


@functools.cache
def newest() -> Software:
    """Return the version that the table was measured with."""
    parts = tuple(int(part) for part in _table()["newest"].split("."))
    return Software(product=PRODUCT, version=parts)


@functools.cache
def site() -> Mapping[str, Known]:
    """Return the directives of a site, by name."""
    return _known_all(_table()["site"])


@functools.cache
def options() -> Mapping[str, Known]:
    """Return the global options, by name."""
    return _known_all(_table()["global"])


@functools.cache
def block(name: str) -> Mapping[str, Known]:
    """Return what a directive's block may hold; what is built on a proxy takes its options."""
    own = _known_all(_table()["block"].get(name, {}))
    if name == "php_fastcgi":
        index = _known(["1"])
        more = {"index": index, "try_files": _known(["1+"])}
        return {**block("reverse_proxy"), **block("fastcgi"), **more}
    if name == "forward_auth":
        more = {"uri": _known(["1"]), "copy_headers": _known(["0+", "{?}"])}
        return {**block("reverse_proxy"), **more}
    return own


def _known_all(table: Mapping[str, str]) -> Mapping[str, Known]:
    return {name: _known(text.split()) for name, text in table.items()}


def _known(parts: list[str]) -> Known:
    matched = parts[0] == "m"
    rest = parts[matched:]
    block = ""
    if rest[-1].startswith("{"):
        block = rest.pop()[1:-1]
    counts = tuple(_count(text) for text in rest[0].split("|"))
    kind: Words = rest[1] if rest[1:2] and rest[1] in get_args(Words) else ""  # type: ignore[assignment]
    one_of = tuple(rest[2:]) if rest[1:2] == ["of"] else ()
    return Known(matched, counts, kind, one_of, block)


def _count(text: str) -> tuple[int, int | None]:
    least, dash, most = text.removesuffix("+").partition("-")
    if text.endswith("+"):
        return int(least), None
    return int(least), int(most if dash else least)


@functools.cache
def names(*keys: str) -> tuple[str, ...]:
    """Return a list of the table, such as ``tls``, ``curves``."""
    found: Any = _table()
    for key in keys:
        found = found[key]
    return tuple(found.split())


def seconds(text: str) -> float | None:
    """Return the seconds of a duration (``1h30m``, ``2d``, ``500ms``); None if it is none."""
    if not _DURATION.fullmatch(text):
        return None
    total = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    return -total if text.startswith("-") else total


def fits(kind: Words, text: str) -> bool:
    """Return whether Caddy reads the word as a duration, a whole number, a size and so on."""
    if kind == "ratio":
        return _RATIO.fullmatch(text) is not None and 0 < float(text) < 1
    if kind == "span" and text == "off":
        return True
    if kind == "delay" and _INTEGER.fullmatch(text):
        return True
    if kind in {"dur", "span", "delay"}:
        return seconds(text) is not None
    if kind == "int":
        return _INTEGER.fullmatch(text) is not None
    return kind != "size" or _SIZE.fullmatch(text) is not None


@functools.cache
def meant(name: str, table: Literal["site", "options"]) -> str | None:
    """Return the name that a misspelt one means; None where it is no misspelling."""
    known = site() if table == "site" else options()
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return close[0] if close else None


def text_of(version: tuple[int, ...]) -> str:
    """Return ``2.11`` for (2, 11, 0), as people say it."""
    parts = version[:-1] if len(version) == 3 and not version[-1] else version
    return ".".join(map(str, parts))

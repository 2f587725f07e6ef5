"""The texts of findings, in one language.

They come from the rule's declaration or its room's ``words/LANG.toml``, with the finding's
parameters filled in. Parameters may be from a peer, so each is made printable first; a format still
has to escape for its own syntax.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from seventh import protocols
from seventh.model.failure import UsageError
from seventh.model.report import Finding, Param
from seventh.rules.rule import AnyRule, Words
from seventh.rules.words import fill, filled, translation, words_in
from seventh.wire.text import printable

_LANG = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")
_PARAM_LIMIT = 4096
_FORMATTED = re.compile(r"(?<!\{)\{(\w+)(![rsa])?(:[^{}]*)?\}(?!\})")


def languages() -> list[str]:
    """Return English, and every language in which a room has texts."""
    found = {
        path.stem
        for room in protocols.rooms()
        for path in (protocols.folder(room) / "words").glob("*.toml")
    }
    return ["en", *sorted(found - {"en"})]


class Wording:
    """The texts of all rooms in one language, each room's loaded once."""

    def __init__(self, lang: str = "en") -> None:
        if not _LANG.fullmatch(lang):
            raise UsageError(f"{lang!r} is not a language code: write one such as en or ko")
        self.lang = lang
        self._rooms: dict[str, dict[str, Words]] = {}

    def words(self, finding: Finding) -> Words:
        """Return the finding's texts with its parameters filled in.

        For a rule that this installation does not have, they are its id and parameters.
        """
        params = clean_params(finding.params)
        template = self._room(finding.room).get(finding.id)
        if template is None:
            return Words(title=printable(finding.id), evidence=_listed(params), why="", fix={})
        words = filled(template, params)
        exact = {name: _lines(lines) for name, lines in finding.fixes.items()}
        return replace(words, fix=_placed({**words.fix, **exact}, finding))

    def of_rule(self, room: str, rule: AnyRule) -> Words:
        """Return the rule's texts with parameters in braces, such as ``{algorithms}``."""
        words = self._room(room).get(rule.id, rule.words)
        return Words(
            title=_open(words.title),
            evidence=_open(words.evidence),
            why=_open(words.why),
            fix={product: _open(fix) for product, fix in words.fix.items()},
            phrases={
                name: {code: _open(text) for code, text in texts.items()}
                for name, texts in words.phrases.items()
            },
        )

    def _room(self, room: str) -> Mapping[str, Words]:
        if room not in self._rooms:
            texts: Mapping[str, Mapping[str, Any]] = {}
            rules = built_in(room)
            if rules:
                texts = translation(protocols.folder(room), self.lang)
            self._rooms[room] = {rule.id: words_in(rule, texts) for rule in rules}
        return self._rooms[room]


def built_in(room: str) -> tuple[AnyRule, ...]:
    """Return the room's rules; none for an unknown room."""
    return protocols.rules(room) if room in protocols.rooms() else ()


def built() -> dict[str, tuple[AnyRule, ...]]:
    """Return every room that has rules, with its rules."""
    found = {room: built_in(room) for room in protocols.rooms()}
    return {room: rules for room, rules in found.items() if rules}


def room_of_rule(rule_id: str) -> str | None:
    """Return the room that declares the rule, or None."""
    return next((room for room, rules in built().items() if rule_id in {r.id for r in rules}), None)


def is_prose(fix: str) -> bool:
    """Return whether a fix is prose, which may be wrapped, and not lines to copy.

    Prose has at least six words a line; most of them are letters only, or the line is a sentence
    with a capital and a full stop. A line with a comment is not prose.
    """
    lines = [line.strip() for line in fix.splitlines() if line.strip()]
    return bool(lines) and all(map(_is_sentence, lines))


def _is_sentence(line: str) -> bool:
    words = line.split()
    if len(words) < 6 or "#" in line:
        return False
    plain = [word.strip("(),.;:`'\"…").replace("-", "").isalpha() for word in words]
    sentence = plain[0] and line[0].isupper() and line.endswith(".")
    return sentence or sum(plain) >= 0.7 * len(words)


def clean_params(params: Mapping[str, Param]) -> dict[str, Param]:
    """Return ``params`` with every text made printable."""
    return {name: _clean(value) for name, value in params.items()}


def example(rule: AnyRule) -> str:
    """Return the evidence of the rule's bad example, in English; empty if it does not fire."""
    verdict = rule(rule.bad)
    params: Any = getattr(verdict, "params", None)
    return filled(rule.words, clean_params(params)).evidence if params is not None else ""


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(printable(line, _PARAM_LIMIT) for line in lines)


def _placed(fixes: dict[str, str], finding: Finding) -> dict[str, str]:
    """Put the place in the file before the fix of the product whose file was checked."""
    mine = fixes.get(finding.product)
    if mine is None or not finding.place or is_prose(mine):
        return fixes
    return {**fixes, finding.product: f"# {printable(finding.place, _PARAM_LIMIT)}\n{mine}"}


def _open(template: str) -> str:
    """Return ``template`` with names in braces, without number formats."""
    return _FORMATTED.sub(r"{\1}", template).replace("{{", "{").replace("}}", "}")


def _clean(value: Param) -> Param:
    if isinstance(value, str):
        return printable(value, _PARAM_LIMIT)
    if isinstance(value, Iterable):
        return tuple(printable(item, _PARAM_LIMIT) for item in value)
    return value


def _listed(params: Mapping[str, Param]) -> str:
    return ", ".join(f"{name}: {fill('{it}', {'it': value})}" for name, value in params.items())

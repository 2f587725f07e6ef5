"""Suggestions for a mistyped word."""

from __future__ import annotations

from collections.abc import Iterable

_LIKE = 0.62
"""The least likeness, 0 to 1, of a suggestion: one wrong letter of three."""
_MARGIN = 0.08
"""How much less alike than the best a further suggestion may be."""
_LISTED = 12
_SUGGESTED = 3


def near(word: str, known: Iterable[str]) -> list[str]:
    """Return up to three words of ``known`` that may have been meant, the likeliest first."""
    from difflib import SequenceMatcher

    folded = _fold(word)
    if not folded:
        return []
    every = {each: _fold(each) for each in known}
    begun = {each for each, other in every.items() if len(folded) > 2 and other.startswith(folded)}
    if len(begun) > _SUGGESTED:  # a prefix of many means none of them
        begun = set()
    likeness: dict[str, float] = {}
    for each, other in every.items():
        alike = SequenceMatcher(None, folded, other).ratio()
        likeness[each] = max(alike, 0.9 if each in begun else 0.0)
        if sorted(folded) == sorted(other):
            likeness[each] = 1.0  # letters changed places
        if folded == other:
            likeness[each] = 1.1  # of two that differ in case or dashes alone, both are meant
    best = max(likeness.values(), default=0.0)
    found = [each for each, how in likeness.items() if how >= max(_LIKE, best - _MARGIN)]
    return sorted(found, key=lambda each: -likeness[each])[:_SUGGESTED]


def _fold(word: str) -> str:
    """Return ``word`` in lower case without dashes and underscores, at most 100 characters."""
    return word[:100].casefold().replace("-", "").replace("_", "")


def unknown(
    what: str, word: str, known: Iterable[str], listed_by: str = "", shown: str = "{}"
) -> str:
    """Word an error for an unknown ``word``: suggestions, else what is known if that is short.

    ``shown`` is how a word of ``known`` is typed; ``listed_by`` is the command that lists them all.
    """
    every = [*known]
    error = f"unknown {what} {word[:100]!r}"
    lists = f"`{listed_by}` lists them" if listed_by else ""
    if meant := [shown.format(each) for each in near(word, every)]:
        return f"{error}: did you mean {' or '.join(meant)}? {lists}".rstrip()
    if listed_by and len(every) > _LISTED:
        return f"{error}; {lists}"
    words = " or ".join([", ".join(map(shown.format, every[:-1])), *map(shown.format, every[-1:])])
    return f"{error}: write {words.removeprefix(' or ')}" + (f"; {lists}" if lists else "")

"""The error for an unknown verb."""

from __future__ import annotations

from collections.abc import Iterable

from seventh import protocols
from seventh.model.near import near

_MEANT = {
    "help": "seventh --help", "version": "seventh --version", "list": "seventh rules",
    "scan": "seventh check", "test": "seventh check", "probe": "seventh check",
    "validate": "seventh lint", "verify": "seventh lint", "serve": "seventh lab",
}  # fmt: skip
"""Verbs of other programs, and the command for each."""


def no_verb(word: str, verbs: Iterable[str]) -> str:
    """Return the error with a suggestion; a target suggests ``seventh check``."""
    if ":" in word or "." in word:
        return f"unknown verb {word!r}: did you mean `seventh check {word}`?"
    if word.lower() in protocols.schemes():
        return f"unknown verb {word!r}: did you mean `seventh check {word.lower()}://HOST`?"
    other = _MEANT.get(word.lower())
    meant = [other] if other else [f"seventh {verb}" for verb in near(word, verbs)]
    hint = f": did you mean {' or '.join(f'`{each}`' for each in meant)}?" if meant else ";"
    return f"unknown verb {word!r}{hint} `seventh --help` lists them"

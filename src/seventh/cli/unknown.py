"""What to say of a word that names nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def no_verb(word: str, verbs: Iterable[str]) -> str:
    """For a first word that is no verb; one that looks like a target was meant to be checked."""
    if ":" in word or "." in word:
        return f"{word!r} is not a verb: did you mean `seventh check {word}`?"
    near = difflib.get_close_matches(word, list(verbs), n=2)
    hint = f": did you mean {' or '.join(near)}?" if near else "; `seventh --help` lists them"
    return f"unknown verb {word!r}{hint}"

"""Text as CommonMark, so that text from a peer cannot become markup.

Special characters are escaped; code is in fences longer than any fence inside it.
"""

from __future__ import annotations

import re

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# A colon before a word and the dot of "www." are escaped so that no bare address becomes a link.
_SPECIAL = re.compile(r"([\\`*_\[\]#|~@$]|:(?=[^\s\d])|(?<=[Ww]{3})\.)")


def escape(text: str) -> str:
    """Return Markdown that shows just ``text``; not for the start of a line."""
    text = _SPECIAL.sub(r"\\\1", " ".join(text.split("\n")))
    return "".join(_ENTITIES.get(c, c) for c in text)


def code(text: str) -> str:
    """Return ``text`` as a code span, safe in a table's cell."""
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text else ""
    return f"{fence}{pad}{text.replace('|', chr(92) + '|')}{pad}{fence}"


def block(text: str) -> str:
    """Return ``text`` as a fenced block of code."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}\n{text.rstrip()}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)

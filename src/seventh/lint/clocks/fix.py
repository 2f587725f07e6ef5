"""Where the lines of a fix belong in chrony.conf and ntp.conf, whose order hardly matters."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seventh.lint.clocks.lines import split
from seventh.lintkit.patch import Edit, Fix, NotPlaced, Why
from seventh.model.source import Line

_SOURCES = frozenset({"server", "pool", "peer"})
_COMMENT = re.compile(r"\s+#.*$")


def place(fix: Fix, *, comments: bool) -> Sequence[Edit]:
    """Replace the finding's lines about the same thing, else append to the linted file.

    ``comments`` says whether a line may have a comment behind it. A fix without lines is to remove
    what the finding's lines name twice.
    """
    wanted = [line for line in fix.lines if line.strip() and not line.startswith("#")]
    if not wanted:
        return _without_repeated(fix)
    edits: dict[tuple[str, int], Edit] = {}
    fresh: list[str] = []
    for text in wanted:
        line = _COMMENT.sub("", text)
        there = _there(fix, _key(line))
        if there is None:
            present = {_COMMENT.sub("", raw).strip() for raw in fix.texts[fix.main]}
            fresh += [line] * (line not in present)
            continue
        file, number = there
        raw = fix.texts[file][number - 1]
        comment = _COMMENT.search(raw) if comments else None
        indent = raw[: len(raw) - len(raw.lstrip())]
        new = indent + line + (comment[0] if comment else "")
        edits[there] = Edit(file, number, 1, (new,))
    if fresh:
        edits["", 0] = Edit(fix.main, len(fix.texts[fix.main]) + 1, 0, tuple(fresh))
    return list(edits.values())


def _key(line: str) -> tuple[str, ...]:
    """Return the words that tell what a line is about: a source's name, a ``restrict`` address."""
    words = [word.lower() for word in split(line)]
    if words[0] in _SOURCES:
        return tuple(words[:2])
    if words[0] == "restrict":
        return tuple(words[: 3 if words[1:2] in (["-4"], ["-6"]) else 2])
    return tuple(words[:1])


def _there(fix: Fix, key: tuple[str, ...]) -> tuple[str, int] | None:
    """Return the line of the finding, or of the setting, with that key."""
    settings = fix.view.settings.get(key[0], ())
    for at in (*fix.evidence, *(setting.at for setting in settings)):
        words = fix.raw(at)
        if at.line is not None and words.strip() and _key(words) == key:
            return at.file, at.line
    return None


def _without_repeated(fix: Fix) -> list[Edit]:
    """Delete each of the finding's lines whose source an earlier one names."""
    seen: set[str] = set()
    edits: list[Edit] = []
    for at in sorted(set(fix.evidence), key=_position):
        words = split(fix.raw(at))
        if len(words) < 2 or words[0].lower() not in _SOURCES:
            raise NotPlaced(Why.NOT_LINES)
        name = words[1].rstrip(".").lower()
        if name in seen and at.line is not None:
            edits.append(Edit(at.file, at.line, 1, ()))
        seen.add(name)
    return edits


def _position(at: Line) -> tuple[str, int]:
    return at.file, at.line or 0

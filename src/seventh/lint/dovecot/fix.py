"""Where the lines of a fix belong in dovecot.conf: in place of what decides, else at its end."""

from __future__ import annotations

from collections.abc import Sequence

from seventh.lint.dovecot.lines import Shape, parsed
from seventh.lintkit.files import Text
from seventh.lintkit.patch import Edit, Fix, NotPlaced, Why
from seventh.model.source import Line


def place(fix: Fix) -> Sequence[Edit]:
    """Replace the lines that decide, else append; a block of the same name adds to another.

    A comment in a fix says what a person has to complete.
    """
    if any(line.lstrip().startswith("#") for line in fix.lines):
        raise NotPlaced(Why.CHOICE)
    if any(line.endswith("{") for line in fix.lines):
        return [_appended(fix, fix.lines)]
    edits: list[Edit] = []
    fresh: list[str] = []
    for line in fix.lines:
        key, sign, _ = line.partition(" = ")
        if not sign:
            raise NotPlaced(Why.NOT_LINES)
        edit = _replaced(fix, key, line)
        if edit is None:
            fresh.append(line)
        else:
            edits.append(edit)
    return [*edits, *([_appended(fix, fresh)] if fresh else [])]


def _appended(fix: Fix, lines: Sequence[str]) -> Edit:
    return Edit(fix.main, len(fix.texts[fix.main]) + 1, 0, tuple(lines))


def _replaced(fix: Fix, key: str, line: str) -> Edit | None:
    """Return the edit of the line that sets ``key``; None if it is a default."""
    there = (*fix.evidence, *(one.at for one in fix.view.settings.get(key, ())))
    at = next((at for at in there if at.line is not None and at.text.startswith(f"{key} =")), None)
    if at is None or at.line is None:
        return None
    raw = fix.raw(at)
    indent = raw[: len(raw) - len(raw.lstrip())]
    return Edit(at.file, at.line, _last(fix, at) - at.line + 1, (indent + line,))


def _last(fix: Fix, at: Line) -> int:
    """Return the last line of the setting that begins at ``at``."""
    text = Text(at.file, tuple(fix.texts.get(at.file, ())))
    found = (one.number for one in parsed(text)
             if one.first == at.line and one.shape is Shape.SETTING)  # fmt: skip
    last = next(found, None)
    if last is None:
        raise NotPlaced(Why.NO_PLACE)
    return last

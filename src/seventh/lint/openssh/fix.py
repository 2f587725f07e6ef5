"""Where the lines of a fix belong in an sshd_config or ssh_config: the first value counts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from seventh.lintkit.patch import Edit, Fix, NotPlaced, Why
from seventh.model.source import Line
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.directives import Side
from seventh.protocols.ssh.wire.patterns import ConfigLine, GrammarError, config_line

_DELETES = frozenset({"SSH-CONF-OBSOLETE"})
"""Rules whose fix is to delete the lines of the evidence."""
_FIRST = frozenset({"ignoreunknown"})
"""Directives that count for what follows them."""
_KEYED = frozenset({"subsystem"})
"""Directives of which a line replaces only one with the same first argument."""
_COMMENT = re.compile(r'(?:[^"#]|"[^"]*"|(?<=\S)#)*?(?P<comment>\s+#.*)')


def place(fix: Fix, *, side: Side) -> Sequence[Edit]:
    """Replace the lines that decide, else insert where the first value counts."""
    if fix.rule in _DELETES:
        return [_deleted(at) for at in dict.fromkeys(fix.evidence) if at.line is not None]
    edits: dict[Line, Edit] = {}
    fresh: list[str] = []
    for text in fix.lines:
        if not text.strip() or text.startswith("#"):
            continue
        wanted = _parsed(text, side)
        if wanted is None:
            raise NotPlaced(Why.NOT_LINES)
        if wanted.keyword in _FIRST:
            gone = {at: _deleted(at) for at in _lines_of(fix, wanted, side)}
            return [*gone.values(), Edit(fix.main, 1, 0, (text,))]
        adds_up = wanted.keyword in directives.cumulative(side)
        there = [at for at in _lines_of(fix, wanted, side) if at not in edits]
        if not there:
            fresh.append(text)
            continue
        first, *others = there
        edits[first] = Edit(first.file, first.line or 1, 1, (_rewritten(fix.raw(first), text),))
        if not adds_up:
            edits |= {at: _deleted(at) for at in others}
    if edits and fresh:
        at, edit = next(iter(edits.items()))
        indent = _indent(fix.raw(at))
        edits[at] = replace(edit, lines=(*edit.lines, *(indent + one for one in fresh)))
        return list(edits.values())
    return [*edits.values(), *_inserted(fix, fresh, side)]


def _deleted(at: Line) -> Edit:
    return Edit(at.file, at.line or 1, 1, ())


def _parsed(text: str, side: Side) -> ConfigLine | None:
    """Return a line with its keyword's own name; None for what is no directive."""
    try:
        line = config_line(text)
    except GrammarError:
        return None
    if line is None or line.keyword not in directives.spelled(side):
        return None
    keyword = directives.aliases(side).get(line.keyword, line.keyword)
    return ConfigLine(keyword, line.written, line.rest)


def _lines_of(fix: Fix, wanted: ConfigLine, side: Side) -> list[Line]:
    """Return the lines that a line of the fix stands for, within the block of the view."""
    set_here = [setting.at for setting in fix.view.settings.get(wanted.keyword, ())]
    # A setting may be shown with its effect: a line is told by its place.
    known = {(at.file, at.line): at for at in (*fix.evidence, *set_here) if at.line is not None}
    found = []
    for at in known.values():
        line = _parsed(fix.raw(at), side)
        if line is None or line.keyword != wanted.keyword or not _is_inside(fix, at, side):
            continue
        if wanted.keyword not in _KEYED or line.rest.split()[:1] == wanted.rest.split()[:1]:
            found.append(at)
    return found


def _is_inside(fix: Fix, at: Line, side: Side) -> bool:
    """Return whether a line is in the block of the view, or the view is the whole file."""
    block = fix.view.block
    if block is None:
        return True
    if at.file != block.file or at.line is None or block.line is None or at.line <= block.line:
        return False
    between = fix.texts.get(at.file, ())[block.line : at.line]
    return not any(_opens(text, side) for text in between)


def _opens(text: str, side: Side) -> bool:
    try:
        line = config_line(text)
    except GrammarError:
        return False
    return line is not None and line.keyword in (
        {"match"} if side == "server" else {"match", "host"}
    )


def _rewritten(raw: str, text: str) -> str:
    """Return ``text`` with the indentation of a line and the comment behind it."""
    comment = _COMMENT.match(raw.lstrip())
    return _indent(raw) + text + (comment["comment"] if comment else "")


def _indent(raw: str) -> str:
    return raw[: len(raw) - len(raw.lstrip())]


def _inserted(fix: Fix, fresh: Sequence[str], side: Side) -> list[Edit]:
    """Insert under the line of the view's block, else above the first block of the main file.

    There a line follows the comment that shows its default, as distributions have it.
    """
    if not fresh:
        return []
    block = fix.view.block
    if block is not None:
        lines = fix.texts.get(block.file, ())
        below = next((text for text in lines[block.line or 0 :] if text.strip()), "")
        indent = _indent(below) or "    "
        return [Edit(block.file, (block.line or 0) + 1, 0, tuple(indent + one for one in fresh))]
    lines = fix.texts[fix.main]
    end = next((number for number, text in enumerate(lines) if _opens(text, side)), len(lines))
    while 0 < end < len(lines) and lines[end - 1].lstrip().startswith("#"):
        end -= 1  # a comment above a block is about the block
    edits = []
    for text in fresh:
        default = f"#{text.split()[0].lower()} "
        shown = [n for n, line in enumerate(lines[:end], 1) if line.lower().startswith(default)]
        edits.append(Edit(fix.main, (shown[-1] if shown else end) + 1, 0, (text,)))
    return edits

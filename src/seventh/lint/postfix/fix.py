"""Where the lines of a fix belong in main.cf, whose last value counts, and in master.cf."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seventh.lint.postfix.conf import name_and_value
from seventh.lint.postfix.lines import Logical, logical
from seventh.lintkit.files import Text
from seventh.lintkit.patch import Edit, Fix, NotPlaced, Why
from seventh.model.source import Line

_SERVICE = re.compile(r"\S+\s+inet\s")


def place(fix: Fix) -> Sequence[Edit]:
    """Replace what decides, else append to main.cf; ``-o`` belongs to the view's service.

    A comment in a fix says what a person has to complete.
    """
    if any(line.startswith("#") for line in fix.lines):
        raise NotPlaced(Why.CHOICE)
    if _SERVICE.match(fix.lines[0]):
        return [_appended(_file_of(fix, "master.cf"), fix, fix.lines)]
    edits: list[Edit] = []
    fresh: list[str] = []
    for line in fix.lines:
        if line.startswith("-o "):
            edits.append(_option(fix, line.removeprefix("-o ")))
        elif (pair := name_and_value(line)) is None:
            raise NotPlaced(Why.NOT_LINES)
        elif (edit := _replaced(fix, *pair)) is not None:
            edits.append(edit)
        else:
            fresh.append(line)
    if fresh:
        edits.append(_appended(_file_of(fix, "main.cf"), fix, fresh))
    return edits


def _file_of(fix: Fix, name: str) -> str:
    """Return the file of that name that was read; the linted one for main.cf by another name."""
    found = next((file for file in fix.texts if file.rpartition("/")[2] == name), None)
    if found is None and name == "master.cf":
        raise NotPlaced(Why.NO_PLACE)
    return found or fix.main


def _appended(file: str, fix: Fix, lines: Sequence[str]) -> Edit:
    return Edit(file, len(fix.texts[file]) + 1, 0, tuple(lines))


def _replaced(fix: Fix, name: str, value: str) -> Edit | None:
    """Return the edit of the line that sets ``name``; None if it is a default."""
    at = next((setting.at for setting in fix.view.settings.get(name, ())), None)
    if at is None or at.line is None:
        return None
    option = _of_option(fix.raw(at), name, value)
    if option is not None and at.text.startswith("-o "):
        return Edit(at.file, at.line, 1, (option,))
    line = _logical_at(fix, at)
    if line is None:
        raise NotPlaced(Why.NO_PLACE)
    return Edit(at.file, at.line, line.last - line.number + 1, (f"{name} = {value}",))


def _logical_at(fix: Fix, at: Line) -> Logical | None:
    text = Text(at.file, tuple(fix.texts.get(at.file, ())))
    return next(
        (one for one in logical(text) if isinstance(one, Logical) and one.number == at.line), None
    )


def _option(fix: Fix, option: str) -> Edit:
    """Return the edit that sets an option of the view's service."""
    name, value = name_and_value(option) or ("", "")
    own = next((setting.at for setting in fix.view.settings.get(name, ())), None)
    if own is not None and own.line is not None and own.text.startswith("-o "):
        new = _of_option(fix.raw(own), name, value)
        if new is None:
            raise NotPlaced(Why.NO_PLACE)
        return Edit(own.file, own.line, 1, (new,))
    block = fix.view.block
    if block is None or block.line is None:
        raise NotPlaced(Why.NO_PLACE)
    line = _logical_at(fix, block)
    if line is None:
        raise NotPlaced(Why.NO_PLACE)
    return Edit(block.file, line.last + 1, 0, (f"  -o {option}",))


def _of_option(raw: str, name: str, value: str) -> str | None:
    """Return a line of master.cf with another value of an option; None if it has none."""
    new = f"-o {name}={value}" if not re.search(r"\s", value) else f"-o {{ {name} = {value} }}"
    there = re.compile(rf"-o\s*(?:{re.escape(name)}=\S*|{{\s*{re.escape(name)}\s*=[^{{}}]*}})")
    if (match := there.search(raw)) is None:
        return None
    return raw[: match.start()] + new + raw[match.end() :]

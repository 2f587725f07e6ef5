"""Where the lines of a fix belong in mosquitto.conf: in place of what decides, else at its part."""

from __future__ import annotations

from collections.abc import Sequence

from seventh.lint.mosquitto.conf import LISTENER, SECURITY
from seventh.lintkit.patch import Edit, Fix, NotPlaced, Why


def place(fix: Fix) -> Sequence[Edit]:
    """Replace the lines that decide, else add below the listener, or at the end.

    A comment in a fix says what a person has to complete.
    """
    if any(line.startswith("#") for line in fix.lines):
        raise NotPlaced(Why.CHOICE)
    edits: list[Edit] = []
    fresh: list[str] = []
    for line in fix.lines:
        name, blank, _ = line.partition(" ")
        if not blank:
            raise NotPlaced(Why.NOT_LINES)
        at = next(
            (at for at in fix.evidence if at.line and at.text.split(" ")[0] == name), None
        ) or next((one.at for one in fix.view.settings.get(name, ()) if one.at.line), None)
        if at is not None and at.line is not None and at.text.split(" ")[0] == name:
            edits.append(Edit(at.file, at.line, 1, (line,)))
        else:
            fresh.append(line)
    if not fresh:
        return edits
    block = fix.view.block
    if block is not None and block.line is not None and _is_of_listener(fresh):
        return [*edits, Edit(block.file, block.line + 1, 0, tuple(fresh))]
    return [*edits, Edit(fix.main, 1, 0, tuple(fresh))]


def _is_of_listener(lines: Sequence[str]) -> bool:
    return all(line.partition(" ")[0] in LISTENER | SECURITY for line in lines)

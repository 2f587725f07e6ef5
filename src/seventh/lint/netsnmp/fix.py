"""Where the lines of a fix belong: in place of the lines that decide."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seventh.lintkit.patch import Edit, Fix, NotPlaced, Why

_WRITES = re.compile(r"(?i)^(\s*)rw(community6?|user)\b")


def place(fix: Fix) -> Sequence[Edit]:
    """Replace each line that decides by its own line of the fix.

    Write access is removed from the raw line: the printed one does not have the community.
    """
    decide = [at for at in fix.evidence if at.line is not None]
    if fix.rule == "SNMP-RW":
        edits = [
            Edit(at.file, at.line, 1, (_WRITES.sub(r"\1ro\2", fix.raw(at)),))
            for at in decide
            if at.line is not None and _WRITES.match(fix.raw(at))
        ]
        if len(edits) != len(decide) or not edits:
            raise NotPlaced(Why.CHOICE)
        return edits
    if len(decide) != len(fix.lines) or not decide:
        raise NotPlaced(Why.NO_PLACE)
    return [
        Edit(at.file, at.line, 1, (line,))
        for at, line in zip(decide, fix.lines, strict=True)
        if at.line is not None
    ]

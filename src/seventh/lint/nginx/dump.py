"""The files that ``nginx -T`` prints, one after the other, each below its name."""

from __future__ import annotations

import re

from seventh.lintkit.files import Text

HEAD = re.compile(r"# configuration file (/.*):$")


def files(text: Text) -> dict[str, bytes]:
    """Return the content of each file by its name, the main file first; empty for another form."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.lines:
        head = HEAD.match(line)
        if head is not None and head[1] not in found:
            lines = found[head[1]] = []
        elif not found and line:
            return {}
        else:
            lines.append(line)
    return {name: "\n".join(lines).encode() for name, lines in found.items()}

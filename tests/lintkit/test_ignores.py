"""Comments that accept findings: which line each is for, and what it says."""

from __future__ import annotations

import pytest

from seventh.lintkit.ignores import Ignore, find
from seventh.model.source import Line


def found(*lines: str) -> list[tuple[str, str, int, int | None]]:
    return [(each.rule, each.reason, each.at.line or 0, each.line) for each in find("conf", lines)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("# seventh: ignore=SSH-A why", "Port 22"), [("SSH-A", "why", 1, 2)]),
        (("Port 22  # seventh: ignore=SSH-A why",), [("SSH-A", "why", 1, 1)]),
        (("#seventh:ignore=ssh-a",), [("SSH-A", "", 1, None)]),
        (("  ## seventh: ignore = SSH-A: why, so", "", "# x", "Port"),
         [("SSH-A", "why, so", 1, 4)]),
        (("# seventh: ignore=A-1,B-2 both", "x"), [("A-1", "both", 1, 2), ("B-2", "both", 1, 2)]),
        (("# seventh: ignore=A - why", "# seventh: ignore=B", "x"),
         [("A", "why", 1, 3), ("B", "", 2, 3)]),
        (("Banner a#seventh: ignore=A",), []),
        (("Banner seventh: ignore=A",), []),
        (("# seventh: ignore A",), []),
        (("# seventh: ignore=",), []),
        (("# Seventh: ignore=A",), []),
    ],
)  # fmt: skip
def test_find(lines: tuple[str, ...], expected: list[tuple[str, str, int, int | None]]) -> None:
    assert found(*lines) == expected


def at(line: int | None, file: str = "conf") -> Line:
    return Line(file=file, line=line, text="")


@pytest.mark.parametrize(
    ("line", "source", "covered"),
    [
        (3, (at(3),), True),
        (3, (at(4),), False),
        (3, (at(3, "other"),), False),
        (3, (at(9), at(3)), True),
        (3, (at(9), at(None)), False),
        (3, (at(None),), True),
        (None, (at(None),), True),
        (None, (at(3),), False),
        (3, (), True),
    ],
)
def test_covers(line: int | None, source: tuple[Line, ...], covered: bool) -> None:
    ignore = Ignore(rule="A", reason="", at=at(2), line=line)
    assert ignore.covers(source) is covered

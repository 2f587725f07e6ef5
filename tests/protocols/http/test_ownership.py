"""State has one owner: no part of the HTTP room assigns an attribute of another object."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from seventh.protocols import http

ROOM = Path(http.__file__).parent
FILES = sorted(path for folder in ("client", "probe") for path in (ROOM / folder).rglob("*.py"))


def assigned(source: str) -> Iterator[str]:
    """What is assigned of objects other than ``self``, as it is written.

    An exception on its way up may be given its phase: it has no owner.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            written = ast.unparse(node)
            if ast.unparse(node.value) != "self" and written != "failed.phase":
                yield f"{node.lineno}: {written}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOM)))
def test_nobody_assigns_what_is_another_s(path: Path) -> None:
    assert list(assigned(path.read_text("utf-8"))) == []


def test_such_an_assignment_is_seen() -> None:
    found = assigned("self.a = 1\nsite.b = 2\nself.site.c += 3\nself.d, x.e = 4, 5\ndel x.f")
    assert sorted(found) == ["2: site.b", "3: self.site.c", "4: x.e", "5: x.f"]

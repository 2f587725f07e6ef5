"""A function's docstring says what it does: it begins with a verb in the imperative."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import seventh

pytestmark = pytest.mark.uncounted

SOURCE = Path(seventh.__file__).parent
NO_VERBS = frozenset(
    """a about all an and another any anything as at below both by each either even every
    everything fewer four from how if in into it its less like many more neither no none nothing of
    once one only our several some that the their these this those three through to two under until
    what when where whether which who whose why with""".split()  # noqa: SIM905 - a list of sixty words would be sixty lines
)


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function but properties, which are values and described as such."""
    found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [f for f in found if not any("property" in ast.unparse(d) for d in f.decorator_list)]


def is_question(docstring: str) -> bool:
    """Whether the docstring begins with something else than a verb."""
    first = docstring.split(maxsplit=1)[0]
    return not first[:1].isalpha() or first.lower().rstrip(":;,.") in NO_VERBS or first.isupper()


@pytest.mark.parametrize("folder", sorted(p.name for p in SOURCE.iterdir() if p.is_dir()))
def test_functions_are_described_by_a_verb(folder: str) -> None:
    found = [
        f"{path.relative_to(SOURCE)}:{function.lineno}: {docstring.splitlines()[0]}"
        for path in sorted((SOURCE / folder).rglob("*.py"))
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
        if (docstring := ast.get_docstring(function)) and is_question(docstring)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("docstring", "question"),
    [
        ("Send a request.", False), ("Return whether it fits.", False),
        ("Whether it fits.", True), ("``text``, escaped.", True), ("The next event.", True),
        ("HTTP-HSTS: too short.", True),
    ],
)  # fmt: skip
def test_what_counts_as_a_verb(docstring: str, question: bool) -> None:
    assert is_question(docstring) is question

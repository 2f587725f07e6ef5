"""What the package declares: every library that the source imports, and no extra that lies."""

from __future__ import annotations

import functools
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.conformance.purity import imports

pytestmark = [pytest.mark.field, pytest.mark.uncounted]

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def names(requirements: list[str]) -> set[str]:
    """The distributions that requirements name, as PyPI writes them."""
    return {_name(re.split(r"[\s\[<>=!~;]", text)[0]) for text in requirements}


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


_FOR_USE = {
    library
    for some in (PROJECT["dependencies"], *(EXTRAS[name] for name in EXTRAS.keys() - {"dev"}))
    for library in names(some)
}


@functools.cache
def libraries() -> frozenset[tuple[Path, str]]:
    """Each file of the source with each library that it imports, by its distribution."""
    return frozenset(_libraries())


def _libraries() -> Iterator[tuple[Path, str]]:
    known = packages_distributions()
    for path in (ROOT / "src" / "seventh").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        for name in imports(path, module):
            top = name.partition(".")[0]
            if top in sys.stdlib_module_names or top in {"seventh", "", "__future__"}:
                continue
            if top in known:
                # Several distributions may share a namespace, such as google.
                some = [_name(each) for each in known[top]]
                yield path.relative_to(ROOT), next((n for n in some if n in _FOR_USE), some[0])


RUN = {"grpcio-tools"}
"""What is run as a program: ``python -m grpc_tools.protoc``."""


def test_every_import_is_declared() -> None:
    declared = names(PROJECT["dependencies"])
    undeclared = sorted(
        f"{path}: {library}"
        for path, library in libraries()
        if library not in declared | names(EXTRAS.get(_extra(path), []))
    )
    assert not undeclared


def _extra(path: Path) -> str:
    """The extra that a file may import, if it has one."""
    if not {"lab", "labkit"}.isdisjoint(path.parts):
        return "lab"
    if not {"history", "serve"}.isdisjoint(path.parts) or path.stem == "maintenance":
        return "watch"
    return path.stem.removesuffix("_process") if "notify" in path.parts else ""


def test_everything_declared_is_imported() -> None:
    imported = {library for _, library in libraries()}
    extras = {library for name in EXTRAS.keys() - {"dev"} for library in names(EXTRAS[name])}
    assert names(PROJECT["dependencies"]) | extras <= imported | RUN


def test_the_readme_names_extras_that_there_are() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\.\[(\w+)\]", text))
    assert named <= set(EXTRAS)
    assert set(EXTRAS) - {"dev"} <= named

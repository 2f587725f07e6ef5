"""Finding rules: in a module, and in a package at every depth."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seventh.rules.collect import rules_of
from tests.rules import test_run

_ONE = "from tests.rules.test_run import warm\n{name} = warm(name={id!r})\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package ``brewery`` with a rule of its own, and one in a module below."""
    place = tmp_path / "brewery"
    (place / "cellar").mkdir(parents=True)
    (place / "__init__.py").write_text(_ONE.format(name="own", id="BEER-OWN"))
    (place / "zoo.py").write_text(_ONE.format(name="zoo", id="BEER-ZOO"))
    (place / "cellar" / "__init__.py").write_text("")
    again = "from brewery import own\nnothing = None\n"
    (place / "cellar" / "deep.py").write_text(again + _ONE.format(name="deep", id="BEER-DEEP"))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield place
    for name in [name for name in sys.modules if name.partition(".")[0] == "brewery"]:
        del sys.modules[name]


def test_a_package_s_rules_are_found_once_each(folder: Path) -> None:
    found = rules_of(importlib.import_module("brewery"))
    assert [rule.id for rule in found] == ["BEER-OWN", "BEER-DEEP", "BEER-ZOO"]
    alone = rules_of(importlib.import_module("brewery.zoo"))
    assert [rule.id for rule in alone] == ["BEER-ZOO"]
    assert rules_of(test_run) == ()


def test_two_rules_of_one_id_are_an_error(folder: Path) -> None:
    (folder / "twin.py").write_text(_ONE.format(name="twin", id="BEER-ZOO"))
    with pytest.raises(ValueError, match=r"^brewery: two rules have the id BEER-ZOO$"):
        rules_of(importlib.import_module("brewery"))

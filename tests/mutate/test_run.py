"""Mutants against real runs of pytest, on a test of their own."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from tests.mutate import run
from tests.mutate.nearest import Stage
from tests.mutate.run import Bench
from tests.mutate.strata import ROOT, SOURCE, Planted, of_file

_TESTED = PurePosixPath("wire/text.py")
_ONE_TEST = """
from pathlib import Path

from seventh.wire import text

def test_is_not_ours_to_pass() -> None:
    assert False

def test_fails_at_its_second_run_alone() -> None:
    runs = Path(__file__).with_name("runs")
    with runs.open("a") as file:
        file.write("+")
    assert runs.read_text() != "++"

def test_source() -> None:
    assert "{old}" in open(text.__file__).read()
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose only test holds one function's source to what it is."""
    test = tmp_path / "test_one.py"
    test.write_text(_ONE_TEST.format(old=_planted().mutant.old), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # where the plugin is
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "stages", lambda planted: [Stage((test.name,))])
    return Bench(tmp_path / "bench")


def _planted() -> Planted:
    return next(
        each for each in of_file(_TESTED) if each.mutant.kind in {"comparison", "condition"}
    )


def test_the_copy_is_tested_and_a_test_that_fails_anyway_or_once_kills_nothing(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (SOURCE / _TESTED).read_bytes()
    verdict = bench.judge(_planted(), 1)
    assert verdict.killer == "test_one.py::test_source"
    assert "test_is_not_ours_to_pass" in capsys.readouterr().err
    others = (each for each in of_file(_TESTED) if each.mutant.line != _planted().mutant.line)
    assert bench.judge(next(others), 2).killer == ""
    assert (SOURCE / _TESTED).read_bytes() == before


def test_another_source_than_the_copy_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "TREE", "SEVENTH_MUTATE_UNUSED")
    monkeypatch.setenv("SEVENTH_MUTATE_TREE", "/nonexistent")
    with pytest.raises(RuntimeError, match="do not import the copy"):
        bench.judge(_planted(), 1)

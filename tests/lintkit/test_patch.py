"""Edits of bytes, and the patch that shows them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.lintkit.patch import Edit, NotPlaced, Why, changed, lines_of, unified

TEXT = b"one\ntwo\nthree\n"


def edit(line: int, count: int, *lines: str) -> Edit:
    return Edit("f", line, count, lines)


@pytest.mark.parametrize(
    ("before", "edits", "after"),
    [
        (TEXT, [edit(2, 1, "2")], b"one\n2\nthree\n"),
        (TEXT, [edit(2, 2)], b"one\n"),
        (TEXT, [edit(1, 3)], b""),
        (TEXT, [edit(1, 0, "a", "b")], b"a\nb\none\ntwo\nthree\n"),
        (TEXT, [edit(4, 0, "four")], b"one\ntwo\nthree\nfour\n"),
        (TEXT, [edit(1, 1, "1"), edit(3, 1, "3")], b"1\ntwo\n3\n"),
        (TEXT, [edit(2, 1, "2"), edit(2, 0, "a"), edit(2, 0, "b")], b"one\na\nb\n2\nthree\n"),
        (TEXT, [edit(1, 1, "1"), edit(2, 0, "a")], b"1\na\ntwo\nthree\n"),
        (b"one\r\ntwo\r\n", [edit(2, 1, "2", "3")], b"one\r\n2\r\n3\r\n"),
        (b"one\r\ntwo", [edit(1, 1, "1")], b"1\r\ntwo"),
        (b"one\ntwo", [edit(2, 1, "2")], b"one\n2"),
        (b"one", [edit(2, 0, "two")], b"one\ntwo"),
        (b"", [edit(1, 0, "one")], b"one\n"),
        (b"\xff\n", [edit(1, 1, "\udcff x")], b"\xff x\n"),
    ],
)
def test_edits(before: bytes, edits: list[Edit], after: bytes) -> None:
    assert changed(before, edits) == after


@pytest.mark.parametrize(
    "edits",
    [[edit(5, 0, "x")], [edit(3, 2)], [edit(0, 1)], [edit(1, 2), edit(2, 1)], [edit(2, -1)]],
)
def test_edits_that_do_not_fit(edits: list[Edit]) -> None:
    with pytest.raises(ValueError, match="overlap"):
        changed(TEXT, edits)


def test_lines_are_those_of_a_lint() -> None:
    assert lines_of(b"a\r\nb\x0cc\n\xff") == ["a", "b\x0cc", "\udcff"]
    assert lines_of(b"") == []


PIECES = st.lists(st.sampled_from([b"a", b"b", b"\xff", b"\x0c", b"\r", b"\n", b"-- x", b" "]))


@given(PIECES, PIECES)
def test_patch_takes_it(
    tmp_path_factory: pytest.TempPathFactory, one: list[bytes], two: list[bytes]
) -> None:
    """Applied to the old file, it gives the new one, whatever bytes and line ends they have."""
    if shutil.which("patch") is None:
        pytest.skip("patch is not installed")
    folder = tmp_path_factory.mktemp("patch")
    before, after = b"".join(one), b"".join(two)
    (folder / "a b").write_bytes(before)
    made = unified("a b", before, after)
    assert (made == b"") is (before == after)
    if made and before and after:  # patch removes a file that becomes empty
        _apply(["patch", "--binary", "-p0"], folder, made)
        assert (folder / "a b").read_bytes() == after


def test_git_takes_it(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"one\ntwo")
    made = unified("f", b"one\ntwo", b"one\n2\n")
    assert made == (
        b"--- f\n+++ f\n@@ -1,2 +1,2 @@\n one\n-two\n\\ No newline at end of file\n+2\n"
    )
    _apply(["git", "apply", "-p0"], tmp_path, made)
    assert (tmp_path / "f").read_bytes() == b"one\n2\n"


def _apply(command: list[str], folder: Path, patch: bytes) -> None:
    done = subprocess.run(command, cwd=folder, input=patch, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_reasons_are_those_that_programs_read() -> None:
    assert [why.value for why in Why] == [
        "kind", "choice", "not-lines", "no-place", "outside", "stays", "causes", "refused", "limit",
    ]  # fmt: skip
    assert str(NotPlaced(Why.NO_PLACE)) == "no-place"

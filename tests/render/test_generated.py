"""Generated files: written, checked, and cleared of what is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.render.generated import DOCS, arguments, finish


def run(
    folder: Path, capsys: pytest.CaptureFixture[str], *, check: bool
) -> tuple[int, list[str], list[str]]:
    wanted = {folder / "sub/new.md": "new\n", folder / "old.md": "now\n", folder / "same": "same"}
    owned = [folder / "old.md", folder / "gone.md", folder / "same"]
    code = finish(wanted, owned, check=check, how="make it")
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.splitlines()


def test_a_check_names_what_is_stale_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("old.md", "then\n"), ("gone.md", "x"), ("same", "same")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    changes = [
        f"missing: {tmp_path}/sub/new.md", f"stale: {tmp_path}/old.md",
        f"surplus: {tmp_path}/gone.md",
    ]  # fmt: skip
    assert run(tmp_path, capsys, check=True) == (
        1, [], [f"{change}: run `make it`" for change in changes],
    )  # fmt: skip
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert run(tmp_path, capsys, check=False) == (0, [f"was {change}" for change in changes], [])
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == {
        "new.md": b"new\n", "old.md": b"now\n", "same": b"same",
    }  # fmt: skip
    code, out, err = run(tmp_path, capsys, check=True)
    assert (code, out, err) == (0, [], [])


def test_where_and_whether_to_write_are_options() -> None:
    assert arguments("x", []) == (DOCS, False)
    assert arguments("x", ["--docs", "d", "--check"]) == (Path("d"), True)
    assert DOCS.name == "docs"


def test_the_help_says_what_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments("docs/x", ["--help"])
    assert "Write docs/x from the declarations." in capsys.readouterr().out

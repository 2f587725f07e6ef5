"""How a view is made for a stream, and what counts for a status."""

from __future__ import annotations

import io

import pytest

from seventh.model.severity import Severity, Status
from seventh.render.view import View, status_of, view_for
from tests.render.samples import FAILURE, SLOW, WEAK, report


class Stream(io.StringIO):
    """A stream of an encoding, which is a terminal or not."""

    def __init__(self, encoding: str | None, *, tty: bool = False) -> None:
        super().__init__()
        self.called, self.tty = encoding, tty

    @property
    def encoding(self) -> str | None:  # type: ignore[override]
        return self.called

    def isatty(self) -> bool:
        return self.tty


@pytest.mark.parametrize(
    ("encoding", "ascii_"),
    [
        ("utf-8", False), ("UTF_8", False), ("utf8", False), ("UTF-16", False), ("utf-32", False),
        ("GB18030", False), (None, False), ("ascii", True), ("latin-1", True), ("cp1252", True),
        ("utf-7", True),
    ],
)  # fmt: skip
def test_what_cannot_show_every_sign_gets_ascii(encoding: str | None, ascii_: bool) -> None:
    assert view_for(Stream(encoding), {}).ascii is ascii_


@pytest.mark.parametrize(
    ("columns", "tty", "width"),
    [
        ("", False, 80), ("120", False, 120), ("41", True, 41), ("40", True, 40), ("39", True, 40),
        ("0", False, 80), ("x", False, 80), ("-5", False, 80), ("²", False, 80),
        ("999999999", False, 99_999), ("٣٣", False, 80),
    ],
)  # fmt: skip
def test_columns_decide_the_width(columns: str, tty: bool, width: int) -> None:
    assert view_for(Stream("utf-8", tty=tty), {"COLUMNS": columns}).width == width


def test_a_terminals_own_width_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    class Size:
        columns = 133

    def size(fallback: tuple[int, int]) -> Size:
        asked.append(fallback)
        return Size()

    monkeypatch.setattr("shutil.get_terminal_size", size)
    assert view_for(Stream("utf-8", tty=True), {}).width == 133
    assert view_for(Stream("utf-8"), {}).width == 80
    assert asked == [(80, 24)]


def test_what_was_asked_for_stays() -> None:
    base = View(lang="ko", verbose=True, bar=Severity.LOW, checklist=True, color=True, width=7)
    made = view_for(Stream("utf-8"), {}, base)
    assert made == View(lang="ko", verbose=True, bar=Severity.LOW, checklist=True)
    assert View() == View(
        lang="en", verbose=False, color=False, width=80, ascii=False, bar=Severity.MEDIUM,
        checklist=False,
    )  # fmt: skip


def test_a_status_goes_by_the_views_bar() -> None:
    assert status_of(report(findings=(SLOW,)), View()) is Status.OK
    assert status_of(report(findings=(SLOW,)), View(bar=Severity.LOW)) is Status.WARNING
    assert status_of(report(findings=(WEAK,)), View(bar=Severity.CRITICAL)) is Status.OK
    assert status_of(report(failure=FAILURE), View(bar=Severity.CRITICAL)) is Status.CRITICAL

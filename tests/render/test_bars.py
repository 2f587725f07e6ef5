"""Spans on one scale."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from seventh.model.drawing import Drawing, Span
from seventh.model.facts import Facts
from seventh.render import View, render
from seventh.render.bars import MOST, Row, middle, rows, text, title
from tests.render import samples
from tests.render.samples import FOUND

NEAR = Span(label="near", low=-0.004, high=0.006, value="+0.001 s", typical=True)
FAR = Span(label="far", low=-37.1, high=-36.9, value="-37 s", typical=False)
BEYOND = Span(label="beyond", low=8.0, high=9.0, value="+8.5 s", typical=False)


def test_outliers_do_not_squeeze_the_others() -> None:
    near, far, beyond = rows(Drawing(title="t", spans=(NEAR, FAR, BEYOND)), 40)
    assert near.bar.count("━") > 25
    assert far.bar.startswith("◀")
    assert beyond.bar.endswith("▶")
    assert far.bar.count("│") == beyond.bar.count("│") == 1


def test_zero_stands_in_every_row_that_does_not_cover_it() -> None:
    ahead = Span(label="a", low=0.002, high=0.004, value="")
    (row,) = rows(Drawing(title="t", spans=(ahead,)), 40)
    assert row.bar.index("│") < row.bar.index("━")


def test_ascii_only_is_ascii() -> None:
    for row in rows(Drawing(title="t", spans=(NEAR, FAR, BEYOND)), 40, ascii_only=True):
        assert row.bar.isascii()


def test_many_spans_are_counted_not_shown() -> None:
    drawn = rows(Drawing(title="t", spans=(NEAR,) * (MOST + 5)), 20)
    assert len(drawn) == MOST + 1
    assert "5 more" in drawn[-1].label


def test_what_a_peer_named_is_made_safe() -> None:
    evil = Span(label="a\x1b[31m", low=0, high=1, value="\u202eb\n")
    assert "\x1b" not in text(Drawing(title="\x07", spans=(evil,)), 60)
    assert "\u202e" not in text(Drawing(title="t", spans=(evil,)), 60)


STEPPED = Span(label="s", low=0.0, high=4.0, value="4 s", steps=(("way", 1.0), ("wait", 3.0)))


def test_steps_have_shades_that_the_title_names() -> None:
    drawing = Drawing(title="one exchange", spans=(STEPPED,))
    (row,) = rows(drawing, 44)
    shades = dict(zip(("way", "wait"), dict.fromkeys(row.bar.strip()), strict=True))
    assert title(drawing) == f"one exchange: {shades['way']} way  {shades['wait']} wait"
    assert 2.5 < row.bar.count(shades["wait"]) / row.bar.count(shades["way"]) < 3.5
    assert text(drawing, 60).startswith(title(drawing))
    plain = title(drawing, ascii_only=True) + rows(drawing, 44, ascii_only=True)[0].bar
    assert plain.isascii()


def test_a_span_without_anything_to_draw_says_why() -> None:
    nothing = Span(label="n", low=0.0, high=0.0, value="failed: refused", empty=True)
    full, empty = rows(Drawing(title="t", spans=(STEPPED, nothing)), 40)
    assert empty.bar.strip() == "│" and empty.value == "failed: refused"
    assert len(full.bar) == len(empty.bar) == 40
    (alone,) = rows(Drawing(title="t", spans=(nothing,)), 40)
    assert alone.bar.strip() == "│"


@given(
    st.lists(
        st.tuples(st.floats(-1e9, 1e9), st.floats(0, 1e6), st.booleans()), min_size=1, max_size=8
    ),
    st.integers(16, 120),
)
def test_any_spans_fit_their_width(spans: list[tuple[float, float, bool]], width: int) -> None:
    made = tuple(
        Span(label="x", low=low, high=low + length, value="", typical=typical)
        for low, length, typical in spans
    )
    for row in rows(Drawing(title="t", spans=made), width):
        assert len(row.bar) == width


class Seen(Facts, frozen=True, kw_only=True):
    note: str = "x"

    def drawings(self) -> tuple[Drawing, ...]:
        return (Drawing(title="three sources", spans=(NEAR, FAR, BEYOND)),)


def test_every_format_for_people_draws() -> None:
    drawn = samples.document(replace(FOUND, facts={"demo": Seen()}))
    for name in ("terminal", "markdown", "html"):
        shown = render(name, drawn, View(width=100))
        assert "three sources" in shown
        assert "beyond" in shown
    assert "three sources" not in render("terminal", samples.document(FOUND), View())


def span(low: float, high: float, label: str = "x", **more: object) -> Span:
    return Span(label=label, low=low, high=high, value="v", **more)  # type: ignore[arg-type]


# The scale of one span from 0 to 10 goes from -1 to 11: with 12 columns, a column is 1.
TEN = span(0.0, 10.0)


@pytest.mark.parametrize(
    ("drawn", "bar"),
    [
        (span(0.0, 10.0), " ━━━━━━━━━━━"),
        (span(0.0, 0.5), " ━          "),
        (span(2.0, 4.5), " │ ━━━      "),
        (span(-0.5, -0.2, typical=False), "━│          "),
        (span(-9.0, -2.0, typical=False), "◀│          "),
        (span(-9.0, -1.5, typical=False), "━│          "),  # it ends within the first column
        (span(-9.0, 3.0, typical=False), "━━━━━       "),
        (span(12.0, 15.0, typical=False), " │         ▶"),
        (span(10.5, 15.0, typical=False), " │         ━"),
        (span(0.0, 9.0, empty=True), " │          "),
    ],
)
def test_a_bar_stands_where_its_span_is(drawn: Span, bar: str) -> None:
    assert rows(Drawing(title="t", spans=(TEN, drawn)), 12)[1] == Row("x", bar, "v")


STEPS = (("a", 2.0), ("b", 0.4), ("c", 0.6), ("d", 1.0), ("e", 2.0), ("f", 1.0), ("g", 3.0))


def test_each_step_has_a_shade_and_a_cell_that_of_its_longest() -> None:
    drawing = Drawing(title="t", spans=(span(0.0, 10.0, steps=STEPS), TEN))
    assert [row.bar for row in rows(drawing, 12)] == [" ░░·▓████████"[:12], " ━━━━━━━━━━━"]
    assert title(drawing) == "t: ░ a  ▒ b  · c  ▓ d  █ e  █ f  █ g"
    plain = [row.bar for row in rows(drawing, 12, ascii_only=True)]
    assert plain == [" ..-=#######", " ==========="]
    assert title(drawing, ascii_only=True) == "t: . a  : b  - c  = d  # e  # f  # g"
    far = Drawing(title="t", spans=(TEN, span(-9.0, -8.0, typical=False),
                                    span(50.0, 51.0, typical=False)))  # fmt: skip
    assert [row.bar for row in rows(far, 12, ascii_only=True)][1:] == [
        "<|          ", " |         >",
    ]  # fmt: skip


@pytest.mark.parametrize(("count", "last"), [(64, "x"), (65, "… and 1 more"), (70, "… and 6 more")])
def test_64_spans_are_drawn(count: int, last: str) -> None:
    drawn = rows(Drawing(title="t", spans=(TEN,) * count), 12)
    assert len(drawn) == min(count, 65)
    assert drawn[-1].label == last


def test_a_drawing_as_text_is_aligned_within_its_width() -> None:
    long = "n" * 40
    drawing = Drawing(title="Times", spans=(span(0.0, 10.0, "short"), span(0.0, 5.0, long)))
    assert text(drawing, 60).splitlines() == [
        "Times",
        f"{'short':<32}    {'━' * 21}   v",
        f"{'n' * 15}…{'n' * 16}    {'━' * 11}{' ' * 13}v",
    ]
    assert text(drawing, 20).splitlines()[1].count("━") == 14, "16 columns at least"


@pytest.mark.parametrize(
    ("width", "shown"),
    [(8, "abcdefgh"), (9, "abcdefgh"), (7, "abc…fgh"), (6, "ab…fgh"), (2, "…h"), (1, "…")],
)
def test_a_text_is_shortened_in_its_middle(width: int, shown: str) -> None:
    assert middle("abcdefgh", width) == shown

"""Spans on one scale."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from seventh.model.drawing import Drawing, Span
from seventh.model.facts import Facts
from seventh.render import View, render
from seventh.render.bars import MOST, rows, text, title
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

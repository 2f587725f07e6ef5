"""Bars of a page: where they begin, how wide they are, and the scale above them."""

from __future__ import annotations

import re

import pytest

from seventh.model.drawing import Drawing, Span
from seventh.model.phase import Phase
from seventh.render.html_bars import _anchor, drawing_of, ticks_of, waterfall
from seventh.render.presentation import present
from seventh.render.view import View
from tests.render.samples import document, report


@pytest.mark.parametrize(
    ("span", "ticks"),
    [
        (5.0, [0, 1, 2, 3, 4, 5]),
        (5.01, [0, 2, 4]),
        (10.0, [0, 2, 4, 6, 8, 10]),
        (10.1, [0, 5, 10]),
        (4.99, [0, 1, 2, 3, 4]),
        (0.25, [0, 0.05, 0.1, 0.15, 0.2, 0.25]),
        (3e-9, [0, 1e-9, 2e-9, 3e-9]),
        (5e-12, [0, 1e-12, 2e-12, 3e-12, 4e-12, 5e-12]),
        (1e-12, [0, 1e-12]),
        (0.0, []),
        (-1.0, []),
    ],
)
def test_ticks_are_one_two_or_five(span: float, ticks: list[float]) -> None:
    assert ticks_of(span) == pytest.approx(ticks)


def drawn(*phases: tuple[float, float, str, str | None]) -> str:
    made = tuple(
        Phase(name=f"p{number}", start_seconds=start, seconds=seconds, clock="user",
              outcome=outcome, address=address)  # type: ignore[arg-type]
        for number, (start, seconds, outcome, address) in enumerate(phases)
    )  # fmt: skip
    (shown,) = present(document(report(phases=made)), View())
    return waterfall(shown)


@pytest.mark.parametrize(
    ("phases", "bars"),
    [
        (((0.0, 2.0, "ok", None), (5.0, 5.0, "failed", None)),
         [("user", "0", "20"), ("failed", "50", "50")]),
        (((1.0, 0.0, "ok", None), (1.0, 10.0, "ok", None), (11.0, 0.0, "ok", None)),
         [("user", "0", "0.4"), ("user", "0", "100"), ("user", "99.6", "0.4")]),  # a sliver
        (((0.0, 0.0, "ok", None),), [("user", "0", "0.4")]),  # no time at all
    ],
)  # fmt: skip
def test_a_bar_stands_where_its_phase_was(
    phases: tuple[tuple[float, float, str, str | None], ...], bars: list[tuple[str, str, str]]
) -> None:
    found = re.findall(r'<rect class="(\w+)" x="([\d.]+)%" width="([\d.]+)%"', drawn(*phases))
    assert found == bars


def test_the_scale_names_its_ticks_and_keeps_the_outer_ones_inside() -> None:
    labels = re.findall(r'<text x="([\d.]+)%" y="12"([^>]*)>([^<]*)<', drawn((0, 2.5, "ok", None)))
    assert labels == [
        ("0", "", "0 s"),
        ("20", ' text-anchor="middle" class="minor"', "500 ms"),
        ("40", ' text-anchor="middle" class="inner"', "1 s"),
        ("60", ' text-anchor="middle" class="minor"', "1.5 s"),
        ("80", ' text-anchor="middle" class="minor"', "2 s"),
        ("100", ' text-anchor="end"', "2.5 s"),
    ]
    labels = re.findall(r'<text x="([\d.]+)%" y="12"([^>]*)>', drawn((0, 4.2, "ok", None)))
    assert labels[-1] == ("95.238", ' text-anchor="end"')
    labels = re.findall(r'<text x="([\d.]+)%" y="12"([^>]*)>', drawn((0, 4.22, "ok", None)))
    assert labels[-1] == ("94.787", ' text-anchor="middle"')


@pytest.mark.parametrize(
    ("share", "anchor"),
    [(0.0, ""), (0.049, ""), (0.05, "middle"), (0.95, "middle"), (0.951, "end"), (1.0, "end")],
)
def test_a_label_is_anchored_so_that_it_stays_inside(share: float, anchor: str) -> None:
    assert _anchor(share) == (f' text-anchor="{anchor}"' if anchor else "")


def test_addresses_are_named_where_they_differ() -> None:
    one = drawn((0, 1, "ok", "192.0.2.1"), (1, 1, "ok", "192.0.2.1"), (2, 1, "ok", None))
    assert "192.0.2.1" not in one
    two = drawn((0, 1, "ok", "192.0.2.1"), (1, 1, "ok", "192.0.2.2"))
    assert two.count('<span class="quiet">192.0.2.') == 2
    assert drawn() == ""


def rects(*spans: Span) -> list[tuple[str, str, str, str]]:
    page = drawing_of(Drawing(title="t", spans=spans))
    rows = page.split("<tbody>")[1]
    return re.findall(
        r'<rect class="(\w+)" x="([\d.]+)%" width="([\d.]+)%" y="2" height="10" rx="2"([^/]*)/>',
        rows,
    )


def span(low: float, high: float, **more: object) -> Span:
    return Span(label="x", low=low, high=high, value="v", **more)  # type: ignore[arg-type]


# The scale goes from -1 to 11.
TEN = span(0.0, 10.0)


@pytest.mark.parametrize(
    ("drawn", "bars"),
    [
        (span(2.0, 5.0), [("kernel", "25", "25", "")]),
        (span(5.0, 5.0), [("kernel", "50", "0.4", "")]),
        (span(-9.0, -5.0, typical=False), [("failed", "0", "0.4", "")]),
        (span(20.0, 25.0, typical=False), [("failed", "99.6", "0.4", "")]),
        (span(-9.0, 25.0, typical=False), [("failed", "0", "100", "")]),
        (span(0.0, 9.0, empty=True), []),
        (span(2.0, 8.0, steps=(("a", 3.0), ("b", 0.0), ("c", 3.0))),
         [("kernel", "25", "25", ' fill-opacity="0.3"'), ("kernel", "50", "0",
          ' fill-opacity="0.65"'), ("kernel", "50", "25", "")]),
        (span(2.0, 5.0, steps=(("a", 3.0),)), [("kernel", "25", "25", ' fill-opacity="0.3"')]),
    ],
)  # fmt: skip
def test_a_span_stands_where_it_is_and_its_steps_get_darker(
    drawn: Span, bars: list[tuple[str, str, str, str]]
) -> None:
    assert rects(TEN, drawn)[1:] == bars


def test_64_spans_are_drawn_and_what_a_peer_named_is_escaped() -> None:
    assert len(rects(*[TEN] * 70)) == 64
    evil = Span(label="<b>", low=0.0, high=1.0, value="<i>", steps=(("<u>", 1.0),))
    page = drawing_of(Drawing(title="<s>", spans=(evil,)))
    assert not set(re.findall("<[bius]>", page))
    assert [text for text in ("&lt;b&gt;", "&lt;i&gt;", "&lt;u&gt;", "&lt;s&gt;") if text in page
            ] == ["&lt;b&gt;", "&lt;i&gt;", "&lt;u&gt;", "&lt;s&gt;"]  # fmt: skip

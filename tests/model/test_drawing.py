"""The scale of a drawing."""

from __future__ import annotations

import pytest

from seventh.model.drawing import Drawing, Span


def span(low: float, high: float, **more: object) -> Span:
    return Span(label="x", low=low, high=high, value="", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spans", "scale"),
    [
        ((span(2.0, 10.0),), (-1.0, 11.0)),  # zero is always on it
        ((span(-10.0, -2.0),), (-11.0, 1.0)),
        ((span(-3.0, 7.0), span(-5.0, 5.0)), (-6.2, 8.2)),
        ((span(0.0, 10.0), span(90.0, 99.0, typical=False)), (-1.0, 11.0)),
        ((span(0.0, 10.0, typical=False),), (-1.0, 11.0)),  # none is typical: all count
        ((span(0.0, 10.0), span(0.0, 99.0, empty=True)), (-1.0, 11.0)),
        ((span(0.0, 0.0),), (-1e-9, 1e-9)),
        ((), (-1e-9, 1e-9)),
    ],
)
def test_a_scale_has_zero_and_all_typical_spans_with_a_margin(
    spans: tuple[Span, ...], scale: tuple[float, float]
) -> None:
    assert Drawing(title="t", spans=spans).scale == pytest.approx(scale)


def test_each_step_is_named_once_in_order() -> None:
    spans = (
        span(0, 3, steps=(("b", 1.0), ("a", 2.0))),
        span(0, 3, steps=(("a", 1.0), ("c", 2.0))),
    )
    assert Drawing(title="t", spans=spans).steps == ("b", "a", "c")

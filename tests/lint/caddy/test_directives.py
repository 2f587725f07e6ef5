"""Words as Caddy reads them: durations, numbers, sizes."""

from __future__ import annotations

import pytest

from seventh.lint.caddy.directives import Words, fits, seconds

FITS: dict[Words, tuple[str, ...]] = {
    "dur": (
        "10s", "1d", "0", "1h2m", ".5s", "1.5h", "1.h", "-5s", "+5s", "5ms", "5us", "5µs", "5ns",
    ),
    "int": ("5", "-1", "+3", "0"),
    "size": ("1MB", "10", "unlimited", "1.5GiB", "1 kb", "1k", "1,000", ".5m", "1tb"),
    "ratio": ("0.5", ".3", "0.999", "00.1"),
    "span": ("off", "1h", "0"),
    "delay": ("5", "-1", "2s", "1d"),
    "": ("x", ""),
}  # fmt: skip
UNFIT: dict[Words, tuple[str, ...]] = {
    "dur": ("x", "5", "", "1h 2m", "off", "1w", "s", "1.2.3s", ".s"),
    "int": ("x", "1.5", "", "--1", "1k"),
    "size": ("x", "", "1kk", "-1", "kb"),
    "ratio": ("1", "0", "x", "1.5", "0.0", "-0.5"),
    "span": ("x", "5", "on"),
    "delay": ("x", "1.5", "off"),
}


@pytest.mark.parametrize("kind", FITS)
def test_what_is_of_a_kind_and_what_is_not(kind: Words) -> None:
    assert [word for word in FITS[kind] if not fits(kind, word)] == []
    assert [word for word in UNFIT.get(kind, ()) if fits(kind, word)] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1h30m", 5400), ("2d", 172800), ("500ms", 0.5), ("-1.5s", -1.5), ("+1s", 1), ("0", 0),
        ("1m1s", 61), ("1us", 1e-6), ("1µs", 1e-6), ("1ns", 1e-9), ("x", None), ("5", None),
    ],
)  # fmt: skip
def test_durations(text: str, value: float | None) -> None:
    assert seconds(text) == value

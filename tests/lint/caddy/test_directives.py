"""Words as Caddy reads them: durations, numbers, sizes."""

from __future__ import annotations

from typing import Literal

import pytest

from seventh.lint.caddy.directives import Words, block, fits, meant, names, seconds, text_of

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


@pytest.mark.parametrize(
    ("version", "text"),
    [((2, 11, 0), "2.11"), ((2, 11, 1), "2.11.1"), ((2, 0, 0), "2.0"), ((2, 11), "2.11"),
     ((2, 0), "2.0")],
)  # fmt: skip
def test_a_version_as_people_say_it(version: tuple[int, ...], text: str) -> None:
    assert text_of(version) == text


@pytest.mark.parametrize(
    ("directive", "name", "counts"),
    [
        # how many words from none to four each takes, as caddyserver.com/docs has them
        ("php_fastcgi", "index", (1,)), ("php_fastcgi", "try_files", (1, 2, 3, 4)),
        ("php_fastcgi", "split", (1, 2, 3, 4)), ("php_fastcgi", "lb_retries", (1,)),
        ("forward_auth", "uri", (1,)), ("forward_auth", "copy_headers", (0, 1, 2, 3, 4)),
        ("forward_auth", "lb_retries", (1,)), ("reverse_proxy", "to", (1, 2, 3, 4)),
        ("encode", "minimum_length", (1,)),
    ],
)  # fmt: skip
def test_how_many_words_there_may_be(directive: str, name: str, counts: tuple[int, ...]) -> None:
    known = block(directive)[name]
    assert tuple(count for count in range(5) if known.takes(count)) == counts


def test_what_is_built_on_a_proxy_takes_what_a_proxy_takes() -> None:
    assert set(block("reverse_proxy")) <= set(block("php_fastcgi")) & set(block("forward_auth"))
    assert "index" not in block("forward_auth")
    assert "copy_headers" not in block("php_fastcgi")
    assert block("nothing") == {}


@pytest.mark.parametrize(
    ("name", "table", "expected"),
    [
        ("respnod", "site", "respond"), ("fileserver", "site", "file_server"), ("x", "site", None),
        ("emial", "options", "email"), ("emial", "site", None), ("respnod", "options", None),
    ],
)  # fmt: skip
def test_misspelt_names(name: str, table: Literal["site", "options"], expected: str | None) -> None:
    assert meant(name, table) == expected


def test_lists_of_the_table() -> None:
    assert names("tls", "protocols") == ("tls1.2", "tls1.3")
    assert names("modules", "encoders") == ("br", "brotli", "snappy", "lz4")

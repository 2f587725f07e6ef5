"""What a page loads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.http.probe.content.assets import MAX_FOUND, references


def test_references() -> None:
    page = b"""<link rel="icon" href="/i.ico"><LINK REL='preload StyleSheet' href="/a?x&amp;y">
    <script>no src</script><script async src=/b.js></script><img alt="" src='data:x'>
    <img src="c.png"><iframe src="/no"></iframe>"""
    assert references(page) == {"script": ["/b.js"], "img": ["c.png"], "link": ["/a?x&y"]}


@pytest.mark.parametrize(
    "page",
    [b"<img src=" * 60_000, b"<script" + b" " * 500_000, b'<img src="' + b"x" * 500_000,
     b"<img src='a'>" * 40_000, b"<link " + b"rel=" * 120_000 + b">", b"<" * 500_000],
)  # fmt: skip
def test_pages_that_are_made_to_be_slow(page: bytes) -> None:
    assert sum(len(found) for found in references(page).values()) <= MAX_FOUND


@given(st.binary(max_size=400))
def test_any_page(page: bytes) -> None:
    references(page)

"""URLs, and references that any peer may have written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.http.wire.url import Origin, Url, bare, request_path, resolve

BASE = Url(Origin("https", "www.example.org", 443), "/a/b?c")


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("/x", "https://www.example.org/x"),
        ("x", "https://www.example.org/a/x"),
        ("?y", "https://www.example.org/a/b?y"),
        ("//other.test/z", "https://other.test/z"),
        ("http://other.test:8080/z#part", "http://other.test:8080/z"),
        ("http://[2001:db8::1]:81", "http://[2001:db8::1]:81/"),
        ("HTTPS://Other.Test", "https://other.test/"),
        ("/a b", "https://www.example.org/a%20b"),
        ("https://user:secret@other.test/", "https://other.test/"),
    ],
)
def test_a_reference_is_resolved(reference: str, found: str) -> None:
    assert str(resolve(BASE, reference)) == found


@pytest.mark.parametrize(
    "reference",
    [
        "ftp://other.test/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
        "http://other.test:0/",
        "http://other.test:99999/",
        "/\r\nSet-Cookie: x",
        "/a\x1fb",
        "/" + "x" * 9000,
    ],
)
def test_what_is_no_url_of_http_is_not_followed(reference: str) -> None:
    assert resolve(BASE, reference) is None


@given(st.text(max_size=200))
def test_any_text_is_a_url_or_none(reference: str) -> None:
    found = resolve(BASE, reference)
    if found is not None:
        assert found.origin.scheme in {"http", "https"}
        assert found.path.startswith("/") and found.path.isascii()
        assert not any(ord(c) <= 0x20 for c in found.path)
        assert 0 < found.origin.port < 65536


def test_an_authority_leaves_the_usual_port_out() -> None:
    assert Origin("https", "h", 443).authority == "h"
    assert Origin("https", "h", 8443).authority == "h:8443"
    assert Origin("http", "::1", 80).authority == "[::1]"


def test_a_path_is_fit_for_a_request() -> None:
    assert request_path("") == "/"
    assert request_path("?q=1") == "/?q=1"
    assert request_path("/ä#part") == "/%C3%A4"


def test_a_shown_url_hides_its_query() -> None:
    assert bare(BASE) == "https://www.example.org/a/b?…"
    assert "secret" not in bare("https://h/?token=secret")


def test_a_long_url_is_cut_where_it_is_shown() -> None:
    base = f"https://h/{'a' * 290}"
    assert bare(base) == base
    assert bare(f"{base}b") == f"{base}…"

"""Content codings: sizes, what shrinks, bombs, lies, and tokens that look like secrets."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.protocols.http.lab.content import bomb
from seventh.protocols.http.probe.content import coding
from tests.protocols.http.probe.content.replies import reply, safe

TEXT = b"A line that compresses well.\n" * 200


def test_a_variant() -> None:
    packed = gzip.compress(TEXT)
    seen = coding.variant(
        "gzip", reply(("content-encoding", "GZIP"), ("etag", '"a"'), ("vary", "x, Y"), body=packed)
    )
    assert (seen.coding, seen.wire_bytes, seen.content_bytes) == ("gzip", len(packed), len(TEXT))
    assert seen.digest == coding.digest_of(TEXT)
    assert (seen.etag, seen.vary, seen.broken) == ('"a"', ("x", "y"), "")


def test_a_body_that_was_left_early() -> None:
    cut = coding.variant("identity", reply(("content-length", "5000"), body=TEXT[:100],
                                           truncated=True))  # fmt: skip
    assert (cut.wire_bytes, cut.content_bytes, cut.digest) == (5000, 5000, "")
    lying = coding.variant("identity", reply(("content-length", "1"), body=TEXT, truncated=True))
    assert lying.wire_bytes == len(TEXT)


@pytest.mark.parametrize("name", ["gzip", "br", "zstd", "deflate"])
def test_a_bomb_is_a_fact(name: str) -> None:
    seen = coding.variant("any", reply(("content-encoding", name), body=bomb(name)))
    assert "bomb" in seen.broken
    assert (seen.content_bytes, seen.digest) == (None, "")


@pytest.mark.parametrize("name", ["gzip", "br", "zstd", "deflate", "gzip, br", "compress", "x,y,z"])
def test_a_lie_is_a_fact(name: str) -> None:
    seen = coding.variant("any", reply(("content-encoding", name), body=b"not coded at all"))
    assert seen.broken
    assert seen.content_bytes is None
    with pytest.raises(ProtocolViolation):
        coding.content_of(reply(("content-encoding", name), body=b"not coded at all"))


@pytest.mark.parametrize(
    ("kind", "compressible", "packed"),
    [
        ("text/html", True, False), ("application/problem+json", True, False),
        ("image/svg+xml", True, False), ("image/png", False, True), ("video/mp4", False, True),
        ("font/woff2", False, True), ("font/ttf", True, False), ("image/x-icon", True, False),
        ("application/octet-stream", None, False), ("", None, False),
        ("text/event-stream", False, False), ("application/zip", False, True),
    ],
)  # fmt: skip
def test_what_shrinks(kind: str, compressible: bool | None, packed: bool) -> None:
    assert (coding.is_compressible(kind), coding.is_packed(kind)) == (compressible, packed)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b'<input type="hidden" name="csrf_token" value="b3f1c9d2a4e5f607">', ("csrf_token",)),
        (b'<meta name="csrf-token" content="b3f1c9d2a4e5f60718293a==">', ("csrf-token",)),
        (b'{"xsrfToken": "b3f1c9d2a4e5f60718293a"}', ("xsrfToken",)),
        (b"<input name='authenticity_token' value='b3f1c9d2a4e5f60718293a'>",
         ("authenticity_token",)),
        (b'<input name="csrf_token" value="">', ()),
        (b"<p>What is a csrf token?</p><a href='b3f1c9d2a4e5f60718293a'>", ()),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret(content: bytes, names: tuple[str, ...]) -> None:
    found = coding.secrets_in(b"<html>" + content)
    assert found == names
    assert not any("b3f1" in name for name in found)


@pytest.mark.parametrize(
    "content", [b"csrf" * 200_000, b'"csrf"' * 100_000, b'csrf":' + b" " * 600_000, b'"' * 600_000]
)
def test_looking_for_secrets_is_bounded(content: bytes) -> None:
    coding.secrets_in(content)


@given(st.binary(max_size=300), st.text(st.characters(max_codepoint=255), max_size=40))
def test_anything_gives_a_variant(body: bytes, named: str) -> None:
    seen = coding.variant("any", reply(("content-encoding", named), ("etag", named), body=body))
    assert safe(seen.coding)
    assert (seen.content_bytes is None) == bool(seen.broken)

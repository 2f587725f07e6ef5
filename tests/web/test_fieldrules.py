"""What a response of HTTP/2 or HTTP/3 must not be, said in our words."""

from __future__ import annotations

import pytest
from hpack import Encoder

from seventh.labkit.web.h2faults import frame
from seventh.model.failure import Failed, ProtocolViolation
from seventh.web import h2frames as f
from seventh.web.fieldrules import FieldViolation, check_content, check_fields, content_length
from seventh.web.h2wire import H2Wire
from tests.web.test_h2wire import AT, SETTINGS, begin

pytestmark = pytest.mark.field
OK = (b":status", b"200")


SECTIONS = {"2": ("RFC 9113 §8.2.2", "RFC 9113 §8.2"), "3": ("RFC 9114 §4.2", "RFC 9114 §4.2")}
"""What forbids a connection's fields, and what a malformed one."""
CONNECTIONS = (
    "the response has the header field {name}, which belongs to HTTP/1.1 connections and makes it "
    "malformed in HTTP/{version} ({connections})"
)
NAME = (
    "the field name '{name}' is not allowed in HTTP/{version}: upper-case letters, spaces and "
    "control characters are forbidden ({fields})"
)
BREAKS = "the value of the field {name} contains CR, LF or NUL ({fields})"
BLANKS = "the value of the field {name} begins or ends with white space ({fields})"


@pytest.mark.parametrize("version", ["2", "3"])
@pytest.mark.parametrize(
    ("field", "named", "said"),
    [
        ((b"connection", b"keep-alive"), "connection", CONNECTIONS),
        ((b"upgrade", b"h2,h2c"), "upgrade", CONNECTIONS),
        ((b"keep-alive", b"timeout=5"), "keep-alive", CONNECTIONS),
        ((b"proxy-connection", b"close"), "proxy-connection", CONNECTIONS),
        ((b"transfer-encoding", b"chunked"), "transfer-encoding", CONNECTIONS),
        ((b"X-Upper", b"1"), "X-Upper", NAME), ((b"x y", b"1"), "x y", NAME),
        ((b"", b"1"), "", NAME), ((b"\xe9" * 61, b"1"), "\\xe9" * 15 + "…", NAME),
        ((b"X" * 61, b"1"), "X" * 60 + "…", NAME), ((b"x:y", b"1"), "x:y", NAME),
        ((b"x", b"a\nb"), "x", BREAKS), ((b"x", b"a\rb"), "x", BREAKS),
        ((b"x", b"a\0b"), "x", BREAKS), ((b"x", b" a"), "x", BLANKS), ((b"x", b"a\t"), "x", BLANKS),
    ],
)  # fmt: skip
def test_a_field_that_is_not_allowed_is_named(
    version: str, field: tuple[bytes, bytes], named: str, said: str
) -> None:
    with pytest.raises(FieldViolation) as caught:
        check_fields([OK, field], version)
    connections, fields = SECTIONS[version]
    assert (caught.value.http_field, caught.value.detail) == (
        named,
        said.format(name=named, version=version, connections=connections, fields=fields),
    )


@pytest.mark.parametrize("name", [b"!", b"9", b";", b"@", b"[", b"^", b"a", b"z", b"~"])
def test_names_that_are_allowed(name: bytes) -> None:
    check_fields([OK, (name, b""), (b"x", b"a b\tc\xff")], "2")


THERE = "the pseudo-header field '{}' is not allowed there (RFC 9113 §8.2)"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([], "the response has no :status field (RFC 9113 §8.2)"),
        ([(b"a", b"b")], "the response has no :status field (RFC 9113 §8.2)"),
        ([OK, OK], THERE.format(":status")), ([(b"a", b"b"), OK], THERE.format(":status")),
        ([OK, (b":path", b"/")], THERE.format(":path")), ([OK, (b":", b"")], THERE.format(":")),
        ([(b":" + b"x" * 40, b"")], THERE.format(":" + "x" * 39 + "…")),
    ],
)  # fmt: skip
def test_pseudo_header_fields(fields: list[tuple[bytes, bytes]], said: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        check_fields(fields, "2")
    assert caught.value.detail == said


def test_trailers_have_no_status() -> None:
    check_fields([(b"x-sum", b"1")], "2", trailers=True)
    with pytest.raises(ProtocolViolation):
        check_fields([OK], "2", trailers=True)


@pytest.mark.parametrize(
    ("method", "status", "length", "came", "said"),
    [
        ("GET", 200, 5, 5, ""), ("GET", 200, None, 6, ""), ("HEAD", 200, 5, 0, ""),
        ("GET", 304, 5, 0, ""),
        ("GET", 200, 5, 4, "content-length is 5, but 4 bytes were received"),
        ("GET", 200, 5, 6, "content-length is 5, but 6 bytes were received"),
        ("HEAD", 200, 5, 5, "the response to HEAD has 5 bytes of content; none are allowed"),
        ("GET", 204, None, 1, "the 204 response has 1 bytes of content; none are allowed"),
        ("GET", 304, 5, 5, "the 304 response has 5 bytes of content; none are allowed"),
    ],
)  # fmt: skip
def test_content_and_its_length(
    method: str, status: int, length: int | None, came: int, said: str
) -> None:
    def found(*, ended: bool) -> str:
        try:
            check_content(method, status, length, came, ended=ended)
        except ProtocolViolation as violation:
            return violation.detail
        return ""

    assert found(ended=True) == said
    assert found(ended=False) == ("" if came == 4 else said), "more may come"


def test_lengths_that_are_none() -> None:
    assert content_length((("content-length", "5"), ("content-length", "5"))) == 5
    assert content_length((("x", "5"),)) is None
    assert content_length((("content-length", "9" * 19),)) == int("9" * 19)
    for values, said in (
        (("x",), "content-length is not a number: 'x'"),
        (("-1",), "content-length is not a number: '-1'"),
        (("\u0663",), "content-length is not a number: '\u0663'"),
        (("9" * 20,), f"content-length is not a number: '{'9' * 20}'"),
        (("9" * 41,), f"content-length is not a number: '{'9' * 40}…'"),
        (("5", "6"), "two different content-length fields"),
    ):
        with pytest.raises(ProtocolViolation) as caught:
            content_length(tuple(("content-length", value) for value in values))
        assert caught.value.detail == said


def block(*fields: tuple[str, str]) -> bytes:
    return frame(f.HEADERS, f.END_HEADERS, 1, bytes(Encoder().encode(fields)))


def wire_after(*frames: bytes) -> tuple[H2Wire, Failed | None]:
    wire, exchange = begin()
    for data in frames:
        wire.receive(data, AT)
    return wire, exchange.failed


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ((frame(f.HEADERS, 5, 1, b"\xff" + b"\xff" * 30 + b"\x01"),),
         ("the peer violates HTTP/2: a header block that cannot be decoded (HPACK, RFC 7541) "
         "(HEADERS)")),
        ((frame(f.WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 3,),
         "the peer violates HTTP/2: more data than the flow-control window allows (WINDOW_UPDATE)"),
        ((frame(f.SETTINGS, 0, 0, b"xxxx"),),
         "the peer violates HTTP/2: a frame that is too short (SETTINGS)"),
        ((block((":status", "204")), frame(f.DATA, 1, 1, b"hello")),
         "the 204 response has 5 bytes of content; none are allowed"),
        ((block((":status", "200"), ("content-length", "9")), frame(f.DATA, 1, 1, b"hello")),
         "content-length is 9, but 5 bytes were received"),
        ((block((":status", "200"), ("upgrade", "h2c")),),
         CONNECTIONS.format(name="upgrade", version="2", connections="RFC 9113 §8.2.2")),
    ],
)  # fmt: skip
def test_http_2_in_our_words(frames: tuple[bytes, ...], said: str) -> None:
    _, failed = wire_after(SETTINGS, *frames)
    assert failed is not None and failed.detail == said


def test_one_wrong_length_does_not_end_the_connection() -> None:
    wire, failed = wire_after(
        SETTINGS, block((":status", "200"), ("content-length", "9")), frame(f.DATA, 1, 1, b"hi")
    )
    assert failed is not None and wire.failed is None and not wire.stats.spent

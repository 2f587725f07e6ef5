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


@pytest.mark.parametrize("version", ["2", "3"])
@pytest.mark.parametrize(
    ("field", "named"),
    [
        ((b"connection", b"keep-alive"), "connection"),
        ((b"upgrade", b"h2,h2c"), "upgrade"),
        ((b"keep-alive", b"timeout=5"), "keep-alive"),
        ((b"proxy-connection", b"close"), "proxy-connection"),
        ((b"transfer-encoding", b"chunked"), "transfer-encoding"),
        ((b"X-Upper", b"1"), "X-Upper"),
        ((b"x y", b"1"), "x y"),
        ((b"x", b"a\nb"), "x"),
        ((b"x", b" a"), "x"),
    ],
)
def test_a_field_that_is_not_allowed_is_named(
    version: str, field: tuple[bytes, bytes], named: str
) -> None:
    with pytest.raises(FieldViolation) as caught:
        check_fields([OK, field], version)
    assert caught.value.http_field == named
    assert named in caught.value.detail and "b'" not in caught.value.detail


@pytest.mark.parametrize(
    "fields",
    [[], [OK, OK], [(b"a", b"b"), OK], [OK, (b":path", b"/")], [(b":status", b"200"), (b":", b"")]],
)
def test_pseudo_header_fields(fields: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(ProtocolViolation, match="RFC 9113"):
        check_fields(fields, "2")


def test_trailers_have_no_status() -> None:
    check_fields([(b"x-sum", b"1")], "2", trailers=True)
    with pytest.raises(ProtocolViolation):
        check_fields([OK], "2", trailers=True)


@pytest.mark.parametrize(
    ("method", "status", "length", "came", "wrong"),
    [
        ("GET", 200, 5, 5, False), ("GET", 200, 5, 4, True), ("GET", 200, 5, 6, True),
        ("GET", 200, None, 6, False), ("HEAD", 200, 5, 0, False), ("HEAD", 200, 5, 5, True),
        ("GET", 204, None, 1, True), ("GET", 304, 5, 0, False), ("GET", 304, 5, 5, True),
    ],
)  # fmt: skip
def test_content_and_its_length(
    method: str, status: int, length: int | None, came: int, wrong: bool
) -> None:
    if not wrong:
        check_content(method, status, length, came, ended=True)
        return
    with pytest.raises(ProtocolViolation, match=str(came)):
        check_content(method, status, length, came, ended=True)


def test_lengths_that_are_none() -> None:
    assert content_length((("content-length", "5"), ("content-length", "5"))) == 5
    for values in (("x",), ("-1",), ("5", "6"), ("9" * 30,)):
        with pytest.raises(ProtocolViolation):
            content_length(tuple(("content-length", value) for value in values))


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
        ((frame(f.HEADERS, 5, 1, b"\xff" + b"\xff" * 30 + b"\x01"),), "cannot be decoded (HPACK"),
        ((frame(f.WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 3,), "flow-control window"),
        ((frame(f.SETTINGS, 0, 0, b"xxxx"),), "SETTINGS"),
        ((block((":status", "204")), frame(f.DATA, 1, 1, b"hello")), "204 response has 5 bytes"),
        ((block((":status", "200"), ("content-length", "9")), frame(f.DATA, 1, 1, b"hello")),
         "content-length is 9, but 5 bytes were received"),
        ((block((":status", "200"), ("upgrade", "h2c")),), "header field upgrade"),
    ],
)  # fmt: skip
def test_http_2_in_our_words(frames: tuple[bytes, ...], said: str) -> None:
    _, failed = wire_after(SETTINGS, *frames)
    assert failed is not None and said in failed.detail
    assert "0x" not in failed.detail and "Error" not in failed.detail


def test_one_wrong_length_does_not_end_the_connection() -> None:
    wire, failed = wire_after(
        SETTINGS, block((":status", "200"), ("content-length", "9")), frame(f.DATA, 1, 1, b"hi")
    )
    assert failed is not None and wire.failed is None and not wire.stats.spent

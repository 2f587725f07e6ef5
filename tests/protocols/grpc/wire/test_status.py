"""Statuses, deadlines, metadata, and responses that are not gRPC."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.grpc.wire.metadata import (
    decode_binary,
    encode_binary,
    is_key,
    request_headers,
)
from seventh.protocols.grpc.wire.response import NotGrpc, end_status, is_grpc, not_grpc
from seventh.protocols.grpc.wire.status import (
    Code,
    Status,
    code_name,
    code_of_http,
    code_of_reset,
    decode_message,
    encode_message,
    is_pushback,
    status_in,
)
from seventh.protocols.grpc.wire.timeout import decode_timeout, encode_timeout

GRPC = (("content-type", "application/grpc"),)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_message_is_decoded_as_it_was_encoded(text: str) -> None:
    encoded = encode_message(text)
    assert encoded.isascii()
    assert encoded.isprintable()
    assert decode_message(encoded) == text


@given(st.text(st.characters(max_codepoint=255)))
def test_any_message_decodes(value: str) -> None:
    decode_message(value)


def test_invalid_escapes_stay() -> None:
    assert decode_message("50% of %zz%41") == "50% of %zzA"


def test_a_status_is_printable_and_short() -> None:
    found = status_in(
        (("grpc-status", "13"), ("grpc-message", "a%1B[31m%0Ab" + "x" * 9000)), "trailers"
    )
    assert found is not None
    assert found.message.startswith("a\\x1b[31m\\x0ab")
    assert len(found.message) < 400
    assert found.message.isprintable()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ((), None),
        ((("grpc-status", "0"),), Status(code=0)),
        ((("grpc-status", "99"),), Status(code=99)),
        ((("grpc-status", "-1"),), Status(code=2)),
        ((("grpc-status", ""),), Status(code=2)),
        ((("grpc-status", "14"), ("grpc-retry-pushback-ms", "-1")),
         Status(code=14, pushback="-1")),
        ((("grpc-status", "3"), ("grpc-status-details-bin", "CAMSA2Zvbw")),
         Status(code=3, details_bytes=7)),
    ],
    ids=["none", "ok", "unknown-number", "negative", "empty", "pushback", "details"],
)  # fmt: skip
def test_the_status_of_trailers(fields: tuple[tuple[str, str], ...], status: Status | None) -> None:
    assert status_in(fields, "trailers") == status


def test_http_and_h2_errors_have_codes() -> None:
    mapped = {n: code_of_http(n).name for n in (400, 401, 403, 404, 429, 500, 502, 503, 504, 301)}
    assert mapped == {
        400: "INTERNAL", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "UNIMPLEMENTED",
        429: "UNAVAILABLE", 500: "UNKNOWN", 502: "UNAVAILABLE", 503: "UNAVAILABLE",
        504: "UNAVAILABLE", 301: "UNKNOWN",
    }  # fmt: skip
    errors = ("REFUSED_STREAM", "CANCEL", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "NO_ERROR")
    assert [code_of_reset(name).name for name in errors] == [
        "UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED", "INTERNAL",
    ]  # fmt: skip
    assert (code_name(5), code_name(77)) == ("NOT_FOUND", "77")
    assert str(Status(code=5, message="no such row")) == "NOT_FOUND: no such row"


@pytest.mark.parametrize(
    ("value", "valid"),
    [("0", True), ("250", True), ("-1", False), ("", False), ("1.5", False), ("٣", False),
     ("9" * 12, False)],
    ids=["zero", "delay", "negative", "empty", "fraction", "arabic", "beyond-int32"],
)  # fmt: skip
def test_pushback(value: str, valid: bool) -> None:
    assert is_pushback(value) is valid


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "500m"), (2.0, "2S"), (90.0, "90S"), (120.0, "2M"), (7200.0, "2H"), (0.0, "1n"),
     (-3.0, "1n"), (1e30, "99999999H"), (0.0001234, "123400n"), (1 / 3, "333334u")],
    ids=str,
)  # fmt: skip
def test_timeouts(seconds: float, text: str) -> None:
    assert encode_timeout(seconds) == text


@given(st.floats(min_value=1e-8, max_value=1e7))
def test_a_timeout_is_never_shorter(seconds: float) -> None:
    decoded = decode_timeout(encode_timeout(seconds))
    assert decoded is not None
    assert seconds <= decoded + 1e-9
    assert decoded <= seconds * 1.01 + 1e-8


@pytest.mark.parametrize("value", ["", "5", "m", "123456789m", "5x", "-5m", "٣S"])
def test_malformed_timeouts(value: str) -> None:
    assert decode_timeout(value) is None


@given(st.binary(max_size=40))
def test_binary_metadata(value: bytes) -> None:
    encoded = encode_binary(value)
    assert "=" not in encoded
    assert decode_binary(encoded) == value
    assert decode_binary(encoded + "=" * (-len(encoded) % 4)) == value


def test_metadata_keys() -> None:
    assert is_key("x-request-id")
    assert not is_key("X-Upper")
    assert not is_key("")
    assert decode_binary("$$") is None


def test_the_head_of_a_request() -> None:
    assert request_headers(
        (("a", "b"),), timeout_seconds=0.5, encoding="gzip", accepted="identity,gzip", agent="me"
    ) == (
        ("grpc-timeout", "500m"), ("content-type", "application/grpc"), ("te", "trailers"),
        ("grpc-encoding", "gzip"), ("grpc-accept-encoding", "identity,gzip"),
        ("user-agent", "me"), ("a", "b"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "grpc"),
    [("application/grpc", True), ("application/grpc+proto", True), ("Application/GRPC", True),
     ("application/grpc; charset=utf-8", True), ("application/grpc-web", False),
     ("text/html", False), ("", False)],
    ids=["plain", "proto", "case", "parameter", "web", "page", "none"],
)  # fmt: skip
def test_the_content_type(value: str, grpc: bool) -> None:
    assert is_grpc((("content-type", value),)) is grpc


def test_a_page_is_not_grpc() -> None:
    page = (("content-type", "text/html"), ("server", "nginx\x1b"), ("via", "1.1 edge"))
    assert not_grpc(502, page) == NotGrpc(
        http_status=502, content_type="text/html", server="nginx\\x1b, 1.1 edge"
    )
    assert not_grpc(200, GRPC) is None
    assert not_grpc(503, GRPC) is not None
    assert not_grpc(503, (*GRPC, ("grpc-status", "14"))) is None


def test_the_end_of_a_response() -> None:
    ok, gone = (("grpc-status", "0"),), (("grpc-status", "5"),)
    assert end_status(200, GRPC, ok) == Status(code=0)
    assert end_status(200, (*GRPC, *gone), ()) == Status(code=5, origin="trailers-only")
    assert end_status(200, GRPC, ()) == Status(
        code=Code.UNKNOWN, message="the response has no grpc-status", origin="http"
    )
    assert end_status(503, (), ()) == Status(
        code=Code.UNAVAILABLE, message="HTTP 503 without grpc-status", origin="http"
    )

"""SOCKS5: every message, every refusal, in pieces of any size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.wire.socks5 import Refusal, ReplyCode, Socks5, Step

LOGIN = (b"ops", b"pass:word")
OPENED = b"\5\0\0\1\x7f\0\0\1\x1f\x90"


def talk(codec: Socks5, data: bytes, size: int) -> tuple[bytes, str]:
    """Feed ``data`` in pieces; return all that is sent, or the violation."""
    sent = b""
    try:
        for at in range(0, len(data), size):
            sent += codec.feed(data[at : at + size])
    except ProtocolViolation as violation:
        return b"", violation.detail
    return sent, ""


def test_without_login() -> None:
    codec = Socks5("db.lan", 5432)
    assert codec.begin() == b"\5\1\0"
    assert codec.feed(b"\5\0") == b"\5\1\0\3\6db.lan\x15\x38"
    assert codec.step is Step.REPLY
    assert codec.feed(OPENED + b"220 hello") == b""
    assert (codec.step, codec.rest, codec.uses_login) == (Step.OPEN, b"220 hello", False)


def test_with_login() -> None:
    codec = Socks5("192.0.2.1", 22, LOGIN)
    assert codec.begin() == b"\5\2\0\2"
    assert codec.feed(b"\5\2") == b"\1\3ops\x09pass:word"
    assert codec.feed(b"\5\0") == b"\5\1\0\1\xc0\0\2\1\0\x16", "some servers send version 5 here"
    assert codec.uses_login


def test_an_ipv6_address() -> None:
    codec = Socks5("2001:db8::1", 443)
    assert codec.feed(b"\5\0")[3:20] == b"\4\x20\1\x0d\xb8" + bytes(11) + b"\1"


@pytest.mark.parametrize(
    "bound",
    [b"\1\0\0\0\0", b"\4" + bytes(16), b"\3\4host", b"\3\0"],
    ids=["v4", "v6", "name", "empty"],
)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_address_that_the_server_is_bound_to(bound: bytes, size: int) -> None:
    codec = Socks5("h", 1)
    talk(codec, b"\5\0\5\0\0" + bound + b"\0\0" + b"the tunnel", size)
    assert (codec.step, codec.rest) == (Step.OPEN, b"the tunnel")


@pytest.mark.parametrize("code", [*ReplyCode, 9, 255])
def test_every_reply_code_even_where_the_reply_is_cut(code: int) -> None:
    codec = Socks5("h", 1)
    codec.feed(b"\5\0")
    assert codec.feed(bytes([5, code])) == b""
    assert codec.feed(b"\0\1\0") == b"", "what follows a refusal is not read"
    assert codec.refusal == Refusal(Step.REPLY, code)


def test_the_codes_are_those_of_the_standard() -> None:
    """RFC 1928 §6."""
    assert {code.name: int(code) for code in ReplyCode} == {
        "GENERAL_FAILURE": 1, "NOT_ALLOWED": 2, "NETWORK_UNREACHABLE": 3, "HOST_UNREACHABLE": 4,
        "CONNECTION_REFUSED": 5, "TTL_EXPIRED": 6, "COMMAND_NOT_SUPPORTED": 7,
        "ADDRESS_TYPE_NOT_SUPPORTED": 8,
    }  # fmt: skip


def test_no_method_and_a_rejected_login() -> None:
    codec = Socks5("h", 1)
    assert codec.feed(b"\5\xff") == b""
    assert codec.refusal == Refusal(Step.METHOD, 255)
    codec = Socks5("h", 1, LOGIN)
    codec.feed(b"\5\2")
    assert codec.feed(b"\1\1") == b""
    assert codec.refusal == Refusal(Step.LOGIN, 1)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"H", "the login method has version 72, not 5"),
        (b"\5\2", "the server selected login method 2, not offered"),
        (b"\5\1", "the server selected login method 1, not offered"),
        (b"\5\0\4", "the reply to CONNECT has version 4, not 5"),
        (b"\5\0\5\0\0\2\0", "the reply to CONNECT has address type 2"),
    ],
)
@pytest.mark.parametrize("size", [1, 100])
def test_what_is_no_socks5(data: bytes, words: str, size: int) -> None:
    assert talk(Socks5("h", 1), data, size)[1] == words


_PARTS = st.sampled_from(
    [b"\5\0", b"\5\2", b"\1\0", b"\1\1", OPENED, b"\5\0\0\3\2ab\0\0", b"\5\5\0\1"]
)
_DATA = st.one_of(st.binary(max_size=64), st.lists(_PARTS, max_size=5).map(b"".join))


@given(_DATA, st.integers(1, 9), st.sampled_from([None, LOGIN]))
def test_any_bytes_in_any_pieces(data: bytes, size: int, login: tuple[bytes, bytes] | None) -> None:
    whole, pieces = Socks5("h", 1, login), Socks5("h", 1, login)
    assert talk(whole, data, 1 << 16) == talk(pieces, data, size)
    assert (whole.step, whole.refusal) == (pieces.step, pieces.refusal)
    if whole.step is Step.OPEN:
        # What comes after the reply is not the codec's.
        assert data.endswith(whole.rest)

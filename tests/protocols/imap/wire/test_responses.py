"""IMAP responses: what they mean, in any pieces, and within limits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.protocols.imap.wire import responses
from seventh.protocols.imap.wire.responses import Response, Responses, quote, words_of
from seventh.wire.text import quoted


def read(*pieces: bytes) -> list[Response]:
    reader, found = Responses(), []
    for piece in pieces:
        reader.feed(piece)
        while (response := reader.next()) is not None:
            found.append(response)
    return found


def one(line: bytes) -> Response:
    (found,) = read(line + b"\r\n")
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"* OK [CAPABILITY IMAP4rev1 IDLE] ready",
         Response(tag="*", name="OK", code="CAPABILITY", arguments=("IMAP4rev1", "IDLE"),
                  text=b"ready")),
        (b"s1 NO [AUTHENTICATIONFAILED] no", Response(
            tag="s1", name="NO", code="AUTHENTICATIONFAILED", text=b"no")),
        (b"s2 OK", Response(tag="s2", name="OK")),
        (b"* BYE see ( you \"", Response(tag="*", name="BYE", text=b'see ( you "')),
        (b"* 23 EXISTS", Response(tag="*", name="EXISTS", number=23)),
        (b"+ ", Response(tag="+")), (b"+", Response(tag="+")),
        (b"+ dGVzdA==", Response(tag="+", text=b"dGVzdA==")),
        (b'* quota "" (STORAGE 10 512)', Response(
            tag="*", name="QUOTA", values=(b"", (b"STORAGE", b"10", b"512")))),
        (b'* ID ("name" "a\\"\\\\b" "x" NIL)', Response(
            tag="*", name="ID", values=((b"name", b'a"\\b', b"x", None),))),
        (b"* 1 FETCH (BODY[HEADER.FIELDS (DATE)] nil)", Response(
            tag="*", name="FETCH", number=1,
            values=((b"BODY[HEADER.FIELDS (DATE)]", None),))),
        (b"* X a[ b", Response(tag="*", name="X", values=(b"a", b"[", b"b"))),
    ],
)  # fmt: skip
def test_what_a_response_means(line: bytes, expected: Response) -> None:
    assert one(line) == expected


def test_literals_are_values() -> None:
    data = b"* 1 FETCH (A {5}\r\nab\r\ncB ~{0}\r\n {1}\r\n))\r\n* OK\r\n"
    assert [r.values for r in read(data)] == [((b"A", b"ab\r\nc", b"B", b"", b")"),), ()]
    assert read(*(bytes([byte]) for byte in data)) == read(data)


@pytest.mark.parametrize(
    "line",
    [b"", b" ", b"*", b"* ", b"s1", b'* "OK"', b"* (OK)", b"HTTP/1.1", b"* X )", b"* X (",
     b'* X "', b'* X (")', b"\xff OK", b"* \x1b[31m", b"* X {5", b"a{ OK"],
)  # fmt: skip
def test_what_is_malformed(line: bytes) -> None:
    if line == b"* X {5":  # an atom that looks like half a literal
        assert one(line).values == (b"{5",)
        return
    with pytest.raises(ProtocolViolation) as raised:
        one(line)
    assert raised.value.detail == f"a malformed IMAP response: {quoted(line)}"


def test_what_is_shown_of_a_malformed_response() -> None:
    with pytest.raises(ProtocolViolation) as raised:
        one(b"* (" + b"x" * 78)
    assert raised.value.detail == f"a malformed IMAP response: '* ({'x' * 77}…'"


def test_a_literal_has_a_limit() -> None:
    assert read(b"* X {1048576}\r\n") == []
    for size in (1_048_577, 4_294_967_295):
        with pytest.raises(ProtocolViolation) as raised:
            read(b"* X {%d}\r\n" % size)
        assert raised.value.detail == (
            f"a literal of {size} bytes is declared; at most 1048576 are read"
        )


def test_literals_together_have_a_limit() -> None:
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: an answer of more than 1114112 bytes$"
    ):
        read(b"* X {1048576}\r\n", bytes(1048576), b" {65536}\r\n")
    (whole,) = read(b"* X {1048576}\r\n", bytes(1048576), b"\r\n")
    assert read(b"* X {1048576}\r\n" + bytes(1048576) + b"\r\n* OK\r\n")[1].name == "OK"
    assert whole.values == (bytes(1048576),)


def test_lists_have_a_depth() -> None:
    assert len(one(b"* X " + b"(" * 32 + b")" * 32).values) == 1
    with pytest.raises(ProtocolViolation) as raised:
        one(b"* X " + b"(" * 33 + b")" * 33)
    assert raised.value.detail == "lists are nested more than 32 deep"


def test_values_have_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "MAX_VALUES", 3)
    assert one(b"* X a b c").values == (b"a", b"b", b"c")
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: a response has more than 3 values$"
    ):
        one(b"* X a b c d")


def test_literals_have_a_number_before_the_response_is_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(responses, "MAX_VALUES", 3)
    assert read(b"* X " + b"{1}\r\na" * 3 + b"\r\n")[0].values == (b"a", b"a", b"a")
    assert read(b"* X " + b"{1}\r\na" * 3) == []
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: a response has more than 3 values$"
    ):
        read(b"* X " + b"{1}\r\na" * 3 + b"{1}\r\n")


def test_lines_have_a_length() -> None:
    assert one(b"* X " + b"a" * 8186).values == (b"a" * 8186,)
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: more than 8192 bytes without the end of a line$",
    ):
        read(b"* X " + b"a" * 8188)


def test_capabilities_are_words_in_upper_case() -> None:
    found = one(b"* CAPABILITY imap4rev1 AUTH=Plain (x) IMAP4rev1 caf\xc3\xa9")
    assert words_of(found) == ("IMAP4REV1", "AUTH=PLAIN", "CAF\\XC3\\XA9")


@given(st.lists(st.sampled_from([b"* ", b"OK ", b"(", b")", b'"', b"\\", b"{3}\r\n", b"abc",
                                 b"\r\n", b"\n", b"[", b"]", b" ", b"NIL", b"1 "])).map(b"".join),
       st.data())  # fmt: skip
def test_pieces_make_no_difference(data: bytes, draw: st.DataObject) -> None:
    cut = draw.draw(st.integers(0, len(data)))
    results = []
    for pieces in ([data], [data[:cut], data[cut:]]):
        try:
            results.append(read(*pieces))
        except ProtocolViolation as violation:
            results.append(violation.detail)
    assert results[0] == results[1]


@given(st.binary(max_size=200))
def test_any_bytes_end_in_responses_or_a_violation(data: bytes) -> None:
    said = ""
    try:
        read(data)
    except ProtocolViolation as violation:
        said = violation.detail
    assert said.isprintable()


def test_quoting() -> None:
    assert quote('a"b\\c') == b'"a\\"b\\\\c"'
    for text in ("a\r\nb", "é", "\x7f"):
        with pytest.raises(ValueError, match=re.escape(text)):
            quote(text)

"""Replies: any pieces, any bytes, and what deviates from their form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import Failed, Reason
from seventh.protocols.smtp.facts.mail import Answer, Cause
from seventh.protocols.smtp.wire.replies import Replies, Reply

PIECES = [
    b"250-",
    b"250 ",
    b"250",
    b"354 go",
    b"x" * 600,
    b"ok",
    b"\r\n",
    b"\n",
    b"\r",
    b"42",
    b"9",
]
STREAMS = st.lists(st.sampled_from(PIECES)).map(b"".join) | st.binary(max_size=80)


def read(pieces: list[bytes]) -> tuple[list[Reply], str, tuple[str, ...]]:
    """The replies, the failure that ends them, and the deviations."""
    replies, found = Replies(), []
    try:
        for piece in pieces:
            replies.feed(piece)
            while (reply := replies.next()) is not None:
                found.append(reply)
    except Failed as failed:
        return found, failed.reason, replies.deviations
    return found, "", replies.deviations


@given(STREAMS, st.data())
def test_pieces_make_no_difference(data: bytes, draw: st.DataObject) -> None:
    cut = draw.draw(st.integers(0, len(data)))
    whole = read([data])
    assert read([bytes([byte]) for byte in data]) == whole
    assert read([data[:cut], data[cut:]]) == whole


def test_a_reply_has_the_text_of_each_line() -> None:
    found = read([b"250-a\r\n250-\r\n250 b c\r\n354\r\n221 \r\n"])
    assert found == (
        [Reply(250, (b"a", b"", b"b c")), Reply(354, (b"",)), Reply(221, (b"",))], "", (),
    )  # fmt: skip


def test_the_last_line_has_the_code_that_counts() -> None:
    assert read([b"250-a\r\n550 b\r\n"]) == ([Reply(550, (b"a", b"b"))], "", ("codes-differ",))


def test_codes_of_two_replies_may_differ() -> None:
    assert read([b"250 a\r\n550 b\r\n"])[2] == ()


def test_deviations_are_told_together() -> None:
    long = b"250 " + b"x" * 507
    assert read([long + b"\r\n"])[2] == ("long-line",)
    assert read([long[:-1] + b"\r\n"])[2] == ()
    assert read([long + b"\n"])[2] == ("bare-lf",)
    assert read([b"250-a\n251 " + b"x" * 600 + b"\r\n"])[2] == (
        "bare-lf", "long-line", "codes-differ",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "detail", "served"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the port serves SSH, not SMTP", "SSH"),
        (b"* OK ready\r\n", "the port serves IMAP, not SMTP", "IMAP"),
        (b"hello\r\n", r"the first bytes are not SMTP: 'hello\x0d\x0a'", ""),
        (b"199 x\r\n", r"the first bytes are not SMTP: '199 x\x0d\x0a'", ""),
        (b"2500 x\r\n", r"the first bytes are not SMTP: '2500 x\x0d\x0a'", ""),
    ],
)
def test_another_protocol_is_named(data: bytes, detail: str, served: str) -> None:
    replies = Replies()
    replies.feed(data)
    with pytest.raises(Failed) as caught:
        replies.next()
    assert (caught.value.reason, caught.value.detail) == (Reason.PROTOCOL_MISMATCH, detail)
    assert caught.value.served == served


@pytest.mark.parametrize(("before", "cause"), [(988, Cause.RELAYING), (989, Cause.OTHER)])
def test_a_text_is_searched_to_its_thousandth_byte(before: int, cause: Cause) -> None:
    assert Reply(550, (b" " * (before - 1), b"cannot relay")).answer.cause is cause


def test_the_first_bytes_are_shown_to_the_eightieth() -> None:
    replies = Replies()
    for _ in range(81):
        replies.feed(b"x")
    replies.feed(b"\r\n")
    with pytest.raises(Failed) as caught:
        replies.next()
    assert caught.value.detail == f"the first bytes are not SMTP: '{'x' * 80}'"


@pytest.mark.parametrize("before", [b"220 a\r\n", b"220-a\r\n"])
def test_a_line_without_a_code_is_a_violation(before: bytes) -> None:
    replies = Replies()
    replies.feed(before + b"hello\r\n")
    with pytest.raises(Failed) as caught:
        while replies.next() is not None:
            pass
    assert caught.value.reason is Reason.PROTOCOL_VIOLATION
    assert caught.value.detail == "a line without a reply code: 'hello'"


def test_a_reply_without_end_is_bounded_and_each_reply_has_the_whole_limit() -> None:
    replies = Replies()
    line = b"250-" + b"x" * 1018 + b"\r\n"
    for _ in range(3):
        replies.feed(line * 63 + b"250 end\r\n")
        assert (replies.next() or Reply(0, ())).code == 250
    replies.feed(line * 64)
    assert replies.next() is None
    replies.feed(b"2")
    with pytest.raises(Failed) as caught:
        replies.next()
    assert caught.value.detail == "an answer of more than 65536 bytes"


def test_what_follows_the_go_ahead_is_taken_once() -> None:
    replies = Replies()
    replies.feed(b"220 go\r\n250 injected\r\n25")
    assert replies.next() == Reply(220, (b"go",))
    assert replies.rest() == b"250 injected\r\n25"
    assert replies.rest() == b""
    replies.feed(b"250 fresh\r\n")
    assert replies.next() == Reply(250, (b"fresh",))
    assert replies.count == 2


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"2.1.5 Ok", Answer(code=250, status="2.1.5", text="2.1.5 Ok", cause=Cause.ACCEPTED)),
        (b"2.1.5", Answer(code=250, status="2.1.5", text="2.1.5", cause=Cause.ACCEPTED)),
        (b"2.1.5Ok", Answer(code=250, text="2.1.5Ok", cause=Cause.ACCEPTED)),
        (b"3.1.5 Ok", Answer(code=250, text="3.1.5 Ok", cause=Cause.ACCEPTED)),
        (b"\x1b[31m", Answer(code=250, text="\\x1b[31m", cause=Cause.ACCEPTED)),
    ],
)
def test_the_reply_as_facts_have_it(line: bytes, answer: Answer) -> None:
    assert Reply(250, (line, b"more")).answer == answer
    assert Reply(250, (b"x" * 201,)).answer.text == "x" * 200 + "…"
    assert str(answer) == f"250 {answer.text}"

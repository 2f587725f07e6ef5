"""The reply to EHLO."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.smtp.facts import Extensions
from seventh.protocols.smtp.wire.extensions import first_word, is_qualified, read_extensions
from seventh.protocols.smtp.wire.replies import Reply
from seventh.wire.text import printable


def listed(*lines: bytes) -> Extensions:
    return read_extensions(Reply(250, (b"mail.example.org Hello", *lines)))


def test_everything_is_read() -> None:
    assert listed(
        b"SIZE 10240000", b"starttls", b"AUTH PLAIN scram-sha-256", b"AUTH=LOGIN PLAIN", b"",
        b"LIMITS RCPTMAX=100 MAILMAX=5", b"REQUIRETLS",
    ) == Extensions(
        keywords=("SIZE", "STARTTLS", "AUTH", "LIMITS", "REQUIRETLS"),
        size_bytes=10_240_000,
        mechanisms=("PLAIN", "SCRAM-SHA-256", "LOGIN"),
        limits={"RCPTMAX": "100", "MAILMAX": "5"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "size"),
    [
        (b"SIZE 0", 0), (b"SIZE", None), (b"SIZE many", None), (b"SIZE -1", None),
        (b"SIZE 1 2", None), (b"SIZE " + b"9" * 18, 10**18 - 1), (b"SIZE " + b"9" * 19, None),
    ],
)  # fmt: skip
def test_a_size_is_a_number(line: bytes, size: int | None) -> None:
    assert listed(line) == Extensions(keywords=("SIZE",), size_bytes=size)


@pytest.mark.parametrize(
    ("line", "masked"),
    [(b"XXXXXXXA", True), (b"XXXX", True), (b"XXX", False), (b"XXXXXXAB", False), (b"X-A", False)],
)
def test_a_masked_keyword_is_recognised(line: bytes, masked: bool) -> None:
    assert listed(b"PIPELINING", line).masked is masked


def test_no_more_than_64_are_read() -> None:
    assert len(listed(*(b"X%d" % number for number in range(100))).keywords) == 64


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_can_be_read(lines: list[bytes]) -> None:
    assert all(printable(name) == name for name in listed(*lines).keywords)


@pytest.mark.parametrize(
    ("text", "name"),
    [(b"mail.example.org ESMTP", "mail.example.org"), (b"", ""), (b"\x1b[0m x", "\\x1b[0m")],
)
def test_the_first_word_is_the_name(text: bytes, name: str) -> None:
    assert first_word(text) == name


@pytest.mark.parametrize(
    ("name", "qualified"),
    [
        ("mail.example.org", True), ("MAIL.example.ORG.", True), ("a.xn--p1ai", True),
        ("_x.example.org", True), ("localhost", False), ("localhost.localdomain", False),
        ("LOCALHOST.localdomain", False), ("192.0.2.1", False), ("[192.0.2.1]", False),
        ("mail..org", False), ("-a.example.org", False), ("a.b", False), ("a.bc", True),
        (f"{'a' * 63}.org", True), (f"{'a' * 64}.org", False), ("ex ample.org", False),
    ],
)  # fmt: skip
def test_what_is_fully_qualified(name: str, qualified: bool) -> None:
    assert is_qualified(name) is qualified

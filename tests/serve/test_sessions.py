"""Sessions end, tokens cannot be guessed, and a form's proof is of one browser."""

from __future__ import annotations

import pytest

from seventh.serve.sessions import (
    COOKIE,
    LIFE_SECONDS,
    Sessions,
    TooManyError,
    cookie_of,
    token_hash,
)


def test_a_session_ends() -> None:
    clock = [0.0]
    sessions = Sessions([token_hash("t")], lambda: clock[0])
    first, second = sessions.begin(), sessions.begin()
    assert first != second
    assert sessions.is_open(first)
    assert not sessions.is_open("")
    assert not sessions.is_open(first + "x")
    sessions.end(first)
    assert [sessions.is_open(each) for each in (first, second)] == [False, True]
    clock[0] = LIFE_SECONDS
    assert not sessions.is_open(second)


def test_the_oldest_session_makes_room() -> None:
    sessions = Sessions([], lambda: 0.0)
    cookies = [sessions.begin() for _ in range(1001)]
    assert [sessions.is_open(each) for each in (cookies[0], cookies[1])] == [False, True]


def test_wrong_tokens_are_few() -> None:
    clock = [0.0]
    sessions = Sessions([token_hash("t")], lambda: clock[0])
    assert [sessions.knows("x", "a") for _ in range(10)] == [False] * 10
    with pytest.raises(TooManyError):
        sessions.knows("t", "a")
    assert sessions.knows("t", "b")
    clock[0] = 5.0
    assert sessions.knows("t", "a")


def test_a_proof_is_of_one_browser_and_one_process() -> None:
    sessions = Sessions([], lambda: 0.0)
    proof = sessions.proof("mine")
    assert sessions.is_proof("mine", proof)
    assert sessions.proof("mine") != proof
    for cookie, other in (
        ("theirs", proof), ("", sessions.proof("")), ("mine", proof[:-1]), ("mine", ""),
        ("mine", "é" * 80), ("mine", Sessions([], lambda: 0.0).proof("mine")),
    ):  # fmt: skip
        assert not sessions.is_proof(cookie, other)


def test_cookies_are_read() -> None:
    assert cookie_of(f"a=b; {COOKIE}=x; c=d") == "x"
    assert [cookie_of(text) for text in ("", "a=b", "\x00;;=", "seventh_session")] == [""] * 4

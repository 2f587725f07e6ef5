"""Regular expressions over what a peer sends: found, not found, and stopped."""

from __future__ import annotations

import asyncio
import signal
import time
import warnings
from typing import Any

import pytest

from seventh.model.failure import Failed, Reason, UsageError
from seventh.net.stopwatch import now_ns
from seventh.web import search
from seventh.web.search import first_match, pattern_of

ENDLESS, ON = r"(a+)+$", b"a" * 60 + b"!"
"""Takes longer than the universe has existed, without a match."""


def soon(seconds: float = 20.0) -> int:
    return now_ns() + int(seconds * 1e9)


@pytest.mark.parametrize(
    ("pattern", "texts", "encoding", "found"),
    [
        ("ready", [b"al-ready-there"], "latin-1", 0),
        ("ready", [b"Ready"], "latin-1", None),
        ("(?i)ready", [b"READY"], "latin-1", 0),
        ("^b", [b"a\nb"], "latin-1", None),
        ("(?m)^b", [b"a\nb"], "latin-1", 0),
        ("^b$", [b"a", b"b", b"b"], "latin-1", 1),
        ("^a, b$", [b"a", b"b"], "latin-1", None),
        ("ü", ["ü".encode()], "utf-8", 0),
        ("ü", ["ü".encode("latin-1")], "utf-8", None),
        (r"^\w+$", ["Grüße".encode("utf-16")], "utf-16", 0),
        (r"^\ufffd$", [b"\xff"], "utf-8", 0),
        ("b", [b"a", b"b", b"b"], "latin-1", 1),
        ("x*", [b""], "latin-1", 0),
        ("x+", [], "latin-1", None),
        (r"z\Z", [b"x" * 1_000_000 + b"z"], "latin-1", 0),
    ],
)
async def test_a_search_finds_what_is_there(
    pattern: str, texts: list[bytes], encoding: str, found: int | None
) -> None:
    assert await first_match(pattern, texts, soon(), encoding) == found


async def test_a_search_without_an_end_is_killed_and_others_go_on() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    other = asyncio.create_task(tick())
    began = time.monotonic()
    with pytest.raises(Failed) as raised:
        await first_match(ENDLESS, [ON], soon(0.5))
    assert (raised.value.reason, raised.value.detail) == (
        Reason.OPTIONS_UNUSABLE,
        (
            "the search for '(a+)+$' was stopped after 0.5 s; write it without nested repetition, "
            "such as (a+)+"
        ),
    )
    assert time.monotonic() - began < 5
    other.cancel()
    assert ticks > 5


async def test_a_cancelled_search_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after Ctrl-C."""
    started: asyncio.Queue[asyncio.subprocess.Process] = asyncio.Queue()
    real = asyncio.create_subprocess_exec

    async def start(*words: str, **settings: Any) -> asyncio.subprocess.Process:
        started.put_nowait(made := await real(*words, **settings))
        return made

    monkeypatch.setattr(search.asyncio, "create_subprocess_exec", start)
    task = asyncio.create_task(first_match(ENDLESS, [ON], soon()))
    process = await started.get()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert process.returncode == -signal.SIGKILL


async def test_a_process_that_cannot_start_is_this_machines_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search.sys, "executable", "/nowhere/python")
    with pytest.raises(
        Failed,
        match=r"^local-resource: no process for a regular expression: No such file or directory$",
    ) as raised:
        await first_match("a+", [b"a"], soon())
    assert raised.value.reason is Reason.LOCAL_RESOURCE
    assert await first_match("a", [b"a"], soon()) == 0, "plain text needs no process"


async def test_a_process_that_dies_is_never_a_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search, "_program", lambda: "raise SystemExit(1)")
    with pytest.raises(Failed) as raised:
        await first_match("a+", [b"a"], soon())
    assert (raised.value.reason, raised.value.detail) == (
        Reason.LOCAL_RESOURCE,
        "the search for 'a+' ended with an error; this machine may be out of memory",
    )


def test_a_pattern_has_a_length() -> None:
    assert pattern_of("a" * 4096, "--x") == "a" * 4096
    with pytest.raises(UsageError) as raised:
        pattern_of("a" * 4097, "--x")
    assert str(raised.value) == "--x: a regular expression of more than 4096 characters"


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("\udcff", "--x: the regular expression is not UTF-8 text"),
        ("(" * 101, f"--x '{'(' * 80}…': missing ), unterminated subpattern at position 100"),
        ("a{99999999999}", "--x 'a{99999999999}': the expression is too complex"),
    ],
)
def test_what_is_no_pattern(pattern: str, why: str) -> None:
    with pytest.raises(UsageError) as raised:
        pattern_of(pattern, "--x")
    assert str(raised.value) == why


def test_a_pattern_is_checked_without_a_word_on_standard_error() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pattern_of("[[a]", "--x") == "[[a]"
    with pytest.raises(UsageError, match=r"^--x 'a\\x1b\('.* at position 2$"):
        pattern_of("a\x1b(", "--x")
    with pytest.raises(UsageError, match=r"^--x '.*': look-behind requires fixed-width pattern$"):
        pattern_of("(?<=a+)", "--x")

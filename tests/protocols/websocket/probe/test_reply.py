"""``--send`` and ``--expect`` against servers of the library websockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from seventh.engine.check import check_one, prepare, pulse_one
from seventh.model.failure import Reason, UsageError
from seventh.model.report import Report
from seventh.model.severity import Status
from seventh.model.target import Target
from tests.options import options_with
from tests.reports import metrics
from tests.reports import websocket_facts as facts_of

Handler = Callable[[ServerConnection], Awaitable[None]]
LOOKS = pytest.mark.parametrize("look", [check_one, pulse_one], ids=["check", "pulse"])
Look = Callable[..., Awaitable[Report]]


@contextlib.asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[Target]:
    async with serve(handler, "127.0.0.1", 0) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        yield Target(scheme="ws", host="127.0.0.1", port=port, path="/")


async def looked(look: Look, handler: Handler, seconds: float = 20.0, **options: object) -> Report:
    given = options_with(**{"allow_write": True, "timeout_seconds": seconds, **options})
    async with server(handler) as target:
        return await look(target, given)


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def chatty(connection: ServerConnection) -> None:
    """Greets, and answers a text with three messages, of which the last is binary."""
    await connection.send("welcome, ready")
    async for message in connection:
        if message == "cookies?":
            for reply in ("one \x1b[31m moment", "id=42", b"done"):
                await connection.send(reply)


async def mute(connection: ServerConnection) -> None:
    async for _ in connection:
        pass


async def ends(connection: ServerConnection) -> None:
    await connection.recv()
    await connection.send("too late")
    await connection.close(1011, "out of order")


@LOOKS
async def test_an_answer_that_matches_is_timed(look: Look) -> None:
    report = await looked(look, echo, send_text="ping 1", expect_message=r"^p\w+ \d$")
    assert report.failure is None, report.failure
    reply = facts_of(report).reply
    assert reply is not None
    assert (reply.outcome, reply.unmatched, reply.sent_bytes, reply.got) == ("matched", 0, 6, ())
    (phase,) = [phase for phase in report.phases if phase.name == "ws.reply"]
    assert (phase.outcome, phase.seconds) == ("ok", reply.seconds)
    assert metrics(report)["seventh_ws_reply_seconds"] == reply.seconds


@LOOKS
async def test_a_limit_on_the_answer_is_a_limit_like_any_other(look: Look) -> None:
    report = await looked(look, echo, send_text="ping", maximums=("ws.reply=1ns",))
    assert [finding.id for finding in report.findings if finding.id == "NET-LIMIT"]


@LOOKS
async def test_later_messages_count_binary_ones_too(look: Look) -> None:
    report = await looked(look, chatty, send_text="cookies?", expect_message="^(?:done)$")
    assert report.failure is None, report.failure
    reply = facts_of(report).reply
    assert reply is not None and reply.outcome == "matched"
    assert reply.unmatched >= 2


@LOOKS
async def test_what_came_instead_is_shown(look: Look) -> None:
    report = await looked(
        look, chatty, 3.0, send_text="cookies?", expect_message="^ready", max_tier=0
    )
    assert report.failure is not None
    assert report.failure.reason is Reason.UNEXPECTED_ANSWER
    assert report.failure.phase == "ws.reply"
    assert "matches '^ready'; received: " in report.failure.detail
    assert r"'one \x1b[31m moment', 'id=42'" in report.failure.detail
    reply = facts_of(report).reply
    assert reply is not None and (reply.outcome, reply.seconds) == ("other", None)
    assert [p.outcome for p in report.phases if p.name == "ws.reply"] == ["failed"]


async def test_a_greeting_is_no_answer_to_a_text() -> None:
    report = await looked(check_one, chatty, 3.0, send_text="anything", expect_message="ready")
    assert report.failure is not None
    assert report.failure.reason is Reason.PEER_SILENT
    assert "after the text of --send" in report.failure.detail
    assert facts_of(report).close_frame, "the rest of the check goes on"


@LOOKS
async def test_without_a_text_what_the_server_sends_first_counts(look: Look) -> None:
    report = await looked(look, chatty, allow_write=False, expect_message="^welcome.*y$")
    assert report.failure is None, report.failure
    reply = facts_of(report).reply
    assert reply is not None and (reply.outcome, reply.sent_bytes) == ("matched", None)


@LOOKS
async def test_a_server_that_sends_nothing_is_silent(look: Look) -> None:
    report = await looked(look, mute, 2.0, expect_message="x")
    assert report.failure is not None
    assert report.failure.reason is Reason.PEER_SILENT
    assert report.failure.phase == "ws.reply"
    assert "no message received in " in report.failure.detail
    assert "after the handshake" in report.failure.detail


@LOOKS
async def test_a_server_that_closes_instead_says_why(look: Look) -> None:
    report = await looked(look, ends, send_text="hello", expect_message="^hello")
    assert report.failure is not None
    assert report.failure.reason is Reason.PEER_CLOSED
    assert "with code 1011" in report.failure.detail
    assert "after 'too late'" in report.failure.detail


@LOOKS
async def test_a_text_needs_permission(look: Look) -> None:
    report = await looked(look, echo, allow_write=False, send_text="x")
    assert report.failure is not None
    assert report.failure.reason is Reason.OPTIONS_UNUSABLE
    assert report.failure.detail == "--send: tier 3 needs --allow-write"


async def test_a_text_from_a_file_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "login"
    file.write_text("token=s3cr3t", encoding="utf-8")
    report = await looked(
        check_one, echo, 3.0, send_text=f"file:{file}", expect_message="^granted",
        transcript=True,
    )  # fmt: skip
    assert report.failure is not None
    assert report.failure.detail.endswith("received: '…'")
    assert "s3cr3t" not in str(report)


async def test_a_search_without_an_end_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seventh.web.search.SEARCH_SECONDS", 0.3)
    report = await looked(check_one, echo, send_text="a" * 60 + "!", expect_message="(a+)+$")
    assert report.failure is not None
    assert report.failure.reason is Reason.OPTIONS_UNUSABLE
    assert report.failure.phase == "ws.reply"
    assert report.status is Status.UNKNOWN


async def test_a_feed_without_a_match_is_bounded() -> None:
    async def feed(connection: ServerConnection) -> None:
        with contextlib.suppress(Exception):
            while True:
                await connection.send("tick")
                await asyncio.sleep(0)

    report = await looked(pulse_one, feed, expect_message="^tock")
    assert report.failure is not None
    assert report.failure.reason is Reason.UNEXPECTED_ANSWER
    assert "received: 'tick', 'tick', 'tick' and " in report.failure.detail
    reply = facts_of(report).reply
    assert reply is not None and 1000 <= reply.unmatched < 10_000


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"expect_message": "a("}, r"^--expect 'a\(': .* at position 1$"),
        ({"send_text": ""}, "--send is empty"),
        ({"send_text": "file:/nowhere/at/all"}, "--send: /nowhere/at/all cannot be read"),
    ],
)
def test_what_cannot_be_used_is_said_before_any_connection(
    options: dict[str, str], says: str
) -> None:
    target = Target(scheme="ws", host="h.test", port=80, path="/")
    with pytest.raises(UsageError, match=says):
        prepare([(target, options_with(**options))])

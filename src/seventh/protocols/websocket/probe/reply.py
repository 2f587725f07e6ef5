"""The text of ``--send``, and the message that ``--expect`` matches."""

from __future__ import annotations

from typing import NamedTuple

from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.options import Options
from seventh.net.stopwatch import now_ns, user_mark
from seventh.protocols.websocket import WebSocketOptions
from seventh.protocols.websocket.client.endpoint import Endpoint
from seventh.protocols.websocket.client.request import text_of
from seventh.protocols.websocket.client.socket import Socket
from seventh.protocols.websocket.facts.live import Reply, ReplyOutcome
from seventh.web.search import first_match, pattern_of
from seventh.wire.text import printable, quoted
from seventh.wire.websocket_frames import Message, close_code_text

PHASE = "ws.reply"
MAX_TEXT = 65536
MAX_MESSAGES = 1000
"""The most messages that are searched."""
_SHOWN = 3
_SHOWN_LENGTH = 100


class Wanted(NamedTuple):
    """What the user wants to send and to receive."""

    text: str | None
    """None to send nothing."""
    secret: bool
    """Whether the text comes from a file, so that it is never shown."""
    pattern: str
    """Empty for any message."""


def wanted_of(options: Options) -> Wanted | None:
    """Read the options; None without any. Raises UsageError."""
    own = options.of(WebSocketOptions)
    if own.send_text is None and own.expect_message is None:
        return None
    pattern = pattern_of(own.expect_message or "", "--expect")
    text, secret = own.send_text, False
    if text is not None and text.startswith("file:"):
        text, secret = text_of(text.removeprefix("file:"), MAX_TEXT, "--send"), True
    if text == "":
        raise UsageError("--send is empty: write the text to send")
    return Wanted(text, secret, pattern)


async def exchange(endpoint: Endpoint, socket: Socket, greeting: Message | None) -> Failed | None:
    """Send the text and wait for a message that matches; return why there was none.

    ``greeting`` is a message that was received before. Without a text to send it may match, too.
    """
    wanted = wanted_of(endpoint.ctx.options)
    if wanted is None or not (socket.alive or (greeting and wanted.text is None)):
        return None  # a socket that has ended fails at its first ping
    begun = socket.opened
    if wanted.text is not None:
        if (why := endpoint.ctx.denied(3)) is not None:
            return Failed(Reason.OPTIONS_UNUSABLE, f"--send: {why}", phase=PHASE)
        socket.messages.clear()
        begun = await socket.send_text(wanted.text) or user_mark()
    elif greeting is not None:
        socket.messages.appendleft(greeting)
    try:
        found, others = await _await_match(endpoint, socket, wanted.pattern)
    except Failed as failed:
        failed.phase = failed.phase or PHASE
        endpoint.ctx.watch.record(PHASE, begun.ns, user_mark(), ok=False)
        raise
    end = found.at if found is not None else user_mark()
    endpoint.ctx.watch.record(PHASE, begun.ns, end, ok=found is not None)
    reply = _learn(endpoint, socket, wanted, found, others, end.since(begun))
    return None if found is not None else _failure(socket, wanted, reply, end.since(begun))


async def _await_match(
    endpoint: Endpoint, socket: Socket, pattern: str
) -> tuple[Message | None, list[Message]]:
    """Return the first message that matches, None without one, and those before it.

    Waits for half of the time that is left: the rest is for the rest of the check.
    """
    budget = endpoint.ctx.budget
    until = budget.within(budget.seconds_left / 2)
    others: list[Message] = []
    while True:
        arrived = [*socket.messages]
        socket.messages.clear()
        if arrived:
            texts = [message.data for message in arrived]
            index = await first_match(pattern, texts, budget.deadline_ns, "utf-8")
            if index is not None:
                return arrived[index], [*others, *arrived[:index]]
            others += arrived
        if len(others) >= MAX_MESSAGES or not socket.alive or now_ns() >= until:
            return None, others
        await socket.receive(until)


def _learn(
    endpoint: Endpoint,
    socket: Socket,
    wanted: Wanted,
    found: Message | None,
    others: list[Message],
    seconds: float,
) -> Reply:
    outcome: ReplyOutcome = "other" if others else "silent"
    if found is not None:
        outcome = "matched"
    elif not socket.alive:
        outcome = "closed"

    def shown(message: Message) -> str:
        text = message.data.decode("utf-8", "backslashreplace")
        if wanted.secret and wanted.text:
            text = text.replace(wanted.text, "…")
        return printable(endpoint.handshake_options.hide(text), _SHOWN_LENGTH)

    reply = Reply(
        sent_bytes=len(wanted.text.encode()) if wanted.text is not None else None,
        expected=printable(wanted.pattern, 200),
        outcome=outcome,
        seconds=seconds if found is not None else None,
        unmatched=len(others),
        got=tuple(shown(message) for message in others[:_SHOWN]),
    )
    endpoint.notes.learn(reply=reply)
    return reply


def _failure(socket: Socket, wanted: Wanted, reply: Reply, seconds: float) -> Failed:
    matches = f"matches {quoted(wanted.pattern, 120)}"
    came = ", ".join(f"'{text}'" for text in reply.got)
    more = f" and {reply.unmatched - _SHOWN} more" if reply.unmatched > _SHOWN else ""
    if reply.outcome == "closed":
        closed = socket.frames.closed
        how = f"with code {close_code_text(closed.code)}" if closed else "without a close frame"
        before = f"after {came}{more}" if came else "before any message"
        return Failed(Reason.PEER_CLOSED, f"the server closed the socket {how}, {before}",
                      phase=PHASE)  # fmt: skip
    if not reply.unmatched:
        after = "after the text of --send" if wanted.text is not None else "after the handshake"
        return Failed(Reason.PEER_SILENT, f"no message received in {seconds:.1f} s {after}; "
                      "--timeout sets how long to wait", phase=PHASE)  # fmt: skip
    return Failed(Reason.UNEXPECTED_ANSWER, f"no message received in {seconds:.1f} s {matches}; "
                  f"received: {came}{more}", phase=PHASE)  # fmt: skip

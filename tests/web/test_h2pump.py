"""One waiting task reads for all: whose failure a deadline, a reset and a silence are."""

from __future__ import annotations

import pytest

from seventh.model.alert import Alert
from seventh.model.failure import Blame, Failed, Reason
from seventh.net.stopwatch import now_ns
from seventh.web.h2pump import Pump, again
from tests.net.scripted import Scripted, reset, silent

SETTINGS = b"\0\0\0\4\0\0\0\0\0"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""RFC 9113 §3.4."""


async def waiting(pump: Pump, deadline_ns: int | None = None) -> Failed:
    with pytest.raises(Failed) as raised:
        await pump.wait(lambda: False, deadline_ns, "the response")
    return raised.value


async def test_what_is_queued_is_sent_once() -> None:
    pump = Pump(stream := Scripted())
    assert await pump.flush() is not None
    assert b"".join(stream.sent).startswith(PREFACE)
    assert await pump.flush() is None


async def test_a_reset_while_sending_may_have_a_reason_to_read_and_others_do_not() -> None:
    pump = Pump(Scripted(refuses=reset()))
    assert await pump.flush() is None
    assert pump.wire.failed is None
    limit = Failed(Reason.LOCAL_RESOURCE, "no buffer")
    pump = Pump(Scripted(refuses=limit))
    with pytest.raises(Failed) as raised:
        await pump.flush()
    assert raised.value is limit and pump.wire.failed is limit


async def test_a_callers_own_deadline_fails_that_caller_only() -> None:
    stream = Scripted(silent())
    pump, past = Pump(stream), now_ns() - 1
    failed = await waiting(pump, past)
    assert (failed.reason, failed.detail) == (
        Reason.PEER_SILENT, "no data, waiting for the response",
    )  # fmt: skip
    assert pump.wire.failed is None
    assert stream.until == [past]


@pytest.mark.parametrize("failed", [silent(), reset(), Failed(Reason.BUDGET_EXCEEDED, "flood")])
async def test_other_failures_are_the_connections(failed: Failed) -> None:
    """A silence before the deadline too: the stream has a reason of its own for it."""
    stream = Scripted(failed)
    pump = Pump(stream)
    assert await waiting(pump, now_ns() + 60 * 10**9) is failed
    assert stream.until == [stream.budget.deadline_ns], "the check's deadline comes first"
    assert pump.wire.failed is failed
    told = await waiting(pump)
    assert told is not failed and told.detail == failed.detail
    assert len(stream.until) == 1


async def test_what_is_read_is_answered() -> None:
    stream = Scripted(SETTINGS)
    pump = Pump(stream)
    await pump.flush()
    del stream.sent[:]
    await pump.wait(lambda: pump.wire.stats.settings_at is not None, None, "SETTINGS")
    assert stream.sent == [b"\0\0\0\4\1\0\0\0\0"]  # its acknowledgement


async def test_while_another_task_sends_none_does() -> None:
    pump = Pump(stream := Scripted())
    pump._sending = True
    assert await pump.flush() is None
    pump.flush_soon()
    assert (stream.sent, pump._tasks) == ([], set())


async def test_a_deadline_passes_while_another_task_reads() -> None:
    pump = Pump(Scripted())
    pump._reading = True
    failed = await waiting(pump, now_ns() - 1)
    assert (failed.reason, failed.detail) == (
        Reason.PEER_SILENT, "timed out waiting for the response",
    )  # fmt: skip
    assert pump._waiters == set()


def test_a_failure_is_told_again_afresh() -> None:
    failed = Failed(
        Reason.PEER_RESET, "gone", blame=Blame.LOCAL, phase="x", alert=Alert.DECODE_ERROR,
        http_error="CANCEL",
    )  # fmt: skip
    failed.http_field = "te"
    told = again(failed)
    assert told is not failed and told.failure() == failed.failure()
    assert (told.alert, told.http_error, told.http_field) == (Alert.DECODE_ERROR, "CANCEL", "te")

"""Queues as Postfix and Exim print them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seventh.localkit.seen import Cut, Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.smtp.local.causes import Waiting
from seventh.protocols.smtp.local.queue import Queue, exim, postfix

NOW = 1_000_000.0
EMPTY = {"active": 0, "deferred": 0, "hold": 0, "incoming": 0, "maildrop": 0}


def message(queue: str, age: int, *reasons: str, **fields: Any) -> str:
    recipients = [
        {"address": "a@x.test", **({"delay_reason": reason} if reason else {})}
        for reason in reasons
    ]
    given = {"queue_id": "1", "message_size": 9, "forced_expire": False, "sender": "s@y.test"}
    return json.dumps(
        {
            **given, "queue_name": queue, "arrival_time": int(NOW) - age,
            "recipients": recipients, **fields,
        }
    )  # fmt: skip


def in_postfix(*lines: str, now: float | None = NOW, cut: bool = False) -> Queue | None:
    text = "".join(f"{line}\n" for line in lines)
    unread: list[Unread] = []
    found = postfix(Seen(outputs={"postqueue -j": Cut(text) if cut else text}), now, unread)
    assert unread == []
    return found


def test_an_empty_queue() -> None:
    assert in_postfix() == Queue(queues=EMPTY, complete=True, oldest_seconds=0.0)


def test_messages_by_queue_and_age() -> None:
    found = in_postfix(
        message("deferred", 3601, "greylisted", "full"), message("deferred", 3600, "x"),
        message("active", 7200, "greylisted"), message("active", 7200, ""),
        message("incoming", 3601), message("maildrop", 3601), message("hold", 90000, "x"),
        message("other", 1),
    )  # fmt: skip
    assert found == Queue(
        queues={"active": 2, "deferred": 2, "hold": 1, "incoming": 1, "maildrop": 1, "other": 1},
        complete=True, oldest_seconds=7200.0, old_untried=3, old_deferred=2,
        waiting=tuple(
            Waiting("a@x.test", reason)
            for reason in ("greylisted", "full", "x", "greylisted", "x")
        ),
    )  # fmt: skip


def test_without_the_time_no_message_has_an_age() -> None:
    found = in_postfix(message("active", 7200), now=None)
    assert found == Queue(queues=EMPTY | {"active": 1}, complete=True)
    future = in_postfix(message("active", -5))
    assert future is not None
    assert future.oldest_seconds == 0.0


def test_a_queue_that_was_cut() -> None:
    found = in_postfix(message("active", 1), cut=True)
    assert found is not None
    assert not found.complete


@pytest.mark.parametrize("text", ["what\n", "{}\n", '{"queue_name": 1}\n', "[1]\n"])
def test_other_output_of_postqueue(text: str) -> None:
    unread: list[Unread] = []
    assert postfix(Seen(outputs={"postqueue -j": text}), NOW, unread) is None
    assert unread == [Unread(name="postqueue -j", cause=Cause.UNEXPECTED)]
    assert postfix(Seen(), NOW, unread) is None


LISTED = (
    "25m  2.9K 0t5C6f-0000c8-00 <alice@wonderland.test>\n"
    "          red.king@looking-glass.test\n\n"
    "61m   500 1tabcd-000000000zz-1xyz <> *** frozen ***\n          a@b.test\n\n"
    " 2h  1.1K 1tabce-000000000zz-1xyz <bob@x.test> (bob)\n        D done@x.test\n\n"
    "60m  1.1K 1tabcf-000000000zz-1xyz <>\n          c@d.test\n\n"
    " 3d  1.1K 1tabcg-000000000zz-1xyz <>\n"
)


def in_exim(count: str, listed: str | None) -> Queue | None:
    outputs = {"exim -bpc": count} | ({"exim -bp": listed} if listed is not None else {})
    return exim(Seen(outputs=outputs), [])


def test_exim() -> None:
    assert in_exim("5\n", LISTED) == Queue(
        queues={"queued": 4, "frozen": 1}, complete=True, oldest_seconds=259200.0, old_deferred=2
    )
    assert in_exim("0\n", "") == Queue(
        queues={"queued": 0, "frozen": 0}, complete=True, oldest_seconds=0.0
    )


@pytest.mark.parametrize("listed", [None, "", "what\n"])
def test_exim_whose_list_was_not_read(listed: str | None) -> None:
    assert in_exim("7\n", listed) == Queue(queues={"queued": 7, "frozen": 0}, complete=False)


def test_exim_whose_list_was_cut() -> None:
    found = in_exim("5", Cut(LISTED))
    assert found is not None
    assert not found.complete


def test_other_output_of_exim() -> None:
    unread: list[Unread] = []
    assert exim(Seen(outputs={"exim -bpc": "no\n"}), unread) is None
    assert unread == [Unread(name="exim -bpc", cause=Cause.UNEXPECTED)]
    assert exim(Seen(), unread) is None
    assert len(unread) == 1

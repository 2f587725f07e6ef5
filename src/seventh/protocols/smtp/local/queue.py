"""Mail queues: ``postqueue -j`` of Postfix, ``exim -bp`` and ``exim -bpc`` of Exim."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from seventh.localkit.seen import Cut, Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.smtp.local.causes import Waiting

POSTQUEUE, EXIM, EXIM_COUNT = "postqueue -j", "exim -bp", "exim -bpc"
OLD_SECONDS = 3600.0
_NOT_TRIED = frozenset({"maildrop", "incoming", "active"})
_HOLD = "hold"
_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0}
_EXIM = re.compile(r" *(\d{1,9})([mhd]) +\S+ +\S+ <.*?>(?: \(.*\))?( \*\*\* frozen \*\*\*)?$")


class _Recipient(msgspec.Struct):
    address: str = ""
    delay_reason: str = ""


class _Message(msgspec.Struct):
    """A line of ``postqueue -j``: postqueue(1), JSON OBJECT FORMAT."""

    queue_name: str
    arrival_time: int
    recipients: list[_Recipient] = []


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """What waits."""

    queues: dict[str, int]
    complete: bool
    oldest_seconds: float | None = None
    old_untried: int = 0
    old_deferred: int = 0
    waiting: tuple[Waiting, ...] = ()


def postfix(seen: Seen, now_seconds: float | None, unread: list[Unread]) -> Queue | None:
    """Read Postfix's queue; None without it. Ages need the time, which may be unknown."""
    text = seen.output(POSTQUEUE)
    if isinstance(text, Unread):
        return None
    try:
        messages = list(_messages(text))
    except msgspec.MsgspecError:
        unread.append(Unread(name=POSTQUEUE, cause=Cause.UNEXPECTED))
        return None
    queues = dict.fromkeys(("active", "deferred", _HOLD, "incoming", "maildrop"), 0)
    queues.update(Counter(each.queue_name for each in messages))
    counted = [each for each in messages if each.queue_name != _HOLD]
    arrived = [each.arrival_time for each in counted]
    old = [
        each for each in counted
        if now_seconds is not None and now_seconds - each.arrival_time > OLD_SECONDS
    ]  # fmt: skip
    return Queue(
        queues=queues, complete=not isinstance(text, Cut),
        oldest_seconds=_age(now_seconds, arrived),
        old_untried=sum(_is_untried(each) for each in old),
        old_deferred=sum(not _is_untried(each) for each in old),
        waiting=tuple(
            Waiting(recipient.address, recipient.delay_reason)
            for each in messages
            for recipient in each.recipients
            if recipient.delay_reason
        ),
    )  # fmt: skip


def _messages(text: str) -> Iterator[_Message]:
    decoder = msgspec.json.Decoder(_Message)
    for line in text.splitlines():
        if line.strip():
            yield decoder.decode(line)


def _is_untried(message: _Message) -> bool:
    """Return whether no delivery was tried; a message that is retried now has its old reason."""
    return message.queue_name in _NOT_TRIED and not any(
        each.delay_reason for each in message.recipients
    )


def _age(now_seconds: float | None, arrived: list[int]) -> float | None:
    if now_seconds is None:
        return None
    return max(0.0, now_seconds - min(arrived)) if arrived else 0.0


def exim(seen: Seen, unread: list[Unread]) -> Queue | None:
    """Read Exim's queue; None without it. It does not tell tried messages from others."""
    count, text = seen.output(EXIM_COUNT), seen.output(EXIM)
    number = None if isinstance(count, Unread) else _number(count)
    if number is None:
        if not isinstance(count, Unread):
            unread.append(Unread(name=EXIM_COUNT, cause=Cause.UNEXPECTED))
        return None
    lines: Any = () if isinstance(text, Unread) else map(_EXIM.match, text.splitlines())
    found = [(int(each[1]) * _UNITS[each[2]], bool(each[3])) for each in lines if each]
    frozen = sum(is_frozen for _, is_frozen in found)
    ages = [age for age, is_frozen in found if not is_frozen]
    complete = len(found) >= number and not isinstance(text, Cut | Unread)
    return Queue(
        queues={"queued": max(number - frozen, 0), "frozen": frozen}, complete=complete,
        oldest_seconds=max(ages, default=0.0 if complete else None),
        old_deferred=sum(age > OLD_SECONDS for age in ages),
    )  # fmt: skip


def _number(text: str) -> int | None:
    match = re.fullmatch(r"\s*(\d{1,9})\s*", text)
    return int(match[1]) if match else None

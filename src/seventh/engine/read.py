"""Reading files that others made: messages and reports, judged by the same rules.

A protocol's hook ``read`` has what recognises a content and what makes facts of it.
"""

from __future__ import annotations

import time
from typing import BinaryIO

import msgspec
from msgspec.structs import replace

from seventh import protocols
from seventh.engine.metrics import metrics_of_facts
from seventh.engine.report import make_report
from seventh.lintkit.unpack import Content, UnpackError
from seventh.model.facts import Facts
from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.net.stopwatch import now_ns
from seventh.rules.run import Selection, run_rules

HEAD_BYTES = 1 << 16
"""What a kind of content is recognised by."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """How to read, and the rules to run."""

    options: Options = Options()
    offline: bool = False
    selection: Selection = Selection()


async def read(name: str, file: BinaryIO, wanted: Wanted) -> Report:
    """Read one file. Raises UsageError where no protocol knows its content."""
    started_seconds, begun = time.time(), now_ns()
    try:
        facts = await facts_of(file, wanted.options, offline=wanted.offline)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
    room = facts.OWNER or facts.ROOM
    rules = [rule for rule in protocols.rules(room) if rule.facts_type is type(facts)]
    return make_report(
        f"file:{name}", room, {facts.ROOM: facts},
        run_rules(room, rules, facts, replace(wanted.selection, denied={})),
        started_seconds=started_seconds, duration_seconds=(now_ns() - begun) / 1e9,
        metrics=metrics_of_facts({facts.ROOM: facts}),
    )  # fmt: skip


async def facts_of(file: BinaryIO, options: Options, *, offline: bool = False) -> Facts:
    """Return what a file shows. Raises UsageError where no protocol knows its content."""
    content = Content(file)
    try:
        room = _room_of(content.head(HEAD_BYTES))
        facts: Facts = await protocols.part(room, "read").read(content, options, offline=offline)
    except UnpackError as error:
        raise UsageError(str(error)) from None
    return facts


def _room_of(head: bytes) -> str:
    """Return the protocol that knows such content. Raises UsageError."""
    reading = [room for room in protocols.rooms() if protocols.has_part(room, "read")]
    for room in reading:
        if protocols.part(room, "read").recognises(head):
            return room
    known = "; ".join(protocols.part(room, "read").READS for room in reading)
    raise UsageError(f"not {known}" if head else f"empty; not {known}")

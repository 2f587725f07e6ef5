"""The far end of ``--from``: runs the checks of an order, and sends each report when it is ready.

Both ends are the same version, so a report is its struct in MessagePack, with its facts by room.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from seventh import protocols
from seventh.engine.check import check_many, prepare
from seventh.engine.local import Wanted, areas_named, look
from seventh.model.facts import Facts
from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.localfacts import LocalFacts
from seventh.model.option import RoomOptions, declared
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.net.probe_context import vantage
from seventh.rules.run import Selection
from seventh.wire.text import printable

MAX_ITEMS = 10_000
"""The number of findings, phases or anything else that one report may have."""
REPORT, END, ERROR = b"R", b"Z", b"E"
"""The kinds of frames."""
Own = TypeVar("Own", bound=msgspec.Struct)
Send = Callable[[bytes, bytes], None]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One target with its options; those of protocols are by their name."""

    target: Target
    options: Options
    rooms: Mapping[str, msgspec.Raw]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be checked there."""

    tasks: tuple[Task, ...]
    files: Mapping[str, bytes]
    """The contents of the files that the options name."""
    selection: Selection
    parallel: int
    areas: tuple[str, ...] = ()
    """Of a look at that machine (``--local``), which has no tasks."""
    area_options: Mapping[str, msgspec.Raw] = {}


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One report; ``facts`` are by room, because their types are."""

    index: int
    report: Report
    facts: Mapping[str, msgspec.Raw]
    parts: tuple[Result, ...] = ()


def task(target: Target, options: Options) -> Task:
    """Return a target with its options, as they are sent."""
    by_type = {spec.options: name for name, spec in protocols.rooms().items()}
    rooms = {by_type[type(own)]: _packed(own) for own in options.rooms if type(own) in by_type}
    return Task(target=target, options=options.replace(rooms=()), rooms=rooms)


def report_of(data: bytes) -> tuple[int, Report]:
    """Read a report's frame; raises Failed for what no check sends."""
    try:
        made = _typed(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Failed(
            Reason.UNEXPECTED_ANSWER, f"not a report of this version: {printable(str(error), 200)}"
        ) from None
    report = made[1]
    _check_counts(report)
    return made


def _check_counts(report: Report) -> None:
    for name in ("phases", "metrics", "findings", "skipped", "passed", "transcript", "parts"):
        if (count := len(getattr(report, name))) > MAX_ITEMS:
            raise Failed(
                Reason.UNEXPECTED_ANSWER,
                f"a report with {count} {name} (maximum: {MAX_ITEMS})",
            )
    for part in report.parts:
        _check_counts(part)


def _typed(data: bytes) -> tuple[int, Report]:
    made = msgspec.msgpack.decode(data, type=Result)
    return made.index, _whole(made)


def _whole(made: Result) -> Report:
    facts: dict[str, Facts] = {}
    for room, packed in made.facts.items():
        facts[room] = msgspec.msgpack.decode(packed, type=_kind_of(room))
    return replace(made.report, facts=facts, parts=tuple(map(_whole, made.parts)))


def _kind_of(room: str) -> type[Facts]:
    if room == LocalFacts.ROOM:
        return LocalFacts
    if (kind := protocols.facts_type(room)) is None:
        raise msgspec.ValidationError(f"facts of the protocol {room!r}")
    return kind


def serve(order: bytes, send: Send) -> None:
    """Run an order to its end."""
    try:
        made = msgspec.msgpack.decode(order, type=Order)
        if made.areas:
            _send(send, 0, asyncio.run(look(_wanted(made))))
        paths = {name: _in_memory(data) for name, data in made.files.items()}
        jobs = [(each.target, _options(each, paths)) for each in made.tasks]
        prepare(jobs)
        asyncio.run(_run(jobs, made, send))
    except (UsageError, msgspec.MsgspecError, OSError) as error:
        send(ERROR, str(error).encode())
    else:
        send(END, vantage().encode())


async def _run(jobs: list[tuple[Target, Options]], order: Order, send: Send) -> None:
    async for index, report in check_many(jobs, order.selection, parallel=order.parallel):
        _send(send, index, report)


def _send(send: Send, index: int, report: Report) -> None:
    send(REPORT, msgspec.msgpack.encode(_result(index, report)))


def _result(index: int, report: Report) -> Result:
    facts = {room: _packed(each) for room, each in report.facts.items()}
    parts = tuple(_result(number, part) for number, part in enumerate(report.parts))
    return Result(index=index, report=replace(report, facts={}, parts=()), facts=facts, parts=parts)


def look_order(wanted: Wanted) -> Order:
    """Return the order of a look."""
    options = {area: _packed(own) for area, own in wanted.options.items()}
    return Order(
        tasks=(), files={}, selection=wanted.selection, parallel=1, areas=wanted.areas,
        area_options=options,
    )  # fmt: skip


def _wanted(order: Order) -> Wanted:
    options: dict[str, RoomOptions] = {}
    for name, packed in order.area_options.items():
        if (kind := protocols.areas()[name][1].options) is not None:
            options[name] = msgspec.msgpack.decode(packed, type=kind)
    return Wanted(areas=areas_named(order.areas), options=options, selection=order.selection)


def _options(sent: Task, paths: Mapping[str, str]) -> Options:
    """Return the options with the files that were sent."""
    kinds = {name: spec.options for name, spec in protocols.rooms().items()}
    own: list[RoomOptions] = []
    for name, packed in sent.rooms.items():
        if (kind := kinds.get(name)) is not None:
            own.append(_with_files(msgspec.msgpack.decode(packed, type=kind), paths))
    return _with_files(sent.options, paths).replace(rooms=tuple(own))


def _with_files(options: Own, paths: Mapping[str, str]) -> Own:
    """Return options whose file names are those of the copies here."""
    changes = {
        each.field: paths[name]
        for each in declared(type(options))
        if each.option.file and (name := getattr(options, each.field)) in paths
    }
    return replace(options, **changes)


def _packed(value: msgspec.Struct) -> msgspec.Raw:
    return msgspec.Raw(msgspec.msgpack.encode(value))


def _in_memory(data: bytes) -> str:
    """Return the path of a file that exists only in this process' memory."""
    descriptor = os.memfd_create("seventh")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(data)
    return f"/proc/self/fd/{descriptor}"

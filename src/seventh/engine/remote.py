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
from seventh.model.facts import Facts
from seventh.model.failure import UsageError
from seventh.model.option import RoomOptions, declared
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.net.probe_context import vantage
from seventh.rules.run import Selection

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


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One report; ``facts`` are by room, because their types are."""

    index: int
    report: Report
    facts: Mapping[str, msgspec.Raw]


def task(target: Target, options: Options) -> Task:
    """Return a target with its options, as they are sent."""
    by_type = {spec.options: name for name, spec in protocols.rooms().items()}
    rooms = {by_type[type(own)]: _packed(own) for own in options.rooms if type(own) in by_type}
    return Task(target=target, options=options.replace(rooms=()), rooms=rooms)


def report_of(data: bytes) -> tuple[int, Report]:
    """Read a report's frame; raises msgspec.MsgspecError or UsageError for any other bytes."""
    made = msgspec.msgpack.decode(data, type=Result)
    facts: dict[str, Facts] = {}
    for room, packed in made.facts.items():
        if room not in protocols.rooms():
            raise UsageError(f"facts of an unknown protocol {room!r}")
        kinds = vars(protocols.part(room, "facts")).values()
        kind = next(k for k in kinds if isinstance(k, type) and getattr(k, "ROOM", "") == room)
        facts[room] = msgspec.msgpack.decode(packed, type=kind)
    return made.index, replace(made.report, facts=facts)


def serve(order: bytes, send: Send) -> None:
    """Run an order to its end."""
    try:
        made = msgspec.msgpack.decode(order, type=Order)
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
        facts = {room: _packed(each) for room, each in report.facts.items()}
        result = Result(index=index, report=replace(report, facts={}), facts=facts)
        send(REPORT, msgspec.msgpack.encode(result))


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

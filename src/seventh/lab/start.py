"""The lab: every room's reference server, found by looking, clean or with one fault switched on."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from seventh import given, protocols
from seventh.labkit.serve import Fault, Kit, Served
from seventh.model.failure import UsageError
from seventh.model.near import unknown
from seventh.model.options import Options
from seventh.model.target import Target, parse_target


def labs() -> tuple[str, ...]:
    """Return the rooms that have a reference server."""
    return tuple(room for room in protocols.rooms() if protocols.has_part(room, "lab"))


def faults(room: str) -> tuple[Fault, ...]:
    """Return what the room's reference server can be told to do wrong."""
    found: tuple[Fault, ...] = protocols.part(room, "lab").FAULTS
    return found


def find_fault(room: str, name: str) -> Fault:
    """Return the room's fault of that name; UsageError naming those there are."""
    for fault in faults(room):
        if fault.name == name:
            return fault
    names = [fault.name for fault in faults(room)]
    raise UsageError(unknown(f"{room} fault", name, names, f"seventh lab {room} --list"))


def find_lab(name: str) -> str:
    """The room with a lab that is called so, by its name or a scheme; UsageError for neither."""
    scheme = protocols.schemes().get(name)
    room = protocols.room_of(name).name if scheme is not None else name
    if room not in labs():
        raise UsageError(unknown("lab", name, labs()))
    return room


def toured(room: str) -> tuple[Fault, ...]:
    """Return the faults that show best what the room can find, by its lab's ``TOUR``."""
    return tuple(
        find_fault(room, name) for name in getattr(protocols.part(room, "lab"), "TOUR", ())
    )


@contextlib.contextmanager
def kit() -> Iterator[Kit]:
    """Yield a kit whose files are gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="seventh-lab-") as folder:
        yield Kit(Path(folder))


@contextlib.asynccontextmanager
async def serving(room: str, fault: Fault | None, with_kit: Kit) -> AsyncIterator[Served]:
    """Run the room's reference server until the block ends."""
    async with protocols.part(room, "lab").serve(fault, with_kit) as served:
        yield served


def job(served: Served, base: Options) -> tuple[Target, Options]:
    """Return the target to check and the options that the reference server needs, over ``base``."""
    (target,) = parse_target(served.target, protocols.schemes())
    return target, given.make(served.options, base)

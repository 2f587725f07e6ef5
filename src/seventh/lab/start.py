"""Starting a room's reference server, correct or with one fault."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from seventh import given, protocols
from seventh.labkit.mailbox import FIRST, Mailbox
from seventh.labkit.serve import Fault, Kit, Served
from seventh.model.failure import UsageError
from seventh.model.near import unknown
from seventh.model.options import Options
from seventh.model.target import Target, parse_target


def labs() -> tuple[str, ...]:
    """Return the rooms that have a reference server."""
    rooms = protocols.rooms().items()
    return tuple(room for room, spec in rooms if spec.schemes and protocols.has_part(room, "lab"))


def faults(room: str) -> tuple[Fault, ...]:
    """Return the faults of the room's reference server."""
    found: tuple[Fault, ...] = protocols.part(room, "lab").FAULTS
    return found


def find_fault(room: str, name: str) -> Fault:
    """Return the room's fault of that name; raises UsageError, with suggestions, if none has it."""
    found = {fault.name: fault for fault in faults(room)}
    if name not in found:
        raise UsageError(unknown(f"{room} fault", name, found, f"seventh lab {room} --list"))
    return found[name]


def find_lab(name: str) -> str:
    """Return the room that has a lab and this name or scheme; raises UsageError for another."""
    room = protocols.room_of(name).name if name in protocols.schemes() else name
    if room not in labs():
        raise UsageError(unknown("lab", name, labs()))
    return room


def toured(room: str) -> tuple[Fault, ...]:
    """Return the faults that ``seventh tour`` shows, which the room's lab has in ``TOUR``."""
    return tuple(
        find_fault(room, name) for name in getattr(protocols.part(room, "lab"), "TOUR", ())
    )


@contextlib.contextmanager
def kit() -> Iterator[Kit]:
    """Yield a kit whose files are removed when the block ends."""
    with tempfile.TemporaryDirectory(prefix="seventh-lab-") as folder:
        yield Kit(Path(folder), serve_mailbox, serve_correct)


def serve_correct(room: str, with_kit: Kit) -> AbstractAsyncContextManager[Served]:
    """Run the room's correct reference server."""
    return serving(room, None, with_kit)


def serve_mailbox(box: Mailbox, with_kit: Kit) -> AbstractAsyncContextManager[Served]:
    """Serve ``box`` by the first lab of those that share one, and whose room opens mailboxes."""
    schemes = (scheme for room in labs() for scheme in together(room))
    shows = next(s for s in schemes if protocols.has_part(protocols.room_of(s).name, "mailbox"))
    return _serve_box(box, with_kit, shows)


def together(room: str) -> tuple[str, ...]:
    """Return the schemes that the room's lab serves over one mailbox: its ``TOGETHER``."""
    schemes: tuple[str, ...] = getattr(protocols.part(room, "lab"), "TOGETHER", ())
    return schemes


def _serve_box(box: Mailbox, with_kit: Kit, scheme: str) -> AbstractAsyncContextManager[Served]:
    lab = protocols.part(protocols.room_of(scheme).name, "lab")
    served: AbstractAsyncContextManager[Served] = lab.serve_box(box, with_kit, scheme)
    return served


@contextlib.asynccontextmanager
async def serving(room: str, fault: Fault | None, with_kit: Kit) -> AsyncIterator[Served]:
    """Run the room's reference server until the block ends."""
    async with protocols.part(room, "lab").serve(fault, with_kit) as served:
        yield served


@contextlib.asynccontextmanager
async def serving_all(
    room: str, fault: Fault | None, with_kit: Kit
) -> AsyncIterator[tuple[Served, ...]]:
    """Run the servers of ``seventh lab ROOM``: those over one mailbox, and the room's own."""
    schemes = together(room) if fault is None else ()
    async with contextlib.AsyncExitStack() as stack:
        box = Mailbox(FIRST)
        servers = [_serve_box(box, with_kit, scheme) for scheme in schemes]
        yield tuple(
            [
                await stack.enter_async_context(each)
                for each in [*servers, serving(room, fault, with_kit)]
            ]
        )


def job(served: Served, base: Options) -> tuple[Target, Options]:
    """Return the target of a reference server, and ``base`` with the options that it needs."""
    (target,) = parse_target(served.target, protocols.schemes())
    return target, given.make(served.options, base)

"""One look at a machine: everything in an area's table, side by side."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from msgspec.structs import replace

from seventh.localkit.area import Area, Call, Command, File, Further
from seventh.localkit.commands import run
from seventh.localkit.files import read_file, read_files
from seventh.localkit.machine import Machine
from seventh.localkit.processes import running
from seventh.localkit.seen import Process, Reading, Seen, Text
from seventh.model.localfacts import Cause, Unread
from seventh.model.option import RoomOptions
from seventh.wire.text import printable

SECONDS = 1.5
"""How long the commands of a whole look may take; what has not ended by then is killed."""
FURTHER_SECONDS = 0.3
"""How long further readings may take after that."""
_SIDE_BY_SIDE = 8
"""Commands at once, so that a look takes little of a small machine."""

ALWAYS = (
    File(path="/run/.containerenv", reads="whether this is a podman container", names_only=True),
    File(path="/.dockerenv", reads="whether this is a docker container", names_only=True),
    File(path="/run/systemd/container", reads="which other container this is", max_bytes=64),
)
"""What every look reads."""
_PODMAN, _DOCKER, _NAMED = ALWAYS


class Looker:
    """Reads the tables of areas on one machine; made when the look begins."""

    def __init__(self, machine: Machine, seconds: float = SECONDS) -> None:
        self.machine = machine
        self._ends_at = asyncio.get_running_loop().time() + seconds
        self._gate = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def look(self, area: Area, options: RoomOptions | None = None) -> Seen:
        """Read everything in the area's table; nothing is raised for what cannot be read."""
        wanted = {*area.processes, *(name for command in area.commands for name in command.of)}
        async with asyncio.TaskGroup() as group:
            start = group.create_task
            files = start(asyncio.to_thread(self._files, area))
            calls = {
                call.name: start(asyncio.to_thread(_called, call, self.machine))
                for call in area.calls
            }
            processes = await asyncio.to_thread(running, wanted, self.machine) if wanted else ()
            outputs = {
                command.name: start(self._output(command, processes)) for command in area.commands
            }
        seen = Seen(
            outputs={name: task.result() for name, task in outputs.items()},
            files=files.result(),
            processes=processes,
            calls={name: task.result() for name, task in calls.items()},
            container=container_of(self.machine),
        )
        for further in area.further:
            found = await self._further(further, seen, options)
            seen = replace(seen, calls={**seen.calls, further.name: found})
        return seen

    def _files(self, area: Area) -> dict[str, Mapping[str, Text] | Unread]:
        return {file.path: read_files(file, self.machine) for file in area.files}

    async def _further(
        self, further: Further, seen: Seen, options: RoomOptions | None
    ) -> Reading | Unread:
        own = asyncio.get_running_loop().time() + further.seconds
        try:
            async with asyncio.timeout_at(max(self._ends_at + FURTHER_SECONDS, own)):
                return await further.run(self.machine, seen, options)
        except TimeoutError:
            return Unread(name=further.name, cause=Cause.TIMED_OUT)

    async def _output(self, command: Command, processes: tuple[Process, ...] | Unread) -> Text:
        if command.of and not isinstance(processes, Unread):  # else it may run
            names = {process.name for process in processes}
            if names.isdisjoint(command.of):
                return Unread(name=command.name, cause=Cause.NOT_RUNNING)
        async with self._gate:
            left = self._ends_at - asyncio.get_running_loop().time()
            if left <= 0:
                detail = "others took all the time of the look"
                return Unread(name=command.name, cause=Cause.TIMED_OUT, detail=detail)
            known = () if isinstance(processes, Unread) else processes
            more = command.more(known) if command.more is not None else ()
            return await run(command, self.machine, min(left, command.seconds), more)


def _called(call: Call, machine: Machine) -> object:
    try:
        return call.run(machine)
    except OSError as error:
        cause = Cause.NOT_PERMITTED if isinstance(error, PermissionError) else Cause.FAILED
        return Unread(name=call.name, cause=cause, detail=error.strerror or "")


def container_of(machine: Machine) -> str:
    """Return the kind of container that this machine is; empty if nothing says so."""
    for path, kind in ((_PODMAN.path, "podman"), (_DOCKER.path, "docker")):
        if os.path.lexists(machine.at(path)):
            return kind
    named = read_file(_NAMED.path, _NAMED, machine)
    return printable(named.strip(), 64) if isinstance(named, str) else ""

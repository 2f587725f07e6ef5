"""The one runner of external commands."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
from subprocess import DEVNULL, PIPE

from seventh.localkit.area import Command
from seventh.localkit.machine import Machine
from seventh.localkit.seen import Cut, Text
from seventh.model.localfacts import Cause, Unread
from seventh.wire.text import printable

_MAX_ERROR_BYTES = 16 * 1024
_ENDING_SECONDS = 0.5
_DETAIL_CHARS = 200
_DENIED = ("not authorised", "permission denied", "operation not permitted", "must be root")
"""What programs print, in the language C, if the user may not ask."""


async def run(
    command: Command, machine: Machine, seconds: float | None = None, more: tuple[str, ...] = ()
) -> Text:
    """Run one command and return what it prints; it never outlives its deadline, or ``seconds``.

    ``more`` are the arguments that come last.

    Its environment is the search path and ``LC_ALL=C``; it runs in its own session, and all of that
    is killed at the deadline or when it prints too much.
    """
    name, *words = command.words
    program = machine.program(name)
    if program is None:
        return Unread(name=command.name, cause=Cause.NOT_INSTALLED)
    try:
        process = await asyncio.create_subprocess_exec(
            program, *machine.arguments.get(name, ()), *words, *more,
            stdin=DEVNULL, stdout=PIPE, stderr=PIPE, cwd="/", start_new_session=True,
            env={"PATH": os.pathsep.join(machine.path), "LC_ALL": "C"},
        )  # fmt: skip
    except OSError as error:
        denied = error.errno in {errno.EACCES, errno.EPERM}
        cause = Cause.NOT_PERMITTED if denied else Cause.FAILED
        return Unread(name=command.name, cause=cause, detail=error.strerror or "")
    assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - PIPE
    seconds = command.seconds if seconds is None else seconds
    said, complaint = bytearray(), bytearray()
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(
                _read(process, process.stdout, said, command.max_bytes),
                _read(process, process.stderr, complaint, _MAX_ERROR_BYTES),
            )
            too_much = len(said) > command.max_bytes or len(complaint) > _MAX_ERROR_BYTES
            code = None if too_much else await process.wait()
    except TimeoutError:
        return _cut(command, said) or Unread(
            name=command.name, cause=Cause.TIMED_OUT, detail=f"{seconds:.3g} s"
        )
    finally:
        await _end(process)
    if code is None:
        return _cut(command, said) or Unread(
            name=command.name, cause=Cause.TOO_LARGE, detail=f"more than {command.max_bytes} bytes"
        )
    if code not in command.exit_codes:
        return _failed(command, code, bytes(complaint or said))
    return (complaint if command.on_stderr else said).decode("utf-8", "replace")


def _cut(command: Command, said: bytearray) -> Cut | None:
    """Return the whole lines of a command that was ended; None without any, or without use."""
    lines = said[: said.rfind(b"\n") + 1] if command.partial else b""
    return Cut(lines.decode("utf-8", "replace")) if lines else None


async def _read(
    process: asyncio.subprocess.Process, stream: asyncio.StreamReader, data: bytearray, most: int
) -> None:
    """Read to the end; at one byte more than ``most`` kill the command."""
    while piece := await stream.read(most + 1 - len(data)):
        data += piece
        if len(data) > most:
            _kill(process)
            break


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill what is left of a command, and wait for it; a process in the kernel may take longer."""
    if process.returncode is None or not _at_end(process):
        _kill(process)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ENDING_SECONDS):
            # asyncio reports the end only once its pipes are empty.
            await asyncio.gather(_drain(process.stdout), _drain(process.stderr))
            await process.wait()


async def _drain(stream: asyncio.StreamReader | None) -> None:
    while stream is not None and await stream.read(_MAX_ERROR_BYTES):
        pass


def _at_end(process: asyncio.subprocess.Process) -> bool:
    """Return whether every process that had the command's output has closed it."""
    streams = (process.stdout, process.stderr)
    return all(stream is None or stream.at_eof() for stream in streams)


def _failed(command: Command, code: int, said: bytes) -> Unread:
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    last = printable(lines[-1].strip(), _DETAIL_CHARS) if lines else ""
    denied = any(text in last.lower() for text in _DENIED)
    how = f"exit code {code}" if code >= 0 else f"killed by signal {-code}"
    return Unread(
        name=command.name, cause=Cause.NOT_PERMITTED if denied else Cause.FAILED,
        detail=f"{last} ({how})" if last else how,
    )  # fmt: skip

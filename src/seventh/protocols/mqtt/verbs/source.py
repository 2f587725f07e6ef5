"""Standard input or a file as lines, while other things go on."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from seventh.model.failure import UsageError, system_error

MAX_PAYLOAD_BYTES = 256 << 20
"""More than a message of MQTT may have."""
_CHUNK = 1 << 16
_STDIN = "-"


def read_whole(name: str) -> bytes:
    """Return a file's content, of standard input for ``-``. Raises UsageError."""
    try:
        if name == _STDIN:
            data = sys.stdin.buffer.read(MAX_PAYLOAD_BYTES + 1)
        else:
            with Path(name).expanduser().open("rb") as file:
                data = file.read(MAX_PAYLOAD_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:
        why = system_error(error) if isinstance(error, OSError) else str(error)
        raise UsageError(f"--file {name}: cannot be read: {why}") from None
    if len(data) > MAX_PAYLOAD_BYTES:
        raise UsageError(f"--file {name}: more than {MAX_PAYLOAD_BYTES >> 20} MiB")
    return data


async def lines_of(name: str, flag: str) -> AsyncIterator[list[bytes]]:
    """Yield the lines of a file that have arrived, without their ends. Raises UsageError."""
    try:
        descriptor = 0 if name == _STDIN else _open(name)
        try:
            async for lines in _split(descriptor, name, flag):
                yield lines
        finally:
            if name != _STDIN:
                os.close(descriptor)
    except (OSError, ValueError, RuntimeError) as error:
        why = system_error(error) if isinstance(error, OSError) else str(error)
        raise UsageError(f"{flag} {name}: cannot be read: {why}") from None


def _open(name: str) -> int:
    return os.open(Path(name).expanduser(), os.O_RDONLY | os.O_CLOEXEC)


async def _split(descriptor: int, name: str, flag: str) -> AsyncIterator[list[bytes]]:
    waits = not stat.S_ISREG(os.fstat(descriptor).st_mode)
    rest = b""
    while True:
        if waits:
            await _readable(descriptor)
        data = os.read(descriptor, _CHUNK)
        *lines, rest = (rest + data).split(b"\n")
        if not data and rest:
            lines.append(rest)
        if lines:
            yield [line.removesuffix(b"\r") for line in lines]
        if not data:
            return
        if len(rest) > MAX_PAYLOAD_BYTES:
            raise UsageError(f"{flag} {name}: a line of more than {MAX_PAYLOAD_BYTES >> 20} MiB")
        await asyncio.sleep(0)


async def _readable(descriptor: int) -> None:
    """Wait until there is something to read; at once for what cannot be waited for."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except (OSError, RuntimeError):  # /dev/null
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)

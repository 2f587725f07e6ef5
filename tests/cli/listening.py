"""``seventh listen snmp`` as a process of its own, on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from seventh.protocols.snmp.lab.setup import AUTH_PASSWORD, COMMUNITY, PRIV_PASSWORD

_PORT = re.compile(rb"listening on UDP port ([0-9]+); engine ([0-9a-f]+)")


class Listening:
    """The process, and where it listens."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, engine: str) -> None:
        self.process, self.port, self.engine = process, port, engine
        self.said = ""

    async def record(self) -> dict[str, Any]:
        """The next record that is written to standard output."""
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        found: dict[str, Any] = msgspec.json.decode(line)
        return found

    async def until(self, event: str) -> dict[str, Any]:
        """The next record of that event; those before are passed over."""
        while (found := await self.record())["event"] != event:
            pass
        return found

    async def end(
        self, number: signal.Signals = signal.SIGTERM
    ) -> tuple[int, list[dict[str, Any]]]:
        """The exit code after a signal, and the records that were not read."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        out, err = await self.process.communicate()
        self.said = err.decode()
        code = self.process.returncode
        assert code is not None
        return code, [msgspec.json.decode(line) for line in out.splitlines()]


def conf(folder: Path, more: str = "") -> Path:
    """A file with the lab's community and user, and ``more``."""
    for name, text in (("c", COMMUNITY), ("a", AUTH_PASSWORD), ("p", PRIV_PASSWORD)):
        (folder / name).write_text(text, encoding="utf-8")
    file = folder / "traps.toml"
    file.write_text(
        f"""
[[community]]
community = "file:{folder}/c"
[[user]]
name = "monitor"
auth = "sha256"
auth-password = "file:{folder}/a"
priv = "aes"
priv-password = "file:{folder}/p"
{more}""",
        encoding="utf-8",
    )
    return file


@contextlib.asynccontextmanager
async def listening(folder: Path, *words: str, more: str = "") -> AsyncIterator[Listening]:
    """Run it; gives the process when it listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "seventh", "listen", "snmp", "--port", "0", "--host", "127.0.0.1",
        "--config", str(conf(folder, more)), "--state", str(folder / "state"), *words,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, limit=1 << 22,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        line = await process.stderr.readline()
        match = _PORT.search(line)
        assert match is not None, (line + await process.stderr.read()).decode()
        yield Listening(process, int(match[1]), match[2].decode())
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

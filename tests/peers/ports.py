"""Waiting for a server that has just been started."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

_SECONDS = 20.0


async def listening(
    port: int, process: asyncio.subprocess.Process | None = None, log: Path | None = None
) -> None:
    """Return when ``port`` of 127.0.0.1 accepts a connection.

    The test fails with the server's ``log`` if the server ends before, or after 20 seconds.
    """
    try:
        async with asyncio.timeout(_SECONDS):
            while process is None or process.returncode is None:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    return
                await asyncio.sleep(0.01)  # its port is not open yet; nothing can be waited on
    except TimeoutError:
        pytest.fail(f"nothing listens on port {port}: {_said(log)}")
    pytest.fail(f"the server ended: {_said(log)}")


def _said(log: Path | None) -> str:
    return log.read_text(errors="replace") if log is not None and log.exists() else "it has no log"

"""Everything that Apprise can notify, in a process of its own that ends at the deadline.

Apprise waits in threads, which nothing can stop, and returns no reason but its log.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import sys

from seventh.model.failure import system_error
from seventh.net.wait import Cutoff, DeadlineError
from seventh.notify.message import Message
from seventh.notify.receiver import SECONDS, NotReceivedError, Receiver
from seventh.wire.table import read_text
from seventh.wire.text import printable

_UNKNOWN_URL = 2
MISSING = "needs Apprise: pip install 'seventh[apprise]'"


def is_installed() -> bool:
    """Return whether Apprise is there, without importing it."""
    return importlib.util.find_spec("apprise") is not None


async def send(receiver: Receiver, message: Message) -> None:
    """Send one notification. Raises NotReceivedError."""
    task = {"url": receiver.url, "title": message.title, "body": message.text,
            "type": "success" if message.status == "resolved" else "failure"}  # fmt: skip
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-c", read_text(__package__, "apprise_process.py"),
            start_new_session=True, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        raise NotReceivedError(f"no process for Apprise: {system_error(error)}") from None
    try:
        async with Cutoff(SECONDS):
            said, _ = await process.communicate(json.dumps(task).encode())
    except DeadlineError:
        raise NotReceivedError(f"no end after {SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        if not is_installed():
            raise NotReceivedError(MISSING)
        if process.returncode == _UNKNOWN_URL:
            raise NotReceivedError(f"Apprise does not know what {receiver.keys.url} has as a URL")
        why = printable(said[-500:].decode("utf-8", "replace").strip(), 500)
        raise NotReceivedError(receiver.without_secrets(why or "not received"))

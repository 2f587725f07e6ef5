"""Has the hours that are over written by a child, and deletes them from the journal."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time

import msgspec

from seventh.watch import records
from seventh.watch.health import Health
from seventh.watch.history.compact import Written
from seventh.watch.history.database import installed
from seventh.watch.store import Store, StoreError

_EVERY_SECONDS = 300.0
_WRITTEN = msgspec.json.Decoder(Written)


async def keep(store: Store, health: Health) -> None:
    """Look every five minutes whether something is to be written, until cancelled."""
    while installed():
        await keep_once(store, health, time.time_ns())
        await asyncio.sleep(_EVERY_SECONDS)


async def keep_once(store: Store, health: Health, now_ns: int) -> None:
    """Write what is due; what fails is in ``health``, stays in the journal and is tried again."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "seventh.watch.history.compact", str(store.folder), str(now_ns),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, start_new_session=True,  # Ctrl-C is the monitor's
    )  # fmt: skip
    assert child.stdout is not None  # noqa: S101 - it is a pipe
    assert child.stderr is not None  # noqa: S101
    told: list[str] = []
    try:
        async for line in child.stdout:
            written = _WRITTEN.decode(line)
            told += written.notes
            hour, seq = written.hour, written.seq
            await asyncio.wrap_future(
                store.run(lambda database: records.forget_hour(database, hour, seq))  # noqa: B023
            )
        told += (await child.stderr.read()).decode(errors="replace").splitlines()
        if (code := await child.wait()) and not told:
            told.append(f"the history's process ended with {code}")
    except StoreError as error:  # the hour's file says that it has these pulses
        told.append(str(error))
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    health.history = "; ".join(told)

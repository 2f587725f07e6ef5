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
from seventh.watch.history.retention import ALONE_NS, WAITING_NS, Dropped, drop
from seventh.watch.store import Store, StoreError

_EVERY_SECONDS = 300.0
_WRITTEN = msgspec.json.Decoder(Written)


async def keep(store: Store, health: Health) -> None:
    """Look every five minutes whether something is to be written, until cancelled."""
    while True:
        now_ns = time.time_ns()
        if installed():
            await keep_once(store, health, now_ns)
        else:  # nothing is lost: there is no history
            with contextlib.suppress(StoreError):
                await _drop(store, now_ns, ALONE_NS)
        await asyncio.sleep(_EVERY_SECONDS)


async def keep_once(store: Store, health: Health, now_ns: int) -> None:
    """Write what is due; what fails is in ``health``, stays in the journal and is tried again.

    When there is no more room for it, or after 14 days, the oldest is dropped.
    """
    told = await _write(store, now_ns)
    try:
        dropped = await _drop(store, now_ns, WAITING_NS) if told else None
    except StoreError as error:
        told.append(str(error))
    else:
        if dropped is not None:
            health.dropped += dropped.pulses
            until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(dropped.until_ns / 1e9))
            told.append(f"{dropped.pulses:,} pulses of before {until} dropped from the journal")
    health.history = "; ".join(told)


async def _drop(store: Store, now_ns: int, kept_ns: int) -> Dropped | None:
    return await asyncio.wrap_future(
        store.run(lambda database: drop(database, store.folder, now_ns, kept_ns))
    )


async def _write(store: Store, now_ns: int) -> list[str]:
    """Have the hours written that are due; return what is to be told."""
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
    return told

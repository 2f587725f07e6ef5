"""Where records go: what sends a batch, by the form of ``to``."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from seventh import protocols
from seventh.engine import deliver
from seventh.model.failure import Failed, UsageError, system_error
from seventh.model.options import Options
from seventh.model.target import Target, parse_target
from seventh.net.resolve import in_daemon_thread
from seventh.notify.forward import syslog
from seventh.notify.receiver import SECONDS, NotReceivedError
from seventh.watch.config import secret
from seventh.watch.traps.keys import ForwardKeys
from seventh.watch.traps.spool import Batch
from seventh.web.message import Request
from seventh.wire.text import printable

Send = Callable[[Batch], Awaitable[None]]
"""Sends a batch; raises NotReceivedError, or OSError of standard output."""
_REFUSED = frozenset({400, 413, 422})


def sender_of(keys: ForwardKeys) -> Send:
    """Return what sends to a receiver. Raises UsageError for one that cannot be."""
    to = keys.to
    if to == "-":
        return _to_standard_output
    if "://" not in to:
        path = Path(to)
        if not path.is_absolute():
            raise UsageError(f"[[forward]] {keys.name}: to: write a path from / on, or a URL")
        return lambda batch: in_daemon_thread(lambda: append(path, batch.data))
    options = Options(timeout_seconds=SECONDS, ca_file=keys.ca)
    try:
        if to.startswith("syslog"):
            return _to_syslog(syslog.target_of(to), options)
        known = {each: protocols.schemes()[each] for each in ("http", "https")}
        (target,) = parse_target(to, known)
    except UsageError as error:
        raise UsageError(f"[[forward]] {keys.name}: to: {error}") from None
    return _to_http(target, options, keys.token)


async def _to_standard_output(batch: Batch) -> None:
    def write() -> None:
        sys.stdout.write(batch.data.decode("utf-8", "backslashreplace"))
        sys.stdout.flush()

    await in_daemon_thread(write)


def append(path: Path, data: bytes) -> None:
    """Write lines to the end of a file, and to the disk. Raises NotReceivedError.

    It is opened each time, as it may have been rotated. What a crash left of a line is ended first.
    """
    try:
        with path.open("ab+", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
                data = b"\n" + data
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
    except OSError as error:
        raise NotReceivedError(f"{path}: cannot be written: {system_error(error)}") from None


def _to_syslog(target: Target, options: Options) -> Send:
    async def send(batch: Batch) -> None:
        try:
            await syslog.send(target, options, batch.data.splitlines())
        except Failed as failed:
            raise NotReceivedError(_why(failed)) from None

    return send


def _to_http(target: Target, options: Options, token: str | None) -> Send:
    headers = [("User-Agent", "seventh"), ("Content-Type", "application/x-ndjson")]
    if token is not None:
        headers.append(("Authorization", f"Bearer {secret(token)}"))

    async def send(batch: Batch) -> None:
        key = ("Idempotency-Key", f"seventh-traps-{batch.seq}")
        wanted = Request(method="POST", authority="", headers=(*headers, key), body=batch.data)
        try:
            response = await deliver.request(target, options, wanted)
        except Failed as failed:
            raise NotReceivedError(_why(failed)) from None
        if not 200 <= response.status < 300:
            said = printable(response.body[:200].decode("utf-8", "replace").strip(), 200)
            raise NotReceivedError(
                f"status {response.status}: {said}", refused=response.status in _REFUSED
            )

    return send


def _why(failed: Failed) -> str:
    return f"{failed.reason} in {failed.phase or '-'}: {failed.detail}"

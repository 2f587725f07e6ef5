"""The tasks of which watching consists: an error that ends one is reported."""

from __future__ import annotations

import asyncio


def report(task: asyncio.Task[None]) -> None:
    """Report an error of this program that ended a task."""
    if not task.cancelled() and (error := task.exception()) is not None:
        asyncio.get_running_loop().call_exception_handler(
            {"message": "a part of watch failed", "exception": error}
        )

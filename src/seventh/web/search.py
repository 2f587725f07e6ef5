"""Regular expressions that a user expects in what a peer sends.

Python's engine backtracks: ``(a+)+$`` takes years on thirty bytes, holds the interpreter meanwhile,
and a peer chooses the bytes. A search therefore runs in a process of its own, which is killed at
the deadline; checks of other targets go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import math
import re
import sys
import warnings
from collections.abc import Sequence

from seventh.model.failure import Failed, Reason, UsageError, system_error
from seventh.net.stopwatch import now_ns
from seventh.net.wait import Cutoff, DeadlineError
from seventh.wire.table import read_text
from seventh.wire.text import printable

SEARCH_SECONDS = 5.0
"""The most that one search may take."""
MAX_PATTERN = 4096
_SPECIAL = frozenset(r".^$*+?{}[]\|()")


def _program() -> str:
    return read_text(__package__, "search_process.py")


def pattern_of(text: str, option: str) -> str:
    """Return ``text`` if it is a regular expression; ``option`` begins the UsageError if not."""
    if len(text) > MAX_PATTERN:
        raise UsageError(f"{option}: a regular expression of more than {MAX_PATTERN} characters")
    try:
        text.encode()  # what was typed may not be UTF-8
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of a set that may change its meaning
            re.compile(text)
    except UnicodeError:
        raise UsageError(f"{option}: the regular expression is not UTF-8 text") from None
    except re.error as error:
        at = f" at position {error.pos}" if error.pos is not None else ""
        raise UsageError(f"{option} {_shown(text)}: {error.msg}{at}") from None
    except (RecursionError, OverflowError):
        raise UsageError(f"{option} {_shown(text)}: the expression is too complex") from None
    return text


def _shown(text: str) -> str:
    return f"'{printable(text, 80)}'"


async def first_match(
    pattern: str, texts: Sequence[bytes], deadline_ns: int, encoding: str = "latin-1"
) -> int | None:
    """Return the index of the first text with a match; bytes that are no text become U+FFFD.

    Raises Failed: options-unusable if the search takes too long, local-resource if no process can
    be started.
    """
    if _SPECIAL.isdisjoint(pattern):  # plain text needs no engine
        matching = (i for i, text in enumerate(texts) if pattern in str(text, encoding, "replace"))
        return next(matching, None)
    seconds = min(SEARCH_SECONDS, max(0.0, (deadline_ns - now_ns()) / 1e9))
    task = marshal.dumps((pattern, tuple(texts), encoding, math.ceil(seconds) + 1))
    try:
        # A session of its own: Ctrl-C is for this process, which ends that one.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", "-c", _program(), start_new_session=True,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        raise Failed(
            Reason.LOCAL_RESOURCE, f"no process for a regular expression: {system_error(error)}"
        ) from None
    try:
        async with Cutoff(seconds):
            found, _ = await process.communicate(task)
    except DeadlineError:
        raise Failed(
            Reason.OPTIONS_UNUSABLE,
            f"the search for {_shown(pattern)} was stopped after {seconds:.1f} s; write it without "
            "nested repetition, such as (a+)+",
        ) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise Failed(
            Reason.LOCAL_RESOURCE, f"the search for {_shown(pattern)} ended with an error; this "
            "machine may be out of memory",
        )  # fmt: skip
    index: int = marshal.loads(found)  # noqa: S302 - our child's
    return index if index >= 0 else None

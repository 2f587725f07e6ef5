"""Limits of this process and machine: descriptors, buffers, threads. Never the peer's fault.

A step that meets one may be of a kind whose failure is a verdict ("this address does not accept").
So each is noted for the look that is running, and the engine withdraws that look's verdicts.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from contextvars import ContextVar

from seventh.model.failure import Failed, Reason

_OURS = frozenset([errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
_FILES = frozenset([errno.EMFILE, errno.ENFILE])
_met: ContextVar[list[Failed] | None] = ContextVar("shortage", default=None)


@contextlib.contextmanager
def watched() -> Iterator[list[Failed]]:
    """Collect the shortages met by the block and tasks that it starts."""
    met: list[Failed] = []
    token = _met.set(met)
    try:
        yield met
    finally:
        _met.reset(token)


def is_ours(error: OSError) -> bool:
    """Return whether ``error`` is a limit of this process or machine."""
    return error.errno in _OURS


def short(error: OSError, of: str = "socket") -> Failed:
    """Return the failure of a step that met a limit, and record it for :func:`watched`."""
    fix = "raise the limit (`ulimit -n`) or lower --parallel"
    more = f"; {fix}" if error.errno in _FILES else ""
    failed = Failed(
        Reason.LOCAL_RESOURCE, f"no {of} available on this machine: {error.strerror or error}{more}"
    )
    met = _met.get()
    if met is not None:
        met.append(failed)
    return failed


def missing() -> OSError | None:
    """Return the error of opening a descriptor now, or None.

    The C resolver and DNS libraries answer "no such name" when they could not open a socket.
    """
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error if is_ours(error) else None
    return None

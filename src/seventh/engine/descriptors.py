"""How many targets can be looked at side by side with the file descriptors that there are."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from pathlib import Path

from seventh import protocols
from seventh.model.options import Options
from seventh.model.target import Target

_APART = 24
"""Descriptors that no target is given: those that are open, files that are read, libraries."""
_BESIDE = 6
"""What a target needs beside its connections: lookups, an agent, a file."""


def wanted_of(target: Target, options: Options) -> int:
    """The most descriptors that one look opens at once; a jump host has a connection of its own."""
    return protocols.room_of(target.scheme).connections + _BESIDE + len(options.via)


def fitting(jobs: Iterable[tuple[Target, Options]], parallel: int) -> tuple[int, int]:
    """How many of ``jobs``, up to ``parallel``, fit side by side; and the limit that decides.

    Raises the process's own limit as far as it may.
    """
    wanted = sorted((wanted_of(target, options) for target, options in jobs), reverse=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = sum(wanted[:parallel]) + max(_APART, _open_now() + 8)
    if soft != resource.RLIM_INFINITY and soft < most and soft != hard:
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= most:
        return parallel, soft
    left = soft - max(_APART, _open_now() + 8)
    fit = 0
    for count in wanted[:parallel]:
        left -= count
        fit += left >= 0
    return max(1, fit), soft


def _open_now() -> int:
    folder = Path("/proc/self/fd")
    try:
        return sum(1 for _ in folder.iterdir())
    except OSError:  # no Linux, or none left to look with
        return 0

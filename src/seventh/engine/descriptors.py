"""How many targets can be checked at once with the available file descriptors."""

from __future__ import annotations

import itertools
import resource
from collections.abc import Iterable
from pathlib import Path

from seventh import protocols
from seventh.model.options import Options
from seventh.model.target import Target

_RESERVED = 24
"""Descriptors that no target gets: those already open, files that are read, libraries."""
_PER_TARGET = 6
"""What a target needs besides its connections: lookups, an agent, a file."""


def needed_by(target: Target, options: Options) -> int:
    """Return how many descriptors one check opens at most; each jump host has a connection."""
    return protocols.room_of(target.scheme).connections + _PER_TARGET + len(options.via)


def fitting(jobs: Iterable[tuple[Target, Options]], parallel: int) -> tuple[int, int]:
    """Return how many of ``jobs``, up to ``parallel``, fit at once, and the limit of descriptors.

    Raises the soft limit of the process as far as the hard limit allows.
    """
    needed = sorted((needed_by(target, options) for target, options in jobs), reverse=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    reserved = max(_RESERVED, _open_now() + 8)
    most = sum(needed[:parallel]) + reserved
    wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= most:
        return parallel, soft
    fit = sum(used <= soft - reserved for used in itertools.accumulate(needed[:parallel]))
    return max(1, fit), soft


def _open_now() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:  # no Linux, or no descriptor left
        return 0

"""The version of a program that is installed on this machine, as the program itself says it."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess

from seventh.lintkit.linted import Kind, Program, Software

_SECONDS = 2.0
_MOST_CHARS = 4096
_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where servers are, also for users whose PATH does not say so."""


def installed(kind: Kind) -> Software | None:
    """Return the version of the first program of ``kind`` that says one; None if none does."""
    return next(filter(None, (_asked(program, kind.product) for program in kind.programs)), None)


def find(name: str) -> str | None:
    """Return the path of a program on this machine; None if it is not installed."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_FOLDERS])
    return shutil.which(name, path=path)


@functools.cache
def _asked(program: Program, product: str) -> Software | None:
    name, *words = program.command
    if (found := find(name)) is None:
        return None
    try:
        done = subprocess.run(
            [found, *words], check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    match = re.search(program.says, done.stdout[:_MOST_CHARS].decode("utf-8", "replace"))
    if match is None:
        return None
    version = tuple(int(number) for number in match["version"].split("."))
    return Software(product=match.groupdict().get("product") or product, version=version)

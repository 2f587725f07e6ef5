"""The configuration of the nginx that runs: its main file and what that includes.

It is read here, not printed by ``nginx -T``: that opens the logs and the process ID file for
writing, creates folders, and listens for a moment on what was added since nginx was started.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from seventh.localkit.area import Command, File, Further
from seventh.localkit.files import read_files
from seventh.localkit.machine import Machine
from seventh.localkit.seen import Process, Reading, Seen, Text
from seventh.model.localfacts import Cause, Unread

NAME = "nginx"
BUILD = "nginx -V"
READ = "nginx.conf and what it includes"
_ROOT = 0
_MAX_FILES = 512
_MAX_CHARS = 4 * 1024 * 1024
_OPTIONS = frozenset({"-c", "-p"})
_QUOTED = r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\''
_COMMENT = r"(?<!\S)#[^\n]*"
_ASIDE = re.compile(f"{_QUOTED}|{_COMMENT}")
_INCLUDE = re.compile(
    rf"{_QUOTED}|{_COMMENT}|(?:^|[;{{}}])\s*include\s+(?P<name>{_QUOTED}|[^\s;\"']+)(?=\s*;)",
    re.MULTILINE,
)
_FIRST = re.compile(r"# configuration file (/.*):$", re.MULTILINE)


class NginxFiles(Reading, frozen=True, kw_only=True):
    """The files in the form in which ``nginx -T`` prints them; empty if the main one is unread."""

    text: str = ""

    @property
    def complete(self) -> bool:
        """Whether all that is included was read."""
        return not self.unread


def masters(processes: Sequence[Process]) -> tuple[Process, ...]:
    """Return the processes of nginx that none of them has started."""
    pids = {process.pid for process in processes if process.name == NAME}
    return tuple(
        process for process in processes if process.name == NAME and process.parent not in pids
    )


def main_of(seen: Seen) -> str | Unread:
    """Return the main file of the nginx that runs: its -c, or what it was built with.

    A file that another user's process names is not read.
    """
    running = masters(() if isinstance(seen.processes, Unread) else seen.processes)
    if not running:
        return Unread(name=READ, cause=Cause.NOT_RUNNING)
    ours = [each for each in running if each.user_id in {_ROOT, os.geteuid()}]
    if len(ours) != 1:
        detail = "several run" if ours else "another user runs it"
        return Unread(name=READ, cause=Cause.UNEXPECTED, detail=detail)
    words = " ".join(ours[0].arguments).split()
    given = {word: after for word, after in pairwise(words) if word in _OPTIONS}
    said = seen.output(BUILD)
    built = dict(re.findall(r"--(conf-path|prefix)=(\S+)", said if isinstance(said, str) else ""))
    prefix = given.get("-p") or built.get("prefix", "")
    name = given.get("-c") or built.get("conf-path", "conf/nginx.conf" if prefix else "")
    path = str(PurePosixPath(prefix, name)) if name else ""
    if not path.startswith("/"):
        return Unread(name=READ, cause=Cause.UNEXPECTED, detail="where it is could not be learnt")
    return path


async def _read(machine: Machine, seen: Seen, _: Any) -> NginxFiles:
    name = main_of(seen)
    if isinstance(name, Unread):
        return NginxFiles(unread=(name,))
    return await asyncio.to_thread(collect, name, machine)


def collect(main: str, machine: Machine) -> NginxFiles:
    """Read the main file and what it includes, each file once, within bounds."""
    unread: list[Unread] = []
    read: dict[str, str] = {}
    waiting = [main]
    while waiting:
        pattern = waiting.pop()
        file = File(path=pattern, reads="", max_bytes=_MAX_CHARS)
        found = read_files(file, machine)
        for path, text in found.items() if not isinstance(found, Unread) else ():
            if path in read or _is_hidden(path, pattern):
                continue
            if isinstance(text, Unread):
                unread.append(text)
            elif len(read) >= _MAX_FILES or sum(map(len, read.values())) > _MAX_CHARS:
                return NginxFiles(unread=(Unread(name=READ, cause=Cause.TOO_LARGE),))
            else:
                read[path] = text
                waiting += (str(PurePosixPath(main).parent / name) for name in includes(text))
    parts = (f"# configuration file {path}:\n{text}\n" for path, text in read.items())
    return NginxFiles(text="".join(parts) if main in read else "", unread=tuple(unread))


def includes(text: str) -> Iterator[str]:
    """Yield what each include names."""
    named = (found["name"] for found in _INCLUDE.finditer(text))
    return (name.strip("\"'") for name in named if name is not None)


def plain(text: str) -> str:
    """Return a configuration without comments and quoted words."""
    return _ASIDE.sub("", text)


def _is_hidden(path: str, pattern: str) -> bool:
    name, wanted = PurePosixPath(path).name, PurePosixPath(pattern).name
    return name.startswith(".") and not (wanted.startswith(".") and fnmatchcase(name, wanted))


COMMAND = Command(
    name=BUILD, words=("nginx", "-V"), of=(NAME,), on_stderr=True,
    reads="the installed version, and where its configuration is",
)  # fmt: skip
FILES = Further(
    name=READ, run=_read,
    reads="the configuration of the nginx that root runs, as with its options -c and -p",
)  # fmt: skip


def configuration(seen: Seen) -> Text:
    """Return the files in the form in which ``nginx -T`` prints them.

    They may have been changed since nginx has read them.
    """
    found = seen.calls.get(READ)
    if not isinstance(found, NginxFiles):
        return found if isinstance(found, Unread) else Unread(name=READ, cause=Cause.NOT_FOUND)
    return found.text or next(iter(found.unread), Unread(name=READ, cause=Cause.NOT_FOUND))


def main_file(text: str) -> str:
    """Return the name of the first file; empty where there is none."""
    first = _FIRST.match(text)
    return first[1] if first is not None else ""

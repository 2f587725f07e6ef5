"""The sshd that runs, and what ``sshd -T`` prints of its configuration."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from seventh.localkit.area import Printed
from seventh.localkit.seen import Process, Seen
from seventh.model.localfacts import Unread

SETTINGS, VERSION = "sshd -T", "sshd -V"
_TITLE = re.compile(r"sshd: (?P<command>/.*?) \[listener\]")
"""What sshd makes of its command line: the words joined by spaces, then its state."""
_PASSED_ON = ("-f", "-o", "-h", "-p", "-c")
"""Options with a value that decide what ``sshd -T`` prints."""
_ROOT = 0
_DELETED = " (deleted)"


def listener(processes: tuple[Process, ...] | Unread) -> tuple[Process, tuple[str, ...]] | None:
    """Return the sshd that listens, and the words of its command line; None if none does.

    Any user can start a process of that name: only root's count, and where there is none, an sshd
    that a user runs.
    """
    if isinstance(processes, Unread):
        return None
    found = [(each, words) for each in processes if (words := _words(each))]
    found.sort(key=lambda pair: (pair[0].user_id != _ROOT, pair[0].pid))
    return found[0] if found else None


def _words(process: Process) -> tuple[str, ...]:
    """Return the command line of a listener; empty for the process of a connection."""
    first = process.arguments[0] if process.arguments else ""
    titled = _TITLE.match(first)
    if titled is not None:
        return tuple(titled["command"].split())
    return () if first.startswith("sshd:") else process.arguments


def options(processes: tuple[Process, ...]) -> tuple[str, ...]:
    """Return those of the listener's options that decide its settings, from root's sshd only."""
    found = listener(processes)
    if found is None or found[0].user_id != _ROOT:
        return ()
    words = iter(found[1][1:])
    passed: list[str] = []
    for word in words:
        if word in _PASSED_ON:
            value = next(words, "")
            if word != "-o" or "=" in value:  # "-o Port 22" cannot be told from two words
                passed += (word, value)
        elif word[:2] in _PASSED_ON:
            passed.append(word)
    return tuple(passed)


def is_replaced(process: Process) -> bool | None:
    """Return whether the program's file was replaced since it was started; None if unknown."""
    return process.program.endswith(_DELETED) if process.program else None


def version(seen: Seen) -> tuple[str, tuple[int, ...]]:
    """Return the version of the installed sshd, as text and numbers; empty if unknown."""
    said = seen.output(VERSION)
    match = re.search(
        r"OpenSSH_(\d{1,3})\.(\d{1,3})[\w.]*", "" if isinstance(said, Unread) else said
    )
    return (match[0], (int(match[1]), int(match[2]))) if match else ("", ())


def values(seen: Seen, name: str) -> tuple[str, ...]:
    """Return what follows a name in each of its lines in ``sshd -T``."""
    text = seen.output(SETTINGS)
    lines = [] if isinstance(text, Unread) else text.splitlines()
    return tuple(line.partition(" ")[2] for line in lines if line.startswith(f"{name} "))


def setting(seen: Seen, name: str) -> tuple[str, ...]:
    """Return the words of a line of ``sshd -T``; empty without it."""
    return next((tuple(value.split()) for value in values(seen, name)), ())


def printed(seen: Seen) -> tuple[Printed, ...]:
    """Return the settings for the linter, beside the folder of the host keys."""
    text = seen.output(SETTINGS)
    if isinstance(text, Unread):
        return ()
    host_key = " ".join(setting(seen, "hostkey")) or "/etc/ssh/none"
    return (
        Printed(
            name=SETTINGS, text=text, product="openssh", kind="sshd-T",
            folder=str(PurePosixPath(host_key).parent), version=version(seen)[1],
        ),
    )  # fmt: skip

"""Asking an installed program whether it accepts files, before they are written.

The program reads a mirror of the configuration in a temporary folder: the changed files in the
place of the old ones, and links to everything beside them.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import msgspec

from seventh.engine.installed import find
from seventh.lintkit.patch import Validator, lines_of
from seventh.lintkit.place import Place, place_of
from seventh.model.failure import system_error
from seventh.wire.text import printable

_SECONDS = 20.0
_MOST_CHARS = 300
_QUOTES = str.maketrans("", "", "\"'\\")
_MOST_BESIDE = 2000
"""Links to what is beside the files of one folder."""


class Answer(StrEnum):
    """What the program says."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """It is not installed, or could not be asked: never taken as accepted."""


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of one program."""

    program: str
    answer: Answer
    detail: str = ""
    """What it says against the file, or why it was not asked."""


def validate(validator: Validator, main: str, contents: Mapping[str, bytes]) -> Validation:
    """Ask the program about the files ``contents``, by name, of which ``main`` is the first."""
    program = validator.command[0]
    if find(program) is None:
        return _unknown(program, "not installed here")
    if validator.unsafe and any(
        map(re.compile(validator.unsafe).search, map(_bare, contents.values()))
    ):
        return _unknown(program, "not asked, because it would run code that the file names")
    try:
        with tempfile.TemporaryDirectory(prefix="seventh-") as folder:
            return _asked(validator, main, contents, Path(folder))
    except subprocess.TimeoutExpired:
        return _unknown(program, f"no answer in {_SECONDS:g} s")
    except OSError as error:
        return _unknown(program, f"could not be asked: {system_error(error)}")
    except ValueError as error:  # a name with a null character
        return _unknown(program, f"could not be asked: {printable(str(error), _MOST_CHARS)}")


def _bare(data: bytes) -> str:
    """Return a file's text without quotes and backslashes, which may stand within any word."""
    return data.decode("utf-8", "surrogateescape").translate(_QUOTES)


def _unknown(program: str, why: str) -> Validation:
    return Validation(program=program, answer=Answer.UNKNOWN, detail=why)


def _asked(
    validator: Validator, main: str, contents: Mapping[str, bytes], folder: Path
) -> Validation:
    _mirror(validator, main, contents, folder)
    file = _in(folder, main)
    words = {"folder": str(folder), "file": str(file), "beside": str(file.parent)}
    program = validator.command[0]
    if validator.prepare:
        first = validator.prepare[0]
        if find(first) is None:
            return _unknown(program, f"could not be asked: {first} is not installed here")
        done = _run(validator.prepare, words)
        if done.returncode:
            return _unknown(program, f"could not be asked: {first}: {_said(done, folder)}")
    done = _run(validator.command, words)
    if done.returncode == 0:
        return Validation(program=program, answer=Answer.ACCEPTED)
    return Validation(program=program, answer=Answer.REFUSED, detail=_said(done, folder))


def _said(done: subprocess.CompletedProcess[bytes], folder: Path) -> str:
    """Return the first line that is no warning, with the files' own names, or the exit code."""
    lines = done.stdout.decode("utf-8", "replace").replace(str(folder), "").strip().splitlines()
    ended = f"exit code {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
    return printable(next((line for line in lines if "[warn]" not in line), ended), _MOST_CHARS)


def _run(command: tuple[str, ...], words: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    name, *rest = (word.format_map(words) for word in command)
    return subprocess.run(
        [find(name) or name, *rest], check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip


def _in(folder: Path, name: str) -> Path:
    """Return where a file is in the mirror."""
    return folder / os.path.abspath(name).lstrip("/")  # noqa: PTH100 - links stay as they are


def _mirror(validator: Validator, main: str, contents: Mapping[str, bytes], folder: Path) -> None:
    place = place_of(main, validator.system)
    for name, data in contents.items():
        path = _in(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_with_includes(validator, place, data, folder))
        path.chmod(0o600)
    for name in contents:
        _link_beside(Path(os.path.abspath(name)).parent, folder)  # noqa: PTH100


def _link_beside(there: Path, folder: Path) -> None:
    """Link to everything of a folder that is not in the mirror."""
    here = _in(folder, str(there))
    with os.scandir(there) as entries:
        for number, entry in enumerate(entries):
            if number < _MOST_BESIDE and not os.path.lexists(here / entry.name):
                (here / entry.name).symlink_to(there / entry.name)


def _with_includes(validator: Validator, place: Place, data: bytes, folder: Path) -> bytes:
    """Return a file whose includes name the mirror."""
    if not validator.include:
        return data
    lines = lines_of(data)
    for number, line in enumerate(lines):
        if (match := re.match(validator.include, line)) is not None:
            names = re.sub(
                r"""[^\s"';]+""", lambda name: _included(name[0], place, folder), match["names"]
            )
            lines[number] = line[: match.start("names")] + names + line[match.end("names") :]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def _included(name: str, place: Place, folder: Path) -> str:
    return str(_in(folder, str(Path(name).expanduser() if name[0] == "~" else place.path(name))))

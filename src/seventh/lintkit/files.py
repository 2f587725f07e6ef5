"""Reading configuration files within bounds, and remembering what could not be read.

Configuration can be as hostile as a peer: endless lines, NULs, includes that include themselves.
Nothing here raises for what a file contains; it becomes a problem, and the rest is read.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from seventh.lintkit.ignores import Ignore, find
from seventh.model.source import Line
from seventh.wire.text import printable

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_LINE_CHARS = 16 * 1024
"""Longer lines are cut: no directive of any program needs more."""
MAX_LINES = 200_000
"""Of all files together: each line costs microseconds, and no configuration is near it."""
MAX_FILES = 1024
MAX_TOTAL_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 16
"""OpenSSH's own limit for includes within includes."""
MAX_PROBLEMS = 100
MAX_ENTRIES = 20_000
"""How many names of folders are looked at for one shell pattern."""


def _at_once(path: str, flags: int) -> int:
    """Open without waiting: a pipe would wait for somebody to write."""
    return os.open(path, flags | os.O_NONBLOCK)


_MAGIC = re.compile(r"[*?[]")


def holds(question: Callable[[Path], bool], path: Path) -> bool:
    """Ask ``Path.is_file`` or its like; False for a name that no file can have."""
    try:
        return question(path)
    except (OSError, ValueError):
        return False


def has_wildcard(name: str) -> bool:
    """Return whether ``name`` is a shell pattern."""
    return _MAGIC.search(name) is not None


def _names_in(folder: Path) -> Iterator[str]:
    """Yield the names in a folder; none where it cannot be looked into."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield entry.name
    except (OSError, ValueError):
        return


def _fits(path: Path, pattern: Path) -> bool:
    """Return whether a name has a pattern's parts; only a pattern with a dot finds hidden names."""
    pairs = list(zip(path.parts, pattern.parts, strict=False))
    return len(path.parts) == len(pattern.parts) and all(
        fnmatch.fnmatchcase(name, part) and (part[0] == "." or name[0] != ".")
        for name, part in pairs
    )


def is_there(path: Path) -> bool:
    """Return whether something has that name, be it a link that leads nowhere."""
    return holds(os.path.lexists, path)


class Text(msgspec.Struct, frozen=True):
    """A file's name and its lines, without line ends; ``lines[0]`` is line 1."""

    name: str
    lines: tuple[str, ...]
    cut: bool = False
    """Whether there is more that was not read, so that its end is no end."""

    def numbered(self) -> Iterator[tuple[int, str]]:
        """Return each line with its number, from 1."""
        return enumerate(self.lines, 1)


class Mode(msgspec.Struct, frozen=True):
    """A file's owner and permission bits."""

    uid: int
    bits: int
    """The lowest twelve bits, such as 0o600."""
    is_directory: bool


class Files:
    """Reads files for one lint, counts what was read, and keeps the problems.

    ``base`` is where relative names are looked up, ``home`` what ``~`` stands for. ``instead`` has,
    by real path, what is read in place of a file's own bytes.
    """

    def __init__(
        self,
        *,
        base: Path | None = None,
        home: Path | None = None,
        instead: Mapping[str, bytes] | None = None,
    ) -> None:
        self.base = base or Path()
        self.home = home
        self.contents: dict[str, bytes] = {}
        """By name, the bytes of each file that was read."""
        self._instead = instead or {}
        self._held: Mapping[str, bytes] | None = None
        self.read_names: list[str] = []
        self.problems: list[Line] = []
        self.unread: set[Line] = set()
        """Those of the problems that leave a part of the files unread."""
        self.notes: list[Line] = []
        self.ignores: list[Ignore] = []
        self.unlisted = 0
        """How many problems there are beyond those that are kept."""
        self._bytes = 0
        self._lines = 0

    def hold(self, contents: Mapping[str, bytes]) -> None:
        """Read nothing but these files from now on, by absolute name: those that were printed."""
        self._held = contents

    def problem(self, file: str, line: int | None, text: str) -> None:
        """Note what could not be understood, and what the file's own program would refuse."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Line(file=file, line=line, text=printable(text, 300)))
        else:
            self.unlisted += 1

    def unreadable(self, file: str, line: int | None, text: str) -> None:
        """Note what could not be read, which says nothing against the file."""
        before = len(self.problems)
        self.problem(file, line, text)
        self.unread.update(self.problems[before:])

    def note(self, file: str, line: int | None, text: str) -> None:
        """Note what should be known of the reading and is no fault, each once."""
        note_line = Line(file=file, line=line, text=printable(text, 300))
        if len(self.notes) < MAX_PROBLEMS and note_line not in self.notes:
            self.notes.append(note_line)

    def expand(self, name: str) -> Path:
        """Return ``name`` with ``~`` and a relative path resolved."""
        if name.startswith("~/"):
            return (self.home or Path.home()) / name[2:]
        return self.base / name

    def read(self, name: str | Path, *, at: Line | None = None) -> Text | None:
        """Return a file's lines; None, and a problem noted at ``at``, when it cannot be read."""
        path = Path(name)
        where = (at.file, at.line) if at is not None else (str(path), None)
        if len(self.read_names) >= MAX_FILES or self._bytes > MAX_TOTAL_BYTES:
            self.unreadable(*where, f"{path} was not read: more than {MAX_FILES} files or "
                         f"{MAX_TOTAL_BYTES} bytes in one lint")  # fmt: skip
            return None
        if self._held is not None:
            return self._read_held(str(path), where)
        try:
            with open(path, "rb", opener=_at_once) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    self.unreadable(*where, f"{path} is not a regular file and was not read")
                    return None
                data = self._instead.get(os.path.realpath(path))
                if data is None:
                    data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            self.unreadable(*where, f"{path} cannot be read: {error.strerror}")
            return None
        return self.take(str(path), data)

    def _read_held(self, name: str, where: tuple[str, int | None]) -> Text | None:
        data = (self._held or {}).get(name)
        if data is None:
            self.unreadable(*where, f"{name} was not printed")
            return None
        return self.take(name, data)

    def take(self, name: str, data: bytes) -> Text:
        """Return ``data`` as the lines of ``name``; what is beyond the bounds is cut and noted."""
        self.read_names.append(name)
        self.contents[name] = data
        self._bytes += len(data)
        cut = len(data) > MAX_FILE_BYTES
        if cut:
            self.unreadable(name, None, f"only the first {MAX_FILE_BYTES} bytes were read")
            data = data[:MAX_FILE_BYTES]
        lines = data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
        lines[-1] = lines[-1].removesuffix("\r")
        if not lines[-1]:
            lines.pop()
        if self._lines + len(lines) > MAX_LINES:
            self.unreadable(name, None, f"more than {MAX_LINES} lines in one lint: of the "
                            f"{len(lines)} lines here the rest was left")  # fmt: skip
            lines, cut = lines[: MAX_LINES - self._lines], True
        self._lines += len(lines)
        whole = tuple(self._whole(name, number, line) for number, line in enumerate(lines, 1))
        if b"seventh:" in data:
            self.ignores += find(name, whole)
        return Text(name, whole, cut)

    def _whole(self, name: str, number: int, line: str) -> str:
        """Return a line within the bounds; what is taken from it is noted."""
        if len(line) > MAX_LINE_CHARS:
            self.unreadable(name, number, f"a line of {len(line)} characters was cut")
            line = line[:MAX_LINE_CHARS]
        if "\0" in line:
            self.unreadable(name, number, "a NUL byte; the line was read without it")
            line = line.replace("\0", "")
        return line

    def matching(self, pattern: str) -> list[Path]:
        """Files that a shell pattern names, sorted; an unreadable folder gives none.

        A relative pattern starts from the working folder, as :meth:`read` takes names.
        A pattern that would walk half the machine is given up, with a problem.
        """
        if self._held is not None:
            return sorted(path for path in map(Path, self._held) if _fits(path, Path(pattern)))
        found = [Path()]
        looked_at = 0
        for part in Path(pattern).parts:
            if not has_wildcard(part):
                found = [path / part for path in found]
                continue
            fits = re.compile(fnmatch.translate(part)).match
            matched: list[Path] = []
            for folder in found:
                for name in _names_in(folder):
                    looked_at += 1
                    if looked_at > MAX_ENTRIES:
                        self.problem(str(self.base), None, f"{pattern} names too much: it was "
                                     f"given up after {MAX_ENTRIES} names")  # fmt: skip
                        return []
                    if fits(name) and (part[0] == "." or name[0] != "."):
                        matched.append(folder / name)
            found = matched
        return sorted(path for path in found if is_there(path))

    def mode(self, name: str | Path) -> Mode | None:
        """Owner and permission bits; None where there is no such file or it cannot be seen."""
        try:
            seen = os.stat(name)  # noqa: PTH116 - follows links, as StrictModes does
        except OSError:
            return None
        return Mode(seen.st_uid, stat.S_IMODE(seen.st_mode), stat.S_ISDIR(seen.st_mode))

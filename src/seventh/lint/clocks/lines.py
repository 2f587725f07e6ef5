"""What the readers of chrony.conf and ntp.conf share: directives, and files within limits."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from seventh.lintkit.files import MAX_PROBLEMS, Files, Text
from seventh.model.source import Line
from seventh.wire.text import printable

MAX_INCLUDES = 1024
"""The limit on files and folders in one lint; includes of includes would multiply."""
MAX_LINES = 200_000
"""The limit on lines in one lint; a file that is included twice counts twice."""
MAX_WILDCARD_PARTS = 2
"""The limit on folders with a wildcard in a pattern; each multiplies the search."""
SHOWN_CHARS = 200
_BLANKS = " \t\v\f\r"
_SPACE = re.compile(r"[ \t\v\f\r]+")
_NO_BLANK = re.compile(r"[\x1c-\x1f]")
"""ASCII characters that are blank in Python but not in C."""
_INTEGER = re.compile(r"[+-]?[0-9]{1,12}")
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]{1,300}\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?|inf|nan)")


class Directive(msgspec.Struct, frozen=True):
    """One line with a directive."""

    name: str
    """The directive in lower case."""
    words: tuple[str, ...]
    """Its arguments."""
    at: Line

    @property
    def value(self) -> str:
        """The arguments as one string."""
        return " ".join(self.words)


class Conf(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration with its includes, in the order in which its program applies it."""

    directives: tuple[Directive, ...]
    refused: tuple[Line, ...]
    """Lines that the program would refuse, or ignore with an error."""


class Reading:
    """Reads a file with all its includes: limits, open files, and problems.

    Unreadable files are added to the problems of ``files``, refused lines to ``refused``. No
    problem contains a value: a key file read as a configuration must not be exposed.
    """

    def __init__(self, files: Files) -> None:
        self.files = files
        self.directives: list[Directive] = []
        self.refused: list[Line] = []
        self._open: list[str] = []
        self._looked = 0
        self._lines = 0
        self._noted: set[str] = set()
        self._texts: dict[str, Text | None] = {}
        self._listings: dict[tuple[Path, str], list[Path]] = {}
        self._root = _root_of(files.base)
        self._in_place = Path(os.path.realpath(files.base)).parts[1:2] == ("etc",)
        """Whether the file is where its program reads it on this machine."""

    def conf(self) -> Conf:
        """Return what was read."""
        return Conf(directives=tuple(self.directives), refused=tuple(self.refused))

    def refuse(self, at: Line, why: str) -> None:
        """Add a line that the program would refuse."""
        if len(self.refused) < MAX_PROBLEMS:
            self.refused.append(Line(file=at.file, line=at.line, text=printable(why, 300)))
        else:
            self.files.unlisted += 1

    def missing(self, at: Line, why: str) -> None:
        """Add a line that names a missing file.

        The program refuses it on the machine of the configuration, which may be another one.
        """
        if self._in_place:
            self.refuse(at, why)
        else:
            self.files.unreadable(
                at.file, at.line, f"not read: no such file on this machine ({why})"
            )

    def lines(self, text: Text) -> Iterator[tuple[int, str]]:
        """Yield a file's lines with their numbers, up to the limit on all lines."""
        for number, line in text.numbered():
            self._lines += 1
            if self._lines > MAX_LINES:
                self._note_once(
                    text.name, number, f"more than {MAX_LINES} lines: the rest is skipped"
                )
                return
            yield number, line

    def _note_once(self, file: str, line: int | None, why: str) -> None:
        if why not in self._noted:
            self._noted.add(why)
            self.files.unreadable(file, line, why)

    # -- other files -------------------------------------------------------------------------------

    @property
    def depth(self) -> int:
        """The number of open files, each included by the one before."""
        return len(self._open)

    def read(self, path: Path, at: Line) -> Text | None:
        """Read a file that a line names; add a problem and return None on failure."""
        if not self.may_look(at):
            return None
        name = str(path)
        if name not in self._texts:
            self._texts[name] = self.files.read(path, at=at)
        return self._texts[name]

    def may_look(self, at: Line) -> bool:
        """Return whether one more file or folder may be read; add a problem if not."""
        self._looked += 1
        if self._looked > MAX_INCLUDES:
            self._note_once(at.file, at.line, f"more than {MAX_INCLUDES} files included")
        return self._looked <= MAX_INCLUDES

    def opened(self, name: str) -> None:
        """Mark a file as open until :meth:`leave`."""
        self._open.append(os.path.realpath(name))

    def leave(self) -> None:
        """Close the innermost open file."""
        self._open.pop()

    def is_open(self, path: Path | str) -> bool:
        """Return whether a file is open, so that to include it again would never end."""
        return os.path.realpath(path) in self._open

    def place(self, name: str) -> Path:
        """Return the path of a file name in the configuration on this machine.

        A configuration at ``TREE/etc/…`` belongs to a machine whose root is ``TREE``, such as a
        backup or a container image: its absolute file names are below ``TREE``.
        """
        folder, rest = self._below(name)
        return folder / rest

    def matching(self, pattern: str, at: Line) -> list[Path]:
        """Return the files that match a shell pattern, sorted by bytes."""
        if sum(map(glob.has_magic, pattern.split("/"))) > MAX_WILDCARD_PARTS:
            self.files.unreadable(
                at.file, at.line, f"wildcards in more than {MAX_WILDCARD_PARTS} parts of a path"
            )
            return []
        folder, rest = self._below(pattern)
        plain = os.path.dirname(rest)  # noqa: PTH120 - a pattern is no path yet
        if not glob.has_magic(plain) and is_missing(folder / plain):
            self.missing(at, "the folder of the pattern does not exist: chronyd does not start")
            return []
        return [folder / found for found in sorted(glob.glob(rest, root_dir=folder))]  # noqa: PTH207

    def _below(self, name: str) -> tuple[Path, str]:
        """Return a folder, and the name or pattern relative to it."""
        rest = name.lstrip("/")
        if not name.startswith("/"):
            return self.files.base, name
        if self._root is None or Path(name).is_relative_to(self._root):
            return Path("/"), rest
        return self._root, rest

    def listed(self, folder: Path, suffix: str, at: Line) -> list[Path]:
        """Return the visible files of a folder with a suffix, by name; none without a folder."""
        if (folder, suffix) not in self._listings:
            self._listings[folder, suffix] = self._list(folder, suffix, at)
        return self._listings[folder, suffix]

    def _list(self, folder: Path, suffix: str, at: Line) -> list[Path]:
        try:
            with os.scandir(folder) as entries:
                names = [e.name for e in entries if e.name.endswith(suffix) and e.name[0] != "."]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            why = f"{folder} cannot be read: {error.strerror or error}"
            self.files.unreadable(at.file, at.line, why)
            return []
        return [folder / name for name in sorted(names)]


def is_missing(path: Path) -> bool:
    """Return whether there is no such file; an inaccessible one is not missing."""
    try:
        os.stat(path)  # noqa: PTH116 - Path.stat says no more
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def is_unended(path: str) -> bool:
    """Return whether a file's last line has no line end."""
    try:
        with Path(path).open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except (OSError, ValueError):
        return False


def split(line: str) -> list[str]:
    """Return the words of a line, split at the characters of C's isspace."""
    if line.isascii() and not _NO_BLANK.search(line):
        return line.split()
    return _SPACE.sub(" ", line).strip(" ").split(" ") if line.strip(_BLANKS) else []


def as_integer(word: str, *, whole: bool = False) -> int | None:
    """Return the integer at the start of a word, as C's sscanf reads it; None without one."""
    found = _INTEGER.fullmatch(word) if whole else _INTEGER.match(word)
    return int(found.group()) if found else None


def as_number(word: str, *, whole: bool = False) -> float | None:
    """Return the decimal number at the start of a word; None without one."""
    found = _NUMBER.fullmatch(word) if whole else _NUMBER.match(word)
    return float(found.group()) if found else None


def shown(words: list[str] | tuple[str, ...]) -> str:
    """Return words as a printable line."""
    return printable(" ".join(words), SHOWN_CHARS)


def _root_of(base: Path) -> Path | None:
    """Return ``TREE`` of ``TREE/etc/…``; None for a folder below no ``etc``, or below ``/etc``."""
    parts = Path(os.path.abspath(base)).parts  # noqa: PTH100 - links stay as they are named
    if "etc" not in parts[2:]:
        return None
    last = len(parts) - 1 - parts[::-1].index("etc")
    return Path(*parts[:last])

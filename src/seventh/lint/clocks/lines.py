"""What the readers of chrony.conf and ntp.conf share: directives, and reading within bounds."""

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
"""How many files and folders are looked for in one lint; files that include many would multiply."""
MAX_LINES = 200_000
"""How many lines are read in one lint, those of a file that is included often each time."""
MAX_WILDCARD_PARTS = 2
"""In how many folders of a pattern a wildcard may stand: each multiplies what must be searched."""
SHOWN_CHARS = 200
_BLANKS = " \t\v\f\r"
_SPACE = re.compile(r"[ \t\v\f\r]+")
_NO_BLANK = re.compile(r"[\x1c-\x1f]")
"""Of ASCII, what Python takes for a blank and C does not."""
_INTEGER = re.compile(r"[+-]?[0-9]{1,12}")
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]{1,300}\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?|inf|nan)")


class Directive(msgspec.Struct, frozen=True):
    """One line that means something."""

    name: str
    """The directive in lower case."""
    words: tuple[str, ...]
    """What follows it."""
    at: Line

    @property
    def value(self) -> str:
        """What follows the directive, as one string."""
        return " ".join(self.words)


class Conf(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration after its includes, in the order in which its program takes it."""

    directives: tuple[Directive, ...]
    refused: tuple[Line, ...]
    """What the program would refuse, or leave aside with an error."""


class Reading:
    """One reading of a file with all that it includes: bounds, open files, and problems.

    What cannot be read goes to the files' own problems, what the program would refuse to
    ``refused``. No value is ever put into a problem: a key file taken for a
    configuration must not be told.
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
        """Whether the file lies where its program reads it on this machine."""

    def conf(self) -> Conf:
        """Return what was read."""
        return Conf(directives=tuple(self.directives), refused=tuple(self.refused))

    def refuse(self, at: Line, why: str) -> None:
        """Note what the program would not take."""
        if len(self.refused) < MAX_PROBLEMS:
            self.refused.append(Line(file=at.file, line=at.line, text=printable(why, 300)))
        else:
            self.files.unlisted += 1

    def missing(self, at: Line, why: str) -> None:
        """Note what a line names and is not there.

        The program refuses it on the machine that the file is of, which may not be this one.
        """
        if self._in_place:
            self.refuse(at, why)
        else:
            self.files.unreadable(at.file, at.line, f"not read, for it is not here ({why})")

    def lines(self, text: Text) -> Iterator[tuple[int, str]]:
        """Yield a file's lines with their numbers, as long as the bound on all of them allows."""
        for number, line in text.numbered():
            self._lines += 1
            if self._lines > MAX_LINES:
                self._note_once(text.name, number, f"more than {MAX_LINES} lines: the rest is left")
                return
            yield number, line

    def _note_once(self, file: str, line: int | None, why: str) -> None:
        if why not in self._noted:
            self._noted.add(why)
            self.files.unreadable(file, line, why)

    # -- other files -------------------------------------------------------------------------------

    @property
    def depth(self) -> int:
        """How many files are open, one within the other."""
        return len(self._open)

    def enter(self, path: Path | str, at: Line | None = None) -> Text | None:
        """Read a file that a line names and open it; None, and a problem, where that cannot be."""
        if not self.may_look(at):
            return None
        name = str(path)
        if name not in self._texts:
            self._texts[name] = self.files.read(path, at=at)
        text = self._texts[name]
        if text is not None:
            self.opened(text.name)
        return text

    def may_look(self, at: Line | None) -> bool:
        """Whether one more file or folder may be looked for; a problem is noted where not."""
        self._looked += 1
        if self._looked > MAX_INCLUDES and at is not None:
            self._note_once(at.file, at.line, f"more than {MAX_INCLUDES} files included")
        return self._looked <= MAX_INCLUDES

    def opened(self, name: str) -> None:
        """A file's lines come next; :meth:`leave` ends that."""
        self._open.append(os.path.realpath(name))

    def leave(self) -> None:
        """The innermost open file is done."""
        self._open.pop()

    def is_open(self, path: Path | str) -> bool:
        """Return whether a file is being read already, so that reading it again would never end."""
        return os.path.realpath(path) in self._open

    def place(self, name: str) -> Path:
        """Return where a name of the configuration stands on this machine.

        A file at ``TREE/etc/…`` is taken for one of a machine whose root is ``TREE``, such as a
        backup or a container's image: its absolute names are looked up there.
        """
        folder, rest = self._below(name)
        return folder / rest

    def matching(self, pattern: str, at: Line) -> list[Path]:
        """Return what a shell pattern names, in the order of their bytes."""
        if sum(map(glob.has_magic, pattern.split("/"))) > MAX_WILDCARD_PARTS:
            self.files.unreadable(
                at.file, at.line, "a pattern with so many wildcards is not followed"
            )
            return []
        folder, rest = self._below(pattern)
        plain = os.path.dirname(rest)  # noqa: PTH120 - a pattern is no path yet
        if not glob.has_magic(plain) and is_missing(folder / plain):
            self.missing(at, "the pattern's folder does not exist: chronyd does not start")
            return []
        return [folder / found for found in sorted(glob.glob(rest, root_dir=folder))]  # noqa: PTH207

    def _below(self, name: str) -> tuple[Path, str]:
        """Return a folder, and a name or pattern as it is written from there."""
        rest = name.lstrip("/")
        if not name.startswith("/"):
            return self.files.base, name
        if self._root is None or Path(name).is_relative_to(self._root):
            return Path("/"), rest
        return self._root, rest

    def listed(self, folder: Path, suffix: str, at: Line) -> list[Path]:
        """The visible files of a folder that end so, by name; none where there is no folder."""
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
    """Return whether there is no such file; one that cannot be seen is not missing."""
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
    """Return the words of a line, parted where C's isspace parts them."""
    if line.isascii() and not _NO_BLANK.search(line):
        return line.split()
    return _SPACE.sub(" ", line).strip(" ").split(" ") if line.strip(_BLANKS) else []


def as_integer(word: str, *, whole: bool = False) -> int | None:
    """Return the number at a word's start, as C's sscanf reads it; None where there is none."""
    found = _INTEGER.fullmatch(word) if whole else _INTEGER.match(word)
    return int(found.group()) if found else None


def as_number(word: str, *, whole: bool = False) -> float | None:
    """Return the same for a decimal fraction."""
    found = _NUMBER.fullmatch(word) if whole else _NUMBER.match(word)
    return float(found.group()) if found else None


def has_wildcard(name: str) -> bool:
    """Return whether the shell would expand it."""
    return glob.has_magic(name)


def shown(words: list[str] | tuple[str, ...]) -> str:
    """Return a line as evidence shows it."""
    return printable(" ".join(words), SHOWN_CHARS)


def _root_of(base: Path) -> Path | None:
    """``TREE`` of ``TREE/etc/…``; None where the folder is below no ``etc`` but the machine's."""
    parts = Path(os.path.abspath(base)).parts  # noqa: PTH100 - links stay as they are named
    if "etc" not in parts[2:]:
        return None
    last = len(parts) - 1 - parts[::-1].index("etc")
    return Path(*parts[:last])

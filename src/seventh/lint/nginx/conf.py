"""Reading nginx.conf: tokens, blocks, includes; what nginx itself would refuse becomes a problem.

The grammar is that of ``ngx_conf_read_token``: words, words in quotes, ``;``, ``{`` and ``}``. A
file is read in one pass without recursion; only an include goes one level deeper.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from seventh.lintkit.files import MAX_DEPTH, Files, Text, has_wildcard
from seventh.lintkit.links import followed, is_foreign, of_the_machine
from seventh.lintkit.place import Place, place_of
from seventh.model.source import Line
from seventh.wire.text import printable

SYSTEM = "/etc/nginx"
"""Where nginx keeps its files, as distributions have it."""
MAX_NESTING = 64
"""Blocks within blocks; nginx knows eight at most, save for locations in locations."""
MAX_DIRECTIVES = 200_000
"""In all files together: an include can name the same file again and again."""
MAX_PATTERNS = 1024
"""Different words behind ``include``; each is looked for once."""
MAX_WORD = 4096
"""nginx's buffer: a longer word, and a longer comment, is refused."""
_SHOWN = 200

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*+")
_WORD = re.compile(r"(?:\\.|\$\{|[^\\ \t\r\n;{])++", re.DOTALL)
_QUOTED = {
    '"': re.compile(r'"((?:\\.|[^\\"])*+)"', re.DOTALL),
    "'": re.compile(r"'((?:\\.|[^\\'])*+)'", re.DOTALL),
}
_ESCAPE = re.compile(r"\\([\"'\\trn])")
_MEANT = {"t": "\t", "r": "\r", "n": "\n"}
_AFTER_QUOTE = frozenset(" \t\r\n;{)")
_TO_QUOTE = re.compile(r"[\s;{}\"']")
_LUA = re.compile(r"--\[(=*)\[|--|\[(=*)\[|[\"'{}]")
_LUA_STRING = {quote: re.compile(rf"(?:\\.|[^\\{quote}\n])*+{quote}", re.DOTALL) for quote in "\"'"}


class Directive(msgspec.Struct):
    """A directive with its words, and its block where it has one."""

    name: str
    words: tuple[str, ...]
    """What follows the name, without quotes and escapes."""
    at: Line
    block: list[Directive] | None = None
    """What its braces hold, included files in place; None where it ends with a semicolon."""

    def children(self, name: str) -> Iterator[Directive]:
        """Return the directives of that name directly in the block."""
        return (child for child in self.block or () if child.name == name)


class Conf(msgspec.Struct, kw_only=True):
    """What one file and all that it includes say."""

    name: str
    directives: list[Directive]
    """Of the outermost level, includes in place."""
    refused: list[Line]
    """What nginx would not start with."""
    missing: list[str] = []
    """Included files that could not be read: what they hold is unknown."""
    unmatched: list[str] = []
    """Patterns of includes that no file matches; nginx goes on without."""

    def refuse(self, at: Line, why: str) -> None:
        """Note why nginx would not start."""
        self.refused.append(Line(file=at.file, line=at.line, text=printable(why, 300)))


class StopError(Exception):
    """The rest of this file cannot be understood."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(why)
        self.position = position
        self.why = why


def read(text: Text, files: Files, prefix: Path) -> Conf:
    """Read ``text``; relative includes are looked up below ``prefix``, as nginx does.

    Below a copy of /etc/nginx, absolute names mean the copy. Never raises for what a file holds.
    """
    conf = Conf(name=text.name, directives=[], refused=[])
    place = place_of(str(prefix / "nginx.conf"), SYSTEM)
    _Reader(conf, files, place).file(text, conf.directives, (os.path.realpath(text.name),))
    return conf


class _Reader:
    """One run over a file and what it includes."""

    def __init__(self, conf: Conf, files: Files, place: Place) -> None:
        self._conf = conf
        self._files = files
        self._place = place
        self._texts: dict[str, Text | None] = {}
        self._places: dict[str, list[tuple[Path, str]]] = {}
        self._count = 0
        self._full = False

    def file(self, text: Text, into: list[Directive], trail: tuple[str, ...]) -> None:
        """Read one file's directives into a block; ``trail`` are the files that led here."""
        source = Source(text)
        try:
            self._blocks(source, into, trail)
        except StopError as stop:
            if text.cut and source.ended:
                return  # where our reading ends, the file does not
            at = Line(file=text.name, line=source.line_of(stop.position), text=stop.why)
            self._conf.refuse(at, stop.why)

    def _blocks(self, source: Source, into: list[Directive], trail: tuple[str, ...]) -> None:
        open_blocks = [into]
        while True:
            words, start, end = source.words()
            if not words:
                if end == "}":
                    if len(open_blocks) == 1:
                        raise StopError(start, 'unexpected "}"')
                    open_blocks.pop()
                    continue
                if len(open_blocks) > 1:
                    raise StopError(start, 'unexpected end of file, expecting "}"')
                return
            self._count += 1
            if self._count > MAX_DIRECTIVES:
                self._files.unreadable(
                    source.name,
                    source.line_of(start),
                    f"only the first {MAX_DIRECTIVES} directives were read",
                )
                return
            directive = Directive(words[0], words[1:], source.at(start, words, end))
            if end == "{":
                directive.block = []
                open_blocks[-1].append(directive)
                if directive.name.endswith("_by_lua_block"):
                    source.skip_lua()
                    continue
                if len(open_blocks) >= MAX_NESTING:
                    raise StopError(start, f"more than {MAX_NESTING} blocks within each other")
                open_blocks.append(directive.block)
            elif directive.name == "include":
                self._include(directive, open_blocks[-1], trail)
            else:
                open_blocks[-1].append(directive)

    def _include(self, directive: Directive, into: list[Directive], trail: tuple[str, ...]) -> None:
        if len(directive.words) != 1:
            why = 'invalid number of arguments in "include" directive'
            self._conf.refuse(directive.at, why)
            return
        name = directive.words[0].replace("\0", "")
        if name not in self._places and len(self._places) >= MAX_PATTERNS:
            if not self._full:
                why = f"more than {MAX_PATTERNS} patterns are included: the rest is not"
                self._files.unreadable(directive.at.file, directive.at.line, why)
            self._full = True
            return
        for path, real in self._found(name, directive.at):
            if real in trail:
                self._conf.refuse(directive.at, f"{path} includes itself")
            elif len(trail) >= MAX_DEPTH:
                self._files.unreadable(
                    directive.at.file, directive.at.line,
                    f"{path} was not read: more than {MAX_DEPTH} files deep",
                )  # fmt: skip
            elif self._count <= MAX_DIRECTIVES:
                self._read(path, real, directive.at, into, trail)

    def _found(self, name: str, at: Line) -> list[tuple[Path, str]]:
        """Return the files that an include means, with their real paths; looked for once."""
        if name not in self._places:
            paths = self._named(name, at)
            self._places[name] = [(path, os.path.realpath(path)) for path in paths]
        return self._places[name]

    def _named(self, name: str, at: Line) -> list[Path]:
        """Return the files that an include names, with a note where that needs to be known."""
        path = self._place.path(name)
        matching = self._files.matching
        if of_the_machine(self._place, name) and not matching(str(path)):
            path = Path(name) if matching(name) else path
        found = matching(str(path)) if has_wildcard(name) else [path]
        if not found:
            self._conf.unmatched.append(name)
            self._files.note(at.file, at.line, f"include {name}: no file matches")
        found = [followed(self._place, one) for one in found]
        if any(is_foreign(self._place, one) for one in found):
            self._files.note(at.file, at.line, f"include {name}: read from this machine")
        return found

    def _read(
        self, path: Path, real: str, at: Line, into: list[Directive], trail: tuple[str, ...]
    ) -> None:
        if real not in self._texts:
            self._texts[real] = self._files.read(path, at=at)
        self._count += 1
        text = self._texts[real]
        if text is None:
            self._conf.missing.append(str(path))
        else:
            self.file(text, into, (*trail, real))


class Source:
    """One file's text, and how far it is read."""

    def __init__(self, text: Text) -> None:
        self.name = text.name
        self._text = "\n".join(text.lines) + "\n" if text.lines else ""
        self._position = 0
        self._line = 1
        self._line_position = 0

    @property
    def ended(self) -> bool:
        """Whether all of the text is read."""
        return self._position >= len(self._text)

    @property
    def position(self) -> int:
        """How far it is read."""
        return self._position

    def line_of(self, position: int) -> int:
        """Return the number of the line at ``position``; positions must not go backwards."""
        self._line += self._text.count("\n", self._line_position, position)
        self._line_position = position
        return self._line

    def at(self, start: int, words: tuple[str, ...], end: str) -> Line:
        """Return the evidence for a directive that begins at ``start``."""
        shown = " ".join(map(_shown, words))
        shown += ";" if end == ";" else " {"
        return Line(file=self.name, line=self.line_of(start), text=printable(shown, _SHOWN))

    def words(self) -> tuple[tuple[str, ...], int, str]:
        """Read the next directive: its words, its start, and ``;``, ``{``, ``}`` or nothing.

        Raises StopError for what nginx refuses.
        """
        found: list[str] = []
        first: int | None = None
        while True:
            self._skip_blank()
            position = self._position
            char = self._text[position : position + 1]
            if first is None:
                first = position
            if not char:
                if found:
                    raise StopError(position, 'unexpected end of file, expecting ";" or "}"')
                return (), position, ""
            if char in ";{":
                if not found:
                    raise StopError(position, f'unexpected "{char}"')
                self._position += 1
                return tuple(found), first, char
            if char == "}":
                if found:
                    raise StopError(position, 'unexpected "}"')
                self._position += 1
                return (), position, char
            found.append(self._word(char))

    def _skip_blank(self) -> None:
        match = _BLANK.match(self._text, self._position)
        assert match is not None  # noqa: S101 - it fits the empty text, too
        start, self._position = self._position, match.end()
        for line in match[0].split("\n"):
            if len(line.lstrip().encode()) >= MAX_WORD:
                raise StopError(start, f"too long parameter: a comment of {MAX_WORD} bytes or more")

    def _word(self, char: str) -> str:
        start = self._position
        if char in _QUOTED:
            match = _QUOTED[char].match(self._text, start)
            if match is None:
                raise StopError(start, f"unexpected end of file: a {char} is never closed")
            after = self._text[match.end() : match.end() + 1]
            if after and after not in _AFTER_QUOTE:
                raise StopError(start, f'unexpected "{after}" after the closing {char}')
            raw = match[1]
        else:
            match = _WORD.match(self._text, start)
            assert match is not None  # noqa: S101 - a backslash has at least the line end behind it
            raw = match[0]
        most = MAX_WORD - (char in _QUOTED)
        if len(raw.encode()) >= most:
            raise StopError(start, f"too long parameter: a word of {most} bytes or more")
        self._position = match.end()
        return _ESCAPE.sub(lambda m: _MEANT.get(m[1], m[1]), raw)

    def skip_lua(self) -> None:
        """Go behind the brace that closes a block of Lua.

        Its strings and comments may hold braces of their own.
        """
        start, depth = self._position, 1
        while depth:
            match = _LUA.search(self._text, self._position)
            after = None if match is None else self._after_lua(match)
            if match is None or after is None:
                why = 'unexpected end of file, expecting "}" after a block of Lua'
                raise StopError(start, why)
            depth += {"{": 1, "}": -1}.get(match[0], 0)
            self._position = after

    def _after_lua(self, match: re.Match[str]) -> int | None:
        """Return where what begins at the match ends; None where it never does."""
        found = match[0]
        if found.endswith("["):
            close = f"]{match[1] or match[2] or ''}]"
            end = self._text.find(close, match.end())
            return None if end == -1 else end + len(close)
        if found == "--":
            return self._text.index("\n", match.end())  # our text ends with one
        if found in _LUA_STRING:
            string = _LUA_STRING[found].match(self._text, match.end())
            return None if string is None else string.end()
        return match.end()


def _shown(word: str) -> str:
    """Return a word as a file would write it."""
    if word and not _TO_QUOTE.search(word):
        return word
    quote = "'" if '"' in word else '"'
    return f"{quote}{word}{quote}"

"""Cutting a Caddyfile into tokens: words, quoted words, heredocs; which of them begin a line.

A placeholder of the environment (``{$NAME}``, ``{$NAME:default}``) stays as it is written: what it
stands for is decided where Caddy runs. It is one token, or a part of one, whatever it holds.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from seventh.lintkit.files import Text

Quote = Literal["", '"', "`", "<"]
"""How a token is enclosed; ``<`` is a heredoc."""

_SPACES = " \t\v\f\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_BLANK = re.compile(rf"[{_SPACES}]*+")
_SPACE = re.compile(rf"[{_SPACES}\n]")
_PLAIN = re.compile(rf"[^{_SPACES}\n\\]++")
_QUOTED = re.compile(r'(?:[^"\\]|\\.)*+', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MARKER = re.compile(r"[A-Za-z0-9_-]+")
_ENVIRONMENT = re.compile(r"\{\$([^}\n]+)\}")
_SPECIAL = re.compile(rf"[{_SPACES}\"'`\\#<{{]")
ENVIRONMENT = "{$"
"""What a token holds whose text the file does not tell."""


class Token(NamedTuple):
    """One token."""

    text: str
    """Without its quotes."""
    quote: Quote
    file: str
    line: int
    """Of the file, from 1."""
    row: int
    """As Caddy counts lines: what a backslash continues is still the same row."""
    last: int
    """The row that it ends in."""
    snippet: str = ""
    """The snippet that it was written in."""
    trail: tuple[str, ...] = ()
    """The import lines that brought it here."""

    @property
    def opens(self) -> bool:
        """Whether it opens a block."""
        return self.text == "{" and not self.quote

    @property
    def closes(self) -> bool:
        """Whether it closes a block."""
        return self.text == "}" and not self.quote


class UnreadableError(Exception):
    """The rest of a file cannot be cut into tokens: in which line, and why."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line
        self.why = why


def new_line(first: Token, second: Token) -> bool:
    """Return whether ``second``, which follows ``first``, begins another line."""
    return first.file != second.file or first.trail != second.trail or first.last < second.row


def tokens(text: Text) -> list[Token]:
    """Cut a file; UnreadableError for a heredoc that is none."""
    return _Lexer(text).all()


def _opaque(match: re.Match[str]) -> str:
    return f"{{${_SPECIAL.sub('_', match[1])}}}"


class _Lexer:
    """One file's text, and how far it is read."""

    def __init__(self, text: Text) -> None:
        # Every line has its end, so that no word reaches the end of the text.
        whole = "".join(f"{line}\n" for line in text.lines)
        self._text = _ENVIRONMENT.sub(_opaque, whole.removeprefix("\ufeff"))
        self._file = text.name
        self._at = 0
        self._line = 1
        self._row = 1
        self._continued = 0
        """Line ends that a backslash or a heredoc took, which the row does not count yet."""
        self._escaped = False

    def all(self) -> list[Token]:
        found: list[Token] = []
        while self._skip():
            token = self._token()
            if token is not None:
                found.append(token)
        return found

    def _end_of_line(self) -> None:
        self._at += 1
        self._line += 1
        if self._escaped:
            self._continued += 1
            self._escaped = False
        else:
            self._row += 1 + self._continued
            self._continued = 0

    def _skip(self) -> bool:
        """Go to the next token; False at the end."""
        self._escaped = False
        while True:
            match = _BLANK.match(self._text, self._at)
            assert match is not None  # noqa: S101 - it fits the empty text, too
            self._at = match.end()
            char = self._text[self._at : self._at + 1]
            if not char:
                return False
            if char == "\n":
                self._end_of_line()
            elif char == "\\" and not self._escaped:
                self._escaped = True
                self._at += 1
            elif char == "#":
                end = self._text.index("\n", self._at)
                # A backslash anywhere in a comment makes the next line a part of this one.
                self._escaped |= "\\" in self._text[self._at : end]
                self._at = end
            else:
                return True

    def _token(self) -> Token | None:
        char = self._text[self._at]
        if char == '"':
            return self._quoted()
        if char == "`":
            return self._literal()
        match = _PLAIN.match(self._text, self._at)
        plain = match[0] if match is not None else ""
        after = self._text[self._at + len(plain) : self._at + len(plain) + 1]
        if self._escaped or after in {"\\", "\r"} or plain.startswith("<<"):
            return self._careful()
        self._at += len(plain)
        return self._made(plain, "", self._line, self._row)

    def _made(self, text: str, quote: Quote, line: int, row: int, more: int = 0) -> Token:
        return Token(text, quote, self._file, line, row, row + text.count("\n") + more)

    def _lines(self, raw: str) -> None:
        """Count the line ends of what stands in quotes."""
        count = raw.count("\n")
        if count:
            self._line += count
            self._row += count + self._continued
            self._continued = 0

    def _quoted(self) -> Token:
        line, row = self._line, self._row
        start, head = self._at + 1, ""
        if self._escaped:
            # A backslash before the quote: it escapes what stands behind the quote.
            char = self._text[start]
            head = char if char == '"' else f"\\{char}"
            start += 1
        match = _QUOTED.match(self._text, start)
        assert match is not None  # noqa: S101 - it fits the empty text, too
        raw = head + _ESCAPE.sub(lambda m: '"' if m[1] == '"' else m[0], match[0])
        closed = self._text[match.end() : match.end() + 1] == '"'
        self._at = match.end() + 1 if closed else len(self._text)
        self._lines(raw)
        return self._made(raw, '"' if closed else "", line, row)

    def _literal(self) -> Token:
        line, row, start = self._line, self._row, self._at + 1
        end = self._text.find("`", start)
        closed = end != -1
        raw = self._text[start : end if closed else len(self._text)]
        self._at = end + 1 if closed else len(self._text)
        self._lines(raw)
        return self._made(raw, "`" if closed else "", line, row)

    def _careful(self) -> Token | None:
        """Return a word with a backslash, a carriage return, or ``<<``: one character at a time."""
        text, line, row = self._text, self._line, self._row
        value: list[str] = []
        no_heredoc = False
        while True:
            char = text[self._at]
            if value[:2] == ["<", "<"] and not no_heredoc:
                if char == "\n":
                    return self._heredoc("".join(value), line, row)
                self._at += 1
                if char == " ":
                    break
                value += char if char != "\r" else ""
            elif char == "\\" and not self._escaped:
                self._escaped = True
                self._at += 1
            elif char == "\r":
                self._at += 1
            elif char == "\n":
                self._end_of_line()
                break
            elif _SPACE.match(char):
                self._at += 1
                break
            else:
                if self._escaped and char == "<":
                    no_heredoc = True
                elif self._escaped:
                    value.append("\\")
                self._escaped = False
                value.append(char)
                self._at += 1
        return self._made("".join(value), "", line, row)

    def _heredoc(self, opening: str, line: int, row: int) -> Token | None:
        marker = opening[2:]
        if not marker:
            raise UnreadableError(line, "missing opening heredoc marker")
        if marker.startswith("<"):
            raise UnreadableError(line, "too many '<' for heredoc; only use two, such as <<END")
        if not _MARKER.fullmatch(marker):
            raise UnreadableError(
                line, "a heredoc's marker holds letters, digits, dashes and underscores alone"
            )
        start = self._at + 1
        end = self._text.find(marker, start)
        if end == -1:
            if start >= len(self._text):
                self._at = len(self._text)
                return None
            raise UnreadableError(line, f"incomplete heredoc: no {marker} ends it")
        lines = self._text[start:end].split("\n")
        padding = lines.pop()
        for number, one in enumerate(lines, line + 1):
            if one and not one.startswith(padding):
                raise UnreadableError(
                    number, f"mismatched leading whitespace in heredoc <<{marker}"
                )
        self._at = end + len(marker)
        self._line += len(lines) + 1
        self._row += self._continued + len(lines) + 1
        self._continued = 0
        value = "\n".join(one[len(padding) :] for one in lines).replace("\r", "")
        return self._made(value, "<", line, row, more=2)


def written(token: Token) -> str:
    """Return the token as a file may write it, in one line; reading gives the same text again."""
    text = token.text
    plain = text and not _SPACE.search(text) and "\r" not in text and text[0] not in '"`#'
    plain = plain and "\\" not in text and not text.startswith("<<")
    if plain and not (token.quote and text in {"{", "}"}):
        return text
    if "`" not in text:
        return f"`{text}`"
    return '"' + text.replace('"', '\\"') + '"'

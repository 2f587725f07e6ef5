"""Reading a Caddyfile: its blocks with their directives, snippets and imports put in place.

What Caddy itself would refuse of the grammar becomes a problem with its line; reading never raises.
Files are read in one pass over their tokens, without recursion: an import puts its tokens in front
of those that are still to come.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from seventh.lint.caddy.imports import Imports
from seventh.lint.caddy.tokens import (
    ENVIRONMENT,
    Token,
    UnreadableError,
    new_line,
    tokens,
    written,
)
from seventh.lintkit.files import Files, Text
from seventh.lintkit.place import place_of
from seventh.model.source import Line
from seventh.wire.text import printable

SYSTEM = "/etc/caddy"
"""Where Caddy keeps its files, as distributions have it."""
MAX_NESTING = 64
"""Blocks within blocks; Caddy has no limit, and no configuration needs a fifth of it."""
MAX_TOKENS = 100_000
"""In all files together: an import can name the same snippet again and again."""
_SHOWN = 200


class Node(msgspec.Struct):
    """A directive or an option with its words, and its block where it has one."""

    name: str
    words: tuple[str, ...]
    at: Line
    block: list[Node] | None = None
    quoted: tuple[bool, ...] = ()
    """Which of the words stand in quotes."""

    def children(self, name: str) -> Iterator[Node]:
        """Return what stands under that name directly in the block."""
        return (child for child in self.block or () if child.name == name)

    @property
    def open(self) -> bool:
        """Whether the environment decides a part of it, so that the file does not tell it all."""
        return any(ENVIRONMENT in word for word in (self.name, *self.words))


class Block(msgspec.Struct):
    """A block of the outermost level: a site, the global options, or a named route."""

    keys: tuple[Token, ...]
    """A site's addresses; none for the global options."""
    nodes: list[Node]
    at: Line


class Caddyfile(msgspec.Struct, kw_only=True):
    """What one file and all that it imports say."""

    name: str
    options: Block | None = None
    sites: list[Block] = []
    routes: list[Block] = []
    """Named routes, ``&(name)``; the name is the key."""
    refused: list[Line] = []
    """What Caddy would not start with."""
    missing: list[str] = []
    """Imported files that could not be read: what they hold is unknown."""

    def refuse(self, at: Line, why: str) -> None:
        """Note why Caddy would not start."""
        self.refused.append(Line(file=at.file, line=at.line, text=printable(why, 300)))


class _StopError(Exception):
    """Caddy reads no further."""

    def __init__(self, token: Token | None, why: str) -> None:
        super().__init__(why)
        self.token = token
        self.why = why


def read(text: Text, files: Files) -> Caddyfile:
    """Read ``text`` and what it imports. Never raises for what a file holds."""
    found = Caddyfile(name=text.name)
    try:
        first = tokens(text)
    except UnreadableError as error:
        found.refuse(Line(file=text.name, line=error.line, text=""), error.why)
        return found
    cut = text.cut or len(first) > MAX_TOKENS
    if len(first) > MAX_TOKENS:
        files.unreadable(text.name, None, f"only the first {MAX_TOKENS} tokens were read")
    parser = _Parser(first[:MAX_TOKENS], found, files)
    try:
        parser.all()
    except _StopError as stop:
        if cut and not parser.coming:
            return found  # where our reading ends, the file does not
        token = stop.token
        at = Line(file=token.file if token else text.name, line=token.line if token else None,
                  text="")  # fmt: skip
        found.refuse(at, stop.why)
    return found


def line_of(line: tuple[Token, ...]) -> Line:
    """Return the evidence for what begins with the first of these tokens."""
    first = line[0]
    shown = " ".join(written(token) for token in line[:40])
    return Line(file=first.file, line=first.line, text=printable(shown or '""', _SHOWN))


def _address(token: Token) -> str:
    """Return a site's address without the comma behind it; _StopError for what can be none."""
    text = token.text.removesuffix(",")
    if text.startswith("@"):
        raise _StopError(token, f"request matchers may not be defined globally: {text}")
    if token.text.endswith("{") and not token.quote:
        raise _StopError(token, f"site addresses cannot end with a curly brace: {text}")
    if "," in text and ENVIRONMENT not in text:
        raise _StopError(token, f"site addresses cannot contain a comma: {text}")
    return text


class _Parser:
    """One run over a file's tokens."""

    def __init__(self, first: list[Token], into: Caddyfile, files: Files) -> None:
        self._into = into
        self._files = files
        self.coming = first[::-1]
        """The tokens that are still to be read, the next one last."""
        self._now: Token | None = None
        self._before: Token | None = None
        self._count = len(first)
        self._imports = Imports(files, into.missing, place_of(into.name, SYSTEM))
        self._bounded = False

    # -- moving ------------------------------------------------------------------------------------

    def _next(self) -> bool:
        if not self.coming:
            return False
        self._before, self._now = self._now, self.coming.pop()
        return True

    def _back(self) -> None:
        if self._now is not None:
            self.coming.append(self._now)
        self._now, self._before = self._before, None

    def _begins_line(self) -> bool:
        if self._before is None or self._now is None:
            return True
        return new_line(self._before, self._now)

    def _ends_line(self) -> bool:
        return not self.coming or self._now is None or new_line(self._now, self.coming[-1])

    def _token(self) -> Token:
        if self._now is None:
            raise _StopError(None, "unexpected end of file")
        return self._now

    # -- the outermost level -----------------------------------------------------------------------

    def all(self) -> None:
        while self._next():
            self._one()

    def _one(self) -> None:
        keys = self._keys()
        if keys is None:
            return
        names = [key.text for key in keys]
        head = names[0] if len(names) == 1 else ""
        if head.startswith("&(") and head.endswith(")"):
            self._named_route(keys)
        elif head.startswith("(") and head.endswith(")"):
            opening = self._token()
            if self._imports.knows(head[1:-1]):
                raise _StopError(keys[0], f"redeclaration of previously declared snippet {head}")
            body = self._raw_block(opening)
            self._imports.define(head[1:-1], body)
        else:
            self._site(keys)

    def _keys(self) -> tuple[Token, ...] | None:
        """Read a block's addresses, up to its brace or first directive; None at the end.

        A file that ends with addresses has a site without directives.
        """
        keys: list[Token] = []
        more = False
        while True:
            token = self._token()
            if token.text == "import" and self._begins_line():
                self._import(in_block=False)
                if not self._next():
                    break
                continue
            if token.opens:
                if more:
                    raise _StopError(token, "expected another address but had '{'")
                return tuple(keys)
            address = _address(token)
            more = token.text.endswith(",") if token.text else more
            if address:
                keys.append(token._replace(text=address))
            if not self._next():
                if more:
                    raise _StopError(token, "unexpected end of file: another address is expected")
                break
            if not more and self._begins_line():
                return tuple(keys)
        if keys:
            self._into.sites.append(Block(tuple(keys), [], line_of(tuple(keys))))
        return None

    def _named_route(self, keys: tuple[Token, ...]) -> None:
        opening = self._token()
        body = self._raw_block(opening)
        nodes = self._tree(body)
        name = keys[0]._replace(text=keys[0].text[2:-1])
        self._into.routes.append(Block((name,), nodes, line_of((*keys, opening))))

    def _raw_block(self, opening: Token) -> list[Token]:
        if not opening.opens:
            raise _StopError(opening, f"unexpected token '{opening.text}', expecting '{{'")
        body: list[Token] = []
        depth = 1
        while self._next():
            token = self._token()
            depth += token.opens - token.closes
            if not depth:
                return body
            body.append(token)
        raise _StopError(opening, "unexpected end of file, expecting '}'")

    def _site(self, keys: tuple[Token, ...]) -> None:
        opening = self._token()
        braces = opening.opens
        shown = (*keys, opening) if braces else keys or (opening,)
        block = Block(keys, [], line_of(shown))
        if not braces:
            self._back()
        if keys:
            self._into.sites.append(block)
        while self._next() and not self._token().closes:
            if self._token().text == "import":
                self._import(in_block=True)
            else:
                block.nodes += self._tree(self._segment())
        if block.nodes and not keys:
            self._general(block)
        # Caddy takes the brace of the last directive for the site's own, too.
        if braces and not self._token().closes:
            raise _StopError(opening, "unexpected end of file, expecting '}'")

    def _general(self, block: Block) -> None:
        into = self._into
        if into.options is None and not into.sites and not into.routes:
            into.options = block
        else:
            into.refuse(block.at, "server block without any key is global configuration, and if "
                        "used, it must be first")  # fmt: skip

    def _segment(self) -> list[Token]:
        """Return a directive with its words and its block, imports within put in place."""
        first = self._token()
        found = [first]
        depth = 0
        while self._next():
            token = self._token()
            if token.opens:
                depth += 1
                if not self._ends_line():
                    raise _StopError(token, "unexpected next token after '{' on same line")
                if self._begins_line():
                    raise _StopError(token, "unexpected '{' on a new line; did you mean to place "
                                     "the '{' on the previous line?")  # fmt: skip
            elif token.text == "{}" and not token.quote:
                if self._ends_line():
                    raise _StopError(token, "unexpected '{}' at end of line")
            elif not depth and self._begins_line():
                self._back()
                break
            elif token.closes:
                depth -= 1
                if depth < 0:
                    raise _StopError(token, "unexpected '}' because no matching opening brace")
            elif token.text == "import" and self._begins_line():
                self._import(in_block=True)
                continue
            found.append(token)
        if depth:
            raise _StopError(first, "unexpected end of file, expecting '}'")
        return found

    def _import(self, *, in_block: bool) -> None:
        """Put what an import names in front of what is still to come."""
        line = self._token()
        before = self._before
        words: list[Token] = []
        while self.coming and not self._ends_line() and not self.coming[-1].opens:
            self._next()
            words.append(self._token())
        block = self._import_block() if not self._ends_line() else []
        self._now, self._before = before, None
        try:
            found = self._imports.of(line, words, block, in_block=in_block)
        except UnreadableError as error:
            raise _StopError(line._replace(line=error.line), error.why) from None
        if found.refused:
            raise _StopError(line, found.refused)
        self._count += len(found.tokens)
        if self._count > MAX_TOKENS:
            if not self._bounded:
                self._files.unreadable(
                    line.file, line.line, f"only the first {MAX_TOKENS} tokens were read"
                )
            self._bounded = True
            return
        self.coming += found.tokens[::-1]

    def _import_block(self) -> list[Token]:
        """Return the tokens of the block that follows an import."""
        self._next()
        if not self._next() or self._token().closes:
            return []
        depth, body = 1, [self._token()]
        while self._next():
            token = self._token()
            if self._ends_line():
                depth += token.opens - token.closes
            if not depth:
                break
            body.append(token)
        return body

    # -- a directive's tokens as a tree ------------------------------------------------------------

    def _tree(self, segment: list[Token]) -> list[Node]:
        found: list[Node] = []
        levels = [found]
        at, end = 0, len(segment)
        while at < end:
            token = segment[at]
            if token.closes and len(levels) > 1:
                levels.pop()
                at += 1
                if at < end and not new_line(token, segment[at]):
                    self._into.refuse(line_of((token, segment[at])), "a word behind '}'")
                continue
            start = at
            at += 1
            while at < end and not segment[at].opens and not new_line(segment[at - 1], segment[at]):
                at += 1
            words = segment[start + 1 : at]
            opens = at < end and segment[at].opens
            shown = (token, *words, segment[at]) if opens else (token, *words)
            node = Node(token.text, tuple(w.text for w in words), line_of(shown),
                        quoted=tuple(bool(w.quote) for w in words))  # fmt: skip
            levels[-1].append(node)
            if opens:
                node.block = []
                levels.append(node.block)
                at += 1
                if len(levels) > MAX_NESTING:
                    self._files.unreadable(
                        token.file, token.line, f"more than {MAX_NESTING} blocks within each other"
                    )
                    break
        return found

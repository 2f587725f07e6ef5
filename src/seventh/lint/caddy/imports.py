"""``import`` in a Caddyfile: snippets, files and patterns, with arguments and blocks put in."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec

from seventh.lint.caddy.tokens import (
    ENVIRONMENT,
    Token,
    new_line,
    tokens,
)
from seventh.lintkit.files import Files, Text, holds
from seventh.lintkit.links import followed, is_foreign, of_the_machine
from seventh.lintkit.place import Place
from seventh.model.source import Line

MAX_TRAIL = 32
"""Imports within imports."""
MAX_PATTERNS = 1024
"""Different words behind ``import``; each is looked for once."""
MAX_WORD = 65536
"""An argument can be put into itself again and again."""
_ARGUMENT = re.compile(r"\{args(?:\[([0-9]{1,6})\]|\.([0-9]{1,6}))\}")
_RANGE = re.compile(r"\{args\[([0-9]{0,6}):([0-9]{0,6})\]\}")
_MAGIC = re.compile(r"[*?\[\]]")


class Imported(msgspec.Struct):
    """What an import stands for, or why Caddy refuses it."""

    tokens: list[Token] = []
    refused: str = ""


class Imports:
    """The snippets of one Caddyfile, and the files that were imported."""

    def __init__(self, files: Files, missing: list[str], place: Place) -> None:
        self._files = files
        self._place = place
        self._missing = missing
        self._snippets: dict[str, list[Token]] = {}
        self._texts: dict[str, Text | None] = {}
        self._found: dict[str, tuple[list[Token], list[str]] | str] = {}
        self._nodes: dict[str, set[str]] = {}

    def knows(self, name: str) -> bool:
        """Return whether there is a snippet of that name."""
        return name in self._snippets

    def define(self, name: str, body: list[Token]) -> None:
        """Remember a snippet."""
        self._snippets[name] = [token._replace(snippet=name) for token in body]

    def of(
        self, line: Token, words: list[Token], block: list[Token], *, in_block: bool
    ) -> Imported:
        """Return what replaces ``import`` in ``line``; UnreadableError for a broken file."""
        if not words:
            return Imported(refused="wrong argument count or unexpected line ending after 'import'")
        name, *arguments = (word.text for word in words)
        if not name:
            return Imported(refused="import requires a non-empty filepath")
        blocks = _blocks(block)
        if blocks is None:
            return Imported(refused="anonymous blocks are not supported")
        if len(line.trail) >= MAX_TRAIL:
            self._unread(line, f"{name} was not read: more than {MAX_TRAIL} imports deep")
            return Imported()
        if name in self._snippets:
            body = self._snippets[name]
            nodes = [f"{body[0].file}:{name}"] if body else []
        elif ENVIRONMENT in name:
            self._unread(line, f"{name} is left unexpanded: which file is imported, is not known")
            return Imported()
        else:
            found = self._looked_for(line, name)
            if isinstance(found, str):
                return Imported(refused=found)
            body, nodes = found
        node = f"{line.file}:{line.snippet}" if line.snippet else os.path.realpath(line.file)
        if any(self._leads(one, node) for one in nodes):
            return Imported(refused=f"import {name} leads back to itself")
        self._nodes.setdefault(node, set()).update(nodes)
        mark = f"{line.file}:{line.line} {name}"
        trail = (*line.trail, mark)
        body = [token._replace(trail=trail) for token in body]
        placed = _placed(body, arguments, block, blocks, in_block=in_block)
        if any(len(token.text) > MAX_WORD for token in placed):
            self._unread(line, f"a word of more than {MAX_WORD} characters was cut")
            placed = [token._replace(text=token.text[:MAX_WORD]) for token in placed]
        return Imported(placed)

    def _leads(self, start: str, end: str) -> bool:
        waiting, seen = [start], {start}
        while waiting:
            node = waiting.pop()
            if node == end:
                return True
            fresh = self._nodes.get(node, set()) - seen
            seen |= fresh
            waiting += fresh
        return False

    def _unread(self, line: Token, why: str) -> None:
        self._files.unreadable(line.file, line.line, why)

    def _looked_for(self, line: Token, name: str) -> tuple[list[Token], list[str]] | str:
        """Do as :meth:`_from_files`, once for each name and importing file's folder."""
        key = f"{os.path.dirname(line.file)}\0{name}"  # noqa: PTH120 - a key, no path
        if key not in self._found:
            if len(self._found) >= MAX_PATTERNS:
                if len(self._found) == MAX_PATTERNS:
                    self._unread(line, f"more than {MAX_PATTERNS} files are imported: the rest "
                                 "is not")  # fmt: skip
                    self._found[""] = [], []
                return [], []
            self._found[key] = self._from_files(line, name)
        return self._found[key]

    def _from_files(self, line: Token, name: str) -> tuple[list[Token], list[str]] | str:
        """Return the tokens of the files that a name or pattern means, or why it is refused."""
        beside = Path(line.file).absolute().parent / name
        pattern = str(self._place.path(name) if name.startswith("/") else beside)
        matching = self._files.matching
        if of_the_machine(self._place, name) and not matching(pattern):
            pattern = name if matching(name) else pattern
        if max(pattern.count("*"), pattern.count("?")) > 1 or ("[" in pattern and "]" in pattern):
            return f"glob pattern may only contain one wildcard (*), but has others: {name}"
        paths = matching(pattern) if _MAGIC.search(pattern) else [Path(pattern)]
        if not paths:
            self._files.note(line.file, line.line, f"import {name}: no file matches")
        paths = [followed(self._place, path) for path in paths]
        if any(is_foreign(self._place, path) for path in paths):
            self._files.note(line.file, line.line, f"import {name}: read from this machine")
        found: list[Token] = []
        for path in paths:
            if holds(Path.is_dir, path):
                return f"could not import {path}: is a directory"
            text = self._read(path, line)
            if text is not None:
                found += tokens(text)
        return found, [os.path.realpath(path) for path in paths]

    def _read(self, path: Path, line: Token) -> Text | None:
        key = str(path)
        if key not in self._texts:
            at = Line(file=line.file, line=line.line, text="import")
            self._texts[key] = self._files.read(path, at=at)
        text = self._texts[key]
        if text is None:
            self._missing.append(key)
        return text


def _blocks(block: list[Token]) -> dict[str, list[Token]] | None:
    """Split an import's block for ``{blocks.NAME}``; None where a part has no name."""
    found: dict[str, list[Token]] = {}
    at = 0
    while at < len(block):
        name = block[at]
        if name.opens:
            return None
        at += 1
        body: list[Token] = []
        while at < len(block) and not new_line(block[at - 1], block[at]) and not block[at].opens:
            body.append(block[at])
            at += 1
        if at < len(block) and block[at].opens and not new_line(block[at - 1], block[at]):
            depth = 1
            at += 1
            while at < len(block):
                depth += block[at].opens - block[at].closes
                at += 1
                if not depth:
                    break
                body.append(block[at - 1])
        found[name.text] = body
    return found


def _placed(
    body: list[Token],
    arguments: list[str],
    block: list[Token],
    blocks: dict[str, list[Token]],
    *,
    in_block: bool,
) -> list[Token]:
    """Put arguments and blocks into the imported tokens; snippets within stay as they are."""
    found: list[Token] = []
    depth = int(in_block)
    inside = named = False
    index = 0
    for position, token in enumerate(body):
        if not inside and not depth:
            fresh = position == 0 or new_line(body[position - 1], token)
            index = 0 if fresh else index + 1
            if not index and len(token.text) > 2 and token.text[0] + token.text[-1] == "()":
                named = True
        if token.opens:
            depth += 1
            if index == 1 and named and depth == 1:
                inside, named = True, False
        elif token.closes:
            depth -= 1
            inside = inside and depth != 0
        if inside:
            found.append(token)
        elif token.text == "{block}":
            found += block
        elif token.text.startswith("{blocks.") and token.text.endswith("}"):
            found += blocks.get(token.text[8:-1], [])
        else:
            found += _replaced(token, arguments)
    return found


def _replaced(token: Token, arguments: list[str]) -> list[Token]:
    match = _RANGE.fullmatch(token.text)
    if match is not None:
        first = int(match[1] or 0)
        last = int(match[2] or len(arguments))
        if first <= last <= len(arguments):
            return [token._replace(text=one) for one in arguments[first:last]]
        return [token]

    def argument(found: re.Match[str]) -> str:
        number = int(found[1] or found[2])
        return arguments[number] if number < len(arguments) else found[0]

    return [token._replace(text=_ARGUMENT.sub(argument, token.text))]

"""Where the lines of a fix belong in nginx.conf.

A fix is lines for the server's block, unless a comment before them says ``in http {}`` or ``in the
location``. A line stands in place of the one that is in force; ``# or`` begins an alternative.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from seventh.lint.nginx.directives import Version, version_of
from seventh.lint.nginx.spans import Span, all_of, spans
from seventh.lintkit.patch import Edit, Fix, NotPlaced, Why
from seventh.model.source import Line

_HEADING = re.compile(r"#\s+in (?P<place>http|server)\b")
_LOCATION = re.compile(r"#\s+in (?:the|its) [^#]*?(?:location|proxy_pass)")
_SINCE = re.compile(r"#\s+nginx (?P<version>[0-9.]+) or newer")
_BEFORE = re.compile(r"#\s+before nginx (?P<version>[0-9.]+)")
_OR = re.compile(r"#\s+or\b")
_REMARK = re.compile(r"\s+#.*$")
_ALL_OR_NONE = frozenset({"add_header", "proxy_set_header"})
"""Directives of which a block with one of its own inherits none."""


def place(fix: Fix) -> Sequence[Edit]:
    """Replace the directives in force, else add to the block; one edit for each changed file."""
    changes = _Changes(fix)
    for where, text in _parts(fix):
        for piece in spans(text.splitlines()):
            if piece.name == "listen":
                changes.listen(piece)
            elif where == "http":
                changes.in_http(piece, text)
            else:
                changes.in_block(piece, text, location=where == "location")
    return changes.edits()


def _parts(fix: Fix) -> Iterator[tuple[str, str]]:
    """Yield the lines of the fix for this version by where they belong."""
    version = version_of(fix.software.rpartition(" ")[2])
    where, lines = "server", list[str]()
    for line in fix.lines:
        if line.startswith("#"):
            yield where, "\n".join(lines)
            lines = []
            if _OR.match(line):
                return
            if (heading := _HEADING.match(line)) is not None:
                where = heading["place"]
            elif _LOCATION.match(line):
                where = "location"
        elif _is_for(line, version):
            lines.append(_REMARK.sub("", line))
    yield where, "\n".join(lines)


def _is_for(line: str, version: Version) -> bool:
    since, before = _SINCE.search(line), _BEFORE.search(line)
    if since is not None and version < version_of(since["version"]):
        return False
    return before is None or version < version_of(before["version"])


class _Insertion(msgspec.Struct, frozen=True):
    file: str
    start: int
    end: int
    text: str


class _Changes:
    """The changes of the files for one fix."""

    def __init__(self, fix: Fix) -> None:
        self._fix = fix
        self._found: list[_Insertion] = []
        self._tops: Mapping[str, list[Span]] = {
            name: spans(lines) for name, lines in fix.texts.items()
        }
        self._texts = {name: "\n".join(lines) + "\n" for name, lines in fix.texts.items()}

    def edits(self) -> list[Edit]:
        """Return each changed file as a whole; the patch shows what differs."""
        made: list[Edit] = []
        for file in dict.fromkeys(one.file for one in self._found):
            text = self._texts[file]
            mine = list(dict.fromkeys(one for one in self._found if one.file == file))
            # From below; of insertions at one place the last is done first.
            order = sorted(enumerate(mine), key=lambda pair: (pair[1].start, pair[0]))
            for _, one in reversed(order):
                text = text[: one.start] + one.text + text[one.end :]
            count = len(self._fix.texts[file])
            made.append(Edit(file, 1, count, tuple(text.removesuffix("\n").split("\n"))))
        return made

    def in_block(self, piece: Span, text: str, *, location: bool) -> None:
        """Set a directive for the view: where the finding has it, else in the view's block.

        In a location only its own lines are replaced: an outer one is for other paths, too.
        """
        alone = piece.name in _ALL_OR_NONE and self._has_own(piece.name)
        block = self._block(location=location or alone)
        new = text[piece.start : piece.end]
        there = self._own(block, piece.key)
        if not there and not (location or alone):
            there = self._evidence(piece.key)
        for file, span in there:
            self._replace(file, span, new)
        if not there:
            inherits = piece.name in _ALL_OR_NONE and not alone
            self._insert(*block, [*(self._inherited(piece.name) if inherits else ()), new])

    def in_http(self, piece: Span, text: str) -> None:
        """Set a directive for every server: where the finding has it, else in the http block."""
        new = text[piece.start : piece.end]
        there = self._evidence(piece.key) or self._own(self._http(), piece.key)
        if not there:
            self._insert(*self._http(), [new])
        elif piece.children is None:  # else it is a block that is there already, such as a map
            for file, span in there:
                self._replace(file, span, new)

    def listen(self, piece: Span) -> None:
        """Add the parameters of a listen line to the lines of that port that are there."""
        for at in self._settings("listen"):
            span = self._at(at, "listen")
            if span is None or not set(piece.words[1:]) - set(span.words):
                continue
            if "ssl" in span.words and "quic" not in span.words:
                more = [word for word in piece.words[1:] if word not in span.words]
                line = self._texts[at.file][span.start : span.end].removesuffix(";").rstrip()
                self._replace(at.file, span, " ".join([line, *more]) + ";")

    # -- what is there -------------------------------------------------------------------------

    def _settings(self, name: str) -> list[Line]:
        return [setting.at for setting in self._fix.view.settings.get(name, ())]

    def _at(self, at: Line, name: str) -> Span | None:
        """Return the directive of that name on a line."""
        found = (span for span in all_of(self._tops.get(at.file, ())) if span.line == at.line)
        return next((span for span in found if span.name == name), None)

    def _evidence(self, key: tuple[str, ...]) -> list[tuple[str, Span]]:
        """Return the directives of that key on the lines of the finding."""
        return [
            (at.file, span)
            for at in dict.fromkeys(self._fix.evidence)
            for span in all_of(self._tops.get(at.file, ()))
            if span.line == at.line and span.key == key
        ]

    def _own(self, block: tuple[str, Span | None], key: tuple[str, ...]) -> list[tuple[str, Span]]:
        return [(block[0], child) for child in self._children(block) if child.key == key]

    def _children(self, block: tuple[str, Span | None]) -> list[Span]:
        file, span = block
        return self._tops[file] if span is None else span.children or []

    def _has_own(self, name: str) -> bool:
        """Return whether the view's innermost block has directives of that name."""
        return any(child.name == name for child in self._children(self._block(location=True)))

    def _inherited(self, name: str) -> list[str]:
        """Return the outer lines that a first line of that name in a block would take away."""
        found = [(at.file, self._at(at, name)) for at in self._settings(name)]
        return [self._texts[file][span.start : span.end] for file, span in found if span]

    def _block(self, *, location: bool) -> tuple[str, Span | None]:
        """Return the view's location, or its server; None for the file's outermost level."""
        at = self._fix.view.block
        opened = at if at is None else self._at(at, "location") or self._at(at, "server")
        if at is None or opened is None:
            return self._http_or_top()
        names = ("location", "server") if location else ("server",)
        for name in names:
            if (block := opened.around(name)) is not None:
                return at.file, block
        return at.file, None

    def _http_or_top(self) -> tuple[str, Span | None]:
        try:
            return self._http()
        except NotPlaced:
            return self._fix.main, None

    def _http(self) -> tuple[str, Span | None]:
        for file, top in self._tops.items():
            for span in top:
                if span.name == "http" and span.children is not None:
                    return file, span
        if any(span.name == "server" for span in self._tops.get(self._fix.main, ())):
            return self._fix.main, None
        raise NotPlaced(Why.NO_PLACE)

    # -- changing the text -----------------------------------------------------------------------

    def _replace(self, file: str, span: Span, new: str) -> None:
        self._found.append(_Insertion(file, span.start, span.end, new))

    def _insert(self, file: str, block: Span | None, lines: Sequence[str]) -> None:
        """Insert behind the last plain directive of a block, before its inner blocks."""
        text = self._texts[file]
        own = self._children((file, block))
        plain = [child for child in own if child.children is None]
        if plain:
            at, indent = plain[-1].end, self._indent(text, plain[-1].start)
        elif block is not None:
            at, indent = block.inside, self._indent(text, block.start) + "    "
        else:
            at, indent = 0, ""
        remark = re.match(r"[ \t]*#[^\n]*", text[at:])
        at += remark.end() if remark else 0
        new = [f"{indent}{line}" for one in lines for line in one.split("\n")]
        if not plain and block is None:
            self._found.append(_Insertion(file, 0, 0, "".join(f"{line}\n" for line in new)))
        else:
            self._found.append(_Insertion(file, at, at, "".join(f"\n{line}" for line in new)))

    @staticmethod
    def _indent(text: str, at: int) -> str:
        line = text[text.rfind("\n", 0, at) + 1 : at]
        return line[: len(line) - len(line.lstrip())]

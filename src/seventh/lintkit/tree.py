"""YAML and JSON files as trees that know their lines, read within bounds.

PyYAML's own composer recurses, and knows no bound; its parser gives events, which cost little.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from seventh.lintkit.files import MAX_FILE_BYTES, Files, Text
from seventh.model.source import Line
from seventh.wire.text import printable

if TYPE_CHECKING:
    import yaml  # type: ignore[import-untyped]

MAX_NODES = 400_000
MAX_DEPTH = 100
MAX_DOCUMENTS = 20
_SHOWN = 200
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}

Scalar = str | int | float | bool | None


class Node(msgspec.Struct, eq=False):
    """One value of the file, with the line where it begins."""

    line: int
    key_line: int = 0
    """The line of its key; 0 for an item or the top."""
    scalar: Scalar = None
    fields: dict[str, Node] | None = None
    """Of a mapping, the values by key; of two with one key, the later."""
    items: list[Node] | None = None

    def get(self, *names: str) -> Node | None:
        """Return the value below these keys, each within the one before; None if there is none."""
        node: Node | None = self
        for name in names:
            node = node.fields.get(name) if node is not None and node.fields else None
        return node

    def text(self, *names: str) -> str:
        """Return the string or number below these keys as text; empty if there is none."""
        node = self.get(*names)
        if node is None or node.scalar is None or isinstance(node.scalar, bool):
            return ""
        return str(node.scalar)

    def number(self, *names: str) -> float | None:
        """Return the number below these keys."""
        node = self.get(*names)
        value = None if node is None else node.scalar
        return None if isinstance(value, bool | str) or value is None else float(value)

    def is_true(self, *names: str) -> bool | None:
        """Return the truth value below these keys; None if there is none."""
        node = self.get(*names)
        return node.scalar if node is not None and isinstance(node.scalar, bool) else None

    def each(self, *names: str) -> list[Node]:
        """Return the items of the list below these keys; none if there is none."""
        node = self.get(*names)
        return node.items or [] if node is not None else []

    def item(self, number: int) -> Node | None:
        """Return the item of that number, from 0; None if there is none."""
        return self.items[number] if self.items and number < len(self.items) else None

    def at(self, text: Text) -> Line:
        """Return where it is, with the line of the file as evidence."""
        number = self.key_line or self.line
        shown = text.lines[number - 1].strip() if number <= len(text.lines) else ""
        return Line(file=text.name, line=number, text=printable(shown or text.name, _SHOWN))

    def below(self, limit: int = MAX_NODES) -> Iterator[Node]:
        """Yield the node and all nodes below it, each once, in the order of the file."""
        seen: set[int] = set()
        waiting = [self]
        while waiting and len(seen) < limit:
            node = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            yield node
            waiting += reversed([*(node.items or ()), *(node.fields or {}).values()])


def read(text: Text, files: Files) -> list[Node]:
    """Return the documents of a file; what cannot be read is noted, and what was read is kept."""
    import yaml

    data = files.contents.get(text.name)
    source = "\n".join(text.lines) if data is None else data[:MAX_FILE_BYTES].decode(
        "utf-8", "replace")  # fmt: skip
    source = source.removeprefix("\ufeff").replace("\0", "")
    if source.lstrip()[:1] in {"{", "["}:
        source = source.replace("\t", " ")  # blanks of JSON, which YAML does not allow there
    builder = _Builder(text.name, files)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(source, Loader=loader):
            if not builder.add(event):
                break
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
        line = min(mark.line + 1, max(1, len(text.lines))) if mark is not None else None
        files.problem(text.name, line, f"not YAML: {why}")
    except (RecursionError, ValueError) as error:
        files.unreadable(text.name, None, f"not readable as YAML: {error}")
    return builder.documents


class _Builder:
    """Trees of events, on a stack of their own."""

    def __init__(self, name: str, files: Files) -> None:
        self.documents: list[Node] = []
        self._name = name
        self._files = files
        self._stack: list[tuple[Node, Node | None]] = []
        """The open nodes, each with the key that waits for its value."""
        self._anchors: dict[str, Node] = {}
        self._count = 0

    def add(self, event: yaml.Event) -> bool:
        """Add an event; False where a bound is met, which is noted."""
        import yaml

        match event:
            case yaml.ScalarEvent():
                node = Node(event.start_mark.line + 1, scalar=_value(event))
                return self._put(node, event.anchor)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                is_map = isinstance(event, yaml.MappingStartEvent)
                node = Node(
                    event.start_mark.line + 1, fields={} if is_map else None,
                    items=None if is_map else [],
                )  # fmt: skip
                went_on = self._put(node, event.anchor)
                self._stack.append((node, None))
                return went_on
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._stack.pop()
            case yaml.AliasEvent():
                found = self._anchors.get(event.anchor)
                if found is None or any(found is open_ for open_, _ in self._stack):
                    why = f"*{event.anchor} names no anchor before it"
                    self._files.problem(self._name, event.start_mark.line + 1, why)
                    found = Node(event.start_mark.line + 1)
                return self._put(found, None)
        return True

    def _put(self, node: Node, anchor: str | None) -> bool:
        if anchor:
            self._anchors[anchor] = node
        self._count += 1
        if self._count > MAX_NODES or len(self._stack) > MAX_DEPTH:
            bound = f"{MAX_NODES} values" if self._count > MAX_NODES else f"{MAX_DEPTH} levels"
            self._files.unreadable(self._name, node.line, f"more than {bound}: the rest was left")
            return False
        if not self._stack:
            self.documents.append(node)
            return len(self.documents) < MAX_DOCUMENTS
        parent, key = self._stack[-1]
        if parent.items is not None:
            parent.items.append(node)
        elif key is None:
            self._stack[-1] = (parent, node)
        elif parent.fields is not None:
            self._stack[-1] = (parent, None)
            self._enter(parent.fields, key, node)
        return True

    def _enter(self, fields: dict[str, Node], key: Node, node: Node) -> None:
        name = key.scalar
        if not isinstance(name, str | int | float) or isinstance(name, bool):
            name = "" if name is None else str(name).lower()
        if str(name) == "<<" and key.items is None:  # a merge: what is written out wins
            for one in node.items or [node]:
                for each, value in (one.fields or {}).items():
                    fields.setdefault(each, value)
            return
        if not node.key_line:
            node.key_line = key.line
        fields[str(name)] = node


def _value(event: yaml.ScalarEvent) -> Scalar:
    text: str = event.value
    if event.style or not event.implicit[0]:  # quoted, or with a tag
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if len(text) <= 30 and _NUMBER.fullmatch(text):
        return float(text) if set(text) & set(".eE") else int(text)
    return text

"""Values of YAML and JSON with the line where each begins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from seventh.model.failure import UsageError

_MAX_NODES = 2_000_000
"""Aliases of YAML multiply what a file has."""
_SPACE = re.compile(r"[ \t\r\n]*")


class Node(msgspec.Struct, frozen=True):
    """A value and its line, counted from 1."""

    value: Any
    """A scalar, a ``dict[str, Node]`` or a ``list[Node]``."""
    line: int

    def get(self, *path: str) -> Node:
        """Return what is below the keys; a node of None where there is nothing."""
        node = self
        for key in path:
            if not isinstance(node.value, dict) or key not in node.value:
                return Node(None, node.line)
            node = node.value[key]
        return node

    def items(self) -> Iterator[tuple[str, Node]]:
        """Yield what a mapping has, which may be nothing."""
        yield from self.value.items() if isinstance(self.value, dict) else ()

    def each(self) -> list[Node]:
        """Return the members of a list; those of a mapping, too: some tools write either."""
        if isinstance(self.value, dict):
            return [*self.value.values()]
        return self.value if isinstance(self.value, list) else []

    def text(self, key: str = "", default: str = "") -> str:
        """Return a scalar as text."""
        value = self.get(key).value if key else self.value
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value) if isinstance(value, str | int | float) else default

    def number(self, key: str) -> float | None:
        """Return a number, also one that is written as text; None if it is none."""
        try:
            return float(self.text(key))
        except ValueError:
            return None

    def __bool__(self) -> bool:
        return bool(self.value)


def yaml_of(name: str, text: str) -> Node:
    """Read YAML; raises UsageError, in one line."""
    import yaml  # type: ignore[import-untyped]

    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return Node(None, 1)
        return _Composed(loader).node(root)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"{name}{line}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError):
        raise UsageError(f"{name}: not valid YAML") from None
    finally:
        loader.dispose()


class _Composed:
    """Turns composed nodes into ours."""

    def __init__(self, loader: Any) -> None:
        self._loader, self._count = loader, 0

    def node(self, node: Any) -> Node:
        self._count += 1
        if self._count > _MAX_NODES:
            raise ValueError("aliases")
        line = node.start_mark.line + 1
        if node.id == "mapping":
            self._loader.flatten_mapping(node)
            return Node({str(key.value): self.node(value) for key, value in node.value}, line)
        if node.id == "sequence":
            return Node([self.node(each) for each in node.value], line)
        value = self._loader.construct_object(node)
        return Node(value if _is_plain(value, node.value) else node.value, line)


def _is_plain(value: Any, written: str) -> bool:
    """Return whether YAML 1.2 reads the same: there, `off` and `1:30` are text."""
    if isinstance(value, bool):
        return written.lower() in {"true", "false"}
    return (
        value is None
        or isinstance(value, str)
        or (isinstance(value, int | float) and ":" not in written)
    )


def json_of(name: str, text: str) -> Node:
    """Read JSON; raises UsageError, in one line."""
    try:
        json.loads(text)
        return _Walked(text).node()
    except json.JSONDecodeError as error:
        raise UsageError(f"{name}:{error.lineno}: not valid JSON: {error.msg}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{name}: not valid JSON") from None


class _Walked:
    """Walks valid JSON: objects and lists one by one, all else by the library."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._line, self._counted = 1, 0
        self._scalar = json.JSONDecoder().raw_decode

    def node(self) -> Node:
        self._skip()
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        line, first = self._line, self._text[self._at]
        if first == "{":
            return Node(dict(self._members("}")), line)
        if first == "[":
            return Node([node for _, node in self._members("]")], line)
        value, self._at = self._scalar(self._text, self._at)
        return Node(value, line)

    def _members(self, end: str) -> Iterator[tuple[str, Node]]:
        self._at += 1
        self._skip()
        while self._text[self._at] != end:
            key = ""
            if end == "}":
                key, self._at = self._scalar(self._text, self._at)
                self._skip()
                self._at += 1  # the colon
            yield key, self.node()
            self._skip()
            if self._text[self._at] == ",":
                self._at += 1
                self._skip()
        self._at += 1

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

"""Changes of header fields: what one line of a Caddyfile does to which of them."""

from __future__ import annotations

from typing import NamedTuple

from seventh.lint.caddy.file import Node
from seventh.lint.caddy.matchers import arguments
from seventh.wire.text import printable


class Change(NamedTuple):
    """One change of a header field."""

    field: str
    """Lower case; for a removal perhaps with ``*``."""
    how: str
    """``set``, ``add``, ``default``, ``delete``, or ``replace``."""
    value: str
    node: Node


def change(field: str, values: tuple[str, ...], node: Node) -> Change:
    """Return a field with its sign as one change."""
    sign = field[:1] if field[:1] in set("+-?>") else ""
    name = field.lstrip("+-?>").removesuffix(":").lower()
    value = printable(values[0], 300) if values else ""
    if sign == "-":
        return Change(name, "delete", "", node)
    if len(values) > 1:
        return Change(name, "replace", "", node)
    return Change(name, {"+": "add", "?": "default"}.get(sign, "set"), value, node)


def changes_of(node: Node) -> tuple[list[Change], bool]:
    """Return the changes of one ``header``, and whether they wait until the reply is sent."""
    values = arguments(node)
    children = node.block or []
    lines = [(values[0], values[1:])] if values else []
    lines += [(child.name, child.words) for child in children
              if child.name not in {"defer", "match"}]  # fmt: skip
    found = [change(name, value, node) for name, value in lines if name]
    if any(child.name == "match" for child in children):
        found = [one._replace(how="replace") for one in found]  # for some replies, not for others
    deferred = any(child.name == "defer" for child in children)
    return found, deferred or any(name[:1] in {"-", ">"} for name, _ in lines)

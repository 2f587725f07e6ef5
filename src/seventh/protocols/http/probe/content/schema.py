"""Whether a JSON value matches a schema, as OpenAPI's descriptions use them.

A subset of JSON Schema: unknown keywords are ignored, so that a violation is one for every complete
validator, too. Descriptions are the peer's: references may be cyclic and trees deep, so steps are
counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seventh.wire.text import printable

MAX_STEPS = 20_000
MAX_DEPTH = 48
MAX_FOUND = 5
_LISTS = ("enum", "required", "type")
_PLAIN = 32
"""How many comparisons of plain values count as one step."""
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,),
    "null": (type(None),),
}  # fmt: skip


class _Spent(Exception):  # noqa: N818 - the steps are
    """The schema needs more steps than the limit: the rest is not checked."""


def violations(schema: Any, value: Any, document: Any) -> tuple[str, ...]:
    """Return at most five violations of ``schema``; its references point into ``document``."""
    checker = _Checker(document)
    found: list[str] = []
    try:
        for violation in checker.check(schema, value, "$", 0):
            found.append(violation)
            if len(found) >= MAX_FOUND:
                break
    except (_Spent, RecursionError):
        pass
    return tuple(found)


def at_pointer(document: Any, reference: str) -> Any:
    """Return the target of a local reference (``#/components/…``, RFC 6901), else None."""
    if not reference.startswith("#/"):
        return None
    here = document
    for part in reference[2:].split("/")[:MAX_DEPTH]:
        key = part.replace("~1", "/").replace("~0", "~")
        here = here.get(key) if isinstance(here, dict) else None
    return here


class _Checker:
    def __init__(self, document: Any) -> None:
        self._document = document
        self._steps = 0

    def _step(self, depth: int, steps: int = 1) -> None:
        """Count steps. Raises _Spent where there were too many."""
        self._steps += steps
        if self._steps > MAX_STEPS or depth > MAX_DEPTH:
            raise _Spent

    def check(self, schema: Any, value: Any, where: str, depth: int) -> Iterator[str]:
        """Yield every violation of ``value``."""
        self._step(depth)
        if schema is False:
            yield f"{where} is not allowed"
        if not isinstance(schema, dict):
            return
        members = sum(len(_list(schema.get(word))) for word in _LISTS)
        # Each may be held against the value; to compare plain values is next to nothing.
        self._step(depth, members if isinstance(value, dict | list) else members // _PLAIN)
        if isinstance(reference := schema.get("$ref"), str):
            yield from self.check(at_pointer(self._document, reference), value, where, depth + 1)
            return
        if value is None and (schema.get("nullable") is True or schema.get("x-nullable") is True):
            return
        if wrong := _wrong_type(schema.get("type"), value):
            yield f"{where} {wrong}"
            return
        yield from _wrong_value(schema, value, where)
        yield from self._combined(schema, value, where, depth)
        if isinstance(value, dict):
            yield from self._object(schema, value, where, depth)
        elif isinstance(value, list):
            yield from self._array(schema, value, where, depth)

    def _combined(self, schema: Any, value: Any, where: str, depth: int) -> Iterator[str]:
        for part in _list(schema.get("allOf")):
            yield from self.check(part, value, where, depth + 1)
        for word in ("anyOf", "oneOf"):
            choices = _list(schema.get(word))
            if choices and not any(
                next(self.check(choice, value, where, depth + 1), None) is None
                for choice in choices
            ):
                yield f"{where} fits none of {len(choices)} alternatives"

    def _object(self, schema: Any, value: Any, where: str, depth: int) -> Iterator[str]:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        for name in _list(schema.get("required")):
            missing = isinstance(name, str) and name not in value
            if missing and not self._only_sent(properties, name):
                yield f"{where} lacks {printable(name, 60)}"
        open_ended = schema.get("additionalProperties") is not False
        strict = not open_ended and not schema.get("patternProperties")
        for name, inner in value.items():
            self._step(depth)
            if name in properties:
                yield from self.check(
                    properties[name], inner, f"{where}.{printable(name, 60)}", depth + 1
                )
            elif strict:
                yield f"{where} has {printable(name, 60)}, which is not described"

    def _only_sent(self, properties: Any, name: str) -> bool:
        """Return whether a property is for requests only (writeOnly), or may be."""
        inner = properties.get(name)
        if isinstance(inner, dict) and isinstance(inner.get("$ref"), str):
            inner = at_pointer(self._document, inner["$ref"])
        return isinstance(inner, dict) and inner.get("writeOnly") is True

    def _array(self, schema: Any, value: Any, where: str, depth: int) -> Iterator[str]:
        if "prefixItems" in schema or isinstance(schema.get("items"), list):
            return
        if (items := schema.get("items")) is not None:
            for index, inner in enumerate(value):
                yield from self.check(items, inner, f"{where}[{index}]", depth + 1)


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _wrong_type(wanted: Any, value: Any) -> str:
    names = [n for n in (wanted if isinstance(wanted, list) else [wanted]) if isinstance(n, str)]
    if not names or any(_is(name, value) for name in names):
        return ""
    return f"is {_name(value)}, not {printable(' or '.join(names), 60)}"


def _is(name: str, value: Any) -> bool:
    if name == "integer":
        return not isinstance(value, bool) and (
            isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        )
    if name == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    # A type that is not JSON Schema's ("file" of Swagger 2.0) says nothing.
    return isinstance(value, _TYPES[name]) if name in _TYPES else True


def _name(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return next((name for name, kinds in _TYPES.items() if isinstance(value, kinds)), "unknown")


def _wrong_value(schema: Any, value: Any, where: str) -> Iterator[str]:
    enum = schema.get("enum")
    if isinstance(enum, list) and not any(_equal(value, one) for one in enum):
        yield f"{where} is not one of the {len(enum)} allowed values"
    if "const" in schema and not _equal(value, schema["const"]):
        yield f"{where} is not the required constant"
    size = len(value) if isinstance(value, str | list) else None
    low, high = ("minLength", "maxLength") if isinstance(value, str) else ("minItems", "maxItems")
    if isinstance(value, int | float) and not isinstance(value, bool):
        size, low, high = value, "minimum", "maximum"  # type: ignore[assignment]
    if size is None:
        return
    if _is("number", least := schema.get(low)) and size < least:
        yield f"{where} is below its {low} of {least}"
    if _is("number", most := schema.get(high)) and size > most:
        yield f"{where} is above its {high} of {most}"


def _equal(one: Any, other: Any) -> bool:
    """Compare JSON values, where true is not 1; nested ones as Python does."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)

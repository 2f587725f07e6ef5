"""The JSON Schema of the report: ``python -m seventh.render.schema [--check]``."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import msgspec

from seventh.render.entries import JsonDocument
from seventh.render.generated import arguments, finish


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:seventh:report:1",
        **_settled(msgspec.json.schema(JsonDocument)),
    }


def _settled(node: Any) -> Any:
    """Normalise a part of the schema, which differs between versions of msgspec.

    Before 0.22 ``null`` was the first alternative; before 0.23 a description kept its docstring's
    indentation.
    """
    match node:
        case list():
            return [_settled(part) for part in node]
        case dict():
            made = {name: _settled(part) for name, part in node.items()}
            if isinstance(text := made.get("description"), str):
                made["description"] = inspect.cleandoc(text)
            if "anyOf" in made:
                made["anyOf"].sort(key=lambda choice: choice == {"type": "null"})
            return made
        case _:
            return node


def text() -> str:
    """Return the content of docs/report.schema.json."""
    encoded = msgspec.json.encode(schema(), order="deterministic")
    return msgspec.json.format(encoded, indent=2).decode() + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Write docs/report.schema.json; with ``--check`` return 1 if it is stale."""
    docs, check = arguments("docs/report.schema.json", argv)
    files = {docs / "report.schema.json": text()}
    return finish(files, (), check=check, how="python -m seventh.render.schema")


if __name__ == "__main__":
    raise SystemExit(main())

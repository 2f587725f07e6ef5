"""The JSON Schema of the report: its head, and what differs between versions of msgspec."""

from __future__ import annotations

from seventh.render.schema import schema


def test_the_schema_is_named_and_describes_the_document() -> None:
    made = schema()
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert made["$id"] == "urn:seventh:report:1"
    assert made["$ref"] == "#/$defs/JsonDocument"


def test_null_is_the_last_alternative_and_descriptions_have_no_indentation() -> None:
    parts = list(_parts(schema()))
    choices = [part["anyOf"] for part in parts if "anyOf" in part]
    nullable = [each for each in choices if {"type": "null"} in each]
    assert nullable
    assert all(each[-1] == {"type": "null"} for each in nullable)
    lines = [line for part in parts for line in str(part.get("description", "")).splitlines()]
    assert lines
    assert not [line for line in lines if line.startswith("    ")]


def _parts(node: object) -> list[dict[str, object]]:
    inner = list(node.values()) if isinstance(node, dict) else node
    found = [part for each in inner for part in _parts(each)] if isinstance(inner, list) else []
    return [node, *found] if isinstance(node, dict) else found

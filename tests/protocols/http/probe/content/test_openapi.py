"""Descriptions of APIs; and that a violation is one for a complete checker, too."""

from __future__ import annotations

import json
import time
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.http.probe.content import openapi, schema
from tests.protocols.http.probe.content.replies import reply

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)
TYPES = st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null"])


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "additionalProperties": st.booleans(),
            "items": inner,
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "const": VALUES,
            "minimum": st.integers(-3, 3), "maximum": st.integers(-3, 3),
            "minLength": st.integers(0, 3), "maxLength": st.integers(0, 3),
            "minItems": st.integers(0, 3), "maxItems": st.integers(0, 3),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
        },
    )  # fmt: skip


SCHEMAS = st.recursive(st.booleans() | st.just({}) | TYPES.map(lambda t: {"type": t}), _schemas)


@given(SCHEMAS, VALUES)
def test_a_violation_is_one_for_everybody(described: Any, value: Any) -> None:
    if schema.violations(described, value, {}):
        assert not jsonschema.Draft202012Validator(described).is_valid(value)


@pytest.mark.parametrize(
    ("described", "value", "said"),
    [
        ({"type": "string"}, 1, "$ is number, not string"),
        ({"type": ["string", "null"]}, None, None),
        ({"type": "string", "nullable": True}, None, None),
        ({"type": "integer"}, 2.0, None),
        ({"type": "integer"}, True, "$ is boolean, not integer"),
        ({"required": ["a"]}, {}, "$ lacks a"),
        ({"required": ["a"], "properties": {"a": {"writeOnly": True}}}, {}, None),
        ({"items": {"type": "string"}}, ["a", 2], "$[1] is number, not string"),
        ({"$ref": "#/x/y"}, 3, "$ is number, not boolean"),
        ({"$ref": "#/nothing"}, 3, None),
        ({"$ref": "#/loop"}, 3, None),
        ({"additionalProperties": False}, {"z": 1}, "$ has z, which is not described"),
        ({"enum": [1]}, True, "$ is not one of the 1 allowed values"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 3, "$ fits none of 2 alternatives"),
        ({"maximum": 2}, 3, "$ is above its maximum of 2"),
        ("junk", 3, None),
    ],
)
def test_violations(described: Any, value: Any, said: str | None) -> None:
    document = {"x": {"y": {"type": "boolean"}}, "loop": {"$ref": "#/loop"}}
    assert schema.violations(described, value, document) == ((said,) if said else ())


def test_long_lists_of_a_schema_cost_steps() -> None:
    """Half a million allowed values, or names of fields, for each of many thousand values."""
    long = list(range(500_000))
    started = time.process_time()
    assert schema.violations({"items": {"enum": long}}, [499_999] * 20_000, {}) == ()
    names = {"required": ["a"] * 500_000, "properties": {"a": {"writeOnly": True}}}
    assert schema.violations({"items": names}, [{}] * 20_000, {}) == ()
    rows = [[*range(250), n] for n in range(1000)]
    assert schema.violations({"items": {"enum": rows}}, rows, {}) == ()
    assert time.process_time() - started < 5


@pytest.mark.parametrize("depth", range(880, 1000, 7))
def test_values_as_deep_as_python_goes(depth: int) -> None:
    try:
        value = msgspec.json.decode(b"[" * depth + b"]" * depth)
        other = msgspec.json.decode(b"[" * depth + b"]" * depth)
    except RecursionError:
        return
    nested: dict[str, Any] = {"const": other}
    for _ in range(40):
        nested = {"allOf": [nested]}
    assert schema.violations(nested, value, {}) == ()


def test_steps_are_counted() -> None:
    bush: dict[str, Any] = {"type": "array"}
    document = {"bush": {"anyOf": [{"$ref": "#/bush"}] * 50}}
    assert schema.violations({"$ref": "#/bush"}, 1, document) == ()
    assert schema.violations({"items": {"allOf": [bush] * 500}}, [[]] * 10_000, {}) == ()


@given(st.recursive(SCALARS, lambda i: st.lists(i) | st.dictionaries(
    st.sampled_from(["type", "$ref", "required", "properties", "items", "allOf", "anyOf", "enum",
                     "maximum", "minLength", "additionalProperties", "a"]), i), max_leaves=20),
       VALUES)  # fmt: skip
def test_any_description(described: Any, value: Any) -> None:
    schema.violations(described, value, described)
    document = {"paths": {"/x": {"get": {"responses": {"200": {"schema": described}}}}}}
    for operation in openapi.operations(document, origin="https://a", credentials=False):
        got = reply(("content-type", "application/json"), body=json.dumps(value).encode())
        openapi.violations(operation, got, document)
    list(openapi.operations(described, origin="https://a", credentials=True))


@pytest.mark.parametrize(
    ("declared", "body", "found"),
    [
        ("application/json", b'{"openapi": "3.1.0", "paths": {}}', "OpenAPI 3.1.0"),
        ("application/json", b'{"swagger": "2.0"}', "Swagger 2.0"),
        ("text/yaml", b"# x\nopenapi: '3.0.3'\ninfo: {}\n", "OpenAPI 3.0.3 (YAML)"),
        ("application/linkset+json", b'{"linkset": []}', "API catalog"),
        ("application/json", b'{"openapi": 3}', None),
        ("text/html", b"<html>\nopenapi: 3.0.0\n</html>", None),
        ("application/json", b"[]", None),
    ],
)
def test_recognising(declared: str, body: bytes, found: str | None) -> None:
    known = openapi.recognise(reply(("content-type", declared), body=body))
    assert (known[0] if known else None) == found
    assert openapi.recognise(reply(("content-type", declared), body=body, status=404)) is None


def paths(document: dict[str, Any], *, credentials: bool = False) -> list[str]:
    found = openapi.operations(document, origin="https://api.test", credentials=credentials)
    return [operation.path for operation in found]


def test_operations_that_can_be_tried() -> None:
    get: dict[str, Any] = {"get": {"responses": {}}}
    document = {
        "servers": [{"url": "https://api.test/v1/"}],
        "paths": {
            "/a": get, "/a/{id}": get, "/b": {"post": {}},
            "/c": {"get": {"parameters": [{"in": "query", "required": True}]}},
            "/d": {"parameters": [{"$ref": "#/x"}], "get": {}},
            "/e": {"get": {"security": [{"key": []}]}},
            "/f": {"get": {"security": [{"key": []}, {}]}},
        },
    }  # fmt: skip
    assert paths(document) == ["/v1/a", "/v1/f"]
    assert paths(document, credentials=True) == ["/v1/a", "/v1/e", "/v1/f"]
    assert paths({**document, "servers": [{"url": "https://other.test/"}]}) == []
    assert paths({**document, "servers": [{"url": "https://[x"}]}) == []
    assert paths({"basePath": "/v2", "paths": {"/a": get}}) == ["/v2/a"]


def test_promises() -> None:
    promised = {
        "200": {"content": {"application/json": {"schema": {"type": "array"}}}},
        "4XX": {"description": "no"},
    }
    operation = openapi.Operation("/a", promised)
    kind = ("content-type", "application/json; charset=utf-8")

    def broken(*fields: tuple[str, str], **more: Any) -> tuple[str, ...]:
        return openapi.violations(operation, reply(*fields, **more), {})

    assert broken(kind, body=b"[]") == ()
    assert broken(kind, body=b"{}") == ("$ is object, not array",)
    assert broken(kind, body=b"no") == ("the content is not JSON",)
    assert broken(("content-type", "text/html")) == ("type text/html is not described",)
    assert broken(kind, status=204) == ("status 204 is not described",)
    assert broken(kind, status=404) == ()
    assert broken(kind, status=503) == ()

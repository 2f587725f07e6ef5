"""Declared options: what follows from a field's type, bounds and default."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from seventh.model.option import Option, RoomOptions, declared


class Declaring(RoomOptions, frozen=True, kw_only=True):
    """One option of each kind, and a field that is none."""

    count: Annotated[int, Meta(ge=1, le=4096), Option(flag="count", help="requests")] = 4
    limit: Annotated[
        Annotated[float, Meta(gt=0, le=86400)] | None, Option(flag="limit", help="seconds")
    ] = None
    large: Annotated[int, Meta(ge=0, le=1 << 30), Option(flag="large", help="bytes")] = 1 << 20
    some: Annotated[float, Option(flag="some", help="a number")] = 2.5
    words: Annotated[tuple[str, ...], Option(flag="words", help="words")] = ()
    pair: Annotated[tuple[int, ...], Option(flag="pair", help="pairs")] = (1, 2)
    on: Annotated[bool, Option(flag="on", help="switch it on")] = False
    off: Annotated[bool, Option(flag="off", help="switch it off")] = True
    kind: Annotated[Literal["a", "b"] | None, Option(flag="kind", help="the kind")] = None
    family: Annotated[
        Literal["any", "four"],
        Option(flag="family", help="a family", switches=(("-4", "four", "only four"),)),
    ] = "any"
    name: Annotated[str, Option(flag="name", help="a name")] = "x"
    file: Annotated[str | None, Option(flag="file", help="a file", default="the usual")] = None
    mixed: Annotated[int | str, Option(flag="mixed", help="either")] = 3
    whole: Annotated[float, Option(flag="whole", help="seconds")] = 10.0
    million: Annotated[int, Option(flag="million", help="bytes")] = 1_000_000
    plain: Annotated[str, Option(flag="plain", help="a text")] = ""
    hidden: int = 0


BY_FIELD = {each.field: each for each in declared(Declaring)}


@pytest.mark.parametrize(
    ("field", "flag", "help_", "bounds"),
    [
        ("count", "--count", "requests (default: 4)", "a number from 1 to 4096"),
        ("limit", "--limit", "seconds", "a number above 0, up to 86400"),
        ("large", "--large", "bytes (default: 1048576)", "a number from 0 to 1073741824"),
        ("some", "--some", "a number (default: 2.5)", ""),
        ("words", "--words", "words", ""),
        ("pair", "--pair", "pairs (default: (1, 2))", ""),
        ("on", "--on", "switch it on", ""),
        ("off", "--off", "switch it off", ""),
        ("kind", "--kind", "the kind", ""),
        ("family", "-4", "a family", ""),
        ("name", "--name", "a name (default: x)", ""),
        ("file", "--file", "a file (default: the usual)", ""),
        ("mixed", "--mixed", "either (default: 3)", ""),
        ("whole", "--whole", "seconds (default: 10)", ""),
        ("million", "--million", "bytes (default: 1000000)", ""),
        ("plain", "--plain", "a text", ""),
    ],
)
def test_help_and_bounds_are_the_fields(field: str, flag: str, help_: str, bounds: str) -> None:
    each = BY_FIELD[field]
    assert (each.flag, each.help, each.bounds) == (flag, help_, bounds)


@pytest.mark.parametrize(
    ("what", "fields"),
    [
        ("repeated", {"words"}),
        ("is_switch", {"on", "off", "family"}),
        ("is_number", {"count", "limit", "large", "some", "whole", "million"}),
    ],
)
def test_what_is_typed_after_it(what: str, fields: set[str]) -> None:
    assert {name for name, each in BY_FIELD.items() if getattr(each, what)} == fields


@pytest.mark.parametrize(("field", "choices"), [("kind", ("a", "b")), ("family", ("any", "four")),
                                                ("name", ()), ("count", ())])  # fmt: skip
def test_choices_are_those_of_the_type(field: str, choices: tuple[Any, ...]) -> None:
    assert BY_FIELD[field].choices == choices


def test_only_declared_fields_are_options_in_order() -> None:
    assert list(BY_FIELD) == [name for name in Declaring.__struct_fields__ if name != "hidden"]
    assert BY_FIELD["count"].type is int
    assert BY_FIELD["count"].default == 4

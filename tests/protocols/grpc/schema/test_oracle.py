"""What is called compatible, against protobuf's runtime: the old schema writes, the new one reads.

``same``: every value arrives. ``lossy``: some values arrive, and there is one that does not.
``breaks``: there is one that does not arrive.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
from google.protobuf.message import DecodeError

from seventh.protocols.grpc.facts.schema import Change, Effect
from seventh.protocols.grpc.schema.difference import difference
from tests.protocols.grpc.schema.schemas import message_class, schema

_BIG = (0, 1, 2, 127, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1, -1, -(2**31),
        -(2**31) - 1, -(2**63))  # fmt: skip
_RANGES = {
    "int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1), "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1), "sint32": (-(2**31), 2**31 - 1), "sint64": (-(2**63), 2**63 - 1),
    "fixed32": (0, 2**32 - 1), "fixed64": (0, 2**64 - 1), "sfixed32": (-(2**31), 2**31 - 1),
    "sfixed64": (-(2**63), 2**63 - 1), "E": (-(2**31), 2**31 - 1),
}  # fmt: skip
VALUES: dict[str, list[Any]] = {
    **{kind: [n for n in _BIG if low <= n <= high] for kind, (low, high) in _RANGES.items()},
    "bool": [False, True], "float": [0.0, 1.5, -2.0], "double": [0.0, 1.5, 1e300],
    "string": ["", "a", "ä", "\x01b"], "bytes": [b"", b"a", b"\xff", b"\n\x01a"],
    "N": [{}, {"s": "a"}, {"s": "a" * 200}],
}  # fmt: skip
KINDS = tuple(VALUES)
_REST = "enum E { Z = 0; Y = 1; } message N { string s = 1; }"


def text(field: str) -> str:
    return f"message M {{ {field} }} {_REST}"


def plain(value: Any) -> Any:
    """A value as it compares: text as bytes, messages as their bytes, numbers as numbers."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bool):
        return int(value)
    if hasattr(value, "SerializeToString"):
        return value.SerializeToString()
    return value


def arrives(writer: str, reader: str, value: Any) -> bool:
    """Whether a value that ``writer`` sets is what ``reader`` has."""
    message = message_class(text(writer), "M")()
    target = message.f
    if isinstance(value, list):
        for each in value:
            if isinstance(each, dict):
                target.add(**each)
            else:
                target.append(each)
    elif isinstance(value, dict):
        message = message_class(text(writer), "M")(f=value)
    else:
        message.f = value
    sent = message.f
    try:
        read = message_class(text(reader), "M").FromString(message.SerializeToString())
    except DecodeError:
        return False
    here = [plain(e) for e in sent] if isinstance(value, list) else [plain(sent)]
    is_list = reader.startswith("repeated")
    there = [plain(each) for each in read.f] if is_list else [plain(read.f)]
    # A default is not written, and an empty list is none.
    drop = (0, b"", 0.0)
    here, there = ([e for e in each if e not in drop] for each in (here, there))
    return here == there or all(map(_is_nan, [*here, *there]))


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def effect_of(changes: tuple[Change, ...], *, forward: bool) -> Effect:
    found = [one.reads_new if forward else one.reads_old for one in changes]
    return max(found, key=list(Effect).index, default=Effect.SAME)


def judge(old: str, new: str, values: list[Any]) -> None:
    """Hold what we say of both directions against what the runtime does with the values."""
    effect = effect_of(difference(schema(text(old)), schema(text(new))), forward=False)
    outcomes = [arrives(old, new, value) for value in values]
    if effect is Effect.SAME:
        assert all(outcomes), (old, new, dict(zip(map(repr, values), outcomes, strict=True)))
    else:
        assert not all(outcomes), f"{old} → {new}: nothing shows that it {effect}"
    if effect is Effect.LOSSY:
        assert any(o for o, value in zip(outcomes, values, strict=True) if value), (old, new)


@pytest.mark.parametrize("old", KINDS)
def test_each_type_read_as_each_other(old: str) -> None:
    for new in KINDS:
        judge(f"{old} f = 1;", f"{new} f = 1;", VALUES[old])


@pytest.mark.parametrize("kind", KINDS)
def test_each_type_between_one_and_many(kind: str) -> None:
    some = VALUES[kind]
    one, many = f"{kind} f = 1;", f"repeated {kind} f = 1;"
    judge(one, many, some)
    lists = [[], *([value] for value in some), [some[1], some[0], some[-1]], [some[-1], some[1]]]
    judge(many, one, lists)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in {"string", "bytes", "N"}])
def test_lists_that_are_not_packed(kind: str) -> None:
    some = VALUES[kind]
    unpacked = f"repeated {kind} f = 1 [packed = false];"
    lists = [[], *([value] for value in some), [some[1], some[-1]]]
    judge(unpacked, f"{kind} f = 1;", lists)
    judge(unpacked, f"repeated {kind} f = 1;", lists)
    judge(f"repeated {kind} f = 1;", unpacked, lists)


@pytest.mark.parametrize("number", [1, 2])
def test_a_field_that_is_gone_or_has_another_number(number: int) -> None:
    new = f"string g = {number};" if number == 2 else "string f = 2;"
    changes = difference(schema(text("string f = 1;")), schema(text(new)))
    assert effect_of(changes, forward=False) is Effect.BREAKS
    read = message_class(text(new), "M").FromString(
        message_class(text("string f = 1;"), "M")(f="a").SerializeToString()
    )
    assert (getattr(read, "g", ""), getattr(read, "f", "")) == ("", "")


def test_fields_that_join_a_oneof() -> None:
    apart, together = "string f = 1; string g = 2;", "oneof o { string f = 1; string g = 2; }"
    changes = difference(schema(text(apart)), schema(text(together)))
    assert (effect_of(changes, forward=False), effect_of(changes, forward=True)) == (
        Effect.LOSSY, Effect.SAME,
    )  # fmt: skip
    both = message_class(text(apart), "M")(f="a", g="b").SerializeToString()
    read = message_class(text(together), "M").FromString(both)
    assert (read.f, read.g) == ("", "b")
    alone = difference(schema(text("string f = 1;")), schema(text("oneof o { string f = 1; }")))
    assert (effect_of(alone, forward=False), effect_of(alone, forward=True)) == (
        Effect.SAME, Effect.SAME,
    )  # fmt: skip


def test_a_closed_enum_keeps_unknown_numbers_apart() -> None:
    old, new = "enum E { Z = 0; Y = 1; }", "enum E { Z = 0; }"
    made = [f"{each} message M {{ optional E f = 1; }}" for each in (old, new)]
    changes = difference(*(schema(each, "proto2") for each in made))
    assert effect_of(changes, forward=False) is Effect.LOSSY
    written = message_class(made[0], "M", "proto2")(f=1).SerializeToString()
    assert not message_class(made[1], "M", "proto2").FromString(written).HasField("f")
    changes = difference(*(schema(f"{each} message M {{ E f = 1; }}") for each in (old, new)))
    assert effect_of(changes, forward=False) is Effect.SAME
    assert message_class(f"{new} message M {{ E f = 1; }}", "M").FromString(written).f == 1


def test_a_field_that_becomes_required() -> None:
    old, new = (f"message M {{ {label} string f = 1; }}" for label in ("optional", "required"))
    changes = difference(schema(old, "proto2"), schema(new, "proto2"))
    assert (effect_of(changes, forward=False), effect_of(changes, forward=True)) == (
        Effect.BREAKS, Effect.SAME,
    )  # fmt: skip
    assert not message_class(new, "M", "proto2").FromString(b"").IsInitialized()

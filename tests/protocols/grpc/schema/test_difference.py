"""Each kind of change: what is said of it, and that an addition is none."""

from __future__ import annotations

import re

import pytest

from seventh.protocols.grpc.facts.schema import Change, Effect, Kind
from seventh.protocols.grpc.schema.difference import difference
from tests.protocols.grpc.schema.schemas import schema

OLD = """package shop;
message Order {
  reserved 9, 20 to 22;
  reserved "gone";
  int32 id = 1;
  string name = 2;
  repeated int32 counts = 3;
  Kind kind = 4;
  optional bool gift = 5;
  map<string, int32> stock = 6;
  Part part = 7;
}
message Part { string s = 1; }
message Spare { string s = 1; }
enum Kind { reserved 7; reserved "LOST"; NONE = 0; BOOK = 1; TOY = 2; }
service Orders {
  rpc Get(Part) returns (Order);
  rpc Watch(Part) returns (stream Order);
}
service Admin { rpc Stop(Part) returns (Part); }
"""
B, L, S = Effect.BREAKS, Effect.LOSSY, Effect.SAME


def row(change: Change) -> tuple[object, ...]:
    return (change.kind, change.where, change.old, change.new, change.reads_old, change.reads_new,
            change.json)  # fmt: skip


CASES = {
    "removed": ("  string name = 2;\n", "",
        (Kind.FIELD_REMOVED, "shop.Order.name", "string = 2", "", B, B, B)),
    "number": ("name = 2", "name = 8",
        (Kind.FIELD_NUMBER, "shop.Order.name", "2", "8", B, B, S)),
    "name": ("string name", "string title",
        (Kind.FIELD_NAME, "shop.Order.name", "name", "title", S, S, B)),
    "JSON name": ("name = 2", 'name = 2 [json_name = "n"]',
        (Kind.FIELD_JSON_NAME, "shop.Order.name", "name", "n", S, S, B)),
    "wider": ("int32 id", "int64 id",
        (Kind.FIELD_TYPE, "shop.Order.id", "int32", "int64", S, L, L)),
    "sign": ("int32 id", "uint32 id",
        (Kind.FIELD_TYPE, "shop.Order.id", "int32", "uint32", L, L, L)),
    "zigzag": ("int32 id", "sint32 id",
        (Kind.FIELD_TYPE, "shop.Order.id", "int32", "sint32", B, B, S)),
    "text": ("int32 id", "string id",
        (Kind.FIELD_TYPE, "shop.Order.id", "int32", "string", B, B, B)),
    "bytes": ("string name", "bytes name",
        (Kind.FIELD_TYPE, "shop.Order.name", "string", "bytes", S, L, B)),
    "bool": ("int32 id", "bool id",
        (Kind.FIELD_TYPE, "shop.Order.id", "int32", "bool", L, S, B)),
    "enum to number": ("Kind kind", "int32 kind",
        (Kind.FIELD_TYPE, "shop.Order.kind", "shop.Kind", "int32", S, S, B)),
    "a message of one shape": ("Part part", "Spare part",
        (Kind.FIELD_TYPE, "shop.Order.part", "shop.Part", "shop.Spare", S, S, S)),
    "a message of another shape": ("Part part", "Order part",
        (Kind.FIELD_TYPE, "shop.Order.part", "shop.Part", "shop.Order", B, B, B)),
    "one": ("repeated int32 counts", "int32 counts",
        (Kind.FIELD_CARDINALITY, "shop.Order.counts", "repeated int32", "int32", B, S, B)),
    "many": ("string name", "repeated string name",
        (Kind.FIELD_CARDINALITY, "shop.Order.name", "string", "repeated string", S, L, B)),
    "presence": ("optional bool gift", "bool gift",
        (Kind.FIELD_PRESENCE, "shop.Order.gift", "explicit presence", "implicit presence",
         S, S, S)),
    "a map's values": ("map<string, int32>", "map<string, string>",
        (Kind.FIELD_TYPE, "shop.Order.StockEntry.value", "int32", "string", B, B, B)),
    "oneof alone": ("string name = 2;", "oneof o { string name = 2; }",
        (Kind.FIELD_ONEOF, "shop.Order.name", "", "o", S, S, S)),
    "a reserved number": ("int32 id = 1;", "int32 id = 1; int32 a = 21;",
        (Kind.RESERVED_NUMBER, "shop.Order.a", "", "21", B, B, S)),
    "a reserved name": ("int32 id = 1;", "int32 id = 1; int32 gone = 30;",
        (Kind.RESERVED_NAME, "shop.Order.gone", "", "gone", S, S, B)),
    "value removed": (" TOY = 2;", "",
        (Kind.VALUE_REMOVED, "shop.Kind.TOY", "2", "", S, S, B)),
    "value number": ("TOY = 2", "TOY = 3",
        (Kind.VALUE_NUMBER, "shop.Kind.TOY", "2", "3", B, B, S)),
    "value name": ("TOY = 2", "GAME = 2",
        (Kind.VALUE_NAME, "shop.Kind.TOY", "TOY", "GAME", S, S, B)),
    "a reserved value": ("TOY = 2;", "TOY = 2; A = 7;",
        (Kind.RESERVED_NUMBER, "shop.Kind.A", "", "7", B, B, S)),
    "a reserved value's name": ("TOY = 2;", "TOY = 2; LOST = 8;",
        (Kind.RESERVED_NAME, "shop.Kind.LOST", "", "LOST", S, S, B)),
    "service": ("service Admin { rpc Stop(Part) returns (Part); }\n", "",
        (Kind.SERVICE_REMOVED, "shop.Admin", "", "", B, B, B)),
    "method": ("  rpc Get(Part) returns (Order);\n", "",
        (Kind.METHOD_REMOVED, "shop.Orders/Get", "", "", B, B, B)),
    "streaming": ("rpc Get(Part)", "rpc Get(stream Part)",
        (Kind.METHOD_STREAMING, "shop.Orders/Get", "unary", "client streaming", B, B, B)),
    "input": ("rpc Get(Part)", "rpc Get(Order)",
        (Kind.METHOD_TYPE, "shop.Orders/Get", "shop.Part", "shop.Order", B, B, B)),
    "input of one shape": ("rpc Get(Part)", "rpc Get(Spare)",
        (Kind.METHOD_TYPE, "shop.Orders/Get", "shop.Part", "shop.Spare", S, S, S)),
    "message": ("message Spare { string s = 1; }\n", "",
        (Kind.MESSAGE_REMOVED, "shop.Spare", "", "", S, S, S)),
    "package": ("package shop;", "package store.v1;",
        (Kind.PACKAGE, "shop", "shop", "store.v1", B, B, B)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_change_is_what_it_is(name: str) -> None:
    before, after, expected = CASES[name]
    assert OLD.count(before) == 1
    new = OLD.replace(before, after)
    if name.startswith("a reserved"):  # protoc refuses it while it is reserved
        new = re.sub(r"reserved [^;]*;", "", new)
    (change,) = difference(schema(OLD), schema(new))
    assert row(change) == expected


def test_what_is_added_is_no_change() -> None:
    new = OLD.replace("int32 id = 1;", "int32 id = 1; string more = 30;")
    new = new.replace("TOY = 2;", "TOY = 2; GAME = 3;") + "message More {} enum A { B = 0; }"
    new = new.replace("service Admin {", "service Admin { rpc Go(Part) returns (Part);")
    assert difference(schema(OLD), schema(new)) == ()


def test_a_number_that_is_reserved_when_its_field_goes() -> None:
    with_it = OLD.replace("  string name = 2;\n", "  reserved 2;\n")
    without = OLD.replace("  string name = 2;\n", "")
    found = [difference(schema(OLD), schema(text))[0].reserved for text in (with_it, without)]
    assert found == [True, False]


def test_two_fields_that_swap_their_numbers() -> None:
    new = OLD.replace("int32 id = 1", "int32 id = 2").replace("string name = 2", "string name = 1")
    assert [row(one)[:4] for one in difference(schema(OLD), schema(new))] == [
        (Kind.FIELD_NUMBER, "shop.Order.id", "1", "2"),
        (Kind.FIELD_NUMBER, "shop.Order.name", "2", "1"),
    ]


def test_a_number_that_another_field_takes() -> None:
    new = OLD.replace("int32 id = 1", "int32 id = 30; int32 code = 1")
    assert [row(one) for one in difference(schema(OLD), schema(new))] == [
        (Kind.FIELD_NAME, "shop.Order.id", "id", "code", L, L, B),
        (Kind.FIELD_NUMBER, "shop.Order.id", "1", "30", B, B, S),
    ]


def test_a_renamed_value_that_is_another_value_now() -> None:
    new = OLD.replace("BOOK = 1; TOY = 2;", "BOOK = 2;")
    assert [row(one) for one in difference(schema(OLD), schema(new))] == [
        (Kind.VALUE_NUMBER, "shop.Kind.BOOK", "1", "2", B, B, S),
        (Kind.VALUE_NAME, "shop.Kind.TOY", "TOY", "BOOK", B, B, B),
    ]


def test_what_breaks_comes_first() -> None:
    new = OLD.replace("int32 id", "int64 id").replace("  rpc Get(Part) returns (Order);\n", "")
    new = new.replace("message Spare { string s = 1; }\n", "")
    assert [one.kind for one in difference(schema(OLD), schema(new))] == [
        Kind.METHOD_REMOVED, Kind.FIELD_TYPE, Kind.MESSAGE_REMOVED,
    ]  # fmt: skip


def test_editions() -> None:
    """Features decide presence, packing and whether an enum is closed."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from seventh.protocols.grpc.schema.source import load

    with TemporaryDirectory() as folder:
        made = []
        for number, feature in enumerate(("OPEN", "CLOSED")):
            path = Path(folder, f"{number}.proto")
            path.write_text(
                f'edition = "2023"; option features.enum_type = {feature};\n'
                "enum E { A = 0; B = 1; } message M { repeated int32 f = 1; int32 g = 2; E e = 3; }"
            )
            made.append(load(str(path)))
    assert [one.enums["E"].closed for one in made] == [False, True]
    fields = made[0].messages["M"].fields
    assert (fields[1].packed, fields[2].presence) == (True, True)

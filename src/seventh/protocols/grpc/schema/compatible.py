"""What becomes of a field's values when its type changes: which types share a form on the wire."""

from __future__ import annotations

from seventh.protocols.grpc.facts.schema import Effect, worst
from seventh.protocols.grpc.schema.model import Field, Message, Schema

_I32, _U32 = (-(1 << 31), (1 << 31) - 1), (0, (1 << 32) - 1)
_I64, _U64 = (-(1 << 63), (1 << 63) - 1), (0, (1 << 64) - 1)
_FORMS: dict[str, tuple[str, tuple[int, int]]] = {
    "int32": ("varint", _I32), "int64": ("varint", _I64), "uint32": ("varint", _U32),
    "uint64": ("varint", _U64), "bool": ("varint", (0, 1)), "enum": ("varint", _I32),
    "sint32": ("zigzag", _I32), "sint64": ("zigzag", _I64),
    "fixed32": ("fixed32", _U32), "sfixed32": ("fixed32", _I32),
    "fixed64": ("fixed64", _U64), "sfixed64": ("fixed64", _I64),
}  # fmt: skip
"""By type of a whole number: its form on the wire, and its least and greatest value."""
_NUMERIC = frozenset({*_FORMS, "float", "double"})
_MAX_DEPTH = 20


def reads(writer: Field, reader: Field, written: Schema, read: Schema) -> Effect:
    """Return what becomes of values that ``writer`` writes and ``reader`` reads."""
    return worst(_types(writer, reader, written, read), cardinality(writer, reader))


def cardinality(writer: Field, reader: Field) -> Effect:
    """Return what becomes of values between singular and repeated fields of like types."""
    if reader.required and not writer.required:
        return Effect.BREAKS
    if not writer.repeated or reader.repeated:
        return Effect.SAME
    if writer.packed:
        return Effect.BREAKS  # a packed list is no number
    return Effect.LOSSY  # the last one is kept


def _types(writer: Field, reader: Field, written: Schema, read: Schema, depth: int = 0) -> Effect:
    one, other = writer.kind, reader.kind
    if one in _FORMS and other in _FORMS:
        (form, (low, high)), (form_there, (least, most)) = _FORMS[one], _FORMS[other]
        if form != form_there:
            return Effect.BREAKS
        if not least <= low <= high <= most:
            return Effect.LOSSY
        return _enums(writer, reader, written, read) if other == "enum" else Effect.SAME
    if one == other and one in {"message", "group"}:
        return _messages(writer.type_name, reader.type_name, written, read, depth)
    if one == other or (one, other) in {("string", "bytes"), ("message", "bytes")}:
        return Effect.SAME
    if (one, other) in {("bytes", "string"), ("bytes", "message")}:
        return Effect.LOSSY  # bytes that are UTF-8, or a message, are read
    return Effect.BREAKS


def _enums(writer: Field, reader: Field, written: Schema, read: Schema) -> Effect:
    """Return what becomes of an enum's values, where the types differ: a closed one drops some."""
    there = read.enums.get(reader.type_name)
    if there is None or not there.closed:
        return Effect.SAME
    if writer.kind == "enum" and writer.type_name == reader.type_name:
        return Effect.SAME  # its removed values are a difference of the enum
    here = written.enums.get(writer.type_name)
    known = set(there.values.values())
    if here is None or not here.closed or not set(here.values.values()) <= known:
        return Effect.LOSSY
    return Effect.SAME


def _messages(writer: str, reader: str, written: Schema, read: Schema, depth: int = 0) -> Effect:
    """Return what becomes of a message that another type reads; of one type it is the same.

    What changed within one type is a difference of that type.
    """
    if writer == reader:
        return Effect.SAME
    one, other = written.messages.get(writer), read.messages.get(reader)
    if one is None or other is None or depth > _MAX_DEPTH:
        return Effect.BREAKS
    return _shapes(one, other, written, read, depth)


def _shapes(one: Message, other: Message, written: Schema, read: Schema, depth: int) -> Effect:
    if one.fields.keys() - other.fields.keys():
        return Effect.BREAKS
    if any(f.required and n not in one.fields for n, f in other.fields.items()):
        return Effect.BREAKS
    return worst(
        *(
            worst(_types(field, other.fields[n], written, read, depth + 1),
                  cardinality(field, other.fields[n]))
            for n, field in one.fields.items()
        )
    )  # fmt: skip


def json_of_types(one: Field, other: Field) -> Effect:
    """Return what becomes of values in JSON: parsers take numbers as strings, and the reverse."""
    kinds = {one.kind, other.kind}
    if one.repeated != other.repeated:
        return Effect.BREAKS
    if one.kind == other.kind:
        return Effect.SAME
    if kinds <= _NUMERIC - {"bool", "enum"}:
        whole = kinds <= _FORMS.keys()
        here, there = _FORMS.get(one.kind), _FORMS.get(other.kind)
        same = whole and here is not None and there is not None and here[1] == there[1]
        return Effect.SAME if same else Effect.LOSSY
    return Effect.BREAKS

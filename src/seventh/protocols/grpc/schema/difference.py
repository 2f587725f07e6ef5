"""The difference of two schemas: each change with what it does to messages and calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from seventh.protocols.grpc.facts.schema import Change, Effect, Kind, worst
from seventh.protocols.grpc.schema.compatible import cardinality, json_of_types, reads
from seventh.protocols.grpc.schema.model import Enum, Field, Message, Method, Schema, is_in

BREAKS, LOSSY, SAME = Effect.BREAKS, Effect.LOSSY, Effect.SAME


def difference(old: Schema, new: Schema) -> tuple[Change, ...]:
    """Return what changed, what breaks first, then by name. What was only added is no change."""
    renamed = _renamed_package(old, new)
    found: list[Change] = []
    if renamed is not None:
        before, after = renamed
        found.append(Change(kind=Kind.PACKAGE, where=before, old=before, new=after,
                            reads_old=BREAKS if old.services else SAME,
                            reads_new=BREAKS if old.services else SAME,
                            json=BREAKS if old.services else SAME))  # fmt: skip
        old = _moved(old, before, after)
    found += _Differences(old, new).all()
    return tuple(sorted(found, key=lambda one: (-_weight(one), one.where, one.kind)))


def _weight(change: Change) -> int:
    return list(Effect).index(worst(change.wire, change.json))


def _renamed_package(old: Schema, new: Schema) -> tuple[str, str] | None:
    """Return the one package that has another name, if most of its names are there again."""
    gone, come = old.packages - new.packages, new.packages - old.packages
    if len(gone) != 1 or len(come) != 1:
        return None
    (before,), (after,) = gone, come
    names = [*old.messages, *old.services, *old.enums]
    there = {*new.messages, *new.services, *new.enums}
    mine = [name for name in names if name.startswith(f"{before}.") or not before]
    moved = sum(_move(name, before, after) in there for name in mine)
    return (before, after) if mine and 2 * moved >= len(mine) else None


def _move(name: str, before: str, after: str) -> str:
    """Return a full name with the package ``after`` in place of ``before``."""
    if before and not name.startswith(f"{before}."):
        return name
    rest = name.removeprefix(f"{before}.") if before else name
    return f"{after}.{rest}" if after else rest


def _moved(schema: Schema, before: str, after: str) -> Schema:
    def move(name: str) -> str:
        # A schema that names no package has everything; of Google's nothing moves.
        return name if name.startswith("google.protobuf.") else _move(name, before, after)

    replace = msgspec.structs.replace
    messages = {
        move(name): replace(one, fields={
            number: replace(field, type_name=move(field.type_name) if field.type_name else "")
            for number, field in one.fields.items()
        })
        for name, one in schema.messages.items()
    }  # fmt: skip
    services = {
        move(name): {
            method: replace(one, input=move(one.input), output=move(one.output))
            for method, one in methods.items()
        }
        for name, methods in schema.services.items()
    }
    enums = {move(name): one for name, one in schema.enums.items()}
    return replace(schema, messages=messages, enums=enums, services=services)


class _Differences:
    """The differences of two schemas of like packages."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old
        self._new = new

    def all(self) -> Iterator[Change]:
        """Yield every difference."""
        for name, methods in self._old.services.items():
            yield from self._service(name, methods)
        for name, message in self._old.messages.items():
            there = self._new.messages.get(name)
            if there is None:
                if not message.map_entry:
                    yield Change(kind=Kind.MESSAGE_REMOVED, where=name)
            else:
                yield from self._message(name, message, there)
        for name, enum in self._old.enums.items():
            now = self._new.enums.get(name)
            if now is None:
                yield Change(kind=Kind.ENUM_REMOVED, where=name)
            else:
                yield from _enum(name, enum, now)

    # -- services --------------------------------------------------------------------------------

    def _service(self, name: str, before: Mapping[str, Method]) -> Iterator[Change]:
        after = self._new.services.get(name)
        if after is None:
            yield _call(Kind.SERVICE_REMOVED, name)
            return
        for each, method in before.items():
            there = after.get(each)
            where = f"{name}/{each}"
            if there is None:
                yield _call(Kind.METHOD_REMOVED, where)
                continue
            if method.streaming != there.streaming:
                yield _call(Kind.METHOD_STREAMING, where, method.streaming, there.streaming)
            for old, new in ((method.input, there.input), (method.output, there.output)):
                if old != new:
                    yield self._typed(Kind.METHOD_TYPE, where, _as_field(old), _as_field(new))

    # -- messages --------------------------------------------------------------------------------

    def _typed(self, kind: Kind, where: str, old: Field, new: Field) -> Change:
        """Return the change of a type, or of an input or output."""
        json = json_of_types(old, new)
        if old.type_name and new.type_name and old.kind == new.kind:
            json = worst(json, self._json_names(old, new))
        return Change(
            kind=kind, where=where, old=_written(old), new=_written(new),
            reads_old=reads(old, new, self._old, self._new),
            reads_new=reads(new, old, self._new, self._old), json=json,
        )  # fmt: skip

    def _json_names(self, old: Field, new: Field) -> Effect:
        """Return what JSON becomes between two types that have a name."""
        if old.kind == "enum":
            before, after = self._old.enums.get(old.type_name), self._new.enums.get(new.type_name)
            same = before is not None and after is not None and before.values == after.values
            return SAME if same else BREAKS
        one, other = (
            self._old.messages.get(old.type_name), self._new.messages.get(new.type_name),
        )  # fmt: skip
        if one is None or other is None:
            return BREAKS
        names = {number: field.json_name for number, field in one.fields.items()}
        there = {number: field.json_name for number, field in other.fields.items()}
        return SAME if names == there else BREAKS

    def _message(self, name: str, old: Message, new: Message) -> Iterator[Change]:
        by_name = {field.name: field for field in new.fields.values()}
        renumbered: set[int] = set()
        for number, field in old.fields.items():
            where = f"{name}.{field.name}"
            there = new.fields.get(number)
            same_name = by_name.get(field.name)
            if same_name is not None and same_name.number != number:
                renumbered.add(same_name.number)
                yield Change(
                    kind=Kind.FIELD_NUMBER, where=where, old=str(number),
                    new=str(same_name.number), reads_old=BREAKS, reads_new=BREAKS,
                )  # fmt: skip
                if there is not None and there.name not in {f.name for f in old.fields.values()}:
                    yield self._reused(where, field, there)
            elif there is None:
                is_reserved = is_in(number, new.reserved_numbers)
                yield Change(
                    kind=Kind.FIELD_REMOVED, where=where, old=f"{_written(field)} = {number}",
                    reads_old=BREAKS, reads_new=BREAKS, json=BREAKS, reserved=is_reserved,
                )  # fmt: skip
            elif there.number not in renumbered and there.name not in {
                f.name for f in old.fields.values() if f.number != number
            }:
                yield from self._field(where, old, new, field, there)
        yield from self._added(name, old, new)

    def _reused(self, where: str, old: Field, new: Field) -> Change:
        """Return the change where another field has the number now."""
        return Change(
            kind=Kind.FIELD_NAME, where=where, old=old.name, new=new.name,
            reads_old=worst(LOSSY, reads(old, new, self._old, self._new)),
            reads_new=worst(LOSSY, reads(new, old, self._new, self._old)), json=BREAKS,
        )  # fmt: skip

    def _field(
        self, where: str, message: Message, message_there: Message, old: Field, new: Field
    ) -> Iterator[Change]:
        if old.name != new.name:
            same = old.json_name == new.json_name
            yield Change(kind=Kind.FIELD_NAME, where=where, old=old.name, new=new.name,
                         json=SAME if same else BREAKS)  # fmt: skip
        elif old.json_name != new.json_name:
            # Parsers take the name of the field, too, and printers write the JSON name.
            yield Change(kind=Kind.FIELD_JSON_NAME, where=where, old=old.json_name,
                         new=new.json_name, json=BREAKS)  # fmt: skip
        if (old.kind, old.type_name) != (new.kind, new.type_name) and not self._are_maps(old, new):
            yield self._typed(Kind.FIELD_TYPE, where, old, new)
        elif old.repeated != new.repeated:
            yield Change(
                kind=Kind.FIELD_CARDINALITY, where=where, old=_written(old), new=_written(new),
                reads_old=cardinality(old, new), reads_new=cardinality(new, old), json=BREAKS,
            )  # fmt: skip
        if old.required != new.required:
            yield Change(
                kind=Kind.FIELD_REQUIRED, where=where, old=_label(old), new=_label(new),
                reads_old=BREAKS if new.required else SAME,
                reads_new=BREAKS if old.required else SAME, json=BREAKS,
            )  # fmt: skip
        elif (
            old.presence != new.presence
            and old.repeated == new.repeated
            and not (old.oneof or new.oneof)
        ):
            yield Change(kind=Kind.FIELD_PRESENCE, where=where, old=_label(old), new=_label(new))
        if old.oneof != new.oneof:
            yield _oneof(where, message, message_there, old, new)

    def _are_maps(self, old: Field, new: Field) -> bool:
        """Return whether both are maps; their keys and values are fields of a message each."""
        one, other = (
            self._old.messages.get(old.type_name), self._new.messages.get(new.type_name),
        )  # fmt: skip
        return bool(one and other and one.map_entry and other.map_entry and one == other)

    def _added(self, name: str, old: Message, new: Message) -> Iterator[Change]:
        """Yield what is wrong with new fields: what is reserved is used, or one is required."""
        before = {field.name for field in old.fields.values()}
        for number, field in new.fields.items():
            where = f"{name}.{field.name}"
            if number not in old.fields and is_in(number, old.reserved_numbers):
                yield Change(kind=Kind.RESERVED_NUMBER, where=where, new=str(number),
                             reads_old=BREAKS, reads_new=BREAKS)  # fmt: skip
            if field.name not in before and field.name in old.reserved_names:
                yield Change(kind=Kind.RESERVED_NAME, where=where, new=field.name, json=BREAKS)
            if field.required and number not in old.fields:
                yield Change(kind=Kind.FIELD_REQUIRED, where=where, new="required",
                             reads_old=BREAKS, json=BREAKS)  # fmt: skip


def _oneof(where: str, old: Message, new: Message, field: Field, there: Field) -> Change:
    """Return the change of a field's oneof: what is set beside another one there is lost."""
    mates = {f.number for f in old.fields.values() if field.oneof and f.oneof == field.oneof}
    mates_there = {f.number for f in new.fields.values() if there.oneof and f.oneof == there.oneof}
    # Both could be set at once before; now the later one alone is kept.
    lost = (mates_there & old.fields.keys()) - mates - {field.number}
    lost_back = (mates & new.fields.keys()) - mates_there - {field.number}
    return Change(
        kind=Kind.FIELD_ONEOF, where=where, old=field.oneof, new=there.oneof,
        reads_old=LOSSY if lost else SAME, reads_new=LOSSY if lost_back else SAME,
        json=BREAKS if lost or lost_back else SAME,
    )  # fmt: skip


def _enum(name: str, old: Enum, new: Enum) -> Iterator[Change]:
    numbers: dict[int, str] = {}
    for each, number in new.values.items():
        numbers.setdefault(number, each)
    for each, number in old.values.items():
        where = f"{name}.{each}"
        if each in new.values:
            if new.values[each] != number:
                yield Change(
                    kind=Kind.VALUE_NUMBER, where=where, old=str(number),
                    new=str(new.values[each]), reads_old=BREAKS, reads_new=BREAKS,
                )  # fmt: skip
        elif number in numbers:
            misread = BREAKS if numbers[number] in old.values else SAME
            yield Change(kind=Kind.VALUE_NAME, where=where, old=each, new=numbers[number],
                         reads_old=misread, reads_new=misread, json=BREAKS)  # fmt: skip
        else:
            yield Change(
                kind=Kind.VALUE_REMOVED, where=where, old=str(number), json=BREAKS,
                reads_old=LOSSY if new.closed else SAME,
                reserved=is_in(number, new.reserved_numbers),
            )  # fmt: skip
    for each, number in new.values.items():
        where = f"{name}.{each}"
        if number not in old.values.values() and is_in(number, old.reserved_numbers):
            yield Change(kind=Kind.RESERVED_NUMBER, where=where, new=str(number),
                         reads_old=BREAKS, reads_new=BREAKS)  # fmt: skip
        if each not in old.values and each in old.reserved_names:
            yield Change(kind=Kind.RESERVED_NAME, where=where, new=each, json=BREAKS)


def _call(kind: Kind, where: str, old: str = "", new: str = "") -> Change:
    """Return a change after which calls fail, in whatever form their messages are."""
    return Change(kind=kind, where=where, old=old, new=new, reads_old=BREAKS, reads_new=BREAKS,
                  json=BREAKS)  # fmt: skip


def _as_field(message: str) -> Field:
    return Field(name="", number=1, json_name="", kind="message", type_name=message)


def _written(field: Field) -> str:
    return f"repeated {field.type}" if field.repeated else field.type


def _label(field: Field) -> str:
    if field.required:
        return "required"
    return "explicit presence" if field.presence else "implicit presence"

"""A schema as values: what of it decides how messages are written."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a message."""

    name: str
    number: int
    json_name: str
    kind: str
    """The type as it is written, such as ``sint32``; ``message``, ``group`` or ``enum`` for those
    with a name."""
    type_name: str = ""
    """The full name of the message or enum."""
    repeated: bool = False
    packed: bool = False
    required: bool = False
    presence: bool = False
    """Whether a zero that was set is told from one that was not."""
    oneof: str = ""

    @property
    def type(self) -> str:
        """The type as people write it."""
        return self.type_name or self.kind


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message."""

    fields: Mapping[int, Field]
    reserved_numbers: tuple[tuple[int, int], ...] = ()
    """Ranges, the ends excluded."""
    reserved_names: tuple[str, ...] = ()
    map_entry: bool = False


class Enum(msgspec.Struct, frozen=True, kw_only=True):
    """An enum."""

    values: Mapping[str, int]
    """By name; aliases have one number."""
    closed: bool = False
    """Whether other numbers become unknown fields, as in proto2."""
    reserved_numbers: tuple[tuple[int, int], ...] = ()
    """Ranges, the ends excluded."""
    reserved_names: tuple[str, ...] = ()


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """A method of a service."""

    input: str
    output: str
    client_streaming: bool = False
    server_streaming: bool = False

    @property
    def streaming(self) -> str:
        """The kind of call as people write it."""
        kinds = {(False, False): "unary", (True, False): "client streaming",
                 (False, True): "server streaming"}  # fmt: skip
        return kinds.get((self.client_streaming, self.server_streaming), "bidirectional streaming")


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """All files of a schema, by full names without the leading dot."""

    messages: Mapping[str, Message] = {}
    enums: Mapping[str, Enum] = {}
    services: Mapping[str, Mapping[str, Method]] = {}
    packages: frozenset[str] = frozenset()


def is_in(number: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    """Return whether one of the ranges has the number."""
    return any(low <= number < high for low, high in ranges)

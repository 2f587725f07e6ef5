"""How a schema differs from an earlier one, and what each difference does to messages."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What was changed."""

    PACKAGE = "package"
    SERVICE_REMOVED = "service-removed"
    METHOD_REMOVED = "method-removed"
    METHOD_STREAMING = "method-streaming"
    METHOD_TYPE = "method-type"
    MESSAGE_REMOVED = "message-removed"
    ENUM_REMOVED = "enum-removed"
    FIELD_REMOVED = "field-removed"
    FIELD_NUMBER = "field-number"
    FIELD_NAME = "field-name"
    FIELD_JSON_NAME = "field-json-name"
    FIELD_TYPE = "field-type"
    FIELD_CARDINALITY = "field-cardinality"
    FIELD_PRESENCE = "field-presence"
    FIELD_ONEOF = "field-oneof"
    FIELD_REQUIRED = "field-required"
    RESERVED_NUMBER = "reserved-number"
    RESERVED_NAME = "reserved-name"
    VALUE_REMOVED = "value-removed"
    VALUE_NUMBER = "value-number"
    VALUE_NAME = "value-name"


class Effect(StrEnum):
    """What becomes of a message that one side writes and the other reads."""

    SAME = "same"
    LOSSY = "lossy"
    """Some values arrive as others, or not at all."""
    BREAKS = "breaks"
    """Values are lost or misread, or the call fails."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference."""

    kind: Kind
    where: str
    """The full name in the old schema; of what is new, in the new one."""
    old: str = ""
    new: str = ""
    reads_old: Effect = Effect.SAME
    """Binary messages of the old schema, read by the new one."""
    reads_new: Effect = Effect.SAME
    """Binary messages of the new schema, read by the old one."""
    json: Effect = Effect.SAME
    """The same messages as JSON, the worse of both directions."""
    reserved: bool = True
    """Whether what was removed is reserved, so that no later field takes its number."""

    @property
    def wire(self) -> Effect:
        """The worse of both directions."""
        return worst(self.reads_old, self.reads_new)

    @property
    def breaks(self) -> bool:
        """Whether messages or calls fail, in either form."""
        return worst(self.wire, self.json) is Effect.BREAKS


_ORDER = tuple(Effect)


def worst(*effects: Effect) -> Effect:
    """Return the worst of several effects."""
    return max(effects, key=_ORDER.index, default=Effect.SAME)

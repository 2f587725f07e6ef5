"""Facts: what a probe learnt, typed and frozen, units in the field names.

A room declares its own facts. The facts of the two layers that others stand on, the network and
TLS, are declared in :mod:`seventh.model.netfacts` and :mod:`seventh.model.tlsfacts`, because every
room's report can carry them.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import msgspec

from seventh.model.drawing import Drawing


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every room's facts. Every field has a default that means "not learnt"."""

    ROOM: ClassVar[str] = ""
    """The room that they are of: their key in a report."""
    LINES: ClassVar[tuple[str, ...]] = ()
    """Mappings that a report has as a list of lines ``key: value``, for its first form had them so.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ()
    """Properties that the JSON report has beside the fields: what was once a field, and programs
    read it there."""

    def learn(self, **changes: Any) -> Self:
        """Return a copy with ``changes`` known; a field that does not exist is a TypeError."""
        return msgspec.structs.replace(self, **changes)

    @property
    def product(self) -> str:
        """The software that the peer says it is, as :mod:`seventh.model.product` names it."""
        return ""

    def drawings(self) -> tuple[Drawing, ...]:
        """Return what of these facts is better seen than read; nothing, unless a room says so."""
        return ()

"""Facts: what a probe learnt, typed and frozen, units in the field names.

A room declares its own. Those of the network and of TLS are in :mod:`seventh.model.netfacts` and
:mod:`seventh.model.tlsfacts`, because the reports of all rooms have them.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import msgspec

from seventh.model.drawing import Drawing


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every room's facts. Every field has a default that means "not learnt"."""

    ROOM: ClassVar[str] = ""
    """Their key in a report: the room's name, unless they have an ``OWNER``."""
    OWNER: ClassVar[str] = ""
    """The room whose rules judge them, where its reports have facts of several kinds."""
    LINES: ClassVar[tuple[str, ...]] = ()
    """Mappings that the JSON report has as lines ``key: value``, as in its first version."""

    DERIVED: ClassVar[tuple[str, ...]] = ()
    """Properties that the JSON report has like fields, as in its first version."""

    def learn(self, **changes: Any) -> Self:
        """Return a copy with ``changes``; raises TypeError for an unknown field."""
        return msgspec.structs.replace(self, **changes)

    @property
    def product(self) -> str:
        """The software that the peer claims to be, as :mod:`seventh.model.product` names it."""
        return ""

    @property
    def undecided(self) -> str:
        """What was to be judged and could not be: the status is unknown; empty if nothing."""
        return ""

    def drawings(self) -> tuple[Drawing, ...]:
        """Return the facts that are shown as bars; none, unless a room has some."""
        return ()

"""Facts shown as a table."""

from __future__ import annotations

import msgspec


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of short texts; only the last column may be long."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    replaces: tuple[str, ...] = ()
    """The keys of the facts that it shows instead of a list."""

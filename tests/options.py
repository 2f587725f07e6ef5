"""Options for tests, shared ones and protocols' own in one call; files are not looked at."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from seventh import given
from seventh.model.option import declared
from seventh.model.options import Options


def options_with(**fields: Any) -> Options:
    """The defaults, with ``fields`` set."""
    return changed(Options(), **fields)


def changed(base: Options, **fields: Any) -> Options:
    """``base`` with ``fields`` set; `X."""
    read = {name: given.make({name: fields.pop(name)}) for name in ("resolver", "via", "proxy")
            if isinstance(fields.get(name), str)}  # fmt: skip
    base = base.replace(**{name: getattr(made, name) for name, made in read.items()})
    owned: set[str] = set()
    for kind in given.kinds():
        own = {each.field for each in declared(kind)} & fields.keys()
        if own:
            base = base.having(replace(base.of(kind), **{name: fields[name] for name in own}))
            owned |= own
    return base.replace(**{name: value for name, value in fields.items() if name not in owned})

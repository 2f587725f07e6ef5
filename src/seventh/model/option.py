"""How an option is declared: once, as a field of a struct, with all that its readers need.

From a declaration come the command line's option, the key of a targets file, its checks, and its
lines in help and documentation::

    class NtpOptions(RoomOptions, frozen=True, kw_only=True):
        samples: Annotated[
            int, Meta(ge=1, le=4096), Option(flag="samples", help="requests to each server")
        ] = 4

Type, bounds and default are the field's own; what the words do not say is read from there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """What a field does not say of its option by itself."""

    flag: str
    """Its name, without dashes: ``password-file``."""
    help: str
    """A noun phrase or an imperative, with the unit; the default is added."""
    metavar: str = ""
    group: str = ""
    """The heading under which a shared option is listed."""
    aliases: tuple[str, ...] = ()
    switches: tuple[tuple[str, Any, str], ...] = ()
    """Written instead of a value: each with the value that it stands for, and its help."""
    file: Literal["", "readable", "secret", "path"] = ""
    """Whether it names a file that must be readable, one that holds a secret, or a path that must
    exist."""
    words: tuple[str, ...] = ()
    """What may be given instead of a file's name."""
    credential: bool = False
    """Whether giving it is the permission for tier 2."""
    grants: int | None = None
    """The tier that it is the permission for; only protocols with such a step use it."""
    needs: tuple[str, str] | None = None
    """Another flag without which it means nothing, and why."""
    always: bool = False
    """Whether every target uses it, whatever its protocol."""
    read: Callable[[str], Any] | None = None
    """Makes the field's value of its text; raises UsageError."""
    default: str = ""
    """The default in words, where the value does not say it."""


class RoomOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Base of a protocol's own options. Every field has a default."""


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """One option: its field, and what was declared of it."""

    field: str
    type: Any
    """Without the annotations."""
    checked: Any
    """With the bounds, as msgspec checks them."""
    default: Any
    option: Option

    @property
    def flag(self) -> str:
        """As the command line has it: ``--samples``, or its first switch."""
        return self.option.switches[0][0] if self.option.switches else f"--{self.option.flag}"

    @property
    def repeated(self) -> bool:
        """Whether it may be given more than once."""
        return get_origin(self.type) is tuple and get_args(self.type)[0] is str

    @property
    def is_switch(self) -> bool:
        """Whether it takes no value."""
        return bool(self.option.switches) or self.type is bool

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that it takes, where these are fixed."""
        kinds, _ = _taken_apart(self.checked)
        return tuple(w for kind in kinds if get_origin(kind) is Literal for w in get_args(kind))

    @property
    def is_number(self) -> bool:
        """Whether it takes a number and nothing else."""
        kinds, _ = _taken_apart(self.checked)
        return set(kinds) - {type(None)} <= {int, float}

    @property
    def bounds(self) -> str:
        """``a number from 1 to 4096``; empty where nothing bounds it."""
        _, notes = _taken_apart(self.checked)
        found = next((note for note in notes if isinstance(note, Meta)), None)
        if found is None:
            return ""
        if found.gt is not None:
            return f"a number above {found.gt:g}, up to {found.le:g}"
        return f"a number from {found.ge} to {found.le}"

    @property
    def help(self) -> str:
        """The help with the default, where there is one to tell."""
        said = self.option.default
        if not said and self.default not in (None, (), False, "") and not self.is_switch:
            number = isinstance(self.default, int | float)
            said = f"{self.default:g}" if number and abs(self.default) < 1e6 else str(self.default)
        return f"{self.option.help} (default: {said})" if said else self.option.help


def _taken_apart(kind: Any) -> tuple[list[Any], list[Any]]:
    """Return the types that a value may have, and all that was noted about them."""
    if hasattr(kind, "__metadata__"):
        kinds, notes = _taken_apart(get_args(kind)[0])
        return kinds, [*kind.__metadata__, *notes]
    if get_origin(kind) in {Union, UnionType}:
        parts = [_taken_apart(one) for one in get_args(kind)]
        return [k for kinds, _ in parts for k in kinds], [n for _, notes in parts for n in notes]
    return [kind], []


@functools.cache
def declared(kind: type[msgspec.Struct]) -> tuple[Declared, ...]:
    """Return the options that the fields of ``kind`` declare, in their order."""
    found: list[Declared] = []
    for field in msgspec.structs.fields(kind):
        notes = get_args(field.type)[1:] if hasattr(field.type, "__metadata__") else ()
        option = next((note for note in notes if isinstance(note, Option)), None)
        if option is not None:
            found.append(
                Declared(
                    field=field.name, type=get_args(field.type)[0], checked=field.type,
                    default=field.default, option=option,
                )
            )  # fmt: skip
    return tuple(found)

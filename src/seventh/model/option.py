"""Declared options: each is a field of a struct.

From the declaration come the command-line option, the key of a targets file, the validation, and
the lines in help and documentation::

    class NtpOptions(RoomOptions, frozen=True, kw_only=True):
        samples: Annotated[
            int, Meta(ge=1, le=4096), Option(flag="samples", help="requests to each server")
        ] = 4

Type, bounds and default are the field's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """What an option has besides its field's type, bounds and default."""

    flag: str
    """Its name, without dashes: ``password-file``."""
    help: str
    """A noun phrase or an imperative, with the unit; the default is added."""
    metavar: str = ""
    group: str = ""
    """The heading under which a shared option is listed."""
    aliases: tuple[str, ...] = ()
    switches: tuple[tuple[str, Any, str], ...] = ()
    """Switches instead of a value: each with its value and its help."""
    file: Literal["", "readable", "secret", "path"] = ""
    """Whether the value is a readable file, a file with a secret, or an existing path."""
    words: tuple[str, ...] = ()
    """Values that are accepted instead of a file name."""
    credential: bool = False
    """Whether it is a credential, which permits tier 2."""
    grants: int | None = None
    """The tier that it permits; only protocols with such a step use it."""
    needs: tuple[str, str] | None = None
    """Another flag that it requires, and why."""
    always: bool = False
    """Whether the targets of all protocols use it."""
    reports: bool = False
    """Whether it is about a report, which a protocol's own verbs do not make."""
    read: Callable[[str], Any] | None = None
    """Parses the text into the field's value; raises UsageError."""
    default: str = ""
    """The default as text, where the value is not readable."""


class RoomOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Base of a protocol's own options. Every field has a default."""


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """One option: its field and its declaration."""

    field: str
    type: Any
    """Without the annotations."""
    checked: Any
    """With the bounds, as msgspec validates them."""
    default: Any
    option: Option

    @property
    def flag(self) -> str:
        """The option as it is typed: ``--samples``, or its first switch."""
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
        """The values that it takes, where these are fixed."""
        kinds, _ = _split(self.checked)
        return tuple(w for kind in kinds if get_origin(kind) is Literal for w in get_args(kind))

    @property
    def is_number(self) -> bool:
        """Whether it takes only a number."""
        kinds, _ = _split(self.checked)
        return set(kinds) - {type(None)} <= {int, float}

    @property
    def bounds(self) -> str:
        """The bounds as text, ``a number from 1 to 4096``; empty if it has none."""
        _, notes = _split(self.checked)
        found = next((note for note in notes if isinstance(note, Meta)), None)
        if found is None:
            return ""
        if found.gt is not None:
            return f"a number above {found.gt:g}, up to {found.le:g}"
        return f"a number from {found.ge} to {found.le}"

    @property
    def help(self) -> str:
        """The help with the default, if it has one."""
        default = self.option.default
        plain = self.default not in (None, (), False, "", msgspec.NODEFAULT)
        if not default and plain and not self.is_switch:
            number = isinstance(self.default, int | float) and abs(self.default) < 1e6
            default = f"{self.default:g}" if number else str(self.default)
        return f"{self.option.help} (default: {default})" if default else self.option.help


def _split(kind: Any) -> tuple[list[Any], list[Any]]:
    """Return the types that a value may have, and their annotations."""
    if hasattr(kind, "__metadata__"):
        kinds, notes = _split(get_args(kind)[0])
        return kinds, [*kind.__metadata__, *notes]
    if get_origin(kind) in {Union, UnionType}:
        parts = [_split(one) for one in get_args(kind)]
        return [k for kinds, _ in parts for k in kinds], [n for _, notes in parts for n in notes]
    return [kind], []


@functools.cache
def declared(kind: type[msgspec.Struct]) -> tuple[Declared, ...]:
    """Return the options that the fields of ``kind`` declare, in order."""
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

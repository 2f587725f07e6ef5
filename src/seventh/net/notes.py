"""What a talk has learnt for one room: read here, written here."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from seventh.model.facts import Facts

F = TypeVar("F", bound=Facts)
S = TypeVar("S", bound=msgspec.Struct)


class Notes(Generic[F]):
    """A talk's handle on the facts of one type.

    Facts are frozen: learning replaces them, so that whoever holds the earlier ones keeps what was
    true then.
    """

    __slots__ = ("_all", "_kind")

    def __init__(self, all_facts: dict[str, Facts], kind: type[F]) -> None:
        self._all = all_facts
        self._kind = kind

    @property
    def facts(self) -> F:
        """What was learnt so far; with nothing learnt where there is none yet."""
        known = self._all.get(self._kind.ROOM)
        return known if isinstance(known, self._kind) else self._kind()

    def learn(self, **changes: object) -> None:
        """Replace fields; a field that does not exist is a TypeError."""
        self._all[self._kind.ROOM] = msgspec.structs.replace(self.facts, **changes)

    def learn_part(self, name: str, kind: type[S], **changes: object) -> None:
        """Replace fields of the struct in the field ``name``, made of ``kind`` where none is."""
        known = getattr(self.facts, name)
        part = msgspec.structs.replace(known, **changes) if known is not None else kind(**changes)
        self.learn(**{name: part})

    def unknown(self, what: str, why: str) -> None:
        """Note what could not be learnt, and why; the first reason stands.

        The facts have a field ``unlearnt``, a mapping; others have no place for it.
        """
        known = dict(getattr(self.facts, "unlearnt"))  # noqa: B009 - not every type has the field
        known.setdefault(what, why)
        self.learn(unlearnt=known)

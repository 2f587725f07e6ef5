"""The facts of one protocol, as a probe reads and writes them.

    ssh = talk.notes(SshFacts)
    if ssh.facts.rtt_seconds is None:
        ssh.learn(rtt_seconds=0.02)
    session = ssh.part("session", SessionFacts)
    session.learn(exec_granted=True)
    ssh.unknown("smallest group", "tier 1 was not asked for")

Facts are frozen: learning replaces them, and a reference to earlier facts stays as it was.
Reading changes nothing: a report has a room's facts once something was learnt.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from seventh.model.facts import Facts

F_co = TypeVar("F_co", bound=Facts, covariant=True)
S = TypeVar("S", bound=msgspec.Struct)


class Notes(Generic[F_co]):
    """A probe's handle on the facts of one type."""

    __slots__ = ("_all", "_kind", "_room")

    def __init__(self, all_facts: dict[str, Facts], kind: type[F_co]) -> None:
        self._all = all_facts
        self._kind = kind
        self._room = kind.ROOM

    @property
    def facts(self) -> F_co:
        """What was learnt so far; the type's defaults at first."""
        known = self._all.get(self._room)
        return known if isinstance(known, self._kind) else self._kind()

    def learn(self, **changes: object) -> None:
        """Replace fields; a field that does not exist is a TypeError."""
        known = self._all.get(self._room)
        if known is None:
            self._all[self._room] = self._kind(**changes)
        else:
            self._all[self._room] = msgspec.structs.replace(known, **changes)

    def part(self, name: str, kind: type[S]) -> Part[S]:
        """Return the handle on the struct of ``kind`` in the field ``name``."""
        return Part(self, name, kind)

    def learn_part(self, name: str, kind: type[S], **changes: object) -> None:
        """Replace fields of the struct of ``kind`` in the field ``name``."""
        self.part(name, kind).learn(**changes)

    def unknown(self, what: str, why: str) -> None:
        """Record what could not be learnt, and why; the first reason stays.

        The facts have a field ``unknown``, a mapping; others have no place for it.
        """
        known = dict(getattr(self.facts, "unknown"))  # noqa: B009 - not every type has the field
        known.setdefault(what, why)
        self.learn(unknown=known)


class Part(Generic[S]):
    """A handle on a struct within the facts, used as the one on the facts is.

    Every field of the struct has a default that means "not learnt".
    """

    __slots__ = ("_kind", "_name", "_notes")

    def __init__(self, notes: Notes[Facts], name: str, kind: type[S]) -> None:
        self._notes = notes
        self._name = name
        self._kind = kind

    @property
    def facts(self) -> S:
        """What was learnt so far; the type's defaults at first."""
        known = getattr(self._notes.facts, self._name)
        return known if isinstance(known, self._kind) else self._kind()

    def learn(self, **changes: object) -> None:
        """Replace fields; a field that does not exist is a TypeError."""
        self._notes.learn(**{self._name: msgspec.structs.replace(self.facts, **changes)})

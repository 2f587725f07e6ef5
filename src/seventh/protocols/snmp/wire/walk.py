"""A walk of a subtree: what to ask next, how many rows at a time, and an agent that goes back."""

from __future__ import annotations

import msgspec

from seventh.protocols.snmp.wire.ber import MAX_ARC, Oid
from seventh.protocols.snmp.wire.message import ABSENT, Binding, ErrorStatus, Pdu, PduType

FIRST_REPETITIONS = 10
MAX_REPETITIONS = 64
"""Above it, replies exceed what most paths carry in a few fragments."""
MAX_RESUMES = 16


class Stuck(msgspec.Struct, frozen=True):
    """Two objects of an answer that do not increase (RFC 3416 §4.2.2)."""

    after: Oid
    found: Oid


class Walk:
    """One walk: send :meth:`request`, give its answer to :meth:`receive`, until it is ``done``."""

    __slots__ = (
        "_last", "_resume", "_resumes", "_root", "bulk", "ceiling", "done", "failed", "largest",
        "repetitions", "replies", "rows", "stuck", "too_big",
    )  # fmt: skip

    def __init__(
        self, root: Oid, *, bulk: bool, repetitions: int = FIRST_REPETITIONS, resume: bool = False
    ) -> None:
        self._root = self._last = root
        self._resume = resume
        self._resumes = 0
        self.ceiling = MAX_REPETITIONS
        """The most repetitions that the agent is known to answer."""
        self.bulk = bulk
        """Whether the version has GETBULK."""
        self.repetitions = repetitions
        self.done = False
        self.rows = self.replies = self.largest = self.too_big = 0
        self.stuck: Stuck | None = None
        """The first answer that did not increase, if any; it ends a walk that does not resume."""
        self.failed: ErrorStatus | None = None
        """The error that ended the walk."""

    @property
    def rows_per_reply(self) -> float | None:
        """Rows of an answer, on average."""
        return self.rows / self.replies if self.replies else None

    def request(self) -> Pdu:
        """Return what to ask next."""
        bindings = (Binding(self._last),)
        if not self.bulk:
            return Pdu(type=PduType.GETNEXT, bindings=bindings)
        return Pdu(type=PduType.GETBULK, index=self.repetitions, bindings=bindings)

    def receive(self, answer: Pdu) -> tuple[Binding, ...]:
        """Return the new rows of the subtree in an answer."""
        if answer.error:
            self._refused(answer.status)
            return ()
        if not answer.bindings:
            self.done = True
            return ()
        self.replies += 1
        found: list[Binding] = []
        root, depth, last = self._root, len(self._root), self._last
        for binding in answer.bindings:
            oid = binding.oid
            if binding.kind in ABSENT or oid[:depth] != root:
                self.done = True
                break
            if oid <= last:
                self._last = last
                self._went_back(oid)
                break
            last = oid
            found.append(binding)
        else:
            self._last = last
        self.rows += len(found)
        self.largest = max(self.largest, len(found))
        self._adapt(len(answer.bindings))
        return tuple(found)

    def lost(self) -> bool:
        """Ask for fewer rows after an answer that never came; return whether that is possible."""
        return self._fewer()

    def _refused(self, status: ErrorStatus) -> None:
        if status is ErrorStatus.TOO_BIG:
            self.too_big += 1
            if self._fewer():
                return
        # Version 1 says so at the end of the MIB (RFC 1157 §4.1.3).
        self.failed = None if status is ErrorStatus.NO_SUCH_NAME and not self.bulk else status
        self.done = True

    def _fewer(self) -> bool:
        if not self.bulk or self.repetitions <= 1:
            return False
        self.repetitions //= 2
        self.ceiling = self.repetitions
        return True

    def _adapt(self, received: int) -> None:
        """Ask for more while answers are full, and for no more than fits into one."""
        if received < self.repetitions:
            if not self.done and self.stuck is None:
                self.ceiling = self.repetitions = max(1, received)
        else:
            self.repetitions = min(2 * self.repetitions, self.ceiling)

    def _went_back(self, found: Oid) -> None:
        self.stuck = self.stuck or Stuck(self._last, found)
        self._resumes += 1
        *parents, arc = self._last
        if not self._resume or self._resumes > MAX_RESUMES or arc == MAX_ARC:
            self.done = True
            return
        # What follows an object comes after its arc plus one, which is skipped at most itself.
        self._last = (*parents, arc + 1)
        self.done = self._last[: len(self._root)] != self._root

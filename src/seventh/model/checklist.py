"""The debugging checklist of a protocol: what an operator goes through, line by line."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from seventh.model.failure import OURS, Failure, Reason


class LineVerdict(StrEnum):
    """The result of one line of a checklist. Unknown is never a pass."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    NOT_LOOKED_AT = "not-looked-at"
    NOT_APPLICABLE = "not-applicable"
    """The question does not arise for this kind of target."""


class CheckLine(msgspec.Struct, frozen=True):
    """One line of a room's checklist, and what decides it.

    It passes when every rule that applies passed and every fact was learnt.
    """

    text: str
    """A short statement of the good state, such as "The name resolves quickly"."""
    rules: tuple[str, ...] = ()
    """The ids of the room's rules that decide it; one finding fails it."""
    facts: tuple[str, ...] = ()
    """Facts that must have been learnt and are its evidence, dotted as in
    :attr:`seventh.model.spec.Metric.fact`; in a tuple of structs, the field of each. Where no rule
    judges them, a fact that is False fails the line."""
    phases: tuple[str, ...] = ()
    """A failure in one of these phases, or in a step of one, fails it, unless this machine caused
    it …"""
    failures: tuple[Reason, ...] = ()
    """… and so does a failure for any of these reasons, in any phase."""
    look: str = ""
    """What to type to have it checked: options, besides those that permit the rules' tiers, or a
    whole command."""

    @property
    def is_elsewhere(self) -> bool:
        """Whether another command decides it, not this check."""
        return bool(self.look) and not self.look.startswith("-")

    def is_failed_by(self, failure: Failure) -> bool:
        """Return whether ``failure`` fails this line."""
        if failure.reason in self.failures:
            return True
        here = any(f"{failure.phase}.".startswith(f"{phase}.") for phase in self.phases)
        return here and failure.reason not in OURS

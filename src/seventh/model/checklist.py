"""The debugging checklist of a protocol: what an operator goes through, line by line."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from seventh.model.failure import OURS, Failure, Reason


class LineVerdict(StrEnum):
    """What a report says of one line of a checklist. Unknown is never a pass."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    NOT_LOOKED_AT = "not-looked-at"
    NOT_APPLICABLE = "not-applicable"
    """The target is of a kind for which the question does not arise."""


class CheckLine(msgspec.Struct, frozen=True):
    """One line of a room's checklist, and what decides it.

    It passes when every rule passed, but for those that do not apply, and every fact was learnt.
    """

    text: str
    """A short statement that holds where all is well, such as "The name resolves quickly"."""
    rules: tuple[str, ...] = ()
    """The ids of the room's rules that decide it; one that fires fails it."""
    facts: tuple[str, ...] = ()
    """Facts that must have been learnt and are its evidence, dotted as in
    :attr:`seventh.model.spec.Metric.fact`; in a tuple of structs, the field of each. Where no rule
    judges them, a fact that is False fails the line."""
    phases: tuple[str, ...] = ()
    """A failure in one of these phases, or in a step of one, fails it, unless this machine stopped
    by itself …"""
    failures: tuple[Reason, ...] = ()
    """… and so does one for any of these reasons, wherever it is."""
    look: str = ""
    """What to type where it was not looked at: options beyond the one that the rules' tier needs,
    which is added by itself; or a whole command."""

    @property
    def is_elsewhere(self) -> bool:
        """Whether another command decides it, whatever became of this look."""
        return bool(self.look) and not self.look.startswith("-")

    def is_failed_by(self, failure: Failure) -> bool:
        """Return whether what ended the conversation answers this line."""
        if failure.reason in self.failures:
            return True
        here = any(f"{failure.phase}.".startswith(f"{phase}.") for phase in self.phases)
        return here and failure.reason not in OURS

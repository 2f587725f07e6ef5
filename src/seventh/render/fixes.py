"""Which of a finding's fixes a person is shown: those for the software that is there."""

from __future__ import annotations

from typing import NamedTuple

from seventh.model.product import ALTERNATIVES
from seventh.render.entries import FindingEntry
from seventh.render.view import View

MOST_GUESSED = 2
"""How many are shown where nobody knows which software it is."""


class Fixes(NamedTuple):
    """What to show, and for which other software there is a fix."""

    shown: tuple[tuple[str, str], ...]
    others: tuple[str, ...]

    @property
    def hint(self) -> str:
        """For whom else there is one; empty where there is none."""
        return ", ".join(self.others)


def fixes_of(finding: FindingEntry, view: View) -> Fixes:
    """Return the fixes of ``finding`` in their order; all of them if the view is verbose."""
    named = [name for name in finding.fix if name in ALTERNATIVES]
    if view.verbose:
        wanted = named
    else:
        wanted = [name for name in named if name == finding.product] or named[:MOST_GUESSED]
    others = tuple(name for name in named if name not in wanted)
    shown = tuple((name, fix) for name, fix in finding.fix.items() if name not in others)
    return Fixes(shown, others)

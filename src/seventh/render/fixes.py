"""The fixes of a finding that are shown: those for the peer's software."""

from __future__ import annotations

from typing import NamedTuple

from seventh.model.product import ALTERNATIVES, FAMILIES
from seventh.render.entries import FindingEntry
from seventh.render.view import View

MOST_GUESSED = 2
"""How many are shown if the software is unknown."""


class Fixes(NamedTuple):
    """The fixes to show, and the other software with a fix."""

    shown: tuple[tuple[str, str], ...]
    others: tuple[str, ...]

    @property
    def hint(self) -> str:
        """The other software with a fix, as text; empty if there is none."""
        return ", ".join(self.others)


def fixes_of(finding: FindingEntry, view: View) -> Fixes:
    """Return the fixes of ``finding`` in order; all of them in a verbose view."""
    named = [name for name in finding.fix if name in ALTERNATIVES]
    if view.verbose:
        wanted = named
    elif (family := FAMILIES.get(finding.product)) is not None:
        wanted = [name for name in family if name in named][:1]
    else:
        wanted = [name for name in named if name == finding.product] or named[:MOST_GUESSED]
    others = tuple(name for name in named if name not in wanted)
    shown = tuple((name, fix) for name, fix in finding.fix.items() if name not in others)
    return Fixes(shown, others)

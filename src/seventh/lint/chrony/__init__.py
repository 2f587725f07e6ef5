"""chronyd's files."""

from __future__ import annotations

import functools

from seventh.lint.chrony import views
from seventh.lint.clocks.votes import votes_of
from seventh.lintkit.linted import Kind


def _looks_chrony(lines: tuple[str, ...]) -> int:
    """Return lines that fit chrony; what fits ntpd as well counts for whom more lines fit alone."""
    votes = votes_of(lines)
    return votes["chrony"] + (votes["shared"] if votes["chrony"] > votes["ntp"] else 0)


def _fits_chrony(lines: tuple[str, ...]) -> int:
    votes = votes_of(lines)
    return votes["chrony"] + votes["shared"]


def _looks_like_none(_lines: tuple[str, ...]) -> int:
    """Return lines of sources fit every kind: only the name tells such a file."""
    return 0


KINDS = (
    Kind(
        name="chrony.conf",
        room="ntp",
        title="chronyd's configuration, or a part of it",
        product="chrony",
        names=("chrony.conf", "chrony/conf.d/*.conf", "chrony.d/*.conf", "chrony.conf.d/*.conf"),
        looks=_looks_chrony,
        fits=_fits_chrony,
        lint=views.lint,
    ),
    Kind(
        name="chrony.sources",
        room="ntp",
        title="a file of chronyd's time sources",
        product="chrony",
        names=("sources.d/*.sources", "chrony*/*.sources"),
        looks=_looks_like_none,
        fits=_fits_chrony,
        lint=functools.partial(views.lint, only_sources=True),
    ),
)

"""chronyd's configuration files."""

from __future__ import annotations

import functools

from seventh.lint.chrony import views
from seventh.lint.clocks import fix, recognise
from seventh.lintkit.linted import Kind, Program
from seventh.lintkit.patch import Validator

_PROGRAMS = (Program(("chronyd", "-v"), r"\(chrony\) version (?P<version>\d+(\.\d+)*)"),)
_FIX = functools.partial(fix.place, comments=False)
_ASKED = Validator(
    command=("chronyd", "-p", "-f", "{file}"),
    include=r"(?i)\s*(?:include|confdir|sourcedir)\s+(?P<names>.*)",
    system="/etc/chrony",
)
KINDS = (
    Kind(
        name="chrony.conf",
        room="ntp",
        title="chronyd's configuration, or a part of it",
        product="chrony",
        programs=_PROGRAMS,
        names=("chrony.conf", "chrony/conf.d/*.conf", "chrony.d/*.conf", "chrony.conf.d/*.conf"),
        looks=recognise.is_chrony,
        fits=recognise.fits_chrony,
        lint=views.lint,
        fix=_FIX,
        validator=_ASKED,
    ),
    Kind(
        name="chrony.sources",
        room="ntp",
        title="a file of chronyd's time sources",
        product="chrony",
        programs=_PROGRAMS,
        names=("sources.d/*.sources", "chrony*/*.sources"),
        looks=lambda _: 0,  # lines of sources fit every kind: only the name decides
        fits=recognise.fits_chrony,
        lint=functools.partial(views.lint, only_sources=True),
        fix=_FIX,
        validator=_ASKED,
    ),
)

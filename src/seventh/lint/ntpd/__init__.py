"""The ntp.conf of ntpd and of ntpsec."""

from __future__ import annotations

import functools

from seventh.lint.clocks import fix, recognise
from seventh.lint.ntpd import views
from seventh.lintkit.linted import Kind, Program

_COMMAND = ("ntpd", "--version")
_NTPSEC = Program(_COMMAND, r"(?P<product>ntpsec)-(?P<version>\d+(\.\d+)*)")
_NTPD = Program(_COMMAND, r"ntpd (?P<version>4\.\d+\.\d+)")
_FIX = functools.partial(fix.place, comments=True)
KINDS = (
    Kind(
        name="ntpsec.conf",
        room="ntp",
        title="ntpsec's ntp.conf, or a part of it",
        product="ntpsec",
        programs=(_NTPSEC,),
        names=("ntpsec/ntp.conf", "ntpsec/ntp.conf.dhcp", "ntpsec/ntp.d/*.conf", "ntpsec.conf"),
        looks=recognise.is_ntpsec,
        fits=recognise.fits_ntp,
        lint=functools.partial(views.lint, product="ntpsec"),
        fix=_FIX,
    ),
    Kind(
        name="ntp.conf",
        room="ntp",
        title="ntpd's configuration, or a part of it",
        product="ntpd",
        also=("ntpsec",),
        programs=(_NTPD, _NTPSEC),
        names=("ntp.conf", "ntp.conf.dhcp", "ntp.d/*.conf"),
        looks=recognise.is_ntpd,
        fits=recognise.fits_ntp,
        lint=views.lint,
        fix=_FIX,
    ),
)

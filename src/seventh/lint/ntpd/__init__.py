"""The ntp.conf of ntpd and of ntpsec."""

from __future__ import annotations

import functools

from seventh.lint.clocks import recognise
from seventh.lint.ntpd import views
from seventh.lintkit.linted import Kind

KINDS = (
    Kind(
        name="ntpsec.conf",
        room="ntp",
        title="ntpsec's ntp.conf, or a part of it",
        product="ntpsec",
        names=("ntpsec/ntp.conf", "ntpsec/ntp.conf.dhcp", "ntpsec/ntp.d/*.conf", "ntpsec.conf"),
        looks=recognise.is_ntpsec,
        fits=recognise.fits_ntp,
        lint=functools.partial(views.lint, product="ntpsec"),
    ),
    Kind(
        name="ntp.conf",
        room="ntp",
        title="ntpd's configuration, or a part of it",
        product="ntpd",
        also=("ntpsec",),
        names=("ntp.conf", "ntp.conf.dhcp", "ntp.d/*.conf"),
        looks=recognise.is_ntpd,
        fits=recognise.fits_ntp,
        lint=views.lint,
    ),
)

"""The ntp.conf of ntpd and of ntpsec."""

from __future__ import annotations

import functools

from seventh.lint.clocks.votes import votes_of
from seventh.lint.ntpd import views
from seventh.lintkit.linted import Kind


def _looks_ntp(lines: tuple[str, ...]) -> int:
    votes = votes_of(lines)
    if votes["ntpsec"]:
        return votes["ntp"] - votes["ntpsec"]
    return votes["ntp"] + (votes["shared"] if votes["ntp"] > votes["chrony"] else 0)


def _looks_ntpsec(lines: tuple[str, ...]) -> int:
    votes = votes_of(lines)
    if not votes["ntpsec"]:
        return 0
    return votes["ntp"] + (votes["shared"] if votes["ntp"] > votes["chrony"] else 0)


def _fits_ntp(lines: tuple[str, ...]) -> int:
    votes = votes_of(lines)
    return votes["ntp"] + votes["shared"]


KINDS = (
    Kind(
        name="ntpsec.conf",
        room="ntp",
        title="ntpsec's ntp.conf, or a part of it",
        product="ntpsec",
        names=("ntpsec/ntp.conf", "ntpsec/ntp.conf.dhcp", "ntpsec/ntp.d/*.conf", "ntpsec.conf"),
        looks=_looks_ntpsec,
        fits=_fits_ntp,
        lint=functools.partial(views.lint, product="ntpsec"),
    ),
    Kind(
        name="ntp.conf",
        room="ntp",
        title="ntpd's configuration, or a part of it",
        product="ntpd",
        also=("ntpsec",),
        names=("ntp.conf", "ntp.conf.dhcp", "ntp.d/*.conf"),
        looks=_looks_ntp,
        fits=_fits_ntp,
        lint=views.lint,
    ),
)

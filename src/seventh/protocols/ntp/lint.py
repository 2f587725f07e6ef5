"""Linting chrony.conf and ntp.conf: which file is which, and who reads it."""

from __future__ import annotations

import re

from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Kind, Linted, Software
from seventh.protocols.ntp import chrony_conf, lint_chrony, lint_ntp, ntp_conf

MAX_LOOKED_AT = 2000
"""How many lines are looked at to tell what a file is."""
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_SOURCES = frozenset({"server", "pool", "peer"})
_COMMON = frozenset(
    {
        "allow", "deny", "device", "disable", "dscp", "enable", "end", "extra", "ident", "include",
        "interface", "keys", "limit", "local", "log", "logfile", "manual", "phone", "pidfile",
        "port", "refresh", "reset", "simulate", "tick", "trap", "ttl", "user",
    }
)  # fmt: skip
"""Words with which lines of many other programs' files begin."""


def lint(kind: Kind, text: Text, files: Files, software: Software | None) -> Linted:
    """Read one file as what it is. Raises nothing for what it holds."""
    reader = lint_chrony.lint if kind.product == "chrony" else lint_ntp.lint
    return reader(kind, text, files, software)


def _votes(lines: tuple[str, ...]) -> dict[str, int]:
    """How many lines fit chrony alone, ntpd or ntpsec alone, ntpsec alone, and several of them."""
    votes = dict.fromkeys(("chrony", "ntp", "ntpsec", "shared"), 0)
    for line in lines[:MAX_LOOKED_AT]:
        words = ntp_conf.words_of(line)
        if not words or line.lstrip()[0] in "!;%":
            continue
        name, rest = words[0], tuple(words[1:])
        if name.lower() in _COMMON or line.rstrip()[-1] in "{};":
            continue
        if name.lower() in _SOURCES and not (rest and _HOST.fullmatch(rest[0].removeprefix("-"))):
            continue
        chrony = not chrony_conf.grammar().mismatch(name.lower(), rest)
        ntpd = not ntp_conf.grammar().mismatch(name, rest, product="ntpd")
        ntpsec = not ntp_conf.grammar().mismatch(name, rest, product="ntpsec")
        if chrony and (ntpd or ntpsec):
            votes["shared"] += 1
        elif chrony:
            votes["chrony"] += 1
        elif ntpd or ntpsec:
            votes["ntp"] += 1
            votes["ntpsec"] += not ntpd
    return votes


def _looks_chrony(lines: tuple[str, ...]) -> int:
    """Lines that fit chrony; what fits ntpd as well counts for whom more lines fit alone."""
    votes = _votes(lines)
    return votes["chrony"] + (votes["shared"] if votes["chrony"] > votes["ntp"] else 0)


def _looks_ntp(lines: tuple[str, ...]) -> int:
    votes = _votes(lines)
    if votes["ntpsec"]:
        return votes["ntp"] - votes["ntpsec"]
    return votes["ntp"] + (votes["shared"] if votes["ntp"] > votes["chrony"] else 0)


def _looks_ntpsec(lines: tuple[str, ...]) -> int:
    votes = _votes(lines)
    if not votes["ntpsec"]:
        return 0
    return votes["ntp"] + (votes["shared"] if votes["ntp"] > votes["chrony"] else 0)


def _looks_like_none(_lines: tuple[str, ...]) -> int:
    """Lines of sources fit every kind: only the name tells such a file."""
    return 0


KINDS = (
    Kind(
        name="chrony.conf",
        title="chronyd's configuration, or a part of it",
        product="chrony",
        names=("chrony.conf", "chrony/conf.d/*.conf", "chrony.d/*.conf", "chrony.conf.d/*.conf"),
        looks=_looks_chrony,
    ),
    Kind(
        name="chrony.sources",
        title="a file of chronyd's time sources",
        product="chrony",
        names=("sources.d/*.sources", "chrony*/*.sources"),
        looks=_looks_like_none,
    ),
    Kind(
        name="ntpsec.conf",
        title="ntpsec's ntp.conf, or a part of it",
        product="ntpsec",
        names=("ntpsec/ntp.conf", "ntpsec/ntp.d/*.conf", "ntpsec.conf"),
        looks=_looks_ntpsec,
    ),
    Kind(
        name="ntp.conf",
        title="ntpd's configuration, or a part of it",
        product="ntpd",
        also=("ntpsec",),
        names=("ntp.conf", "ntp.d/*.conf"),
        looks=_looks_ntp,
    ),
)

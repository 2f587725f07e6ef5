"""Which of the clocks' programs a file without a telling name is for."""

from __future__ import annotations

import re

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


def votes_of(lines: tuple[str, ...]) -> dict[str, int]:
    """How many lines fit chrony alone, ntpd or ntpsec alone, ntpsec alone, and several of them."""
    # Not above: each of the two linters asks here what the other's program would make of a line.
    from seventh.lint.chrony import conf as chrony_conf
    from seventh.lint.ntpd import conf as ntp_conf

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

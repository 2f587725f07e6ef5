"""Which time daemon a file without a distinctive name is for, by the lines that each accepts.

Each function takes a file's lines and returns how many of them speak for its answer.
"""

from __future__ import annotations

import re

MAX_LINES = 2000
"""The limit on lines that are read to recognise a file."""
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_SOURCES = frozenset({"server", "pool", "peer"})
_COMMON = frozenset(
    {
        "allow", "deny", "device", "disable", "dscp", "enable", "end", "extra", "ident", "include",
        "interface", "keys", "limit", "local", "log", "logfile", "manual", "phone", "pidfile",
        "port", "refresh", "reset", "simulate", "tick", "trap", "ttl", "user",
    }
)  # fmt: skip
"""Words at the start of lines in many other programs' files."""


def is_chrony(lines: tuple[str, ...]) -> int:
    """Count the lines of chrony, and those of all if it has more of its own than ntpd."""
    found = _matches(lines)
    return found["chrony"] + (found["shared"] if found["chrony"] > found["ntp"] else 0)


def is_ntpd(lines: tuple[str, ...]) -> int:
    """Count the lines of ntpd; where ntpsec has lines of its own, only those that both accept."""
    found = _matches(lines)
    return found["ntp"] - found["ntpsec"] if found["ntpsec"] else _is_ntp(found)


def is_ntpsec(lines: tuple[str, ...]) -> int:
    """Count the lines of ntpsec if it has lines of its own."""
    found = _matches(lines)
    return _is_ntp(found) if found["ntpsec"] else 0


def _is_ntp(found: dict[str, int]) -> int:
    return found["ntp"] + (found["shared"] if found["ntp"] > found["chrony"] else 0)


def fits_chrony(lines: tuple[str, ...]) -> int:
    """Count all lines that chrony accepts."""
    found = _matches(lines)
    return found["chrony"] + found["shared"]


def fits_ntp(lines: tuple[str, ...]) -> int:
    """Count all lines that ntpd or ntpsec accepts."""
    found = _matches(lines)
    return found["ntp"] + found["shared"]


def _matches(lines: tuple[str, ...]) -> dict[str, int]:
    """Count lines that only chrony accepts, only ntpd or ntpsec, only ntpsec, and both kinds."""
    # Not at the top: the linters of both programs import this module.
    from seventh.lint.chrony import conf as chrony_conf
    from seventh.lint.ntpd import conf as ntp_conf

    found = dict.fromkeys(("chrony", "ntp", "ntpsec", "shared"), 0)
    for line in lines[:MAX_LINES]:
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
            found["shared"] += 1
        elif chrony:
            found["chrony"] += 1
        elif ntpd or ntpsec:
            found["ntp"] += 1
            found["ntpsec"] += not ntpd
    return found

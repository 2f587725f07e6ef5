"""The lines of a fix that depend on the rest of a configuration.

A suggested line must not break what other lines need, nor cause a finding of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from seventh.protocols.ntp.facts.config import ConfiguredSource, DefaultRights, NtpConfigFacts
from seventh.rules.rule import Skip

PART = Skip("the file is a part of a configuration; other parts may set this")
MAX_SHOWN = 8
"""How many names evidence and fixes list."""
POOL: Mapping[str, str] = {
    "chrony": "pool pool.ntp.org iburst maxsources 4",
    "ntpd": "pool pool.ntp.org iburst",
    "ntpsec": "pool pool.ntp.org iburst",
}
_CLOSED = ("kod", "limited", "nomodify", "notrap", "nopeer", "noquery")
_CLOSED_NTPSEC = ("kod", "limited", "nomodify", "noquery")
_WITH_NTS = ("time.cloudflare.com", "nts.netnod.se", "ptbtime1.ptb.de", "ntppool1.time.nl")
"""Public servers with NTS, each of a different operator."""
_GOOGLE = ("time1.google.com", "time2.google.com", "time3.google.com", "time4.google.com")
NO_QUERIES: Mapping[str, str] = {
    "ntpd": f"restrict default {' '.join(_CLOSED)}\nrestrict -6 default {' '.join(_CLOSED)}\n"
    "# `pool` requires the next line; not supported by ntpd before 4.2.7\n"
    "restrict source nomodify notrap noquery\nrestrict 127.0.0.1\nrestrict ::1",
    "ntpsec": f"restrict default {' '.join(_CLOSED_NTPSEC)}\n"
    "restrict source nomodify noquery\nrestrict 127.0.0.1\nrestrict ::1",
}
"""Lines that deny queries of any host, where the rest of the configuration is unknown."""
NTS_SERVER = (
    "ntsserverkey /etc/chrony/nts.key",
    "ntsservercert /etc/chrony/nts.pem",
    "ntsdumpdir /var/lib/chrony",
)
"""chronyd's lines to serve NTS."""


def shown(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that evidence lists, and as ``… (+2)`` how many more there are."""
    every = tuple(names)
    more = len(every) - MAX_SHOWN
    return (*every[:MAX_SHOWN], f"… (+{more})") if more > 0 else every


def no_queries(config: NtpConfigFacts, open_: Sequence[DefaultRights]) -> list[str]:
    """Return the ``restrict`` lines that deny queries, and nothing that other lines need.

    ``nopeer`` denies the associations of ``pool`` unless a ``restrict source`` line permits them.
    No line can permit those of broadcast clients, so ``nopeer`` is left out for them.
    """
    wanted = list(_CLOSED if config.product == "ntpd" else _CLOSED_NTPSEC)
    if set(config.mobilised_by) - {"pool"} and "nopeer" in wanted:
        wanted.remove("nopeer")
    lines: list[str] = []
    for rights in open_:
        flags = dict.fromkeys((*wanted, *(flag for flag in rights.flags if flag != "nopeer")))
        family = "-6 " if rights.family == "IPv6" else "-4 " if len(open_) == 1 else ""
        lines.append(f"restrict {family}default {' '.join(flags)}")
    if "pool" in config.mobilised_by and not config.restrict_source:
        notrap = "notrap " if config.product == "ntpd" else ""
        lines.append(f"restrict source nomodify {notrap}noquery")
    return [*lines, "restrict 127.0.0.1", "restrict ::1"]


def more_sources(config: NtpConfigFacts, count: int, enough: int) -> list[str]:
    """Return sources to add, with NTS or leap smearing like the configured ones."""
    sources = config.selectable
    named = {source.name.lower().rstrip(".") for source in sources}
    lines: list[str] = []
    if config.sources_at_most is not None and config.sources_at_most < enough:
        lines.append("tos maxclock 10")
        count = len(sources)
    if count >= enough:
        return lines
    if config.nts_known and all(source.nts for source in sources):
        left = [name for name in _WITH_NTS if name not in named]
        return lines + [f"server {name} iburst nts" for name in left[: enough - count]]
    if sources and all("google" in source.smears.lower() for source in sources):
        left = [name for name in _GOOGLE if name not in named]
        return lines + [f"server {name} iburst" for name in left[: enough - count]]
    smearing = [source for source in sources if source.smears]
    lines += [f"# instead of: {source.text}" for source in smearing[:MAX_SHOWN]]
    pool = POOL[config.product]
    if "pool.ntp.org" in named:
        pool = pool.replace("pool.ntp.org", "2.pool.ntp.org")
    return [*lines, pool]


def without_option(source: ConfiguredSource, option: str) -> str:
    """Return a source's line without one of its options."""
    return " ".join(word for word in source.text.split() if word != option)


def with_option(sources: Sequence[ConfiguredSource], option: str) -> list[str]:
    """Return the sources' lines with one more option, and a comment where some are left out."""
    lines = [f"{source.text} {option}" for source in sources[:MAX_SHOWN]]
    if len(sources) > MAX_SHOWN:
        lines.append(f"# … and {len(sources) - MAX_SHOWN} more of these lines")
    return lines

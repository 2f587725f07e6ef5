"""The lines of a fix that depend on the rest of a configuration.

A line to paste must not take away what other lines need, nor bring a finding of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts, StrangersRights

_CLOSED = ("kod", "limited", "nomodify", "notrap", "nopeer", "noquery")
_CLOSED_NTPSEC = ("kod", "limited", "nomodify", "noquery")
_POOL: Mapping[str, str] = {
    "chrony": "pool pool.ntp.org iburst maxsources 4",
    "ntpd": "pool pool.ntp.org iburst",
    "ntpsec": "pool pool.ntp.org iburst",
}
_WITH_NTS = ("time.cloudflare.com", "nts.netnod.se", "ptbtime1.ptb.de", "ntppool1.time.nl")
"""Public servers with NTS, each of another operator."""
_GOOGLE = ("time1.google.com", "time2.google.com", "time3.google.com", "time4.google.com")
MAXCLOCK = "tos maxclock 10"
ANYBODY_CLOSED: Mapping[str, str] = {
    "ntpd": f"restrict default {' '.join(_CLOSED)}\nrestrict -6 default {' '.join(_CLOSED)}\n"
    "# `pool` needs the next line; ntpd before 4.2.7 does not know it\n"
    "restrict source nomodify notrap noquery\nrestrict 127.0.0.1\nrestrict ::1",
    "ntpsec": f"restrict default {' '.join(_CLOSED_NTPSEC)}\n"
    "restrict source nomodify noquery\nrestrict 127.0.0.1\nrestrict ::1",
}
"""Against queries of strangers, where nothing is known of the rest of the configuration."""


def pasted(texts: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Texts as parameters of a finding: a value for each line, for none may hold a line end."""
    return {name: tuple(text.splitlines()) for name, text in texts.items()}


def closing(config: NtpConfigFacts, open_: Sequence[StrangersRights]) -> str:
    """Return the ``restrict`` lines that forbid queries, and nothing that other lines need.

    ``nopeer`` forbids the associations of ``pool`` unless a ``restrict source`` line has them; for
    the clients of broadcasts no line can, so that ``nopeer`` is left out for them.
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
    return "\n".join((*lines, "restrict 127.0.0.1", "restrict ::1"))


def more_sources(config: NtpConfigFacts | None, count: int, enough: int) -> dict[str, str]:
    """Sources to add, by product: such as the ones there are, with NTS or smearing as they do.

    Without a configuration, of which nothing is known, the public pool.
    """
    if config is None or not config.product:
        return dict(_POOL)
    sources = [source for source in config.sources if not source.noselect]
    named = {source.name.lower().rstrip(".") for source in sources}
    lines: list[str] = []
    if config.sources_at_most is not None and config.sources_at_most < enough:
        lines.append(MAXCLOCK)
        count = len(sources)
    if count < enough:
        if config.nts_known and all(source.nts for source in sources):
            left = [name for name in _WITH_NTS if name not in named]
            lines += [f"server {name} iburst nts" for name in left[: enough - count]]
        elif sources and all("google" in source.smears.lower() for source in sources):
            left = [name for name in _GOOGLE if name not in named]
            lines += [f"server {name} iburst" for name in left[: enough - count]]
        else:
            smearing = [source for source in sources if source.smears]
            lines += [f"# instead of: {source.text}" for source in smearing[:8]]
            lines.append(_pool(config, named))
    return {**_POOL, config.product: "\n".join(lines)}


def _pool(config: NtpConfigFacts, named: set[str]) -> str:
    """Return the public pool, under a name that the configuration does not have yet."""
    name = "pool.ntp.org" if "pool.ntp.org" not in named else "2.pool.ntp.org"
    line = f"pool {name} iburst"
    return f"{line} maxsources 4" if config.product == "chrony" else line


def without_option(source: ConfiguredSource, option: str) -> str:
    """Return a source's line without one of its options."""
    return " ".join(word for word in source.text.split() if word != option)


def with_option(sources: Sequence[ConfiguredSource], option: str, most: int = 8) -> str:
    """Return the sources' lines with one more option; a comment says how many more there are."""
    lines = [f"{source.text} {option}" for source in sources[:most]]
    if len(sources) > most:
        lines.append(f"# … and so on: {len(sources) - most} more of these lines")
    return "\n".join(lines)

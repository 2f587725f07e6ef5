"""What a configuration file decides where a rule also has evidence on the wire.

Each function is that half of a rule; the rule itself is declared next to its other half.
"""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts.config import DefaultRights, NtpConfigFacts
from seventh.protocols.ntp.rules import lines
from seventh.rules.rule import Hit, Skip, Verdict

COOKIE_PERIOD_SECONDS = 8 * 1024
"""How long a client with 8 cookies and the slowest usual poll (1024 s) may keep one of them."""


def mode6(config: NtpConfigFacts) -> Verdict:
    """Fail NTP-MODE6 where any host may send control queries."""
    if not config.complete:
        return lines.PART
    may_query = _may_query(config)
    if not may_query:
        return None
    return (
        Hit(what="file", families=tuple(rights.family for rights in may_query))
        .fixed_by(config.product, *lines.no_queries(config, may_query))
        .at(*_settings(may_query))
    )


def monlist(config: NtpConfigFacts, upgrade: str) -> Verdict:
    """Fail NTP-MONLIST where the version has it, monitoring is on, and any host may query."""
    if not config.complete:
        return lines.PART
    if config.monlist is None:
        return Skip(f"{config.product} {config.version} answers monlist before its patch 26 only")
    may_query = _may_query(config)
    if not config.monlist or not config.monitor or not may_query:
        return None
    hit = Hit(
        what="file",
        product=config.product,
        version=config.version,
        families=tuple(rights.family for rights in may_query),
    )
    return hit.fixed_by(config.product, upgrade, *lines.no_queries(config, may_query)).at(
        "disable monitor", *_settings(may_query)
    )


def _may_query(config: NtpConfigFacts) -> list[DefaultRights]:
    return [rights for rights in config.strangers if rights.may_query]


def _settings(may_query: list[DefaultRights]) -> list[str]:
    return [rights.setting or "restrict default" for rights in may_query]


def local_clock(config: NtpConfigFacts) -> Verdict:
    """Fail NTP-LOCALCLOCK where the local clock is served, except in orphan mode."""
    if config.local_stratum is None or config.local_orphan:
        return None
    has_sources = bool(config.sources or config.reference_clocks)
    serves_nobody = config.product == "chrony" and config.serves is False
    return Hit(
        # With no clients, only this machine's own programs rely on it.
        Severity.LOW if has_sources and serves_nobody else None,
        what="fallback" if has_sources else "alone",
        stratum=config.local_stratum,
    ).at(*config.local_settings)


def md5_keys(config: NtpConfigFacts) -> Verdict:
    """Fail NTP-MAC-MD5 where the key file has keys of that type."""
    if not config.key_file_read:
        return Skip("the configuration names no readable key file")
    if not config.md5_keys:
        return None
    return Hit(what="key-file", key=", ".join(config.md5_keys)).at(
        *(f"key {number}" for number in config.md5_keys)
    )


def cookie_keys(config: NtpConfigFacts) -> Verdict:
    """Fail NTS-NAK where cookie keys are lost or changed while clients still keep the cookies."""
    if not config.nts_server:
        return Skip("the configuration does not enable an NTS server")
    if not config.nts_dump:
        hit = Hit(what="no-dump").fixed_by("chrony", "ntsdumpdir /var/lib/chrony")
        return hit.at("ntsdumpdir")
    rotate = config.nts_rotate_seconds
    # The server keeps the two keys before the latest, so a cookie is valid for two periods or more.
    if rotate is not None and 0 < 2 * rotate < COOKIE_PERIOD_SECONDS:
        hit = Hit(what="rotation", rotate=rotate, kept=2 * rotate, needed=COOKIE_PERIOD_SECONDS)
        return hit.fixed_by("chrony", "ntsrotate 604800").at("ntsrotate")
    return None

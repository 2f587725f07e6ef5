"""What a configuration file says where a rule also has evidence on the wire.

Each function is the half of a condition that a file decides; the rule stands where the other half
does.
"""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts.config import NtpConfigFacts
from seventh.protocols.ntp.rules import lines
from seventh.rules.rule import Hit, Skip, Verdict

COOKIE_PERIOD_SECONDS = 8 * 1024
"""How long a client with 8 cookies and the slowest usual poll (1024 s) may hold one of them."""
_PART = Skip("the file is a part of a configuration; other parts may decide this")


def mode6(config: NtpConfigFacts) -> Verdict:
    """NTP-MODE6: strangers may ask control queries."""
    if not config.complete:
        return _PART
    open_ = [rights for rights in config.strangers if rights.may_query]
    if not open_:
        return None
    families = " and ".join(rights.family for rights in open_)
    settings = [rights.setting or "restrict default" for rights in open_]
    return Hit(
        said=f"no restrict line keeps control queries from strangers over {families}",
        **lines.pasted({**lines.ANYBODY_CLOSED, config.product: lines.closing(config, open_)}),
    ).at(*settings)


def monlist(config: NtpConfigFacts) -> Verdict:
    """NTP-MONLIST: a version that has it, clients remembered, strangers let in."""
    if not config.complete:
        return _PART
    if config.monlist is None:
        return Skip(f"{config.product} {config.version} answers monlist before its patch 26 only")
    strangers = [rights for rights in config.strangers if rights.may_query]
    if not config.monlist or not config.monitor or not strangers:
        return None
    return Hit(
        said=f"{config.product} {config.version} answers monlist, remembers clients and lets "
        "strangers query",
        **lines.pasted({"closed": lines.closing(config, strangers)}),
    ).at("disable monitor", *(rights.setting or "restrict default" for rights in strangers))


def local_clock(config: NtpConfigFacts) -> Verdict:
    """NTP-LOCALCLOCK: the machine's own clock is passed off, not only as one of a group's last."""
    if config.local_stratum is None or config.local_orphan:
        return None
    real = bool(config.sources or config.reference_clocks)
    unheard = config.product == "chrony" and config.serves is False
    when = "whenever no source answers" if real else "no source is set"
    return Hit(
        # Where nobody is served, only this machine's own programs believe it.
        Severity.LOW if real and unheard else None,
        reference=f"its own clock ({when})",
        stratum=config.local_stratum,
    ).at(*config.local_settings)


def md5_keys(config: NtpConfigFacts) -> Verdict:
    """NTP-MAC-MD5: keys of that type stand in the key file."""
    if not config.key_file_read:
        return Skip("the configuration names no key file that could be read")
    if not config.md5_keys:
        return None
    numbers = ", ".join(config.md5_keys)
    return Hit(key=numbers, said=f"key {numbers} of the key file is of type MD5").at(
        *(f"key {number}" for number in config.md5_keys)
    )


def cookie_keys(config: NtpConfigFacts) -> Verdict:
    """NTS-NAK: the keys of the cookies are lost or changed while clients still hold them."""
    if not config.nts_server:
        return Skip("the configuration serves no NTS")
    if not config.nts_dump:
        return Hit(
            said="ntsdumpdir is not set: at every restart the cookies' keys are lost",
            chrony="ntsdumpdir /var/lib/chrony",
        ).at("ntsdumpdir")
    rotate = config.nts_rotate_seconds
    # The server keeps the two keys before the latest, so a cookie lives at least two periods.
    if rotate is not None and 0 < 2 * rotate < COOKIE_PERIOD_SECONDS:
        return Hit(
            said=f"ntsrotate {rotate}: a cookie's key is gone after {2 * rotate} s, and clients "
            f"hold cookies for up to {COOKIE_PERIOD_SECONDS} s",
            chrony="ntsrotate 604800",
        ).at("ntsrotate")
    return None

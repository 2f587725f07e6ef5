"""What only a configuration file shows: startup, clock drift, hardware clock, Autokey."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, DefaultRights, NtpConfigFacts
from seventh.protocols.ntp.rules import lines
from seventh.protocols.ntp.rules.examples import GOOD_CONFIG, with_config
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_NO_FILE = Skip("no configuration file was read")
_MANUALS = ("Manual pages chrony.conf(5), ntp.conf(5)",)


@rule(
    "NTP-IBURST",
    Severity.LOW,
    tier=0,
    source=Source.FILE,
    title="iburst not set",
    evidence="{count} of {all} sources without iburst: {names}",
    why="With iburst, the first requests are sent seconds apart. Without it, a daemon sends one "
    "request a minute, and the clock of a machine that has just started stays wrong for minutes "
    "longer.",
    fix=dict.fromkeys(("chrony", "ntpd", "ntpsec"), "{line} iburst"),
    references=_MANUALS,
    seed=("12.4.2", "12.12"),
    good=GOOD_CONFIG,
    bad=with_config(
        sources=(
            ConfiguredSource(
                kind="server", name="ntp.example", setting="server ntp.example",
                text="server ntp.example",
            ),
        )
    ),
    directives=dict.fromkeys(("chrony", "ntpd", "ntpsec"), ("server", "pool")),
)  # fmt: skip
def iburst(ntp: NtpFacts) -> Verdict:
    """Fail a server or pool line without iburst; peers do not use it."""
    if ntp.config is None:
        return _NO_FILE
    polled = [source for source in ntp.config.sources if source.kind != "peer"]
    if not polled:
        return Skip("the file has no server and no pool line")
    slow = [source for source in polled if not source.iburst]
    if not slow:
        return None
    hit = Hit(
        count=len(slow),
        all=len(polled),
        names=lines.shown(dict.fromkeys(source.name for source in slow)),
        line=slow[0].text,
    )
    return hit.fixed_by(ntp.config.product, *lines.with_option(slow, "iburst")).at(
        *(source.setting for source in slow)
    )


@rule(
    "NTP-MAKESTEP",
    Severity.LOW,
    tier=0,
    source=Source.FILE,
    title="Clock never stepped, or stepped at any time",
    evidence="{what}",
    phrases={
        "what": {
            "always": "makestep {seconds:g} {updates}: the clock is stepped at any time",
            "never": "makestep with a limit of 0 updates: the clock is never stepped",
            "missing": "no makestep line: the clock is slewed, however large the offset",
        }
    },
    why="A clock that starts with a large offset and may only be slewed stays wrong for hours or "
    "days: chronyd slews it by at most one second in twelve. A clock that may be stepped at any "
    "time jumps under running programs whenever a source is wrong.",
    fix={"chrony": "makestep 1 3"},
    references=("Manual page chrony.conf(5)",),
    seed=("12.4.2",),
    good=GOOD_CONFIG,
    bad=with_config(makestep_seconds=0.1, makestep_updates=-1),
    directives={"chrony": ("makestep",)},
)
def makestep(ntp: NtpFacts) -> Verdict:
    """Fail a limit of no update or of none at all, and neither makestep nor initstepslew."""
    config = ntp.config
    if config is None:
        return _NO_FILE
    if config.product != "chrony":
        return Skip("makestep is a directive of chronyd; ntpd steps the clock by default")
    updates = config.makestep_updates
    if updates is not None and updates < 0:
        return Hit(what="always", seconds=config.makestep_seconds or 0.0, updates=updates)
    if updates or config.initstepslew:
        return None
    if updates == 0:
        return Hit(what="never")
    if not config.complete:
        return lines.PART
    if not config.sources and not config.reference_clocks:
        return Skip("the file has no time source")
    return Hit(what="missing")


@rule(
    "NTP-DRIFT",
    Severity.LOW,
    tier=0,
    source=Source.FILE,
    title="driftfile not set",
    evidence="no driftfile line",
    why="The drift file stores the frequency error of this machine's clock. Without it, the daemon "
    "measures the error again for hours after every start, and the clock drifts meanwhile.",
    fix={
        "chrony": "driftfile /var/lib/chrony/drift",
        "ntpd": "driftfile /var/lib/ntp/ntp.drift",
        "ntpsec": "driftfile /var/lib/ntpsec/ntp.drift",
    },
    references=_MANUALS,
    seed=("12.4.2",),
    good=GOOD_CONFIG,
    bad=with_config(drift_file=""),
    directives=dict.fromkeys(("chrony", "ntpd", "ntpsec"), ("driftfile",)),
)
def drift(ntp: NtpFacts) -> Verdict:
    """Fail a complete configuration without a driftfile line."""
    if ntp.config is None:
        return _NO_FILE
    if ntp.config.drift_file:
        return None
    return Hit() if ntp.config.complete else lines.PART


@rule(
    "NTP-RTCSYNC",
    Severity.LOW,
    tier=0,
    source=Source.FILE,
    title="Hardware clock not synchronised",
    evidence="neither rtcsync nor rtcfile is set",
    why="The hardware clock sets the time at the next boot, before the network is available. "
    "Without synchronisation it drifts by seconds a day, and the machine starts with that offset.",
    fix={"chrony": "rtcsync"},
    references=("Manual page chrony.conf(5)",),
    seed=("12.4.2",),
    good=GOOD_CONFIG,
    bad=with_config(rtc=""),
    directives={"chrony": ("rtcsync", "rtcfile")},
)
def rtcsync(ntp: NtpFacts) -> Verdict:
    """Fail a complete chrony.conf with neither directive."""
    if ntp.config is None:
        return _NO_FILE
    if ntp.config.product != "chrony":
        return Skip("only chronyd needs a directive for it; with ntpd the kernel does it")
    if ntp.config.rtc:
        return None
    return Hit() if ntp.config.complete else lines.PART


@rule(
    "NTP-SOURCES-DENIED",
    Severity.HIGH,
    tier=0,
    source=Source.FILE,
    title="Replies of configured sources ignored",
    evidence="a `restrict` line with `ignore` drops the replies of {count} of {all} sources: "
    "{names}",
    why="`ignore` drops every packet of a host, also the reply to a request of this machine. The "
    "daemon runs, sends requests, and never synchronises to these sources.",
    fix={
        "ntpd": "# admits the replies of every configured source; not supported before 4.2.7\n"
        "restrict source nomodify notrap noquery",
        "ntpsec": "# admits the replies of every configured source\n"
        "restrict source nomodify noquery",
    },
    references=("Manual page ntp.conf(5): restrict",),
    seed=("12.4.2",),
    good=with_config(product="ntpd", version="4.2.8"),
    bad=with_config(
        product="ntpd",
        version="4.2.8",
        sources=(
            ConfiguredSource(kind="server", name="ntp.example", setting="server ntp.example"),
        ),
        denied=("server ntp.example",),
        strangers=(DefaultRights(family="IPv4", flags=("ignore",), setting="restrict default"),),
    ),
    directives=dict.fromkeys(("ntpd", "ntpsec"), ("restrict default", "server", "pool", "peer")),
)
def sources_denied(ntp: NtpFacts) -> Verdict:
    """Report sources whose replies are dropped; medium where others are left."""
    config = ntp.config
    if config is None:
        return _NO_FILE
    if config.product == "chrony":
        return Skip("chronyd's deny lines do not apply to the replies of its sources")
    if not config.sources:
        return Skip("the file has no time source")
    if not config.complete:
        return lines.PART
    if not config.denied:
        return None
    names = dict.fromkeys(one.name for one in config.sources if one.setting in config.denied)
    every = len({one.name for one in config.sources})
    hit = Hit(
        Severity.MEDIUM if len(names) < every else None,
        count=len(names), all=every, names=lines.shown(names),
    ).at("restrict default", *config.denied)  # fmt: skip
    if any("ignore" in rights.flags for rights in config.strangers):
        return hit
    return hit.fixed_by(config.product, "# remove `ignore` from the restrict lines of these hosts")


@rule(
    "NTP-MAC-AUTOKEY",
    Severity.HIGH,
    tier=0,
    source=Source.FILE,
    title="Autokey configured",
    evidence="Autokey enabled by: {lines}",
    why="Autokey is broken: an attacker who captures one exchange finds the 32-bit seed of its "
    "cookie by trial, and forges the time from then on. RFC 8633 advises against it, and NTPsec "
    "has removed it.",
    fix={
        "any": "Use NTS (RFC 8915), or a symmetric key of type AES128CMAC. NTPsec and chrony "
        "support NTS; the reference ntpd does not.",
        "ntpd": "# in the key file, a line: {number} AES128CMAC and 32 hexadecimal digits\n"
        "# remove autokey, crypto and keysdir from all lines\nkeys {keys}\ntrustedkey {number}\n"
        "{line} key {number}",
        "ntpsec": "# remove autokey, crypto and keysdir from all lines\n{line} nts",
    },
    references=("RFC 8633 §4.2", "RFC 8573", "RFC 8915"),
    seed=("12.4.3",),
    good=GOOD_CONFIG,
    bad=with_config(product="ntpd", version="4.2.8", autokey=("crypto",)),
    choice=("ntpd", "ntpsec"),
    directives={"ntpd": ("crypto",), "ntpsec": ("crypto",)},
)
def autokey(ntp: NtpFacts) -> Verdict:
    """Fail a crypto line, and a source with the option autokey."""
    config = ntp.config
    if config is None:
        return _NO_FILE
    if not config.autokey:
        return None
    with_it = [source for source in config.sources if source.autokey] or list(config.sources)
    kept = lines.without_option(with_it[0], "autokey") if with_it else ""
    return Hit(
        lines=lines.shown(config.autokey),
        line=kept or "server ntp.example.net",
        keys=config.key_file or "/etc/ntp.keys",
        number=_free_key(config),
    ).at(*config.autokey)


def _free_key(config: NtpConfigFacts) -> int:
    """Return a key ID that no source and no known key has."""
    taken = {str(source.key) for source in config.sources} | set(config.md5_keys)
    return next(number for number in range(1, len(taken) + 2) if str(number) not in taken)

"""What only a configuration file shows: how the clock starts, what it remembers, Autokey."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts
from seventh.protocols.ntp.rules import lines
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_SHOWN = 8
"""How many names evidence writes out."""
_PART = Skip("the file is a part of a configuration; other parts may say it")

_GOOD = NtpFacts(
    config=NtpConfigFacts(
        product="chrony",
        version="4.3",
        complete=True,
        sources=(
            ConfiguredSource(
                kind="pool",
                name="pool.ntp.org",
                setting="pool pool.ntp.org",
                text="pool pool.ntp.org iburst maxsources 4",
                iburst=True,
                maxsources=4,
            ),
        ),
        makestep_seconds=1.0,
        makestep_updates=3,
        drift_file="/var/lib/chrony/drift",
        rtc="rtcsync",
    )
)


def _but(**changes: object) -> NtpFacts:
    """Return the good example with something else in its configuration."""
    config = _GOOD.config or NtpConfigFacts()
    values = {name: getattr(config, name) for name in config.__struct_fields__}
    return NtpFacts(config=NtpConfigFacts(**{**values, **changes}))


def _config(ntp: NtpFacts) -> NtpConfigFacts | Skip:
    """Return the configuration that was read."""
    if ntp.config is None or not ntp.config.product:
        return Skip("no configuration file was read")
    return ntp.config


@rule(
    "NTP-IBURST",
    Severity.LOW,
    tier=0,
    source=Source.FILE,
    title="Sources start without a burst",
    evidence="{count} of {all} sources have no iburst: {names}",
    why="With iburst the first few requests go out seconds apart. Without it a daemon asks every "
    "minute, so that the clock of a machine that just started is wrong for minutes longer.",
    fix={"chrony": "{changed}", "ntpd": "{changed}", "ntpsec": "{changed}"},
    references=("Manual pages chrony.conf(5), ntp.conf(5)",),
    seed=("12.4.2", "12.12"),
    good=_GOOD,
    bad=_but(
        sources=(
            ConfiguredSource(
                kind="server", name="ntp.example", setting="server ntp.example",
                text="server ntp.example",
            ),
        )
    ),
    directives={
        "chrony": ("server", "pool"), "ntpd": ("server", "pool"), "ntpsec": ("server", "pool")
    },
)  # fmt: skip
def iburst(ntp: NtpFacts) -> Verdict:
    """Return a server or pool line without iburst. Peers are left aside: a burst is for servers."""
    config = _config(ntp)
    if isinstance(config, Skip):
        return config
    asked = [source for source in config.sources if source.kind != "peer"]
    if not asked:
        return Skip("the file names no server and no pool")
    slow = [source for source in asked if not source.iburst]
    if not slow:
        return None
    return Hit(
        count=len(slow),
        all=len(asked),
        names=tuple(dict.fromkeys(source.name for source in slow[:_SHOWN])),
        line=f"{slow[0].text} iburst",
        **lines.pasted({"changed": lines.with_option(slow, "iburst")}),
    ).at(*(source.setting for source in slow))


@rule(
    "NTP-MAKESTEP",
    Severity.LOW,
    tier=0,
    source=Source.FILE,
    title="The clock is never stepped, or at any time",
    evidence="{said}",
    why="A clock that starts far off and may only be slewed stays wrong for hours or days: chronyd "
    "slews it by at most one second in twelve. One that may be stepped at any time jumps under "
    "running programs whenever a source goes wrong.",
    fix={"chrony": "makestep 1 3"},
    references=("Manual page chrony.conf(5)",),
    seed=("12.4.2",),
    good=_GOOD,
    bad=_but(makestep_seconds=0.1, makestep_updates=-1),
    directives={"chrony": ("makestep",)},
)
def makestep(ntp: NtpFacts) -> Verdict:
    """No makestep and no initstepslew, a limit of no update, or none at all."""
    config = _config(ntp)
    if isinstance(config, Skip):
        return config
    if config.product != "chrony":
        return Skip("only chronyd has makestep; ntpd steps by itself")
    seconds, updates = config.makestep_seconds, config.makestep_updates
    if seconds is not None and updates is not None:
        if updates < 0:
            return Hit(said=f"makestep {seconds:g} {updates} steps the clock at any time")
        if updates > 0 or config.initstepslew:
            return None
        return Hit(said="makestep with a limit of 0 updates steps the clock never")
    if config.initstepslew:
        return None
    if not config.complete:
        return _PART
    if not config.sources and not config.reference_clocks:
        return Skip("the file names no source that the clock would follow")
    return Hit(said="no makestep line: however far off, the clock is slewed")


@rule(
    "NTP-DRIFT",
    Severity.LOW,
    tier=0,
    source=Source.FILE,
    title="The clock's rate is forgotten at every restart",
    evidence="no driftfile",
    why="The drift file keeps how fast this machine's clock runs. Without it the daemon learns "
    "that anew after every start, for hours, and the clock runs free at its raw rate meanwhile.",
    fix={
        "chrony": "driftfile /var/lib/chrony/drift",
        "ntpd": "driftfile /var/lib/ntp/ntp.drift",
        "ntpsec": "driftfile /var/lib/ntpsec/ntp.drift",
    },
    references=("Manual pages chrony.conf(5), ntp.conf(5)",),
    seed=("12.4.2",),
    good=_GOOD,
    bad=_but(drift_file=""),
    directives={"chrony": ("driftfile",), "ntpd": ("driftfile",), "ntpsec": ("driftfile",)},
)
def drift(ntp: NtpFacts) -> Verdict:
    """No driftfile line in a whole configuration."""
    config = _config(ntp)
    if isinstance(config, Skip):
        return config
    if config.drift_file:
        return None
    return Hit() if config.complete else _PART


@rule(
    "NTP-RTCSYNC",
    Severity.LOW,
    tier=0,
    source=Source.FILE,
    title="The hardware clock is not kept",
    evidence="neither rtcsync nor rtcfile",
    why="The hardware clock sets the time at the next boot, before the network is there. If "
    "nothing keeps it, it drifts by seconds a day, and the machine starts that far off.",
    fix={"chrony": "rtcsync"},
    references=("Manual page chrony.conf(5)",),
    seed=("12.4.2",),
    good=_GOOD,
    bad=_but(rtc=""),
    directives={"chrony": ("rtcsync", "rtcfile")},
)
def rtcsync(ntp: NtpFacts) -> Verdict:
    """Neither of chronyd's two ways to keep it. With ntpd the kernel does so by itself."""
    config = _config(ntp)
    if isinstance(config, Skip):
        return config
    if config.product != "chrony":
        return Skip("only chronyd must be told to; with ntpd the kernel does it")
    if config.rtc:
        return None
    return Hit() if config.complete else _PART


@rule(
    "NTP-MAC-AUTOKEY",
    Severity.HIGH,
    tier=0,
    source=Source.FILE,
    title="Autokey is configured",
    evidence="{lines}",
    why="Autokey is broken: whoever hears one exchange finds the 32-bit seed of its cookie by "
    "trying, and forges the time from then on. RFC 8633 says not to use it, and NTPsec has "
    "removed it.",
    fix={
        "any": "Use NTS (RFC 8915), or a symmetric key of type AES128CMAC. NTPsec and chrony have "
        "NTS; the reference ntpd has not.",
        "ntpd": "# in the key file, a line: {number} AES128CMAC and 32 hexadecimal digits\n"
        "# and no autokey, crypto or keysdir in any line\nkeys {keys}\ntrustedkey {number}\n"
        "{replaced} key {number}",
        "ntpsec": "# and no autokey, crypto or keysdir in any line\n{replaced} nts",
    },
    references=("RFC 8633 §4.2", "RFC 8573", "RFC 8915"),
    seed=("12.4.3",),
    good=_GOOD,
    bad=_but(product="ntpd", version="4.2.8", autokey=("crypto",)),
    directives={"ntpd": ("crypto",), "ntpsec": ("crypto",)},
)
def autokey(ntp: NtpFacts) -> Verdict:
    """Return a crypto line, or a source with the option autokey."""
    config = _config(ntp)
    if isinstance(config, Skip):
        return config
    if not config.autokey:
        return None
    with_it = [source for source in config.sources if source.autokey] or list(config.sources)
    kept = lines.without_option(with_it[0], "autokey") if with_it else ""
    return Hit(
        lines=tuple(
            "crypto turns it on" if setting == "crypto" else f"{setting} uses it"
            for setting in config.autokey[:_SHOWN]
        ),
        replaced=kept or "server ntp.example.net",
        keys=config.key_file or "/etc/ntp.keys",
        number=_free_key(config),
    ).at(*config.autokey)


def _free_key(config: NtpConfigFacts) -> int:
    """Return a number of a key that no source and no known key has."""
    taken = {source.key for source in config.sources} | set(config.md5_keys)
    return next(number for number in range(1, len(taken) + 2) if not {number, str(number)} & taken)

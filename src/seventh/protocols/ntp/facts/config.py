"""What chrony.conf or ntp.conf decides."""

from __future__ import annotations

import msgspec


class ConfiguredSource(msgspec.Struct, frozen=True, kw_only=True):
    """One line that names a time source."""

    kind: str
    """``server``, ``pool`` or ``peer``."""
    name: str
    """The host as the file writes it."""
    setting: str
    """Under which key the view's settings hold this very line, for ``Hit(…).at(…)``."""
    text: str = ""
    """The line as the file writes it."""
    iburst: bool = False
    nts: bool = False
    autokey: bool = False
    key: int | None = None
    """The symmetric key's number."""
    noselect: bool = False
    """Measured and never followed."""
    minpoll: int | None = None
    maxpoll: int | None = None
    maxsources: int | None = None
    """How many servers a pool's name may become; None where the line is no pool."""
    smears: str = ""
    """Who it is that smears leap seconds there, and how; empty where no smearing is known."""


class StrangersRights(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody whom no narrower ``restrict`` line names may do, by address family."""

    family: str
    """``IPv4`` or ``IPv6``."""
    flags: tuple[str, ...] = ()
    """The ``restrict`` flags that hold for him; none means that everything is open."""
    setting: str = ""
    """The key of the line that says so; empty for the program's own default."""

    @property
    def may_query(self) -> bool:
        """Whether mode 6 (and old mode 7) is answered."""
        return not {"noquery", "ignore"} & set(self.flags)


class NtpConfigFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What chrony.conf or ntp.conf decides, with the defaults of its version in force."""

    product: str = ""
    """``chrony``, ``ntpd`` or ``ntpsec``; empty where no file was read."""
    version: str = ""
    """Whose defaults hold, such as ``4.3``."""
    complete: bool = False
    """Whether this is a whole configuration; of a part (``conf.d/*.conf``), what it leaves out
    is no evidence."""
    sources: tuple[ConfiguredSource, ...] = ()
    reference_clocks: tuple[str, ...] = ()
    """Receivers and the like attached to this machine, as their lines name them."""
    sources_at_most: int | None = None
    """How many sources all pools and servers together may become, where a line caps that
    (``tos maxclock``)."""
    # -- the clock
    makestep_seconds: float | None = None
    """From which offset on the clock is stepped; None where no line says so."""
    makestep_updates: int | None = None
    """In how many first updates it is stepped; negative is: always."""
    initstepslew: bool = False
    drift_file: str = ""
    rtc: str = ""
    """What keeps the hardware clock: ``rtcsync`` or ``rtcfile``; empty for nothing."""
    local_stratum: int | None = None
    """The stratum at which the machine passes its own clock off; None where it does not."""
    local_orphan: bool = False
    """Whether only one of a group of machines does so."""
    local_settings: tuple[str, ...] = ()
    """The keys of the lines that say so."""
    leap_seconds: str = ""
    """Where leap seconds are read from, such as ``leapsectz right/UTC``."""
    # -- who is served
    serves: bool | None = None
    """Whether others are given time."""
    strangers: tuple[StrangersRights, ...] = ()
    """ntpd and ntpsec only: chronyd answers control queries to nobody."""
    mobilised_by: tuple[str, ...] = ()
    """ntpd and ntpsec only: directives for which packets of strangers make associations, such as
    ``pool`` and ``broadcastclient``; ``restrict default nopeer`` would forbid that."""
    restrict_source: bool = False
    """Whether a ``restrict source`` line says what a server of a pool may do."""
    monitor: bool | None = None
    """Whether recent clients are remembered, which monlist tells (ntpd before 4.2.7p26)."""
    monlist: bool | None = None
    """Whether this version answers monlist at all; None where its number leaves that open."""
    # -- authentication
    autokey: tuple[str, ...] = ()
    """The keys of the lines that turn Autokey on."""
    key_file: str = ""
    """The file of symmetric keys, as the configuration names it."""
    md5_keys: tuple[str, ...] = ()
    """Numbers of the keys of type MD5 in the key file; never their values."""
    key_file_read: bool = False
    nts_known: bool = False
    """Whether this version can do NTS at all."""
    nts_server: bool | None = None
    """Whether it serves NTS."""
    nts_rotate_seconds: int | None = None
    """How often the key of the cookies changes; 0 is never by itself."""
    nts_dump: str = ""
    """Where cookies and their keys are kept over a restart; empty for nowhere."""

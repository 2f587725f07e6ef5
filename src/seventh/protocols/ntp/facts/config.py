"""What chrony.conf or ntp.conf configures."""

from __future__ import annotations

import msgspec


class ConfiguredSource(msgspec.Struct, frozen=True, kw_only=True):
    """One line that names a time source."""

    kind: str
    """``server``, ``pool`` or ``peer``."""
    name: str
    """The host as the file writes it."""
    setting: str
    """The key of this line in the view's settings, for ``Hit(…).at(…)``."""
    text: str = ""
    """The line as the file writes it."""
    iburst: bool = False
    nts: bool = False
    autokey: bool = False
    key: int | None = None
    """The symmetric key's ID."""
    noselect: bool = False
    """Whether it is measured but never selected."""
    minpoll: int | None = None
    maxpoll: int | None = None
    maxsources: int | None = None
    """The maximum number of servers of a pool; None for other lines."""
    smears: str = ""
    """The operator that smears leap seconds, and how; empty where no smearing is known."""


class DefaultRights(msgspec.Struct, frozen=True, kw_only=True):
    """What a host without a more specific ``restrict`` line may do, by address family."""

    family: str
    """``IPv4`` or ``IPv6``."""
    flags: tuple[str, ...] = ()
    """The ``restrict`` flags in force; none: everything is allowed."""
    setting: str = ""
    """The key of the last line that sets them; empty for the program's default."""

    @property
    def may_query(self) -> bool:
        """Whether mode 6 (and old mode 7) is answered."""
        return not {"noquery", "ignore"} & set(self.flags)


class NtpConfigFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What chrony.conf or ntp.conf configures, with the defaults of its version."""

    product: str = ""
    """``chrony``, ``ntpd`` or ``ntpsec``."""
    version: str = ""
    """The version whose defaults apply, such as ``4.3``."""
    complete: bool = False
    """Whether this is a complete configuration; what a part (``conf.d/*.conf``) leaves out proves
    nothing."""
    sources: tuple[ConfiguredSource, ...] = ()
    reference_clocks: tuple[str, ...] = ()
    """Receivers and other reference clocks of this machine, as their lines name them."""
    sources_at_most: int | None = None
    """The limit on the number of sources of all lines together (``tos maxclock``); None: none."""
    # -- the clock
    makestep_seconds: float | None = None
    """The offset above which the clock is stepped; None where no line sets it."""
    makestep_updates: int | None = None
    """The number of first updates in which it is stepped; negative: no limit."""
    initstepslew: bool = False
    drift_file: str = ""
    rtc: str = ""
    """What synchronises the hardware clock: ``rtcsync``, ``rtcfile`` or nothing."""
    local_stratum: int | None = None
    """The stratum at which the local clock is served; None where it is not."""
    local_orphan: bool = False
    """Whether only one of a group of machines serves it (orphan mode)."""
    local_settings: tuple[str, ...] = ()
    """The keys of the lines that configure it."""
    leap_seconds: str = ""
    """The line with the source of leap seconds, such as ``leapsectz right/UTC``."""
    # -- access
    serves: bool | None = None
    """Whether time is served to clients."""
    strangers: tuple[DefaultRights, ...] = ()
    """ntpd and ntpsec only: chronyd does not answer control queries over NTP."""
    denied: tuple[str, ...] = ()
    """ntpd and ntpsec only: the keys of sources whose replies ``restrict … ignore`` drops."""
    mobilised_by: tuple[str, ...] = ()
    """ntpd and ntpsec only: directives for which packets of unknown hosts create associations, such
    as ``pool`` and ``broadcastclient``; ``restrict default nopeer`` denies that."""
    restrict_source: bool = False
    """Whether a ``restrict source`` line sets the rights of a pool's servers."""
    monitor: bool | None = None
    """Whether recent clients are recorded, which monlist lists (ntpd before 4.2.7p26)."""
    monlist: bool | None = None
    """Whether this version supports monlist; None where its number does not determine it."""
    # -- authentication
    autokey: tuple[str, ...] = ()
    """The keys of the lines that enable Autokey."""
    key_file: str = ""
    """The file of symmetric keys, as the configuration names it."""
    md5_keys: tuple[str, ...] = ()
    """The IDs of the keys of type MD5 in the key file."""
    key_file_read: bool = False
    nts_known: bool = False
    """Whether this version supports NTS."""
    nts_server: bool | None = None
    """Whether it serves NTS."""
    nts_rotate_seconds: int | None = None
    """The interval at which the cookie key changes; 0: never."""
    nts_dump: str = ""
    """Where cookie keys are stored across restarts; empty: nowhere."""

    @property
    def selectable(self) -> tuple[ConfiguredSource, ...]:
        """The sources that the clock may be synchronised to."""
        return tuple(source for source in self.sources if not source.noselect)

"""How the reference servers are configured, and the faults that are a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec

from seventh.labkit.serve import Fault, Need
from seventh.protocols.ntp.wire.nts_ke import MAX_COOKIES, Aead

Options = Mapping[str, str | float | int]
QUICK: Options = {"samples": 4, "interval_seconds": 0.05}
ONCE: Options = {"samples": 1, "interval_seconds": 0.05}
SILENT: Options = {"samples": 2, "interval_seconds": 0.05, "timeout_seconds": 1.0}


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How an NTP server answers; the defaults are a correct server of stratum 2."""

    leap: int = 0
    stratum: int = 2
    refid: bytes = b"\xc0\x00\x02\x01"
    root_delay_seconds: float = 0.005
    root_dispersion_seconds: float = 0.002
    reference_age_seconds: float = 64.0
    shifts: tuple[float, ...] = (0.0,)
    """The error of its clock in seconds, request by request, repeated."""
    script: tuple[tuple[str, ...], ...] = (("reply",),)
    """What it sends, request by request, repeated: reply, elsewhere (from another address), forged
    (a wrong origin timestamp), forged CODE, kiss CODE, echo, http, bad extension."""
    control: bool = False
    """Whether it answers mode 6."""
    monlist: int = 0
    """How many clients it lists in mode 7."""
    keys: str = ""
    """A line of a key file: the key that it accepts and uses."""
    mac: str = "right"
    """Its answer to a request with a MAC: right, nak (always), forged, none."""
    client_keys: str = ""
    """The content of the key file that a check of it needs."""
    only_from: str = ""
    """The source ports that it answers: all, ``123``, or ``not 123``."""
    options: Options = msgspec.field(default_factory=lambda: QUICK)
    """The options of a check of it."""


class NtsSetup(msgspec.Struct, frozen=True, kw_only=True):
    """How an NTS server establishes keys and answers; the defaults are a correct one."""

    listens: bool = True
    """Whether the port of the key establishment is open."""
    expired: bool = False
    tls12: bool = False
    alpn: bool = True
    aeads: tuple[int, ...] = (Aead.AES_SIV_CMAC_256, Aead.AES_128_GCM_SIV)
    compliant_export: bool = True
    """Whether it supports chrony's record for compliant keys of AES-128-GCM-SIV."""
    chrony_keys: bool = False
    """Whether it exports the keys of AES-128-GCM-SIV as chrony 4.4 to 4.6.0 does."""
    error: int | None = None
    flood: bool = False
    """Whether it sends records without end."""
    cookies: int = MAX_COOKIES
    returned: int = MAX_COOKIES
    """The maximum number of fresh cookies in one reply."""
    forgets: bool = False
    """Whether it has lost its cookie key when a cookie is used."""
    silent: bool = False
    """Whether it drops authenticated requests."""
    max_bytes: int | None = None
    """The length above which datagrams are dropped, as by some filters."""
    forges: bool = False
    """Whether it authenticates replies with a wrong key."""
    kisses: bool = False
    """Whether forged kiss codes precede every correct reply."""
    server: str = ""
    """The NTP server that it names; empty for itself."""
    ntp: Setup = Setup()
    options: Options = msgspec.field(default_factory=lambda: QUICK)


S = TypeVar("S", Setup, NtsSetup, tuple[Setup, ...])


class SetupFault(Fault, Generic[S], frozen=True, kw_only=True):
    """A fault, and the configuration of the servers that have it."""

    setup: S


def fault(
    name: str,
    meaning: str,
    *triggers: str,
    setup: S,
    reason: str | None = None,
    needs: tuple[Need, ...] = (),
) -> SetupFault[S]:
    """Declare a fault; ``triggers`` are the rules that fail on it."""
    return SetupFault(
        name=name, meaning=meaning, triggers=triggers, reason=reason, needs=needs, setup=setup
    )

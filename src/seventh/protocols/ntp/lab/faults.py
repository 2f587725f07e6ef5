"""What NTP's reference server does, correct and wrong: a table."""

from __future__ import annotations

import msgspec

from seventh.labkit.serve import Fault

_QUICK: dict[str, str | float | int] = {"samples": 4, "interval_seconds": 0.05}
_ONCE: dict[str, str | float | int] = {"samples": 1, "interval_seconds": 0.05}
_SILENT: dict[str, str | float | int] = {
    "samples": 2, "interval_seconds": 0.05, "timeout_seconds": 1.0,
}  # fmt: skip
_LOSSY: dict[str, str | float | int] = {
    "samples": 6, "interval_seconds": 0.1, "timeout_seconds": 3.0,
}  # fmt: skip


_INTRUSIVE: dict[str, str | float | int] = _ONCE | {"intrusive": True}


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How a responder answers; the defaults are a correct server of stratum 2."""

    leap: int = 0
    stratum: int = 2
    refid: bytes = b"\xc0\x00\x02\x01"
    root_delay_seconds: float = 0.005
    root_dispersion_seconds: float = 0.002
    reference_age_seconds: float = 64.0
    shifts: tuple[float, ...] = (0.0,)
    """How far its clock is off, in seconds, request by request, over and over."""
    script: tuple[tuple[str, ...], ...] = (("reply",),)
    """What it sends, request by request, over and over: reply, elsewhere (from another address),
    forged (a wrong origin timestamp), forged CODE, kiss CODE, echo, http, bad extension."""
    control: bool = False
    """Whether it answers mode 6."""
    monlist: int = 0
    """How many clients it lists to anybody who asks by mode 7."""
    keys: str = ""
    """A line of a key file: the key that it believes and answers with."""
    mac: str = "right"
    """What it answers to an authenticated request: right, nak (always), forged, none."""
    client_keys: str = ""
    """What the key file of a check of it should hold."""
    only_from: str = ""
    """Whom it answers by the port they ask from: everybody, ``123``, or ``not 123``."""
    options: dict[str, str | float | int] = msgspec.field(default_factory=lambda: dict(_QUICK))
    """What a check of it should be told: few samples, close together."""


AES_KEY = "1 AES128 HEX:000102030405060708090a0b0c0d0e0f"
MD5_KEY = "1 MD5 ASCII:laboratory"
OTHER_KEY = "1 SHA256 HEX:ffeeddccbbaa99887766554433221100"

_TABLE: tuple[tuple[Fault, Setup], ...] = (
    (
        Fault(
            name="refused",
            meaning="nothing listens on the port",
            triggers=("NTP-NO-REPLY", "NET-PORT-STATE"),
            reason="connect-refused",
        ),
        Setup(options=_SILENT),
    ),
    (
        Fault(
            name="no-reply",
            meaning="requests are read and never answered",
            triggers=("NTP-NO-REPLY", "NET-PORT-STATE"),
            reason="no-reply",
        ),
        Setup(script=((),), options=_SILENT),
    ),
    (
        Fault(name="loss", meaning="every second request is dropped", triggers=("NTP-LOSS",)),
        Setup(script=((), ("reply",)), options=_LOSSY),
    ),
    (
        Fault(
            name="spoofed-origin",
            meaning="a forged reply with a wrong origin timestamp comes before every true one",
            triggers=("NTP-SPOOF",),
        ),
        Setup(script=(("forged", "reply"),)),
    ),
    (
        Fault(
            name="forged-kiss",
            meaning="forged DENY and RATE kisses come before every true reply",
            triggers=("NTP-SPOOF",),
        ),
        Setup(script=(("forged DENY", "forged RATE", "reply"),)),
    ),
    (
        Fault(
            name="wrong-address",
            meaning="every reply comes from another address than the one that was asked",
            triggers=("NTP-SPOOF", "NTP-NO-REPLY"),
            reason="unexpected-answer",
        ),
        Setup(script=(("elsewhere",),), options=_SILENT),
    ),
    (
        Fault(
            name="wrong-time", meaning="its clock is half a second ahead", triggers=("NTP-OFFSET",)
        ),
        Setup(shifts=(0.5,), options=_ONCE),
    ),
    (
        Fault(
            name="wrong-time-seconds",
            meaning="its clock is 37 seconds behind: somebody mistook TAI for UTC",
            triggers=("NTP-OFFSET",),
        ),
        Setup(shifts=(-37.0,), options=_ONCE),
    ),
    (
        Fault(
            name="wrong-time-years",
            meaning="its clock is at its last reset, twenty years ago",
            triggers=("NTP-OFFSET",),
        ),
        Setup(shifts=(-20 * 365.25 * 86400,), options=_ONCE),
    ),
    (
        Fault(
            name="jitter",
            meaning="its clock jumps by 60 ms from reply to reply",
            triggers=("NTP-JITTER",),
        ),
        Setup(shifts=(0.03, -0.03)),
    ),
    (
        Fault(
            name="unsynchronised",
            meaning="it answers with leap indicator 3 and stratum 16",
            triggers=("NTP-UNSYNC",),
        ),
        Setup(leap=3, stratum=16, refid=bytes(4), options=_ONCE),
    ),
    (
        Fault(
            name="unsynchronised-zero",
            meaning="it answers with leap indicator 3 and writes stratum 16 as 0, as chrony does",
            triggers=("NTP-UNSYNC",),
        ),
        Setup(leap=3, stratum=0, refid=bytes(4), options=_ONCE),
    ),
    (
        Fault(
            name="high-stratum",
            meaning="it is eight servers away from a reference clock",
            triggers=("NTP-STRATUM",),
        ),
        Setup(stratum=8, options=_ONCE),
    ),
    (
        Fault(
            name="root-distance",
            meaning="by its own account it may be 1.3 s off",
            triggers=("NTP-ROOTDIST",),
        ),
        Setup(root_delay_seconds=1.0, root_dispersion_seconds=0.8, options=_ONCE),
    ),
    (
        Fault(
            name="stale",
            meaning="its clock was set two hours ago for the last time",
            triggers=("NTP-STALE",),
        ),
        Setup(reference_age_seconds=7200.0, options=_ONCE),
    ),
    (
        Fault(
            name="reference-later",
            meaning="its reference timestamp is ten minutes after its transmit timestamp",
            triggers=("NTP-HEADER",),
        ),
        Setup(reference_age_seconds=-600.0, options=_ONCE),
    ),
    (
        Fault(
            name="local-clock",
            meaning="it follows its own undisciplined clock",
            triggers=("NTP-LOCALCLOCK",),
        ),
        Setup(refid=b"\x7f\x7f\x01\x01", options=_ONCE),
    ),
    (
        Fault(
            name="kod-rate",
            meaning="it answers once and then limits the rate",
            triggers=("NTP-KOD-RATE",),
        ),
        Setup(script=(("reply",), ("kiss RATE",))),
    ),
    (
        Fault(
            name="kod-deny",
            meaning="it denies service",
            triggers=("NTP-KOD-DENY",),
            reason="auth-rejected",
        ),
        Setup(script=(("kiss DENY",),)),
    ),
    (
        Fault(name="leap-pending", meaning="it announces a leap second", triggers=("NTP-LEAP",)),
        Setup(leap=1, options=_ONCE),
    ),
    (
        Fault(name="loop", meaning="it names itself as its source", triggers=("NTP-LOOP",)),
        Setup(stratum=3, refid=b"\x7f\x00\x00\x01", options=_ONCE),
    ),
    (
        Fault(
            name="mode6",
            meaning="it answers control queries of anybody, in three packets",
            triggers=("NTP-MODE6",),
        ),
        Setup(control=True, options=_ONCE),
    ),
    (
        Fault(
            name="http",
            meaning="something that speaks HTTP has the port",
            triggers=("NTP-NO-REPLY",),
            reason="protocol-mismatch",
        ),
        Setup(script=(("http",),), options=_SILENT),
    ),
    (
        Fault(
            name="echo",
            meaning="an echo service has the port",
            triggers=("NTP-NO-REPLY",),
            reason="protocol-mismatch",
        ),
        Setup(script=(("echo",),), options=_SILENT),
    ),
    (
        Fault(
            name="bad-extension",
            meaning="an extension field declares more bytes than there are",
            triggers=("NTP-NO-REPLY",),
            reason="protocol-violation",
        ),
        Setup(script=(("bad extension",),), options=_SILENT),
    ),
    (
        Fault(
            name="md5-key",
            meaning="it believes a key of type MD5 and answers with it",
            triggers=("NTP-MAC-MD5",),
        ),
        Setup(keys=MD5_KEY, client_keys=MD5_KEY, options=_ONCE),
    ),
    (
        Fault(
            name="key-refused",
            meaning="it has another key and answers with a crypto-NAK",
            triggers=(),
            reason="auth-rejected",
        ),
        Setup(keys=OTHER_KEY, client_keys=AES_KEY, options=_ONCE),
    ),
    (
        Fault(
            name="key-forged",
            meaning="its replies carry a MAC that the key did not make",
            triggers=(),
            reason="auth-rejected",
        ),
        Setup(keys=AES_KEY, client_keys=AES_KEY, mac="forged", options=_ONCE),
    ),
    (
        Fault(
            name="key-ignored",
            meaning="it answers authenticated requests without a MAC",
            triggers=(),
            reason="auth-rejected",
        ),
        Setup(keys=AES_KEY, client_keys=AES_KEY, mac="none", options=_ONCE),
    ),
    (
        Fault(
            name="monlist",
            meaning="it lists its last 60 clients to anybody who asks",
            triggers=("NTP-MONLIST",),
        ),
        Setup(monlist=60, options=_INTRUSIVE),
    ),
    (
        Fault(
            name="only-port-123",
            meaning="a filter lets only requests from port 123 through",
            triggers=("NTP-SRCPORT-FILTER", "NTP-NO-REPLY", "NET-PORT-STATE"),
            reason="no-reply",
            needs=("root",),
        ),
        Setup(only_from="123", options=_SILENT | {"intrusive": True}),
    ),
    (
        Fault(
            name="never-port-123",
            meaning="a filter drops requests from port 123",
            triggers=("NTP-SRCPORT-FILTER",),
            needs=("root",),
        ),
        Setup(only_from="not 123", options=_INTRUSIVE),
    ),
)

FAULTS = tuple(fault for fault, _ in _TABLE)
BEHAVIOURS = {
    "clean": Setup(keys=AES_KEY, client_keys=AES_KEY),
    **{fault.name: does for fault, does in _TABLE},
}

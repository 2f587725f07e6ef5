"""What the NTS reference server does, correct and wrong: a table."""

from __future__ import annotations

import msgspec

from seventh.labkit.serve import Fault
from seventh.protocols.ntp.lab.faults import Setup
from seventh.protocols.ntp.wire.nts_ke import MAX_COOKIES, Aead

_QUICK: dict[str, str | float | int] = {"samples": 4, "interval_seconds": 0.1}
_SILENT: dict[str, str | float | int] = {
    "samples": 2, "interval_seconds": 0.1, "timeout_seconds": 2.0,
}  # fmt: skip
_BOTH = (int(Aead.AES_SIV_CMAC_256), int(Aead.AES_128_GCM_SIV))


class NtsSetup(msgspec.Struct, frozen=True, kw_only=True):
    """How the server establishes keys and answers; the defaults are a correct one."""

    listens: bool = True
    """Whether anything has the port of the key establishment."""
    expired: bool = False
    tls12: bool = False
    alpn: bool = True
    aeads: tuple[int, ...] = _BOTH
    compliant_export: bool = True
    """Whether it knows chrony's record for compliant keys of AES-128-GCM-SIV."""
    chrony_keys: bool = False
    """Whether it makes the keys of AES-128-GCM-SIV as chrony 4.4 to 4.6.0 does."""
    error: int | None = None
    flood: bool = False
    """Records without end."""
    cookies: int = MAX_COOKIES
    returned: int = MAX_COOKIES
    """The most fresh cookies in one reply."""
    forgets: bool = False
    """Whether it has lost the key of its cookies by the time they come back."""
    silent: bool = False
    """Whether authenticated requests are dropped."""
    max_bytes: int | None = None
    """Longer datagrams are dropped, as some filters do."""
    forges: bool = False
    """Whether its authenticators are made with a key that the client does not have."""
    kisses: bool = False
    """Whether forged kisses come before every true reply."""
    server: str = ""
    """The NTP server that it names; empty for itself."""
    ntp: Setup = Setup()
    options: dict[str, str | float | int] = msgspec.field(default_factory=lambda: dict(_QUICK))


_TABLE: tuple[tuple[Fault, NtsSetup], ...] = (
    (
        Fault(
            name="nts-none",
            meaning="nothing listens on the port of the NTS key establishment",
            triggers=("NTS-NONE", "NET-PORT-STATE"),
            reason="connect-refused",
        ),
        NtsSetup(listens=False),
    ),
    (
        Fault(
            name="nts-expired",
            meaning="the certificate of the NTS key establishment has expired",
            triggers=("NTS-KE-FAIL", "TLS-CERT-EXPIRED"),
            reason="tls-certificate-expired",
        ),
        NtsSetup(expired=True),
    ),
    (
        Fault(
            name="nts-tls12",
            meaning="the key establishment speaks TLS 1.2 and no later version",
            triggers=("NTS-KE-FAIL",),
            reason="tls-version-unsupported",
        ),
        NtsSetup(tls12=True),
    ),
    (
        Fault(
            name="nts-no-alpn",
            meaning="the TLS server does not know the application protocol ntske/1",
            triggers=("NTS-KE-FAIL",),
            reason="negotiation-failed",
        ),
        NtsSetup(alpn=False),
    ),
    (
        Fault(
            name="nts-error",
            meaning="the key establishment answers with an error record",
            triggers=("NTS-KE-FAIL",),
            reason="negotiation-failed",
        ),
        NtsSetup(error=2),
    ),
    (
        Fault(
            name="nts-flood",
            meaning="the key establishment answers with records without end",
            triggers=("NTS-KE-FAIL",),
            reason="protocol-violation",
        ),
        NtsSetup(flood=True),
    ),
    (
        Fault(
            name="nts-few-cookies",
            meaning="it gives three cookies and returns one for each, however many are asked for",
            triggers=("NTS-COOKIES",),
        ),
        NtsSetup(cookies=3, returned=1),
    ),
    (
        Fault(
            name="nts-nak",
            meaning="it refuses every cookie that it has just given (NTS NAK)",
            triggers=("NTS-NAK",),
            reason="negotiation-failed",
        ),
        NtsSetup(forgets=True),
    ),
    (
        Fault(
            name="nts-size-filter",
            meaning="datagrams longer than plain NTP are dropped on the way",
            triggers=("NTS-UDP-DROP", "NET-PORT-STATE"),
            reason="no-reply",
        ),
        NtsSetup(max_bytes=48, options=_SILENT),
    ),
    (
        Fault(
            name="nts-silent",
            meaning="authenticated requests are read and never answered; plain ones are",
            triggers=("NTP-NO-REPLY", "NET-PORT-STATE"),
            reason="no-reply",
        ),
        NtsSetup(silent=True, options=_SILENT),
    ),
    (
        Fault(
            name="nts-forged",
            meaning="every authenticator is made with a wrong key, as somebody on the path would",
            triggers=("NTP-NO-REPLY",),
            reason="no-reply",
        ),
        NtsSetup(forges=True, options=_SILENT),
    ),
    (
        Fault(
            name="nts-forged-kiss",
            meaning="forged kisses, NTSN among them, come before every authenticated reply",
            triggers=("NTP-SPOOF",),
        ),
        NtsSetup(kisses=True),
    ),
    (
        Fault(
            name="nts-aead-30-only",
            meaning="it has AES-128-GCM-SIV only, not the algorithm that every server must have",
            triggers=("NTS-AEAD-INTEROP",),
        ),
        NtsSetup(aeads=(int(Aead.AES_128_GCM_SIV),)),
    ),
    (
        Fault(
            name="nts-aead-30-keys",
            meaning="it makes the keys of AES-128-GCM-SIV as chrony 4.4 to 4.6.0 does",
            triggers=("NTS-AEAD-INTEROP",),
        ),
        NtsSetup(compliant_export=False, chrony_keys=True),
    ),
    (
        Fault(
            name="nts-wrong-time",
            meaning="its authenticated time is 37 seconds ahead",
            triggers=("NTP-OFFSET",),
        ),
        NtsSetup(ntp=Setup(shifts=(37.0,))),
    ),
)

NTS_FAULTS = tuple(fault for fault, _ in _TABLE)
NTS_BEHAVIOURS = {"clean": NtsSetup(), **{fault.name: does for fault, does in _TABLE}}

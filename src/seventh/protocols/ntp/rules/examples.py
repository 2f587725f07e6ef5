"""The examples that the rules' declarations share."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.protocols.ntp.facts import NtpFacts, Sample
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts
from seventh.protocols.ntp.facts.nts import AeadTried, NtsFacts
from seventh.protocols.ntp.facts.sources import SourceFacts
from seventh.protocols.ntp.facts.together import compare_sources

SILENT = NtpFacts(
    address="192.0.2.123",
    local_address="198.51.100.7",
    requests=4,
    replies=0,
    loss_ratio=1.0,
    reach=0,
)
"""A server that answered nothing."""

GOOD = SILENT.learn(
    replies=4,
    loss_ratio=0.0,
    reach=0b1111,
    samples=tuple(
        Sample(
            sequence=sequence,
            at_seconds=2.0 * sequence,
            offset_seconds=0.0004,
            delay_seconds=0.008,
            rtt_seconds=0.0081,
            dispersion_seconds=2e-6,
            error_seconds=0.004002,
            clock="kernel",
        )
        for sequence in range(4)
    ),
    offset_seconds=0.0004,
    offset_error_seconds=0.004002,
    delay_seconds=0.008,
    rtt_seconds=0.0081,
    dispersion_seconds=2e-6,
    jitter_seconds=0.0001,
    own_clock_error_seconds=0.01,
    version=4,
    leap=0,
    stratum=2,
    poll_seconds=64.0,
    precision_seconds=2.0**-24,
    root_delay_seconds=0.005,
    root_dispersion_seconds=0.002,
    root_distance_seconds=0.0045,
    reference_id="203.0.113.9",
    reference_id_hex="cb007109",
    reference_age_seconds=64.0,
    control_factor=0.0,
)
"""A server with nothing wrong."""

_NTS = NtsFacts(
    ke_address="192.0.2.123",
    ke_port=4460,
    port_state="open",
    tls_version="TLSv1.3",
    alpn="ntske/1",
    established=True,
    records=11,
    aead=15,
    aead_name="AES-SIV-CMAC-256",
    keys="rfc8915",
    cookies=8,
    cookie_bytes=100,
    ntp_address="192.0.2.123",
    ntp_port=123,
    aeads=(
        AeadTried(number=15, name="AES-SIV-CMAC-256", outcome="works", keys="rfc8915"),
        AeadTried(number=30, name="AES-128-GCM-SIV", outcome="works", keys="rfc8915"),
    ),
    requests=4,
    authenticated=4,
    cookies_asked=4,
    cookies_returned=4,
    request_bytes=228,
    certificate_valid_here=True,
    certificate_valid_there=True,
)


def with_nts(**changes: object) -> NtpFacts:
    """Return a server with nothing wrong, with changes in the facts about its NTS."""
    return GOOD.learn(nts=replace(_NTS, **changes))


GOOD_NTS = with_nts()


def among(index: int, **changes: object) -> NtpFacts:
    """Return four servers judged together, the one at ``index`` with changes."""
    four = list(_FOUR)
    four[index] = replace(four[index], **changes)
    return NtpFacts(sources=compare_sources(four, targets=4))


_FOUR = tuple(
    SourceFacts(
        target=f"ntp://192.0.2.{10 + index}:123",
        address=f"192.0.2.{10 + index}",
        port=123,
        stratum=2,
        leap=0,
        reference_id=f"203.0.113.{10 + index}",
        reference_id_hex=f"cb00710{10 + index:x}",
        offset_seconds=0.0004,
        error_seconds=0.01,
        verdict="undecided",
    )
    for index in range(4)
)
FOUR = NtpFacts(sources=compare_sources(_FOUR, targets=4))
"""Four servers that agree and have no upstream in common."""

_CONFIG = NtpConfigFacts(
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
GOOD_CONFIG = NtpFacts(config=_CONFIG)
"""A configuration with nothing wrong."""


def with_config(**changes: object) -> NtpFacts:
    """Return :data:`GOOD_CONFIG` with changes in it."""
    return NtpFacts(config=replace(_CONFIG, **changes))

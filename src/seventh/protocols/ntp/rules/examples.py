"""The examples that the rules' declarations share."""

from __future__ import annotations

import msgspec

from seventh.protocols.ntp.facts import NtpFacts, Sample
from seventh.protocols.ntp.facts.sources import SourceFacts
from seventh.protocols.ntp.facts.together import judged


def sample(sequence: int, offset_seconds: float) -> Sample:
    """Return a sample over a path of 8 ms."""
    return Sample(
        sequence=sequence,
        at_seconds=2.0 * sequence,
        offset_seconds=offset_seconds,
        delay_seconds=0.008,
        rtt_seconds=0.0081,
        dispersion_seconds=2e-6,
        error_seconds=0.004002,
        clock="kernel",
    )


GOOD = NtpFacts(
    address="192.0.2.123",
    local_address="198.51.100.7",
    requests=4,
    replies=4,
    loss_ratio=0.0,
    reach=0b1111,
    samples=tuple(sample(index, 0.0004) for index in range(4)),
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

SILENT = NtpFacts(
    address="192.0.2.123",
    local_address="198.51.100.7",
    requests=4,
    replies=0,
    loss_ratio=1.0,
    reach=0,
)
"""A server that answered nothing."""


def among(index: int, **changes: object) -> NtpFacts:
    """Four servers judged together, the one at ``index`` changed; only ``sources`` is known."""
    four = list(_FOUR)
    four[index] = msgspec.structs.replace(four[index], **changes)
    return NtpFacts(sources=judged(four, targets=4))


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
FOUR = NtpFacts(sources=judged(_FOUR, targets=4))
"""Four servers that agree and depend on nobody in common."""

"""The thresholds of a monitoring plugin: those of the rules."""

from __future__ import annotations

import pytest

from seventh.model.watched import Bounds
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.watched import WATCHED


@pytest.mark.parametrize(
    ("delay", "offset", "jitter"),
    [
        (None, Bounds(), Bounds()),
        (0.05, Bounds("-0.125:0.125", "-1:1"), Bounds("0.025")),
        (0.02, Bounds("-0.11:0.11", "-1:1"), Bounds("0.01")),
        # Over a slow path an offset may be large before it means anything.
        (3.0, Bounds("-1.6:1.6", "-1.6:1.6"), Bounds("0.025")),
    ],
)
def test_bounds(delay: float | None, offset: Bounds, jitter: Bounds) -> None:
    facts = NtpFacts(delay_seconds=delay)
    assert {w.metric: w.bounds(facts) if w.bounds else None for w in WATCHED} == {
        "seventh_ntp_offset_seconds": offset,
        "seventh_ntp_jitter_seconds": jitter,
        "seventh_ntp_root_distance_seconds": Bounds("1"),
        "seventh_ntp_stratum": None,
        "seventh_rtt_seconds": None,
        "seventh_packet_loss_ratio": None,
        "seventh_ntp_majority_offset_seconds": None,
        "seventh_ntp_falsetickers": None,
    }

"""The metrics of a time server that a monitoring system draws."""

from __future__ import annotations

from seventh.model.watched import NO_BOUNDS, Bounds, Watched, number
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.rules.clock import (
    OFFSET_HIGH_SECONDS,
    OFFSET_SECONDS,
    ROOT_DISTANCE_SECONDS,
    jitter_bound,
)


def _offset(ntp: NtpFacts) -> Bounds:
    if ntp.delay_seconds is None:
        return NO_BOUNDS
    least = OFFSET_SECONDS + ntp.delay_seconds / 2
    worst = max(OFFSET_HIGH_SECONDS, least)
    return Bounds(f"{number(-least)}:{number(least)}", f"{number(-worst)}:{number(worst)}")


def _jitter(ntp: NtpFacts) -> Bounds:
    if ntp.delay_seconds is None:
        return NO_BOUNDS
    return Bounds(number(jitter_bound(ntp.delay_seconds)))


WATCHED = (
    Watched("seventh_ntp_offset_seconds", _offset),
    Watched("seventh_ntp_jitter_seconds", _jitter),
    Watched("seventh_ntp_root_distance_seconds", lambda _: Bounds(number(ROOT_DISTANCE_SECONDS))),
    Watched("seventh_ntp_stratum"),
    Watched("seventh_rtt_seconds"),
    Watched("seventh_packet_loss_ratio"),
    Watched("seventh_ntp_majority_offset_seconds"),
    Watched("seventh_ntp_falsetickers"),
)

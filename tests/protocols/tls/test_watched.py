"""The thresholds of a monitoring plugin: those of the rules."""

from __future__ import annotations

import pytest

from seventh.model.tlsfacts import Certificate, TlsFacts
from seventh.model.watched import Bounds
from seventh.protocols.tls.watched import WATCHED

DAY = 24 * 60 * 60


def lives(days: float) -> Certificate:
    return Certificate(subject="", issuer="", lifetime_days=days)


@pytest.mark.parametrize(
    ("chain", "bounds"),
    [
        ((), Bounds()),
        ((lives(90.0), lives(3650.0)), Bounds(f"{30 * DAY}:", f"{7 * DAY}:")),
        ((lives(30.0),), Bounds(f"{10 * DAY}:", f"{5 * DAY}:")),
    ],
)
def test_bounds(chain: tuple[Certificate, ...], bounds: Bounds) -> None:
    (expiry,) = WATCHED
    assert expiry.metric == "seventh_cert_expiry_timestamp_seconds"
    assert expiry.bounds is not None
    assert expiry.bounds(TlsFacts(chain=chain)) == bounds

"""What follows from attempts and from the traits of addresses."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from seventh.model.netfacts import Attempt, Difference, NetFacts, differences_of
from seventh.model.quicfacts import Amplification

ATTEMPT = Attempt(
    address="192.0.2.1", port=1, family="ipv4", transport="tcp", outcome="open", seconds=0.1,
    clock="kernel",
)  # fmt: skip


@pytest.mark.parametrize(
    ("retransmits", "sent", "loss"),
    [
        (None, None, None), (None, 4, None), (0, None, 0.0), (0, 4, 0.0), (1, 4, 0.25),
        (2, 0, None), (2, None, None),
    ],
)  # fmt: skip
def test_loss_is_the_share_of_what_was_sent_again(
    retransmits: int | None, sent: int | None, loss: float | None
) -> None:
    made = replace(ATTEMPT, retransmits=retransmits, segments_sent=sent)
    assert made.loss_ratio == loss


def test_addresses_differ_by_what_one_has_and_another_does_not() -> None:
    seen = {
        "::1": {"version": "1.3", "status": "200", "cookie": "a"},
        "::2": {"version": "1.3", "status": "404"},
        "::3": {"failure": "connect-refused"},
    }
    found = differences_of(seen)
    assert found == (
        Difference(trait="cookie", values={"::1": "a", "::2": "none"}),
        Difference(
            trait="failure", values={"::1": "none", "::2": "none", "::3": "connect-refused"}
        ),
        Difference(trait="status", values={"::1": "200", "::2": "404"}),
    )
    assert NetFacts(differences=found).drift == (
        "cookie (::1: a, ::2: none)",
        "failure (::1: none, ::2: none, ::3: connect-refused)",
        "status (::1: 200, ::2: 404)",
    )
    assert differences_of({"::1": {"a": "x"}, "::2": {"a": "x"}}) == ()


@pytest.mark.parametrize(
    ("received", "sent", "factor", "excess"),
    [
        (3600, 1200, 3.0, 0), (3601, 1200, 3601 / 1200, 1), (900, 1200, 0.75, 0), (5, 0, 0.0, 5),
        (3603, 1201, 3.0, 0),
    ],
)  # fmt: skip
def test_amplification_is_allowed_up_to_three_times(
    received: int, sent: int, factor: float, excess: int
) -> None:
    """RFC 9000 §8: before validation, at most three times the bytes received."""
    made = Amplification(sent_bytes=sent, received_bytes=received, datagrams=1)
    assert (made.factor, made.excess_bytes) == (factor, excess)

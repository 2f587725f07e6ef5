"""DateAndTime, with the example of RFC 2579."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.snmp.wire.date_and_time import Moment, encode, parse

EXAMPLE = dt.datetime(1992, 5, 26, 17, 30, 15, tzinfo=dt.UTC).timestamp()


@pytest.mark.parametrize(
    ("octets", "wanted"),
    [
        # Tuesday, May 26, 1992, 1:30:15 PM in a zone four hours behind UTC.
        ("07c8051a0d1e0f002d0400", Moment(unix_seconds=EXAMPLE, resolution_seconds=1.0)),
        ("07c8051a171e0f002b0600", Moment(unix_seconds=EXAMPLE, resolution_seconds=1.0)),
        ("07c8051a0d1e0f052d0400", Moment(unix_seconds=EXAMPLE + 0.5, resolution_seconds=0.1)),
        ("07c8051a0d1e0f00", Moment(unix_seconds=None, resolution_seconds=1.0)),
        ("07c80c1f173b3c002b0000",  # a leap second
         Moment(unix_seconds=dt.datetime(1993, 1, 1, tzinfo=dt.UTC).timestamp(),
                resolution_seconds=1.0)),
        ("07c80d1a0d1e0f002d0400", None), ("07c8051a0d1e3d002d0400", None),
        ("07c8051a0d1e0f0a2d0400", None), ("07c8051a0d1e0f00200400", None),
        ("07c8051a0d1e0f002d0f00", None), ("0000010100000000", None), ("", None), ("07c805", None),
    ],
)  # fmt: skip
def test_times(octets: str, wanted: Moment | None) -> None:
    assert parse(bytes.fromhex(octets)) == wanted


@given(st.integers(0, 4_000_000_000))
def test_what_is_encoded_is_decoded(seconds: int) -> None:
    assert parse(encode(seconds)) == Moment(unix_seconds=seconds, resolution_seconds=1.0)


@given(st.binary(max_size=12))
def test_any_octets_are_a_time_or_none(octets: bytes) -> None:
    found = parse(octets)
    assert found is None or len(octets) in {8, 11}

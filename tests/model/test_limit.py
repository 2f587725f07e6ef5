"""Limits: numbers with units, and what is beyond them."""

from __future__ import annotations

import pytest

from seventh.model.failure import UsageError
from seventh.model.limit import Kind, Limit, Measured, amount, split

TTFB = "seventh_ttfb_seconds"


@pytest.mark.parametrize(
    ("name", "value", "kind", "number", "unit"),
    [
        ("ttfb", "200ms", Kind.TIME, 0.2, "ms"),
        ("ttfb", "0.2s", Kind.TIME, 0.2, "s"),
        ("ttfb", ".5 s", Kind.TIME, 0.5, "s"),
        ("ttfb", "150us", Kind.TIME, 150e-6, "us"),
        ("ttfb", "150µs", Kind.TIME, 150e-6, "us"),
        ("ttfb", "2min", Kind.TIME, 120, "min"),
        ("seventh_ttfb_seconds", "2", Kind.TIME, 2, "s"),
        ("tls.days_left", "21", Kind.TIME, 21 * 86_400, "days"),
        ("tls.cert_expiry", "21d", Kind.TIME, 21 * 86_400, "days"),
        ("http.body", "2000", Kind.SIZE, 2000, "bytes"),
        ("http.body", "2KiB", Kind.SIZE, 2048, "KiB"),
        ("tcp.packet_loss", "1%", Kind.SHARE, 0.01, "%"),
        ("packet_loss_ratio", "0.01", Kind.SHARE, 0.01, ""),
        ("ssh.read", "80Mbit/s", Kind.RATE, 10e6, "Mbit/s"),
        ("ntp.stratum", "3", Kind.NUMBER, 3, ""),
        ("ntp.offset", "-5e-1ms", Kind.TIME, -0.0005, "ms"),
    ],
)
def test_a_value_is_read_in_the_metrics_own_unit(
    name: str, value: str, kind: Kind, number: float, unit: str
) -> None:
    assert amount(name, value, kind) == (pytest.approx(number), unit)


@pytest.mark.parametrize(
    ("name", "value", "kind", "says"),
    [
        ("ttfb", "200", Kind.TIME, "write a unit: ns, us, ms, s, min, h or days, such as ttfb=200"),
        ("loss", "1", Kind.SHARE, "write a unit: %"),
        ("ttfb", "5%", Kind.TIME, "'%' is not a unit of a time"),
        ("ntp.stratum", "3ms", Kind.NUMBER, "'ms' is not a unit of a number"),
        ("ttfb", "1,5s", Kind.TIME, "'1,5s' is not a number"),
        ("ttfb", "nan", Kind.TIME, "'nan' is not a number"),
        ("ttfb", "inf s", Kind.TIME, "is not a number"),
        ("ttfb", "1e999s", Kind.TIME, "too large"),
        ("ttfb", "1e308days", Kind.TIME, "too large"),
        ("ttfb", "٣s", Kind.TIME, "is not a number"),
        ("ttfb", "5MS", Kind.TIME, "'MS' is not a unit"),
    ],
)
def test_a_value_that_is_none_is_refused(name: str, value: str, kind: Kind, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        amount(name, value, kind)


def test_a_name_and_a_value_are_split_at_the_last_sign() -> None:
    key = 'seventh_phase_seconds{phase="tls"}'
    assert split(f"{key}=2s") == (key, "2s")
    assert split(" ttfb = 2s ") == ("ttfb", "2s")
    for text in ("ttfb", "=2s", "ttfb=", ""):
        with pytest.raises(UsageError, match="NAME=VALUE"):
            split(text)


def limit(*values: float, low: float | None = None, high: float | None = None) -> Limit:
    measured = tuple(Measured(value=value) for value in values)
    return Limit(name="ttfb", metric=TTFB, minimum=low, maximum=high, unit="ms", measured=measured)


def test_a_value_at_the_limit_is_within_it() -> None:
    assert limit(0.2, high=0.2).missed == ()
    assert limit(0.2, low=0.2).missed == ()
    assert limit(0.3, low=0.1, high=0.2).missed == (Measured(value=0.3),)
    assert limit(0.05, low=0.1, high=0.2).missed == (Measured(value=0.05),)


def test_the_worst_comes_first() -> None:
    many = limit(0.1, 0.5, 0.3, high=0.2)
    assert [each.value for each in many.missed] == [0.5, 0.3]
    assert many.worst == Measured(value=0.5)
    assert limit(0.3, 0.1, low=0.2).worst == Measured(value=0.1)
    assert limit(high=0.2).worst is None


def test_what_is_shown_never_equals_the_limit_that_it_missed() -> None:
    close = limit(0.2000001, high=0.2)
    assert close.text(close.missed[0]) == "200.0001 ms"
    assert close.bounds == "max 200 ms"
    assert limit(low=0.1, high=0.2).bounds == "100 to 200 ms"
    assert limit(low=0.1).bounds == "min 100 ms"
    assert limit(high=1).text(Measured(value=1.23456789)) == "1235 ms"
    assert limit(high=1).text(Measured(value=0)) == "0 ms"


def test_a_value_far_from_the_limit_has_a_unit_of_its_own() -> None:
    one = limit(high=0.2)
    assert one.text(Measured(value=0.000_002_5)) == "2.5 us"
    assert one.text(Measured(value=-0.000_002_5)) == "-2.5 us"
    assert one.text(Measured(value=250)) == "4.167 min"
    assert one.text(Measured(value=99.9)) == "99900 ms"
    status = Limit(name="http.status", metric="seventh_http_status", maximum=299)
    assert status.text(Measured(value=1_234_567)) == "1234567"
    share = Limit(name="tcp.packet_loss", metric="seventh_packet_loss_ratio", unit="%", maximum=0.1)
    assert share.text(Measured(value=0.000_01)) == "0.001 %"


def test_labels_say_which_sample() -> None:
    one = limit(high=0.2)
    assert one.text(Measured(value=0.3, labels={"address": "::1"})) == "300 ms at ::1"
    assert one.text(Measured(value=0.3, labels={"kind": "warm"})) == "300 ms of kind warm"

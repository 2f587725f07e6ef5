"""Limits: numbers with units, and what is beyond them."""

from __future__ import annotations

import pytest

from seventh.model.failure import UsageError
from seventh.model.limit import Kind, Limit, Measured, amount, kind_of, split, without_unit

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


ANY = (Kind.TIME, Kind.SIZE, Kind.RATE, Kind.SHARE, Kind.NUMBER)


@pytest.mark.parametrize(
    ("kind", "each"),
    [
        # SI prefixes are powers of ten, IEC's (IEC 80000-13) of two; eight bits are a byte
        (Kind.TIME, {
            "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 60 * 60,
            "days": 24 * 60 * 60, "µs": 1e-6, "μs": 1e-6, "sec": 1, "second": 1, "seconds": 1,
            "minutes": 60, "hours": 60 * 60, "d": 24 * 60 * 60, "day": 24 * 60 * 60,
        }),
        (Kind.SIZE, {
            "bytes": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1024, "MiB": 1024**2,
            "GiB": 1024**3, "B": 1, "byte": 1, "": 1,
        }),
        (Kind.RATE, {
            "B/s": 1, "kB/s": 10**3, "MB/s": 10**6, "KiB/s": 1024, "MiB/s": 1024**2,
            "Mbit/s": 10**6 / 8, "Gbit/s": 10**9 / 8, "": 1,
        }),
        (Kind.SHARE, {"%": 0.01}),
        (Kind.NUMBER, {"": 1}),
    ],
)  # fmt: skip
def test_each_unit_and_each_other_spelling(kind: Kind, each: dict[str, float]) -> None:
    for unit, size in each.items():
        assert amount("x", f"3{unit}", kind)[0] == pytest.approx(3 * size), unit
        for other in ANY:
            if other is not kind and unit:
                with pytest.raises(UsageError, match="is not a unit of a"):
                    amount("x", f"3{unit}", other)


@pytest.mark.parametrize(
    ("name", "kind", "unit"),
    [
        ("http.wait_seconds", Kind.TIME, "s"), ("tls.days-left", Kind.TIME, "days"),
        ("SECONDS", Kind.TIME, "s"), ("x_days", Kind.TIME, "days"), ("x_ratio", Kind.SHARE, ""),
        ("x_bytes", Kind.SIZE, "bytes"), ("x", Kind.SIZE, "bytes"), ("x", Kind.RATE, "B/s"),
        ("x_bytes_per_second", Kind.RATE, "B/s"), ("x", Kind.NUMBER, ""),
        # what names a unit of another kind says nothing
        ("x_days", Kind.SIZE, "bytes"), ("x_seconds", Kind.NUMBER, ""),
        ("bytes_per_second", Kind.NUMBER, ""),
    ],
)  # fmt: skip
def test_the_unit_of_a_plain_number(name: str, kind: Kind, unit: str) -> None:
    assert amount(name, "1", kind)[1] == unit


@pytest.mark.parametrize(
    ("name", "value", "kind", "says"),
    [
        ("ttfb", "200", Kind.TIME,
         "write a unit: ns, us, ms, s, min, h or days, such as ttfb=200ms"),
        ("secondss", "2", Kind.TIME,
         "write a unit: ns, us, ms, s, min, h or days, such as secondss=2ms"),
        ("loss", "1", Kind.SHARE, "write a unit: %, such as loss=1%"),
        ("x", "1lot", Kind.SIZE,
         "'lot' is not a unit of a size: write bytes, kB, MB, GB, KiB, MiB or GiB"),
        ("x", "1bit", Kind.RATE,
         ("'bit' is not a unit of a rate: write B/s, kB/s, MB/s, KiB/s, MiB/s, Mbit/s or Gbit/s")),
        ("x", "1" + "u" * 21, Kind.NUMBER,
         f"'{'u' * 20}' is not a unit of a number: write a number without a unit"),
        ("x", "x" * 41, Kind.SHARE, f"'{'x' * 40}' is not a number with a unit"),
        ("x", "9" * 400, Kind.NUMBER, f"'{'9' * 40}' is too large"),
        ("x", "1  s", Kind.TIME, "'1  s' is not a number with a unit"),
        ("x", ".s", Kind.TIME, "'.s' is not a number with a unit"),
    ],
)  # fmt: skip
def test_a_refusal_names_what_to_write(name: str, value: str, kind: Kind, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        amount(name, value, kind)
    assert str(refused.value) == says


@pytest.mark.parametrize(
    ("metric", "kind", "name"),
    [
        ("seventh_cert_expiry_timestamp_seconds", Kind.TIME, "seventh_cert_expiry"),
        ("seventh_ttfb_seconds", Kind.TIME, "seventh_ttfb"),
        ("seventh_read_bytes_per_second", Kind.RATE, "seventh_read"),
        ("seventh_body_bytes", Kind.SIZE, "seventh_body"),
        ("seventh_packet_loss_ratio", Kind.SHARE, "seventh_packet_loss"),
        ("seventh_retransmits_total", Kind.NUMBER, "seventh_retransmits"),
        ("seventh_stratum", Kind.NUMBER, "seventh_stratum"),
    ],
)
def test_a_metric_s_name_says_what_it_measures(metric: str, kind: Kind, name: str) -> None:
    assert kind_of(metric) is kind
    assert kind_of(f'{metric}{{x="y_ratio"}}') is kind
    assert without_unit(metric) == name


@pytest.mark.parametrize(
    ("made", "value", "shown"),
    [
        # the limit's own unit from a hundredth of it to below a hundred thousand
        (limit(high=1), 0.000_01, "0.01 ms"), (limit(high=1), 0.000_009_9, "9.9 us"),
        (limit(high=1), 99.999, "99999 ms"), (limit(high=1), 100, "1.667 min"),
        (limit(high=1), 3600 * 24, "1 days"), (limit(high=1), 3600, "1 h"),
        (limit(high=1), -3600, "-1 h"), (limit(high=1), 1e-10, "0.0000001 ms"),
        # four digits, but up to nine where fewer are the limit's
        (limit(high=0.2), 0.123_456, "123.5 ms"), (limit(high=0.2), 0.200_01, "200.01 ms"),
        (limit(high=0.2), 0.200_000_001, "200.000001 ms"),
        (limit(high=0.2), 0.200_000_000_1, "200 ms"),
        (limit(low=0.2), 0.199_999, "199.999 ms"),
        (limit(low=0.002_5), 0.000_002_5, "2.5 us"),  # looks alike in another unit
        (limit(high=0.123_456_7), 0.1, "100 ms"),
    ],
)  # fmt: skip
def test_a_value_in_the_unit_and_with_the_digits_that_suit_it(
    made: Limit, value: float, shown: str
) -> None:
    assert made.text(Measured(value=value)) == shown


@pytest.mark.parametrize(
    ("made", "bounds"),
    [
        (limit(high=0.123_456_7), "max 123.457 ms"),
        (limit(low=-0.05, high=0.05), "-50 to 50 ms"),
        (limit(low=0, high=0.2), "0 to 200 ms"),
        (limit(low=0), "min 0 ms"),
        (Limit(name="s", metric="seventh_http_status", minimum=200), "min 200"),
        (Limit(name="s", metric="seventh_http_status", maximum=299), "max 299"),
        (Limit(name="s", metric="seventh_http_status", minimum=200, maximum=299), "200 to 299"),
    ],
)
def test_limits_as_text(made: Limit, bounds: str) -> None:
    assert made.bounds == bounds


def test_the_worst_of_two_limits_is_the_furthest_beyond_either() -> None:
    both = limit(0.05, 0.4, 0.15, low=0.1, high=0.2)
    assert [each.value for each in both.missed] == [0.4, 0.05]
    assert both.worst == Measured(value=0.4)
    assert limit(0.12, 0.19, low=0.1, high=0.2).worst == Measured(value=0.19)
    assert limit(0.11, 0.18, low=0.1, high=0.2).worst == Measured(value=0.11)

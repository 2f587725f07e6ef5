"""A server's clock over time: whose jumps they are."""

from __future__ import annotations

from seventh.model.look import Look
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.rules.series import vm_step
from seventh.protocols.ntp.series import OffsetSeries, add, beside
from seventh.rules.rule import Hit, Skip

SECOND = 10**9


def seen(*offsets: tuple[float, float], steady: float = 0, error: float = 0.01) -> OffsetSeries:
    """Offsets in seconds, each with its time."""
    series = OffsetSeries()
    for at, offset in offsets:
        series = add(series, look(at, offset, steady, error))
    return series


def look(at: float, offset: float | None, steady: float = 0, error: float = 0.01) -> Look:
    return Look(
        host="a", at_ns=round(at * SECOND), steady_ns=round(steady * SECOND), every_seconds=10,
        facts={"ntp": NtpFacts(offset_seconds=offset, offset_error_seconds=error)},
    )  # fmt: skip


def jumps(series: OffsetSeries) -> list[tuple[int, float]]:
    return [(each.at_ns // SECOND, round(each.seconds, 3)) for each in series.jumps]


def test_only_what_no_error_and_no_drift_explains_is_a_jump() -> None:
    assert jumps(seen((1, 0.0), (11, 0.12), (21, 0.26))) == [(21, 0.14)]
    assert jumps(seen((1, 0.0), (11, 0.2), error=0.1)) == []
    assert jumps(seen((1, 0.0), (1001, 0.5))) == []  # 500 ppm
    assert jumps(seen((1, 0.0), (11, -3.0))) == [(11, -3.0)]
    assert add(OffsetSeries(), look(1, None)) == OffsetSeries()


def test_our_own_clock_may_be_set() -> None:
    series = seen((1, 0.0))
    assert jumps(add(series, look(11, -5.0, steady=5.0))) == []
    assert jumps(add(series, look(11, 0.0, steady=5.0))) == [(11, 5.0)]
    assert jumps(add(series, look(0, 9.0))) == []  # it was set back


def test_jumps_are_forgotten_after_a_day() -> None:
    series = seen((1, 0.0), (11, 1.0))
    assert jumps(add(series, look(86_411, 1.0))) == []


SAW = ((0.0, 0.0), (10.0, 1.0), (20.0, 0.0), (4000.0, 0.0))
EVEN = ((0.0, 0.0), (10.0, 0.0), (20.0, 0.0), (4000.0, 0.0))


def judged(*several: tuple[tuple[float, float], ...]) -> list[object]:
    every = {str(n): seen(*each) for n, each in enumerate(several)}
    every |= beside(every)
    verdicts = [vm_step(each) for each in every.values()]
    return [each.params if isinstance(each, Hit) else type(each) for each in verdicts]


def test_another_server_shows_whose_clock_jumped() -> None:
    hit, none = {"times": 2, "seconds": 1.0}, type(None)
    assert judged(SAW) == [Skip]
    assert judged(SAW, EVEN) == [hit, none]
    assert judged(SAW, SAW) == [Skip, Skip]
    assert judged(SAW, SAW, EVEN) == [hit, hit, none]
    assert judged(SAW, EVEN[:2]) == [Skip, Skip]  # it was not seen all the time
    assert judged(EVEN[:2]) == [Skip]
    assert judged((*SAW[:2], (4000.0, 1.0)), EVEN) == [none, none]  # once is no sign

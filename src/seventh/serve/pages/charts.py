"""Drawings of one target, as SVG: days, last pulses, quantiles, phases. Pure.

Colours are classes of the style sheet; a drawing that is a file of its own has them in itself.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec
from markupsafe import Markup

from seventh.render.summary import duration
from seventh.serve.pages.recent import Point
from seventh.serve.pages.strip import DAY_S, Day
from seventh.watch.samples import Outcome
from seventh.watch.verdict import Condition

WIDTH, HEIGHT = 1000, 220
_RIGHT, _BOTTOM, _TOP = 70, 24, 8
"""Where the labels are: on the right, so that they stay with what is last on a narrow screen."""
_PLOT = WIDTH - _RIGHT
_STEPS = (1, 2, 2.5, 5, 10)
_STACKED = (Condition.DOWN, Condition.FLAPPING, Condition.DEGRADED, Condition.UP)
"""From the bottom of a day's column."""
_LEAST = 0.12
"""The height of a day's part that is not up, so that a minute is seen."""
_TICKS = (60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, DAY_S, 2 * DAY_S, 7 * DAY_S,
          14 * DAY_S)  # fmt: skip
Time = float | None


class Band(msgspec.Struct, frozen=True):
    """Some time of a plot: quantiles in seconds, and the share of pulses that failed."""

    at_s: int
    low: Time
    middle: Time
    high: Time
    loss: float | None
    """None where nothing is known."""


class _Axes:
    """Where a time and a duration are in a plot."""

    def __init__(self, begin_s: float, end_s: float, highest: float, height: int = HEIGHT) -> None:
        self.begin_s, self.end_s = begin_s, max(end_s, begin_s + 1)
        self.timed = highest > 0
        """Whether there is any duration to show."""
        self.step = _nice(max(highest, 1e-6) / 4)
        self.top = self.step * math.ceil(max(highest, 1e-6) / self.step)
        self.height = height

    def x(self, at_s: float) -> float:
        share = (at_s - self.begin_s) / (self.end_s - self.begin_s)
        return round(share * _PLOT, 1)

    def y(self, seconds: float) -> float:
        room = self.height - _TOP - _BOTTOM
        return round(_TOP + room * (1 - min(seconds, self.top) / self.top), 1)

    @property
    def floor(self) -> int:
        return self.height - _BOTTOM

    def drawn(self) -> Markup:
        """Return the lines and labels of both axes."""
        parts = []
        for number in range(round(self.top / self.step) + 1 if self.timed else 1):
            seconds = number * self.step
            y, words = self.y(seconds), duration(seconds) if seconds else "0"
            parts.append(
                Markup('<path class="grid" d="M{} {}H{}"/>'
                       '<text x="{}" y="{}" class="end">{}</text>')
                .format(0, y, _PLOT, WIDTH, y + 4, words)
            )  # fmt: skip
        length = self.end_s - self.begin_s
        step = next((each for each in _TICKS if length / each <= 8), _TICKS[-1])
        at = math.ceil(self.begin_s / step) * step
        while at < self.end_s:
            x = self.x(at)
            place = "mid" if 20 < x < WIDTH - 30 else "start"
            parts.append(
                Markup('<path class="grid" d="M{} {}v4"/><text x="{}" y="{}" class="{}">{}</text>')
                .format(x, self.floor, x, self.height - 6, place, _moment(at, step))
            )  # fmt: skip
            at += step
        return Markup("").join(parts)


def plot_of_pulses(points: Sequence[Point], limit_ns: int | None = None) -> Markup:
    """Return the last pulses, each as a dot at its time; failures are marks at the bottom."""
    limits = [] if limit_ns is None else [limit_ns / 1e9]
    times = [each.seconds for each in points if each.seconds is not None]
    axes = _Axes(points[0].at_s, points[-1].at_s, _robust([*times, *limits]))
    dots = "".join(
        f"M{axes.x(each.at_s)} {axes.y(each.seconds)}h0"
        for each in points
        if each.seconds is not None
    )
    lines = Markup("").join(
        Markup('<path class="limit" d="M{} {}H{}"><title>limit {}</title></path>').format(
            0, axes.y(limit), _PLOT, duration(limit))
        for limit in limits
    )  # fmt: skip
    label = f"times of the last {len(points)} pulses, {_middle(times)}"
    return _figure(
        label, axes,
        Markup('{}<path class="dots" d="{}"/>{}').format(lines, dots, _marks(points, axes)),
    )  # fmt: skip


def spark(points: Sequence[Point]) -> Markup:
    """Return the last pulses as a line without axes."""
    width, height = 240, 44
    times = [each.seconds for each in points if each.seconds is not None]
    top, count = (_robust(times) or 1.0) * 1.15, max(1, len(points) - 1)
    line, pen = [], "M"
    marks = []
    for number, each in enumerate(points):
        x = round(width * number / count, 1)
        if each.seconds is None:
            pen = "M"
            kind = "f" if each.outcome is Outcome.FAILED else "n"
            marks.append(
                Markup('<path class="mark c{}" d="M{} {}v8"/>').format(kind, x, height - 8)
            )
        else:
            y = round((height - 4) * (1 - min(each.seconds / top, 1)) + 2, 1)
            line.append(f"{pen}{x} {y}")
            pen = "L"
    return Markup(
        '<svg class="spark" role="img" aria-label="{}" viewBox="0 0 {} {}"'
        ' preserveAspectRatio="none"><path class="line" d="{}"/>{}</svg>'
    ).format(f"times of the last {len(points)} pulses", width, height, "".join(line),
             Markup("").join(marks))  # fmt: skip


def strip(days: Sequence[Day]) -> Markup:
    """Return a column for each day: its parts that were up, degraded, down, and grey gaps."""
    width, height, gap = 10, 48, 2
    columns = []
    for number, day in enumerate(days):
        parts = [Markup('<rect class="cn" width="{}" height="{}"/>').format(width - gap, height)]
        y = float(height)
        for condition, share in _shares(day):
            part = share * height
            y -= part
            parts.append(
                Markup('<rect class="s-{}" y="{:.1f}" width="{}" height="{:.1f}"/>')
                .format(condition, max(0.0, y), width - gap, part)
            )  # fmt: skip
        columns.append(
            Markup('<g transform="translate({} 0)"><title>{}</title>{}</g>').format(
                number * width, day_words(day), Markup("").join(parts))
        )  # fmt: skip
    return Markup(
        '<svg class="strip" role="img" aria-label="{}" viewBox="0 0 {} {}"'
        ' preserveAspectRatio="none">{}</svg>'
    ).format(f"state in the last {len(days)} days", len(days) * width - gap, height,
             Markup("").join(columns))  # fmt: skip


def day_words(day: Day) -> str:
    """Return what is known of a day."""
    date = dt.datetime.fromtimestamp(day.at_s, dt.UTC).strftime("%Y-%m-%d")
    if not day.known:
        return f"{date}: nothing known"
    bad = [
        f"{name} {duration(seconds)}"
        for name, seconds in sorted(day.seconds.items())
        if name is not Condition.UP and seconds >= 1
    ]
    return f"{date}: {', '.join(bad) or 'up'}"


def waterfall(phases: Iterable[tuple[str, int]]) -> Markup:
    """Return the phases of one pulse, one below the other, each where it began."""
    rows, left, line = [*phases], 150, 22
    whole = sum(ns for _, ns in rows) or 1
    at, parts = 0, []
    room = 700 - left - 80
    for number, (name, ns) in enumerate(rows):
        y = number * line
        x, width = left + room * at / whole, max(2.0, room * ns / whole)
        parts.append(
            Markup('<text x="0" y="{}">{}</text><rect class="p{}" x="{:.1f}" y="{}"'
                   ' width="{:.1f}" height="14" rx="2"/><text x="{:.1f}" y="{}">{}</text>')
            .format(y + 15, name, number % 8, x, y + 4, width, x + width + 6, y + 15,
                    duration(ns / 1e9))
        )  # fmt: skip
        at += ns
    return Markup(
        '<svg class="waterfall" role="img" aria-label="{}" viewBox="0 0 700 {}">{}</svg>'
    ).format(
        "phases of the last pulse: "
        + ", ".join(f"{name} {duration(ns / 1e9)}" for name, ns in rows),
        len(rows) * line, Markup("").join(parts),
    )  # fmt: skip


def smoke(bands: Sequence[Band], begin_s: int, end_s: int, step_s: int) -> Markup:
    """Return the median, the band from p5 to p95, and the share of failures below."""
    highs = [each.high for each in bands if each.high is not None]
    axes = _Axes(begin_s, end_s, _robust(highs))
    smoke, line = [], []
    for run in _runs(bands, step_s):
        xs = [axes.x(each.at_s + step_s / 2) for each in run]
        if len(run) == 1:
            xs = [axes.x(run[0].at_s), axes.x(run[0].at_s + step_s)]
            run = [run[0], run[0]]
        upper = [f"{x} {axes.y(b.high or 0)}" for x, b in zip(xs, run, strict=True)]
        lower = [f"{x} {axes.y(b.low or 0)}" for x, b in zip(xs, run, strict=True)]
        smoke.append(f"M{'L'.join([*upper, *reversed(lower)])}z")
        line.append(
            "M" + "L".join(f"{x} {axes.y(b.middle or 0)}" for x, b in zip(xs, run, strict=True))
        )
    width = axes.x(begin_s + step_s) - axes.x(begin_s)
    lost = Markup("").join(
        Markup('<rect class="lost" x="{}" y="{}" width="{:.1f}" height="{:.1f}"><title>{}</title>'
               "</rect>")
        .format(axes.x(each.at_s), axes.floor - 3 - 30 * each.loss, max(1.0, width - 0.5),
                3 + 30 * each.loss, f"{100 * each.loss:.3g} % failed")
        for each in bands
        if each.loss
    )  # fmt: skip
    return _figure(
        "median and p5 to p95 of the time of all phases, and failures", axes,
        Markup('<path class="smoke" d="{}"/><path class="line" d="{}"/>{}').format(
            "".join(smoke), "".join(line), lost),
    )  # fmt: skip


def stack(
    phases: Mapping[str, Mapping[int, float]], begin_s: int, end_s: int, step_s: int
) -> Markup:
    """Return the medians of the phases, one upon the other."""
    times = sorted({at for each in phases.values() for at in each})
    sums = {at: sum(each.get(at, 0.0) for each in phases.values()) for at in times}
    axes = _Axes(begin_s, end_s, _robust([*sums.values()]))
    base = dict.fromkeys(times, 0.0)
    parts = []
    for number, (name, each) in enumerate(phases.items()):
        areas = []
        for at in times:
            height = each.get(at, 0.0)
            if height:
                x, right = axes.x(at), axes.x(at + step_s)
                low, high = axes.y(base[at]), axes.y(base[at] + height)
                areas.append(f"M{x} {low}V{high}H{right}V{low}z")
            base[at] += height
        parts.append(
            Markup('<path class="p{}" d="{}"><title>{}</title></path>').format(
                number % 8, "".join(areas), name)
        )  # fmt: skip
    return _figure("median of each phase, one upon the other", axes, Markup("").join(parts))


def _figure(label: str, axes: _Axes, content: Markup) -> Markup:
    return Markup(
        '<svg class="plot" role="img" aria-label="{}" viewBox="0 0 {} {}"'
        ' xmlns="http://www.w3.org/2000/svg">{}{}</svg>'
    ).format(label, WIDTH, axes.height, axes.drawn(), content)


def _marks(points: Iterable[Point], axes: _Axes) -> Markup:
    found: dict[str, list[str]] = {}
    for each in points:
        if each.outcome is not Outcome.OK:
            kind = "d" if each.outcome is Outcome.FAILED else "n"
            found.setdefault(kind, []).append(f"M{axes.x(each.at_s)} {axes.floor}v-14")
    return Markup("").join(
        Markup('<path class="mark c{}" d="{}"/>').format(kind, "".join(marks))
        for kind, marks in found.items()
    )


def _shares(day: Day) -> list[tuple[Condition, float]]:
    """Return the heights of a day's parts; a bad one is never too small to be seen."""
    whole = sum(day.seconds.values()) or 1.0
    shares = {each: day.seconds.get(each, 0.0) / whole for each in _STACKED}
    for each in _STACKED[:-1]:
        if 0 < shares[each] < _LEAST:
            shares[Condition.UP] = max(0.0, shares[Condition.UP] - (_LEAST - shares[each]))
            shares[each] = _LEAST
    return [(each, share) for each, share in shares.items() if share]


def _runs(bands: Sequence[Band], step_s: int) -> list[list[Band]]:
    """Return the bands with a time, divided where there is a gap."""
    timed = [each for each in bands if each.middle is not None]
    runs: list[list[Band]] = [timed[:1]] if timed else []
    for before, each in pairwise(timed):
        if each.at_s - before.at_s > 1.5 * step_s:
            runs.append([])
        runs[-1].append(each)
    return runs


def _robust(values: Sequence[float]) -> float:
    """Return the height of a plot: one pulse that was very slow does not flatten all others."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return min(ordered[-1], ordered[math.ceil(len(ordered) * 0.98) - 1] * 2)


def _nice(step: float) -> float:
    power: float = 10.0 ** math.floor(math.log10(step))
    return next(each * power for each in _STEPS if each * power >= step * 0.999)


def _moment(at_s: float, step_s: float) -> str:
    form = "%b %d" if step_s >= DAY_S else "%H:%M"
    return dt.datetime.fromtimestamp(at_s, dt.UTC).strftime(form)


def _middle(times: Sequence[float]) -> str:
    ordered = sorted(times)
    return f"median {duration(ordered[len(ordered) // 2])}" if ordered else "all without success"

"""Limits on metrics and phases: the names that each protocol knows, and what was measured."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from seventh import protocols
from seventh.model.failure import Reason, UsageError
from seventh.model.limit import (
    UNITS,
    Kind,
    Limit,
    Measured,
    amount,
    kind_of,
    split,
    units,
    without_unit,
)
from seventh.model.near import near
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.phase import Phase
from seventh.model.sample import Sample
from seventh.model.spec import Metric, Spec
from seventh.net.probe_context import ProbeContext
from seventh.rules.run import Selection

RULE = "NET-LIMIT"
_PHASE = "seventh_phase_seconds"
_PATH = (
    Metric("seventh_rtt_seconds", "gauge", "round trip while connecting", ""),
    Metric("seventh_packet_loss_ratio", "gauge", "share of retransmitted segments", ""),
)
"""What the kernel measures of every TCP connection."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A metric or a phase that can be limited."""

    name: str
    """With the protocol's prefix: ``http.ttfb``."""
    metric: str
    """The key of its samples in a report."""
    room: str
    signed: bool
    names: frozenset[str]
    """Every name with which it can be written, folded."""
    short: frozenset[str]
    """Names without the protocol's prefix, which others may have too."""

    @property
    def kind(self) -> Kind:
        """What it measures."""
        return kind_of(self.metric)


@functools.cache
def known(room: str) -> tuple[Known, ...]:
    """Return what can be limited in checks of a protocol, its own first.

    A phase with the name of a metric is that metric.
    """
    rooms = protocols.rooms()
    specs = [rooms[name] for name in dict.fromkeys([room, *rooms[room].layers, NetFacts.ROOM])]
    found: dict[str, Known] = {}
    keys: set[str] = set()
    for spec in specs:
        for metric in (*_of_checks(spec), *(_PATH if spec.name == NetFacts.ROOM else ())):
            if metric.name not in keys:
                keys.add(metric.name)
                found |= {each.name: each for each in _of_metric(spec, metric)}
    for spec in specs:
        for phase in spec.phases:
            found.setdefault(phase.name, _of_phase(spec.name, phase.name))
    return tuple(found.values())


def _of_checks(spec: Spec) -> list[Metric]:
    """Return the metrics of a protocol's checks, and not those of other sources."""
    return [metric for metric in spec.metrics if not metric.source]


def _of_metric(spec: Spec, metric: Metric) -> Iterable[Known]:
    """Yield a metric by its own name, then by the others that its spec gives it.

    Two metrics that differ only in their unit keep it in their names.
    """
    schemes = [scheme.name for scheme in spec.schemes]
    prefixes = dict.fromkeys([schemes[0], spec.name, *schemes])
    whole = metric.name.removeprefix("seventh_")
    alike = [
        each for each in _of_checks(spec) if without_unit(each.name) == without_unit(metric.name)
    ]
    base = without_unit(whole) if len(alike) < 2 else whole
    prefix = next((each for each in prefixes if base.startswith(f"{each}_")), schemes[0])
    own, with_unit = base.removeprefix(f"{prefix}_"), whole.removeprefix(f"{prefix}_")
    for name, short in ((own, {own, with_unit}), *((other, {other}) for other in metric.also)):
        yield Known(
            name=f"{prefix}.{name}", metric=metric.name, room=spec.name, signed=metric.signed,
            names=frozenset(
                [*([metric.name, whole, base] if name == own else []),
                 *(f"{each}_{word}" for each in prefixes for word in short)]
            ),
            short=frozenset(short),
        )  # fmt: skip


def _of_phase(room: str, name: str) -> Known:
    key = Sample(_PHASE, (("phase", name),), 0.0).key
    return Known(
        name=name, metric=key, room=room, signed=False, names=frozenset([_fold(name), key]),
        short=frozenset([_fold(name.rpartition(".")[2])]),
    )  # fmt: skip


def _fold(name: str) -> str:
    return name if "{" in name else name.lower().replace(".", "_").replace("-", "_")


def check(options: Options, rooms: Iterable[str]) -> None:
    """Raise UsageError for a limit that is not valid or that no protocol of ``rooms`` knows."""
    rooms = tuple(dict.fromkeys(rooms))
    for flag, text in _typed(options):
        if not any(_found(flag, text, room) for room in rooms):
            name, _ = _split(flag, text)
            raise UsageError(f"{flag} {text[:100]}: {_unknown(name, rooms)}")
    for room in rooms:
        limits_of(options, room)


def limits_of(options: Options, room: str) -> tuple[tuple[Known, Limit], ...]:
    """Return the limits that apply to checks of a protocol; raises UsageError."""
    return _limits_of(options.maximums, options.minimums, room)


@functools.lru_cache(maxsize=1024)
def _limits_of(
    maximums: tuple[str, ...], minimums: tuple[str, ...], room: str
) -> tuple[tuple[Known, Limit], ...]:
    made: dict[str, tuple[Known, Limit]] = {}
    for flag, text in _typed(Options(maximums=maximums, minimums=minimums)):
        found = _found(flag, text, room)
        if found is None:
            continue
        metric = found.metric
        _, limit = made.get(metric, (found, Limit(name=found.name, metric=metric)))
        field = "maximum" if flag == "--max" else "minimum"
        if getattr(limit, field) is not None:
            raise UsageError(f"{flag} {text[:100]}: {found.name} already has a {flag}")
        value, unit = _amount(flag, text, found)
        made[metric] = found, replace(limit, **{field: value, "unit": unit})
    for found, limit in made.values():
        low, high = limit.minimum, limit.maximum
        if low is not None and high is not None and low > high:
            raise UsageError(f"{found.name}: the --min is above the --max")
    return tuple((found, _both_sides(found, limit)) for found, limit in made.values())


def _both_sides(found: Known, limit: Limit) -> Limit:
    """Limit a signed metric on both sides if only its maximum is given.

    A clock that is 10 s behind has an offset of -10 s, which is below any maximum.
    """
    if found.signed and limit.minimum is None and limit.maximum is not None:
        return replace(limit, minimum=-limit.maximum)
    return limit


def _typed(options: Options) -> list[tuple[str, str]]:
    return [
        *(("--max", text) for text in options.maximums),
        *(("--min", text) for text in options.minimums),
    ]


def _split(flag: str, text: str) -> tuple[str, str]:
    try:
        return split(text)
    except UsageError as error:
        raise UsageError(f"{flag} {text[:100]}: {error}") from None


def _found(flag: str, text: str, room: str) -> Known | None:
    """Return what is limited, None if the protocol does not know it; raises UsageError."""
    name, _ = _split(flag, text)
    folded = _fold(name)
    every = known(room)
    exact = [each for each in every if _fold(each.name) == folded]
    if exact := exact or [each for each in every if folded in each.names]:
        return exact[0]
    likely = [each for each in every if folded in each.short]
    if len({each.metric for each in likely}) > 1:
        names = " or ".join(each.name for each in likely)
        raise UsageError(f"{flag} {text[:100]}: {name!r} is ambiguous: write {names}")
    return likely[0] if likely else None


def _amount(flag: str, text: str, found: Known) -> tuple[float, str]:
    name, value = _split(flag, text)
    try:
        number, unit = amount(name, value, found.kind)
        if number < 0 and (not found.signed or flag == "--max"):
            raise UsageError(f"{found.name} is never below 0")
    except UsageError as error:
        raise UsageError(f"{flag} {text[:100]}: {error}") from None
    return number, unit


def _unknown(name: str, rooms: Sequence[str]) -> str:
    """Word the error for a name that is not known: what was meant, and all names and units."""
    every = [each for room in rooms for each in known(room)]
    words = {_fold(word): each.name for each in every for word in each.short}
    words |= {_fold(each.name): each.name for each in every}
    meant = list(dict.fromkeys(words[word] for word in near(_fold(name), words)))
    hint = f": did you mean {' or '.join(meant)}?" if meant else ";"
    if len(rooms) > 1:
        shown = ", ".join(f"`seventh explain {room}`" for room in rooms)
        return f"unknown name {name[:60]!r}{hint} {shown} list the names"
    the = "The" if meant else "the"
    return f"unknown name {name[:60]!r}{hint} {the} names are {'; '.join(_listed(every))}"


def _listed(every: Iterable[Known]) -> list[str]:
    """Return a text per kind: its names, then its units in parentheses."""
    by_kind: dict[Kind, list[str]] = {}
    for each in every:
        by_kind.setdefault(each.kind, []).append(each.name)
    return [f"{', '.join(names)} ({units(kind)})" for kind in UNITS
            if (names := by_kind.get(kind))]  # fmt: skip


def note(ctx: ProbeContext, room: str, metrics: Sequence[Sample], started_seconds: float) -> None:
    """Record the limits of a check, with what was measured, in the network facts.

    A host without a scheme has limits of protocols that some of its ports do not use.
    """
    if ctx.failure is not None and ctx.failure.reason is Reason.OPTIONS_UNUSABLE:
        return
    limits = [
        limit
        for found, limit in limits_of(ctx.options, room)
        if found.room in ctx.facts or not ctx.target.of_bare_host
    ]
    if limits:
        measured = measure(limits, metrics, ctx.watch.phases, started_seconds)
        ctx.notes(NetFacts).learn(limits=measured)


def selected(ctx: ProbeContext, selection: Selection | None) -> Selection | None:
    """Return ``selection`` with the rule that judges limits; that rule alone without one.

    A limit is judged whatever ``--only`` selects: it was typed for this check.
    """
    if not ctx.notes(NetFacts).facts.limits:
        return selection
    if selection is None:
        return Selection(only=frozenset([RULE]))
    return replace(selection, only=selection.only | {RULE}) if selection.only else selection


def measure(
    limits: Iterable[Limit],
    metrics: Sequence[Sample],
    phases: Sequence[Phase],
    started_seconds: float,
) -> tuple[Limit, ...]:
    """Return the limits with what was measured; of a phase, every run that succeeded."""
    values: dict[str, list[Measured]] = {}
    for sample in metrics:
        if sample.name != _PHASE:
            past = started_seconds if sample.name.endswith("_timestamp_seconds") else 0.0
            measured = Measured(value=sample.value - past, labels=dict(sample.labels))
            values.setdefault(sample.name, []).append(measured)
    for phase in phases:
        if phase.outcome == "ok":
            key = Sample(_PHASE, (("phase", phase.name),), 0.0).key
            where: Mapping[str, str] = {"address": phase.address} if phase.address else {}
            values.setdefault(key, []).append(Measured(value=phase.seconds, labels=where))
    return tuple(replace(limit, measured=tuple(values.get(limit.metric, ()))) for limit in limits)

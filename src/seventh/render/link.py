"""The words of ``seventh link``: profiles, and the summary of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import to_builtins

from seventh.link.profile import Event, Profile
from seventh.link.way import Counts, Shape

if TYPE_CHECKING:
    from seventh.link.run import Result

_MBIT, _GBIT = 1e3, 1e6


def table(profiles: Iterable[Profile]) -> Iterator[str]:
    """Return a line for each profile, below a heading."""
    rows = [("PROFILE", "DOWN/UP", "RTT", "LOSS", "TITLE")]
    rows += [_row(each) for each in profiles]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[4]]).rstrip()


def _row(profile: Profile) -> tuple[str, str, str, str, str]:
    down, up = profile.down, profile.up
    loss = max(down.loss_percent, up.loss_percent)
    return (
        profile.name, f"{rate(down.rate_kbit)}/{rate(up.rate_kbit)}",
        f"{down.delay_ms + up.delay_ms:g} ms", f"{loss:g} %", profile.title,
    )  # fmt: skip


def rate(kbit: float) -> str:
    """Return a rate as people write it."""
    if not kbit:
        return "no limit"
    for unit, size in (("Gbit/s", _GBIT), ("Mbit/s", _MBIT)):
        if kbit >= size:
            return f"{kbit / size:g} {unit}"
    return f"{kbit:g} kbit/s"


def profile_lines(profile: Profile) -> Iterator[str]:
    """Return a profile's page."""
    yield f"{profile.name}: {profile.title}"
    for name, shape in (("down", profile.down), ("up", profile.up)):
        yield f"  {name:5} {_shape(shape)}"
    allow = profile.allow
    for protocol in ("tcp", "udp"):
        ports = getattr(allow, f"{protocol}_ports", None)
        if ports is not None:
            named = ", ".join(map(str, ports)) or "none"
            yield f"  {protocol.upper()} ports that pass: {named}; the rest is dropped"
    if profile.nat is not None:
        for protocol, seconds in (
            ("UDP", profile.nat.udp_idle_seconds), ("TCP", profile.nat.tcp_idle_seconds)
        ):  # fmt: skip
            if seconds:
                yield f"  NAT: {protocol} flows are forgotten after {seconds:g} s without a packet"
    if profile.radio is not None:
        yield (
            f"  radio: asleep after {profile.radio.tail_seconds:g} s without a packet, "
            f"{profile.radio.wake_ms:g} ms to wake it"
        )
    for event in profile.events:
        yield f"  {_event(event)}"
    for title, texts in (("source", profile.sources), ("assumption", profile.assumptions)):
        for text in texts:
            yield f"  {title}: {text}"


def _shape(shape: Shape) -> str:
    parts = [rate(shape.rate_kbit), f"delay {shape.delay_ms:g} ms"]
    if shape.jitter_ms:
        order = "may reorder" if shape.reorder else "order kept"
        parts.append(f"jitter ± {shape.jitter_ms:g} ms ({order})")
    if shape.loss_percent and shape.is_bursty:
        parts.append(
            f"loss {shape.loss_percent:g} % in bad states of {shape.burst_packets:g} packets "
            f"({shape.burst_loss_percent:g} % of them lost)"
        )
    elif shape.loss_percent:
        parts.append(f"loss {shape.loss_percent:g} %")
    if shape.duplicate_percent:
        parts.append(f"duplicates {shape.duplicate_percent:g} %")
    if shape.rate_kbit:
        parts.append(f"queue {shape.queue_bytes} bytes")
    if shape.mtu:
        parts.append(f"MTU {shape.mtu}")
    return ", ".join(parts)


def _event(event: Event) -> str:
    every = f", then every {event.every_seconds:g} s" if event.every_seconds else ""
    lasts = f" for {event.for_seconds:g} s" if event.for_seconds else ""
    what = ["outage"] if event.outage else []
    what += ["another address"] if event.new_address else []
    for name, keys in (("down", event.down), ("up", event.up)):
        what += [f"{name} {key} {value}" for key, value in keys.items()]
    return f"at {event.at_seconds:g} s{every}{lasts}: {', '.join(what)}"


def summary(result: Result) -> Iterator[str]:
    """Return the summary of a run."""
    done = result.statistics
    yield (
        f"link {result.profile}: {done.seconds:.1f} s, {result.carrier}, "
        f"{'SCHED_FIFO' if result.realtime else 'without SCHED_FIFO'}, "
        f"{result.congestion or 'unknown congestion control'}, seed {result.seed}"
    )
    for name, counts in (("up", done.up), ("down", done.down)):
        yield f"  {name:5} {_counts(counts)}"
    late = done.late
    yield (
        f"  late  p50 {late.p50_ms:.3f} ms, p99 {late.p99_ms:.3f} ms, p99.9 {late.p999_ms:.3f} ms, "
        f"maximum {late.max_ms:.3f} ms"
    )
    checked = ", ".join(
        f"{each.what} {'nothing' if each.measured is None else f'{each.measured:g}'} "
        f"({each.asked:g} {each.unit})"
        for each in result.checks
    )
    yield f"  validated at the start, with what was asked for: {checked}"
    if done.wakes:
        yield f"  radio woken {done.wakes} times"
    if done.rebinds:
        yield f"  {done.rebinds} UDP flows got another port or address"
    if result.valid:
        yield "  valid"
    for reason in result.reasons:
        yield f"  INVALID: {reason}"


def _counts(counts: Counts) -> str:
    dropped = {str(cause): count for cause, count in to_builtins(counts.dropped).items()}
    parts = [f"{counts.packets} packets, {counts.bytes} bytes", f"{counts.sent} sent"]
    parts += [f"{counts.duplicates} duplicates"] if counts.duplicates else []
    parts += [f"{counts.queued} under way at the end"] if counts.queued else []
    lost = ", ".join(f"{cause} {count}" for cause, count in sorted(dropped.items()))
    return "; ".join([*parts, f"dropped: {lost}" if lost else "none dropped"])

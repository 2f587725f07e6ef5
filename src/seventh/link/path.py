"""A link as a whole: both ways, a filter, a NAT, and a time line. Pure: times are passed in."""

from __future__ import annotations

from seventh.link.ip import TCP, flow_of
from seventh.link.nat import Nat
from seventh.link.profile import Event, Profile, changed
from seventh.link.way import NEVER, Cause, Radio, Shape, Way

_SECOND = 1_000_000_000


class Path:
    """A link that starts at ``start_ns``; what it decides by chance follows from ``seed``."""

    def __init__(self, profile: Profile, seed: int = 0, start_ns: int = 0) -> None:
        self.profile = profile
        keys, allow, nat = profile.radio, profile.allow, profile.nat
        self.radio = Radio(keys.wake_ms, keys.tail_seconds) if keys is not None else None
        self.up = Way(profile.up, f"{seed} up", self.radio)
        self.down = Way(profile.down, f"{seed} down", self.radio)
        self.nat: Nat | None = None
        if nat is not None:
            self.nat = Nat(nat.udp_idle_seconds, nat.tcp_idle_seconds, str(seed))
        elif any(event.new_address for event in profile.events):
            self.nat = Nat(seed=str(seed))
        self._ports: dict[bool, frozenset[int] | None] = {
            True: None if allow is None or allow.tcp_ports is None else frozenset(allow.tcp_ports),
            False: None if allow is None or allow.udp_ports is None else frozenset(allow.udp_ports),
        }
        self._plain = self.nat is None and all(ports is None for ports in self._ports.values())
        self._start_ns, self._at_ns = start_ns, start_ns - 1
        self.next_change_ns = NEVER
        """When the time line changes something next."""
        self.advance(start_ns)

    @property
    def straight(self) -> bool:
        """Whether packets only pass, now and later."""
        ways = self.up.straight and self.down.straight
        return ways and self._plain and not self.profile.events

    @property
    def next_ns(self) -> int:
        """The next departure or change; NEVER if there is none."""
        return min(self.up.next_ns, self.down.next_ns, self.next_change_ns)

    def put(self, packet: bytes, now_ns: int, *, up: bool) -> Cause | None:
        """Take a packet of the client (``up``) or for it; return why it is dropped, or None."""
        if now_ns >= self.next_change_ns:
            self.advance(now_ns)
        way = self.up if up else self.down
        if self._plain:
            return way.put(packet, now_ns)
        cause = None if self._is_allowed(packet, up=up) else Cause.FILTER
        if cause is None and self.nat is not None:
            turn = self.nat.outward if up else self.nat.inward
            turned = turn(packet, now_ns)
            cause, packet = (Cause.NAT, packet) if turned is None else (None, turned)
        if cause is None:
            return way.put(packet, now_ns)
        way.counts.packets += 1
        way.counts.bytes += len(packet)
        return way.drop(cause)

    def _is_allowed(self, packet: bytes, *, up: bool) -> bool:
        flow = flow_of(packet)
        if flow is None:
            return True
        ports = self._ports[flow.protocol == TCP]
        return ports is None or (flow.target_port if up else flow.source_port) in ports

    def advance(self, now_ns: int) -> None:
        """Apply the time line up to ``now_ns``."""
        events = self.profile.events
        if not events:
            return
        now, before = now_ns - self._start_ns, self._at_ns - self._start_ns
        self._at_ns = now_ns
        active = [event for event in events if _is_active(event, now)]
        self.up.is_down = self.down.is_down = any(event.outage for event in active)
        self._reshape(self.up, self.profile.up, [event.up for event in active])
        self._reshape(self.down, self.profile.down, [event.down for event in active])
        if self.nat is not None:
            for event in events:
                if event.new_address and _starts(event, now) > _starts(event, before):
                    self.nat.change_address()
        self.next_change_ns = min(
            (self._start_ns + change for each in events if (change := _next(each, now)) != NEVER),
            default=NEVER,
        )

    @staticmethod
    def _reshape(way: Way, shape: Shape, changes: list[object]) -> None:
        for keys in changes:
            if isinstance(keys, dict) and keys:
                shape = changed(shape, "event", keys)
        if shape != way.shape:
            way.reshape(shape)


def _ns(seconds: float) -> int:
    return round(seconds * _SECOND)


def _starts(event: Event, now: int) -> int:
    """Return how often an event has begun until ``now``, in ns from the start."""
    since = now - _ns(event.at_seconds)
    if since < 0:
        return 0
    return 1 + (since // _ns(event.every_seconds) if event.every_seconds else 0)


def _is_active(event: Event, now: int) -> bool:
    since = now - _ns(event.at_seconds)
    if since < 0:
        return False
    if event.every_seconds:
        since %= _ns(event.every_seconds)
    return not event.for_seconds or since < _ns(event.for_seconds)


def _next(event: Event, now: int) -> int:
    """Return the next beginning or end of an event after ``now``; NEVER if there is none."""
    since = now - _ns(event.at_seconds)
    if since < 0:
        return _ns(event.at_seconds)
    every, lasts = _ns(event.every_seconds), _ns(event.for_seconds)
    begun = now - since % every if every else now - since
    if lasts and since - (begun - _ns(event.at_seconds)) < lasts:
        return begun + lasts
    return begun + every if every else NEVER

"""The objects of the reference agent: the system group, three interfaces, and a big table."""

from __future__ import annotations

import bisect
import time
from collections.abc import Callable, Iterator

from seventh.protocols.snmp.lab.setup import Setup
from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.date_and_time import encode
from seventh.protocols.snmp.wire.message import Binding, Kind

Value = int | bytes | Oid
Made = Callable[[float], int | bytes]
"""Makes a value of the seconds since the agent's start."""
SYSTEM = (1, 3, 6, 1, 2, 1, 1)
_IF_TABLE = (1, 3, 6, 1, 2, 1, 2, 2, 1)
_IF_X_TABLE = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
BIG_TABLE = (1, 3, 6, 1, 3, 9999, 1)
"""Below "experimental": objects of an enterprise would have no names."""
_HR_SYSTEM_DATE = (1, 3, 6, 1, 2, 1, 25, 1, 2, 0)
_HR_SW_RUN_PARAMETERS = (1, 3, 6, 1, 2, 1, 25, 4, 2, 1, 5)
_VENDOR = (1, 3, 6, 1, 4, 1, 32473, 1, 1, 0)
"""Below the enterprise that RFC 5612 has for examples."""
_NAMES = (b"lo", b"eth0", b"eth1")
_SPEEDS_MBPS = (10, 1000, 10000)
_OCTETS_PER_SECOND = 125_000


class Mib:
    """Objects in their order; counters move with the seconds since the agent's start."""

    def __init__(self, setup: Setup) -> None:
        objects: dict[Oid, tuple[Kind, Value | Made]] = dict(_objects(setup))
        self._objects = objects
        self._order = sorted(objects)

    def get(self, oid: Oid, seconds: float) -> Binding:
        """Return an object, or why there is none."""
        found = self._objects.get(oid)
        if found is None:
            has_object = any(known[: len(oid[:-1])] == oid[:-1] for known in self._around(oid))
            return Binding(oid, Kind.NO_SUCH_INSTANCE if has_object else Kind.NO_SUCH_OBJECT)
        kind, value = found
        return Binding(oid, kind, value(seconds) if callable(value) else value)

    def after(self, oid: Oid, seconds: float) -> Binding:
        """Return the object that follows ``oid``, or the end of the view."""
        at = bisect.bisect_right(self._order, oid)
        if at == len(self._order):
            return Binding(oid, Kind.END_OF_VIEW)
        return self.get(self._order[at], seconds)

    def set(self, binding: Binding) -> None:
        """Replace an object's value."""
        assert not isinstance(binding.value, float)  # noqa: S101 - the lab has no such object
        self._objects[binding.oid] = (binding.kind, binding.value or b"")

    def _around(self, oid: Oid) -> list[Oid]:
        at = bisect.bisect_left(self._order, oid)
        return self._order[max(0, at - 1) : at + 1]


def _objects(setup: Setup) -> Iterator[tuple[Oid, tuple[Kind, Value | Made]]]:
    begun = time.time() + setup.date_shift_seconds
    yield _HR_SYSTEM_DATE, (Kind.OCTETS, lambda seconds: encode(begun + seconds))
    if setup.sensitive:
        yield (*_HR_SW_RUN_PARAMETERS, 1), (Kind.OCTETS, b"--password=lab")
    if setup.vendor:
        yield _VENDOR, (Kind.INTEGER, 1)
    texts = {1: b"Seventh's reference agent", 4: b"lab@lab.test", 5: b"agent.lab.test", 6: b"here"}
    for arc, text in texts.items():
        yield (*SYSTEM, arc, 0), (Kind.OCTETS, text)
    yield (*SYSTEM, 2, 0), (Kind.OID, (1, 3, 6, 1, 4, 1, 8072, 3, 2, 10))
    yield (*SYSTEM, 3, 0), (Kind.TICKS, lambda seconds: int(seconds * 100) % 2**32)
    yield (*SYSTEM, 7, 0), (Kind.INTEGER, 72)
    yield (1, 3, 6, 1, 2, 1, 2, 1, 0), (Kind.INTEGER, len(_NAMES))
    for index, (name, speed) in enumerate(zip(_NAMES, _SPEEDS_MBPS, strict=True), 1):
        yield (*_IF_TABLE, 1, index), (Kind.INTEGER, index)
        yield (*_IF_TABLE, 2, index), (Kind.OCTETS, name)
        yield (*_IF_TABLE, 5, index), (Kind.GAUGE32, min(speed * 10**6, 2**32 - 1))
        yield (*_IF_TABLE, 8, index), (Kind.INTEGER, 1)
        yield (*_IF_TABLE, 10, index), (Kind.COUNTER32, _counter(index, 32))
        yield (*_IF_X_TABLE, 1, index), (Kind.OCTETS, name)
        if setup.has_64_bit:
            yield (*_IF_X_TABLE, 6, index), (Kind.COUNTER64, _counter(index, 64))
        yield (*_IF_X_TABLE, 15, index), (Kind.GAUGE32, speed)
    for row in range(1, setup.rows + 1):
        yield (*BIG_TABLE, 1, row), (Kind.INTEGER, row)
        yield (*BIG_TABLE, 2, row), (Kind.OCTETS, b"row %d" % row)
        yield (*BIG_TABLE, 3, row), (Kind.COUNTER64, _counter(row, 64))


def _counter(index: int, bits: int) -> Callable[[float], int]:
    """Return a counter that begins an octet before its 32-bit wrap, so that wraps are seen."""
    return lambda seconds: int(2**32 - 1 + index * seconds * _OCTETS_PER_SECOND) % 2**bits

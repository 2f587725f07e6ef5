"""The inner loop of every walk: variable bindings as agents send nearly all of them.

Its benchmark is ``bench/snmp.py``. It reads what has short lengths and the fewest octets; for
anything else it returns None, and :mod:`message` reads it, with every check and deviation.
"""

from __future__ import annotations

from seventh.protocols.snmp.wire import ber
from seventh.protocols.snmp.wire.ber import MAX_ARC, MAX_ARCS, Oid

_LIMITS = {0x41: 2**32, 0x42: 2**32, 0x43: 2**32, 0x46: 2**64}
"""The counters, and what their values are below."""


def read(
    data: bytes, at: int, end: int, parents: dict[bytes, Oid]
) -> tuple[Oid, int, int | bytes, int] | None:
    """Return the binding at ``at``: its name, tag and value, and where the next begins.

    None is: it is not plain.

    ``parents`` has the arcs of all but the last, which rows share.
    """
    if at + 6 > end:
        return None
    length, name_length = data[at + 1], data[at + 3]
    name_end = at + 4 + name_length
    stop = at + 2 + length
    if data[at] != ber.SEQUENCE or data[at + 2] != ber.OID or length > 127 or stop > end:
        return None
    if (
        not 1 < name_length < 128
        or name_end + 2 > stop
        or name_end + 2 + data[name_end + 1] != stop
    ):
        return None
    last = name_end - 1
    arc = data[last]
    if arc > 127:
        return None
    if data[last - 1] > 127:
        last, arc = _long_arc(data, at + 4, last)
        if arc > MAX_ARC:
            return None
    parent = data[at + 4 : last]
    arcs = parents.get(parent)
    if arcs is None:
        deviations: set[ber.Deviation] = set()
        arcs = ber.read_oid(parent, deviations) if parent and parent[-1] < 128 else ()
        if deviations or not 2 <= len(arcs) < MAX_ARCS:
            return None
        parents[parent] = arcs
    tag, first = data[name_end], name_end + 2
    if tag == ber.OCTETS:
        return (*arcs, arc), tag, data[first:stop], stop
    value = _number(data, tag, first, stop)
    return None if value is None else ((*arcs, arc), tag, value, stop)


def _number(data: bytes, tag: int, first: int, stop: int) -> int | None:
    """Return an integer's or a counter's value; None where it is absent, padded or too large."""
    if first == stop or (stop > first + 1 and (data[first] + (data[first + 1] >> 7)) & 0xFF == 0):
        return None
    if tag == ber.INTEGER:
        return int.from_bytes(data[first:stop], signed=True) if stop <= first + 4 else None
    if tag not in _LIMITS or data[first] > 127:
        return None
    value = int.from_bytes(data[first:stop])
    return value if value < _LIMITS[tag] else None


def _long_arc(data: bytes, start: int, last: int) -> tuple[int, int]:
    """Return where the last arc begins, and its value; one with padding is above all limits."""
    arc, shift = data[last], 7
    while last > start and data[last - 1] > 127 and shift < 42:
        last -= 1
        arc |= (data[last] & 127) << shift
        shift += 7
    return last, arc if data[last] != 0x80 else MAX_ARC + 1

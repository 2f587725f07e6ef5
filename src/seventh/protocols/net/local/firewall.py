"""What a packet filter does with a new connection from outside, in three values.

The packet comes from an address and through an interface that no rule names. What a rule asks
beyond that, such as a rate or a mark, is unknown, and so is its effect: a verdict is given only if
every way through the chains has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, auto

import msgspec

from seventh.model.listenfacts import Reach

_MAX_DEPTH = 16
"""nftables' own limit of jumps."""
_WIDE_PREFIX = 8
"""A source network of fewer bits may be half of the internet: it is not taken for a named one."""


class Field(Enum):
    """What a rule compares."""

    INTERFACE = auto()
    FAMILY = auto()
    TRANSPORT = auto()
    PORT = auto()
    STATE = auto()
    SOURCE = auto()
    OTHER = auto()


class Act(Enum):
    """What a rule does with a packet that it matches."""

    ACCEPT = auto()
    DROP = auto()
    RETURN = auto()
    JUMP = auto()
    GOTO = auto()
    NEXT = auto()
    OTHER = auto()


Value = str | tuple[int, int]
"""A word, a network ``ADDRESS/BITS``, or a range of ports."""


class Condition(msgspec.Struct, frozen=True):
    """One comparison; ``values`` is None where they are not understood."""

    field: Field
    values: tuple[Value, ...] | None = None
    negated: bool = False


class Rule(msgspec.Struct, frozen=True):
    """The comparisons of a rule, all of which must hold, and its action."""

    conditions: tuple[Condition, ...]
    act: Act
    target: str = ""


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """A chain; ``hook`` is empty for one that is only jumped to."""

    rules: tuple[Rule, ...] = ()
    hook: str = ""
    is_nat: bool = False
    policy: Act = Act.ACCEPT


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table and its chains by name."""

    families: frozenset[str]
    """``ipv4``, ``ipv6``."""
    name: str
    chains: Mapping[str, Chain]


class Packet(msgspec.Struct, frozen=True):
    """The first packet of a connection from outside."""

    family: str
    transport: str
    port: int


def reach(tables: tuple[Table, ...], packet: Packet) -> Reach:
    """Return whether the tables let the packet reach a socket of this machine."""
    results: list[frozenset[Act]] = []
    for table in tables:
        if packet.family not in table.families:
            continue
        way = _Way(table, packet)
        for chain in table.chains.values():
            if chain.hook in {"ingress", "prerouting", "input"}:
                result = way.through_base(chain)
                if chain.is_nat and Act.OTHER in result:
                    return Reach.UNKNOWN  # it may be sent to another port or machine
                results.append(result)
    if frozenset({Act.DROP}) in results:
        return Reach.CLOSED
    return Reach.OPEN if all(each == {Act.ACCEPT} for each in results) else Reach.UNKNOWN


class _Way:
    """The ways of one packet through the chains of a table."""

    def __init__(self, table: Table, packet: Packet) -> None:
        self._table = table
        self._packet = packet
        self._known: dict[str, frozenset[Act]] = {}

    def through_base(self, chain: Chain) -> frozenset[Act]:
        """Return every possible end; one without a verdict is the policy."""
        ends = self._through(chain, 0)
        return (ends - {Act.RETURN}) | ({chain.policy} if Act.RETURN in ends else frozenset())

    def _through(self, chain: Chain, depth: int) -> frozenset[Act]:
        ends: set[Act] = set()
        for rule in chain.rules:
            holds = _all(matches(each, self._packet) for each in rule.conditions)
            if holds is False:
                continue
            done = self._done(rule, depth)
            ends |= done - {Act.NEXT}
            if holds and Act.NEXT not in done:
                return frozenset(ends)
        return frozenset(ends | {Act.RETURN})

    def _done(self, rule: Rule, depth: int) -> frozenset[Act]:
        """Return the possible effects of a rule that matches; NEXT is to go on behind it."""
        if rule.act not in {Act.JUMP, Act.GOTO}:
            # What is not understood can also let the packet go on.
            return frozenset({rule.act, Act.NEXT} if rule.act is Act.OTHER else {rule.act})
        ends = self._called(rule.target, depth + 1)
        if rule.act is Act.JUMP and Act.RETURN in ends:
            return (ends - {Act.RETURN}) | {Act.NEXT}
        return ends

    def _called(self, name: str, depth: int) -> frozenset[Act]:
        chain = self._table.chains.get(name)
        if chain is None or depth > _MAX_DEPTH:
            return frozenset({Act.OTHER, Act.RETURN})
        if name not in self._known:
            self._known[name] = self._through(chain, depth)
        return self._known[name]


def _all(holds: Iterable[bool | None]) -> bool | None:
    """Return the conjunction of three-valued conditions."""
    found = set(holds)
    return False if False in found else None if None in found else True


def matches(condition: Condition, packet: Packet) -> bool | None:
    """Return whether a packet from outside meets a condition; None if that is unknown."""
    holds = _holds(condition, packet)
    return holds if holds is None or not condition.negated else not holds


def _holds(condition: Condition, packet: Packet) -> bool | None:
    if condition.values is None:
        return None
    match condition.field:
        case Field.INTERFACE:
            return False if set(condition.values) == {"lo"} else None
        case Field.FAMILY:
            return packet.family in condition.values
        case Field.TRANSPORT:
            return packet.transport in condition.values
        case Field.STATE:
            return "new" in condition.values
        case Field.PORT:
            ranges = [each for each in condition.values if isinstance(each, tuple)]
            return any(low <= packet.port <= high for low, high in ranges)
        case Field.SOURCE:
            return _from_outside(condition.values)
    return None


def _from_outside(networks: tuple[Value, ...]) -> bool | None:
    """Return whether an address that is not named is in the networks."""
    bits = [int(str(each).rpartition("/")[2]) for each in networks]
    if 0 in bits:
        return True
    return None if min(bits, default=128) < _WIDE_PREFIX else False

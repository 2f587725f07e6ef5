"""A notification of any version, as one value, and its record."""

from __future__ import annotations

from typing import Literal

import msgspec

from seventh.protocols.snmp.client.shown import Row, row_of
from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.message import Binding, Kind, Pdu, PduType, TrapV1
from seventh.protocols.snmp.wire.names import dotted, named

SNMP_TRAPS = (1, 3, 6, 1, 6, 3, 1, 1, 5)
"""The parent of the six generic notifications (RFC 3418 §2)."""
_TRAP_OID = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
_UPTIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
_COMMUNITY = (1, 3, 6, 1, 6, 3, 18, 1, 4)
"""snmpTrapCommunity, which proxies add (RFC 3584 §3.1): a secret, which no record has."""
_ENTERPRISE_SPECIFIC = 6
_GENERIC = ("coldStart", "warmStart", "linkDown", "linkUp", "authenticationFailure",
            "egpNeighborLoss")  # fmt: skip


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """What a trap or an inform says."""

    kind: Literal["trap", "inform"]
    oid: Oid | None
    """snmpTrapOID; None where a notification of version 2 does not begin with it."""
    uptime: int | None = None
    """sysUpTime of the sender, in hundredths of a second."""
    bindings: tuple[Binding, ...] = ()
    """Without the two that :attr:`oid` and :attr:`uptime` have."""
    agent: bytes = b""
    """The address that a trap of version 1 names as its source."""

    @property
    def sameness(self) -> tuple[object, ...]:
        """Return what is equal in notifications of the same event of a sender: all but times."""
        return self.kind, self.oid, self.agent, self.bindings


def of_v1(trap: TrapV1) -> Notification:
    """Return a trap of version 1 as RFC 3584 §3.1 translates it."""
    if trap.generic == _ENTERPRISE_SPECIFIC:
        oid = (*trap.enterprise, 0, max(trap.specific, 0))
    else:
        oid = (*SNMP_TRAPS, max(trap.generic, 0) + 1)
    return Notification(
        kind="trap", oid=oid, uptime=trap.uptime, bindings=trap.bindings, agent=trap.agent
    )


def of_pdu(pdu: Pdu) -> Notification | None:
    """Return a trap or an inform of version 2; None for another PDU.

    RFC 3416 §4.2.6 has sysUpTime and snmpTrapOID first; they are found wherever they are.
    """
    if pdu.type not in {PduType.TRAP, PduType.INFORM}:
        return None
    oid: Oid | None = None
    uptime: int | None = None
    rest: list[Binding] = []
    for each in pdu.bindings:
        value = each.value
        if oid is None and each.oid == _TRAP_OID and isinstance(value, tuple):
            oid = value
        elif uptime is None and each.oid == _UPTIME and isinstance(value, int):
            uptime = value
        else:
            rest.append(each)
    return Notification(
        kind="inform" if pdu.type is PduType.INFORM else "trap", oid=oid, uptime=uptime,
        bindings=tuple(rest),
    )  # fmt: skip


def name_of(oid: Oid) -> str:
    """Return the name of a notification: ``linkDown``, or that of its longest known parent."""
    if oid[:-1] == SNMP_TRAPS and 1 <= oid[-1] <= len(_GENERIC):
        return _GENERIC[oid[-1] - 1]
    return named(oid)


class Shown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a record has of a notification."""

    kind: str
    oid: str = ""
    name: str = ""
    uptime_seconds: float | None = None
    agent: str = ""
    bindings: tuple[Row, ...] = ()


def shown(notification: Notification) -> Shown:
    """Return a notification as records have it."""
    oid, uptime = notification.oid, notification.uptime
    agent = Binding((0, 0), Kind.IP, notification.agent) if notification.agent else None
    return Shown(
        kind=notification.kind,
        oid=dotted(oid) if oid is not None else "",
        name=name_of(oid) if oid is not None else "",
        uptime_seconds=uptime / 100 if uptime is not None else None,
        agent=row_of(agent).text if agent is not None else "",
        bindings=tuple(
            row_of(each)
            for each in notification.bindings
            if each.oid[: len(_COMMUNITY)] != _COMMUNITY
        ),
    )

"""What can be wrong with several servers behind one name: a table."""

from __future__ import annotations

from seventh.labkit.serve import Fault
from seventh.protocols.ntp.lab.faults import Setup


def _upstream(last: int) -> bytes:
    """Return the reference identifier of a server that follows 192.0.2.``last``."""
    return bytes((192, 0, 2, last))


def _loopback(last: int) -> bytes:
    """Return the reference identifier of a server that follows the lab's own 127.0.0.``last``."""
    return bytes((127, 0, 0, last))


def _good(last: int) -> Setup:
    return Setup(refid=_upstream(last))


GOOD_POOL = tuple(_good(last) for last in range(1, 5))
"""Four servers with nothing wrong."""
_GOOGLE = Setup(stratum=1, refid=b"GOOG", root_delay_seconds=0.0)
_TABLE: tuple[tuple[Fault, tuple[Setup, ...]], ...] = (
    (
        Fault(
            name="falseticker",
            meaning="one of four servers behind the name is 37 seconds ahead",
            triggers=("NTP-FALSETICKER",),
        ),
        (*GOOD_POOL[:3], Setup(refid=_upstream(4), shifts=(37.0,))),
    ),
    (
        Fault(
            name="no-majority",
            meaning="of four servers behind the name, two and two agree, a second apart",
            triggers=("NTP-FALSETICKER",),
        ),
        (
            *GOOD_POOL[:2],
            Setup(refid=_upstream(3), shifts=(1.0,)),
            Setup(refid=_upstream(4), shifts=(1.0,)),
        ),
    ),
    (
        Fault(
            name="leap-disputed",
            meaning="one of four servers behind the name announces a leap second",
            triggers=("NTP-LEAP",),
        ),
        (*GOOD_POOL[:3], Setup(refid=_upstream(4), leap=1)),
    ),
    (
        Fault(
            name="smear-mix",
            meaning="two of four servers behind the name say that they are Google's, which smear",
            triggers=("NTP-SMEAR-MIX",),
        ),
        (*GOOD_POOL[:2], _GOOGLE, _GOOGLE),
    ),
    (
        Fault(
            name="smear-upstream",
            meaning="one of four servers behind the name follows one of Google's, which smear",
            triggers=("NTP-SMEAR-MIX",),
        ),
        (*GOOD_POOL[:3], Setup(refid=bytes((216, 239, 35, 4)))),
    ),
    (
        Fault(
            name="few-sources",
            meaning="only two servers are behind the name",
            triggers=("NTP-FEW",),
        ),
        GOOD_POOL[:2],
    ),
    (
        Fault(
            name="same-upstream",
            meaning="two of four servers behind the name follow the same one",
            triggers=("NTP-SAMEUP",),
        ),
        (*GOOD_POOL[:3], GOOD_POOL[2]),
    ),
    (
        Fault(
            name="chain",
            meaning="one of four servers behind the name follows another of them",
            triggers=("NTP-SAMEUP",),
        ),
        (*GOOD_POOL[:3], Setup(stratum=3, refid=_loopback(3))),
    ),
    (
        Fault(
            name="ring",
            meaning="two of four servers behind the name follow each other",
            triggers=("NTP-LOOP",),
        ),
        (*GOOD_POOL[:2], Setup(refid=_loopback(4)), Setup(refid=_loopback(3))),
    ),
)
POOL_FAULTS = tuple(fault for fault, _ in _TABLE)
POOLS = {fault.name: servers for fault, servers in _TABLE}

"""What each rule says of itself: how grave, how intrusive, which settings of a file decide it."""

from __future__ import annotations

import pytest

from tests.verdicts import declared

_LISTS = "chrony:server|pool|peer ntpd:server|pool|peer ntpsec:server|pool|peer"
_POLLED = "chrony:server|pool ntpd:server|pool ntpsec:server|pool"
DECLARED = {
    "NTP-DRIFT": "low 0 F chrony:driftfile ntpd:driftfile ntpsec:driftfile",
    "NTP-FALSETICKER": "high 0 W",
    "NTP-FEW": f"medium 0 W {_LISTS}",
    "NTP-HEADER": "medium 0 W",
    "NTP-IBURST": f"low 0 F {_POLLED}",
    "NTP-JITTER": "medium 0 W",
    "NTP-KOD-DENY": "high 0 W",
    "NTP-KOD-RATE": "medium 0 W",
    "NTP-LEAP": "high 0 W",
    "NTP-LOCALCLOCK": "medium 0 W chrony:local ntpd:server 127.127.1.0 "
    "ntpsec:server 127.127.1.0|refclock local",
    "NTP-LOOP": "medium 0 W",
    "NTP-LOSS": "medium 0 W",
    "NTP-MAC-AUTOKEY": "high 0 F ntpd:crypto ntpsec:crypto",
    "NTP-MAC-MD5": "medium 2 W chrony:keyfile ntpd:keys ntpsec:keys",
    "NTP-MAKESTEP": "low 0 F chrony:makestep",
    "NTP-MODE6": "medium 1 W ntpd:restrict default ntpsec:restrict default",
    "NTP-MONLIST": "critical 4 W ntpd:disable monitor|restrict default",
    "NTP-NO-REPLY": "high 0 W",
    "NTP-OFFSET": "medium 0 W",
    "NTP-ROOTDIST": "medium 0 W",
    "NTP-SOURCES-DENIED": "high 0 F ntpd:restrict default|server|pool|peer "
    "ntpsec:restrict default|server|pool|peer",
    "NTP-RTCSYNC": "low 0 F chrony:rtcsync|rtcfile",
    "NTP-SAMEUP": f"medium 0 W {_LISTS}",
    "NTP-SMEAR-MIX": f"high 0 W {_LISTS}",
    "NTP-SPOOF": "critical 0 W",
    "NTP-SRCPORT-FILTER": "medium 4 W",
    "NTP-STALE": "medium 0 W",
    "NTP-STRATUM": "low 0 W",
    "NTP-UNSYNC": "critical 0 W",
    "NTS-AEAD-INTEROP": "info 0 W",
    "NTS-COOKIES": "medium 0 W",
    "NTS-KE-FAIL": "high 0 W",
    "NTS-NAK": "medium 0 W chrony:ntsdumpdir|ntsrotate",
    "NTS-NONE": "low 0 W chrony:server|pool|peer|allow|ntsserverkey ntpsec:server|pool|peer",
    "NTS-UDP-DROP": "medium 0 W",
}


@pytest.mark.parametrize("name", DECLARED)
def test_a_rule_by_its_declaration(name: str) -> None:
    assert declared("ntp")[name] == DECLARED[name]

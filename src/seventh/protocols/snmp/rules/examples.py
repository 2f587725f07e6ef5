"""A correct agent, from which the rules' examples are made, and what rules share."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.protocols.snmp.facts import (
    Access,
    BulkTry,
    Clock,
    Engine,
    Interface,
    Lower,
    SnmpFacts,
    System,
)
from seventh.protocols.snmp.wire.engine_id import Format
from seventh.protocols.snmp.wire.keys import Auth, Priv
from seventh.protocols.snmp.wire.usm import Cause
from seventh.rules.rule import Hit, Skip, Verdict

ACCESS = Access(version="3", outcome="accepted", level="authPriv", auth=Auth.SHA256, priv=Priv.AES)
GOOD = SnmpFacts(
    address="192.0.2.1",
    reach="private",
    rtt_seconds=0.001,
    requests=12,
    replies=12,
    loss_ratio=0.0,
    discovered=True,
    engine=Engine(
        id="80001f88046c6162", boots=3, time_seconds=86400, enterprise=8072,
        enterprise_name="net-snmp", format=Format.TEXT, content="lab",
    ),
    access=ACCESS,
    system=System(description="Linux", name="lab.test", uptime_seconds=86400.0),
    interfaces=(Interface(index=1, name="eth0", speed_mbps=1000, has_64_bit=True),),
    poll_seconds=0.02,
    bulk_rows=10.0,
    repetitions=20,
    most_rows=50,
    bulk=(
        BulkTry(repetitions=10, outcome="answered", rows=10, octets=500, seconds=0.001),
        BulkTry(repetitions=25, outcome="answered", rows=25, octets=1100, seconds=0.002),
        BulkTry(repetitions=50, outcome="answered", rows=50, octets=2100, seconds=0.003),
    ),
    lower=(
        Lower(level="authNoPriv", outcome="refused"), Lower(level="noAuthNoPriv", outcome="refused")
    ),
    sensitive=(),
    enterprises=(),
    unnamed=(),
    clock=Clock(outcome="read", offset_seconds=0.2, uncertainty_seconds=0.5,
                own_error_seconds=0.01),
    gain=1.6,
)  # fmt: skip
NET_SNMP_VIEW = (
    "view monitoring included .1.3.6.1.2.1.1\n"
    "view monitoring included .1.3.6.1.2.1.2\n"
    "view monitoring included .1.3.6.1.2.1.31\n"
    "rouser monitor priv -V monitoring"
)
"""A user at the highest level alone, with the system group and the interfaces."""
NET_SNMP_USER = (
    'createUser monitor SHA-256 "AUTHENTICATION-PASSWORD" AES "PRIVACY-PASSWORD"\n' + NET_SNMP_VIEW
)
NOT_TRIED = Skip("no credential was tried; give --user or --community-file")
NOT_POLLED = Skip("no interface was read")


def refused(cause: Cause) -> SnmpFacts:
    """Return the agent as it refuses the user for ``cause``."""
    return GOOD.learn(access=replace(ACCESS, outcome="refused", cause=cause))


def judge(snmp: SnmpFacts, cause: Cause) -> Verdict:
    """Judge whether the user was refused for ``cause``; a refusal for another leaves it open."""
    access = snmp.access
    if access is None:
        return NOT_TRIED
    if access.version != "3":
        return Skip("SNMPv3 was not used; give --user")
    if access.cause is cause:
        return Hit(level=access.level or "", auth=access.auth or "no", priv=access.priv or "no")
    if access.outcome != "accepted":
        return Skip("the agent did not accept the credential")
    return None

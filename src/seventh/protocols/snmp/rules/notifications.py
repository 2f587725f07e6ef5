"""What the receiver of notifications finds out about a sender."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.snmp.facts import NotifierFacts
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

MAX_RETRANSMITTED = 2
"""Informs that may come again: a network loses a datagram now and then."""
UNPROVEN = ("unauthenticated", "unknown-community", "unknown-user")
"""Verdicts on what anyone could have sent."""
_GOOD = NotifierFacts(
    address="192.0.2.1", verdicts={"authentic": 20}, rate_per_second=0.1, baseline_per_second=0.1
)
_NOTHING = Skip("nothing was received")


@rule(
    "SNMP-TRAP-UNAUTH",
    Severity.MEDIUM,
    tier=0,
    source=Source.TELEMETRY,
    title="Unauthenticated notifications",
    evidence="{address}: {count} notifications that anyone could have sent ({verdicts})",
    why="SNMP v1 and v2c, and SNMPv3 without authentication, prove nothing of the sender: forged "
    "alarms look like true ones, and their communities can be read by anyone on the path.",
    fix={
        "net-snmp": "trapsess -v 3 -l authPriv -u mon -a SHA-256 -A AUTHENTICATION-PASSWORD "
        "-x AES -X PRIVACY-PASSWORD RECEIVER",
        "any": "Send notifications with SNMPv3 and the level authPriv, as a user that the receiver "
        "knows.",
    },
    references=("RFC 3414", "RFC 3584"),
    seed=("12.5.3",),
    good=_GOOD,
    bad=_GOOD.learn(verdicts={"unauthenticated": 3, "unknown-user": 1}),
)
def trap_unauth(notifier: NotifierFacts) -> Verdict:
    """Judge what proves its sender."""
    if not notifier.verdicts:
        return _NOTHING
    found = {name: notifier.verdicts[name] for name in UNPROVEN if notifier.verdicts.get(name)}
    if not found:
        return None
    return Hit(address=notifier.address, count=sum(found.values()), verdicts=tuple(found))


@rule(
    "SNMP-INFORM-NOACK",
    Severity.MEDIUM,
    tier=0,
    source=Source.TELEMETRY,
    title="Informs are not acknowledged",
    evidence="{address}: {count} informs came again although they were acknowledged",
    why="The acknowledgements do not reach the sender, or too late: it sends each inform several "
    "times, and reports it as lost in the end.",
    fix={
        "any": "Permit UDP from port 162 of the receiver back to the sender, and set the sender's "
        "inform timeout above the round trip and the receiver's time to store.",
    },
    references=("RFC 3416 §4.2.7",),
    seed=("12.5.1",),
    good=_GOOD.learn(retransmitted=MAX_RETRANSMITTED),
    bad=_GOOD.learn(retransmitted=3),
)
def inform_noack(notifier: NotifierFacts) -> Verdict:
    """Judge the informs that came again."""
    if not notifier.verdicts:
        return _NOTHING
    count = notifier.retransmitted
    return Hit(address=notifier.address, count=count) if count > MAX_RETRANSMITTED else None


@rule(
    "SNMP-TRAP-STORM",
    Severity.HIGH,
    tier=0,
    source=Source.TELEMETRY,
    title="Notification storm",
    evidence="{address}: {rate} notifications a second, usually {baseline}",
    why="Something flaps, or sends without an end: true alarms drown, and receivers that cannot "
    "keep up lose them.",
    fix={
        "any": "Find what the records name most, and dampen it at the sender: link dampening, a "
        "threshold with hysteresis, a limit of the rate.",
    },
    seed=("12.5.1",),
    good=_GOOD,
    bad=_GOOD.learn(storm_per_second=55.0),
)
def trap_storm(notifier: NotifierFacts) -> Verdict:
    """Judge the rate against the usual one."""
    if not notifier.verdicts:
        return _NOTHING
    if notifier.storm_per_second is None:
        return None
    usual = notifier.baseline_per_second
    return Hit(
        address=notifier.address, rate=round(notifier.storm_per_second, 1),
        baseline=round(usual, 2) if usual is not None else "unknown",
    )  # fmt: skip

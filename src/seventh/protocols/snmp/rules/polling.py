"""How an agent answers walks."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.snmp.facts import BulkTry, Clock, Interface, Loop, SnmpFacts
from seventh.protocols.snmp.rules.examples import ACCESS, GOOD, NOT_POLLED, NOT_TRIED
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

FAST_MBPS = 1000
"""From here on RFC 2863 §3.1.6 wants 64-bit counters: at 1 Gbit/s, 32 bits last 34 seconds."""
MAX_OFFSET_SECONDS = 5.0
_BY_V1 = GOOD.learn(
    access=replace(ACCESS, version="1", level=None, auth=None, priv=None), bulk=(), most_rows=None
)


@rule(
    "SNMP-OID-LOOP",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="A walk does not advance",
    evidence="after {after} the agent returns {found}",
    why="The reply to GETNEXT must come after the object that was asked for. A manager that does "
    "not check it walks in a circle forever; one that does gets a part of the table.",
    fix={
        "any": "Update the agent, or the AgentX program behind it that serves this table.",
    },
    references=("RFC 3416 §4.2.2",),
    seed=("12.5.4",),
    good=GOOD,
    bad=GOOD.learn(loop=Loop(after="1.3.6.1.2.1.2.2.1.2.3", found="1.3.6.1.2.1.2.2.1.2.1")),
)
def oid_loop(snmp: SnmpFacts) -> Verdict:
    """Judge the walk of the interfaces."""
    if snmp.interfaces is None:
        return NOT_POLLED
    return Hit(after=snmp.loop.after, found=snmp.loop.found) if snmp.loop is not None else None


@rule(
    "SNMP-COUNTER32",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="32-bit counters on a fast interface",
    evidence="{what}",
    phrases={
        "what": {
            "missing": "no ifHCInOctets on interfaces of 1 Gbit/s or more: {names}",
            "version": "SNMP v1, which has no 64-bit counters, reads interfaces of 1 Gbit/s or "
            "more: {names}",
        }
    },
    why="At 1 Gbit/s a 32-bit counter of octets wraps every 34 s. A manager that polls less often "
    "shows a wrong rate, and cannot know it.",
    fix={
        "any": "Poll ifHCInOctets and ifHCOutOctets by SNMP v2c or v3; update an agent without "
        "them.",
    },
    references=("RFC 2863 §3.1.6",),
    seed=("12.5.4",),
    good=GOOD,
    bad=GOOD.learn(
        interfaces=(Interface(index=1, name="eth0", speed_mbps=1000, has_64_bit=False),)
    ),
)
def counter32(snmp: SnmpFacts) -> Verdict:
    """Judge the interfaces of 1 Gbit/s and more."""
    if snmp.interfaces is None:
        return NOT_POLLED
    fast = [each for each in snmp.interfaces if (each.speed_mbps or 0) >= FAST_MBPS]
    narrow = [each for each in fast if not each.has_64_bit]
    if not narrow:
        return None
    version = all(each.has_64_bit is None for each in narrow)
    return Hit(
        what="version" if version else "missing",
        names=tuple(each.name or str(each.index) for each in narrow[:8]),
    )  # fmt: skip


@rule(
    "SNMP-NO-BULK",
    Severity.LOW,
    tier=2,
    source=Source.WIRE,
    title="GETBULK not used",
    evidence="{what}",
    phrases={
        "what": {
            "version": "SNMP v1 has no GETBULK",
            "one": "GETBULK with {asked} repetitions returns one row",
        }
    },
    why="Each row of a table costs a round trip: a walk of ten thousand rows over 20 ms takes "
    "three minutes instead of seconds.",
    fix={
        "any": "Poll by SNMP v3 (or v2c), and update an agent or proxy that returns single rows.",
    },
    references=("RFC 3416 §4.2.3",),
    seed=("12.5.4", "12.11.4"),
    good=GOOD,
    bad=_BY_V1,
)
def no_bulk(snmp: SnmpFacts) -> Verdict:
    """Judge the version, and the most rows of a reply where there are more."""
    if snmp.access is None:
        return NOT_TRIED
    if snmp.interfaces is None:
        return NOT_POLLED
    if snmp.access.version == "1":
        return Hit(what="version")
    answered = [one.repetitions for one in snmp.bulk if one.outcome == "answered"]
    if snmp.most_rows is None or not answered:
        return Skip("no GETBULK was answered")
    if snmp.most_rows > 1:
        return None
    if len(snmp.interfaces) < 2 or max(answered) < 2:
        return Skip("there was no second row to return")
    return Hit(what="one", asked=max(answered))


@rule(
    "SNMP-BULK-TRUNC",
    Severity.LOW,
    tier=2,
    source=Source.WIRE,
    title="Large GETBULK replies fail",
    evidence="{what}; {works} repetitions are answered",
    phrases={
        "what": {
            "too-big": "tooBig for {fails} repetitions",
            "lost": "no reply to {fails} repetitions, asked {times} times",
        }
    },
    why="Managers that ask for more rows time out or get errors, and walk slowly or not at all. "
    "Silence above a size often means that fragments of UDP are dropped on the path.",
    fix={
        "any": "Set the manager's max-repetitions to {works}. Where the agent is silent, permit "
        "IP fragments on the path; where it says tooBig, update it.",
    },
    references=("RFC 3416 §4.2.3", "RFC 3417 §3.2"),
    seed=("12.5.4",),
    good=GOOD,
    bad=GOOD.learn(
        bulk=(
            BulkTry(repetitions=10, outcome="answered", rows=10, octets=500, seconds=0.001),
            BulkTry(repetitions=25, outcome="lost", attempts=2, seconds=2.0),
        )
    ),
)
def bulk_trunc(snmp: SnmpFacts) -> Verdict:
    """Judge sizes that fail while smaller ones are answered."""
    if snmp.access is not None and snmp.access.version == "1":
        return not_applicable("SNMP v1 has no GETBULK")
    answered = [one.repetitions for one in snmp.bulk if one.outcome == "answered"]
    if not answered:
        return Skip("no GETBULK was answered")
    failed = [one for one in snmp.bulk if one.outcome != "answered"]
    if not failed:
        return None
    least = min(failed, key=lambda one: one.repetitions)
    return Hit(
        what=least.outcome, fails=least.repetitions, works=max(answered), times=least.attempts,
    )  # fmt: skip


@rule(
    "SNMP-CLOCK",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Agent's clock is wrong",
    evidence="hrSystemDate is {offset:+.1f} s from this machine's clock{own}",
    phrases={
        "own": {
            "unknown": ", whose own error is unknown",
            "bounded": ", whose error is at most {own_error:.3f} s",
        }
    },
    why="Times in the device's notifications and logs do not match those of others, so that causes "
    "and effects are taken for each other; certificates are judged by a wrong date.",
    fix={"any": "Configure NTP on the device, with three or more servers."},
    references=("RFC 2790", "RFC 2579 §2"),
    seed=("12.11.4",),
    good=GOOD,
    bad=GOOD.learn(clock=Clock(outcome="read", offset_seconds=-63.0, uncertainty_seconds=0.5)),
)
def clock(snmp: SnmpFacts) -> Verdict:
    """Judge the offset beyond what the reading and this machine's clock leave open."""
    known = snmp.clock
    if known is None:
        return NOT_TRIED if snmp.access is None else Skip("hrSystemDate was not read")
    if known.outcome == "absent":
        return Skip("the agent does not show hrSystemDate")
    if known.outcome == "no-zone":
        return Skip("hrSystemDate has no time zone")
    if known.offset_seconds is None or known.uncertainty_seconds is None:
        return Skip("hrSystemDate is not a date")
    doubt = known.uncertainty_seconds + (known.own_error_seconds or 0.0)
    if abs(known.offset_seconds) <= MAX_OFFSET_SECONDS + doubt:
        return None
    if known.own_error_seconds is None:
        return Hit(offset=known.offset_seconds, own="unknown")
    return Hit(offset=known.offset_seconds, own="bounded", own_error=known.own_error_seconds)


@rule(
    "SNMP-MIB-UNKNOWN",
    Severity.INFO,
    tier=2,
    source=Source.WIRE,
    title="Objects without a known MIB",
    evidence="the agent has objects of enterprises {numbers}, whose names are not known",
    why="Objects without a name are easily read wrongly: their meaning, unit and scale change "
    "between products and versions of a vendor.",
    fix={
        "any": "Get the vendor's MIB files for this version, and attach them to the manager.",
    },
    references=("RFC 2578",),
    seed=("12.5.4",),
    good=GOOD,
    bad=GOOD.learn(enterprises=(9, 2021), unnamed=(9,)),
)
def mib_unknown(snmp: SnmpFacts) -> Verdict:
    """Judge the enterprises whose objects the agent has."""
    if snmp.access is None:
        return NOT_TRIED
    if snmp.unnamed is None:
        return Skip("objects of enterprises were not asked for, or not answered")
    return Hit(numbers=tuple(map(str, snmp.unnamed))) if snmp.unnamed else None

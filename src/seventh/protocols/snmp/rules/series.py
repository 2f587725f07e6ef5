"""Rules on an agent over time, and beside other agents."""

from __future__ import annotations

from statistics import median

from seventh.model.severity import Severity
from seventh.protocols.snmp.series import AgentSeries
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_MOST_SHARE = 0.5
_LEAST_POLLS = 3
_SEEN = AgentSeries(
    since_ns=0, last_ns=9, host="a", engine_id="80001f8880aa", boots=3, every_seconds=60,
    compared=1, polls_seconds=(5, 6, 7),
)  # fmt: skip
_NO_ENGINE = Skip("no SNMPv3 engine was discovered")


@rule(
    "SNMP-ENGINE-DUP",
    Severity.HIGH,
    tier=0,
    source=Source.SERIES,
    title="Two hosts share one engine ID",
    evidence="other agents with the engine ID {engine}: {hosts}",
    why="Keys are localised by the engine ID, so that the hosts share the keys of users with the "
    "same password. Managers mix up the boots and times of the hosts and report messages outside "
    "the time window.",
    fix={
        "net-snmp": "Stop snmpd, delete the line oldEngineID from its persistent snmpd.conf, and "
        "start it. Create its users again: their keys belong to the old ID.",
        "any": "Give each agent an engine ID of its own; a cloned machine has its original's.",
    },
    references=("RFC 3411 §5",),
    seed=("12.5.2",),
    good=_SEEN,
    bad=_SEEN.learn(twins=("b",)),
)
def engine_dup(agent: AgentSeries) -> Verdict:
    """Find other agents with the same engine id."""
    if not agent.engine_id:
        return _NO_ENGINE
    if agent.twins:
        return Hit(engine=agent.engine_id, hosts=agent.twins)
    return None if agent.compared else Skip("no other SNMP agent is watched")


@rule(
    "SNMP-REBOOT",
    Severity.INFO,
    tier=0,
    source=Source.SERIES,
    title="The agent restarted",
    evidence="restarts within a day: {times}",
    why="Counters begin at 0 after a restart, and rates over it are wrong. A restart that is not "
    "expected is a crash or a power failure.",
    fix={"any": "Compare with the host's log. A restart that was expected needs nothing."},
    references=("RFC 3414 §2.2",),
    seed=("12.5.1",),
    good=_SEEN,
    bad=_SEEN.learn(restarts_ns=(5,)),
)
def reboot(agent: AgentSeries) -> Verdict:
    """Report the restarts of the last day."""
    if agent.restarts_ns:
        return Hit(times=len(agent.restarts_ns))
    if agent.boots is None and agent.uptime_seconds is None:
        return _NO_ENGINE
    return None if agent.last_ns > (agent.since_ns or 0) else Skip("it was seen only once")


@rule(
    "SNMP-POLL-SLOW",
    Severity.MEDIUM,
    tier=2,
    source=Source.SERIES,
    title="Polling takes most of its interval",
    evidence="a poll takes {seconds:.1f} s (median), of an interval of {every:.0f} s",
    why="A poll that is still running when the next one is due delays it, and values have gaps.",
    fix={
        "any": "Poll fewer objects, use GETBULK instead of GETNEXT, or poll less often.",
    },
    references=("RFC 3416 §4.2.3",),
    seed=("B",),
    good=_SEEN,
    bad=_SEEN.learn(polls_seconds=(40, 50, 60)),
)
def poll_slow(agent: AgentSeries) -> Verdict:
    """Compare the duration of whole polls with the interval."""
    if len(agent.polls_seconds) < _LEAST_POLLS or not agent.every_seconds:
        return Skip("too few whole polls were made: they need a credential")
    seconds = median(agent.polls_seconds)
    if seconds <= _MOST_SHARE * agent.every_seconds:
        return None
    return Hit(seconds=seconds, every=agent.every_seconds)

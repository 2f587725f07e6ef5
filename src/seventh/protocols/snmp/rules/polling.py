"""How an agent answers walks."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.snmp.facts import Loop, SnmpFacts
from seventh.protocols.snmp.rules.examples import GOOD, NOT_POLLED
from seventh.rules.rule import Hit, Source, Verdict, rule


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

"""net-snmp's snmpd.conf and snmptrapd.conf."""

from __future__ import annotations

import functools
import re

from seventh.lint.netsnmp import fix, views
from seventh.lintkit.linted import Kind, Program

_MAX_LINES = 400
"""Lines that are read to recognise a file."""
_AGENT = re.compile(
    r"(?i)\s*(?:r[ow]community6?|r[ow]user|agentaddress|com2sec6?|sys(?:location|contact|name"
    r"|services)|master\s+agentx|agentx\w+|extend(?:fix)?|pass_persist|trap(?:2?sink|sess)"
    r"|informsink|usmuser|access\s+\S+\s+\S+\s+(?:any|v1|v2c|usm)|view\s+\S+\s+(?:in|ex)cluded"
    r"|dlmod|authtrapenable|maxgetbulk\w+|linkupdownnotifications|defaultmonitors"
    r"|iquerysecname|includealldisks|engineid(?:type|nic)?)\s"
)
_TRAPD = re.compile(
    r"(?i)\s*(?:traphandle|snmptrapdaddr|disableauthorization|donotlogtraps|ignoreauthfailure"
    r"|donotretainnotificationlogs|format[12]?\s+(?:print|syslog|execute)|forward\s+\S+\s"
    r"|auth(?:community|user)\s+\S*(?:log|execute|net)\b)"
)
_EITHER = re.compile(
    r"(?i)\s*(?:createuser|auth(?:community|user|group|access)|include(?:file|dir))\s"
)


def _count(pattern: re.Pattern[str], lines: tuple[str, ...]) -> int:
    return sum(pattern.match(f"{line} ") is not None for line in lines[:_MAX_LINES])


def _looks_agent(lines: tuple[str, ...]) -> int:
    return _count(_AGENT, lines)


def _looks_trapd(lines: tuple[str, ...]) -> int:
    return _count(_TRAPD, lines)


def _fits(lines: tuple[str, ...]) -> int:
    return _count(_AGENT, lines) + _count(_TRAPD, lines) + _count(_EITHER, lines)


KINDS = (
    Kind(
        name="snmpd.conf",
        room="snmp",
        title="net-snmp's snmpd.conf, with its includes",
        product=views.PRODUCT,
        programs=(Program(("snmpd", "-v"), r"NET-SNMP [Vv]ersion:\s+(?P<version>\d+(?:\.\d+)+)"),),
        names=("snmpd.conf", "snmpd.local.conf", "snmpd.conf.d/*.conf", "*.snmpd.conf"),
        looks=_looks_agent,
        fits=_fits,
        lint=functools.partial(views.lint, daemon="snmpd"),
        fix=fix.place,
    ),
    Kind(
        name="snmptrapd.conf",
        room="snmp",
        title="net-snmp's snmptrapd.conf, with its includes",
        product=views.PRODUCT,
        programs=(
            Program(("snmptrapd", "-v"), r"NET-SNMP [Vv]ersion:\s+(?P<version>\d+(?:\.\d+)+)"),
        ),
        names=("snmptrapd.conf", "snmptrapd.conf.d/*.conf", "*.snmptrapd.conf"),
        looks=_looks_trapd,
        fits=_fits,
        lint=functools.partial(views.lint, daemon="snmptrapd"),
        fix=fix.place,
    ),
)

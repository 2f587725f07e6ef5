"""What tests read from a report."""

from __future__ import annotations

from typing import TypeVar

from seventh.labkit.serve import Fault
from seventh.model.facts import Facts
from seventh.model.failure import Reason
from seventh.model.netfacts import NetFacts
from seventh.model.report import Report
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.net.failures import JUDGED_BY
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.rules.rule import AnyRule, Hit, Verdict
from seventh.rules.words import filled

F = TypeVar("F", bound=Facts)


def found(report: Report) -> set[str]:
    """The rules that fired."""
    return {finding.id for finding in report.findings}


def triggered(fault: Fault) -> set[str]:
    """The rules that a fault triggers, with the one for failures that have no rule of their own."""
    unjudged = fault.reason is not None and Reason(fault.reason) not in JUDGED_BY
    return {*fault.triggers, *(["NET-FAILED"] if unjudged else [])}


def evidence(rule: AnyRule, hit: Verdict) -> str:
    """What a person reads of ``hit``."""
    assert isinstance(hit, Hit), hit
    return filled(rule.words, hit.params).evidence


def facts(report: Report, kind: type[F]) -> F:
    """The report's facts of that kind; there must be some."""
    (only,) = (learnt for learnt in report.facts.values() if isinstance(learnt, kind))
    return only


def metrics(report: Report) -> dict[str, float]:
    """Each metric's value by its text form, such as ``seventh_phase_seconds{phase="connect"}``."""
    values = {sample.key: sample.value for sample in report.metrics}
    assert len(values) == len(report.metrics), "two samples of one name and labels"
    return values


def net_facts(report: Report) -> NetFacts:
    """What was learnt of names, addresses and connections."""
    return facts(report, NetFacts)


def tls_facts(report: Report) -> TlsFacts:
    """What a report says of TLS."""
    return facts(report, TlsFacts)


def http_facts(report: Report) -> HttpFacts:
    """What was learnt of a site."""
    return facts(report, HttpFacts)


def ntp_facts(report: Report) -> NtpFacts:
    """What was learnt of a time server."""
    return facts(report, NtpFacts)


def ssh_facts(report: Report) -> SshFacts:
    """What was learnt of an SSH server."""
    return facts(report, SshFacts)


def websocket_facts(report: Report) -> WebSocketFacts:
    """What was learnt of a WebSocket endpoint."""
    return facts(report, WebSocketFacts)

"""What the checks of the exchangers' servers have shown of TLS."""

from __future__ import annotations

from seventh.model.netfacts import NetFacts
from seventh.model.report import Report
from seventh.model.tlsfacts import TlsFacts
from seventh.net.probe_context import ProbeContext

_TRAITS = frozenset({"certificate", "failure"})


def smtp_reports(ctx: ProbeContext) -> dict[str, Report]:
    """Return the reports of the exchangers that were checked, by host."""
    reports = {each.target: each for each in ctx.parts if each.protocol == "smtp"}
    return {
        target.removeprefix("smtp://").rpartition(":")[0]: each for target, each in reports.items()
    }


def tls_of(report: Report | None) -> TlsFacts | None:
    """Return what was learnt of TLS, if a certificate was shown."""
    tls = report.facts.get(TlsFacts.ROOM) if report is not None else None
    return tls if isinstance(tls, TlsFacts) and tls.chain else None


def differs(report: Report | None) -> bool:
    """Return whether further addresses show another certificate, or none."""
    net = report.facts.get(NetFacts.ROOM) if report is not None else None
    return isinstance(net, NetFacts) and any(each.trait in _TRAITS for each in net.differences)

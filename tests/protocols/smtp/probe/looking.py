"""A check or a pulse of the reference server, and what tests read of its report."""

from __future__ import annotations

from typing import Any

from seventh.engine.check import check_one, pulse_one
from seventh.lab import start
from seventh.labkit.serve import Kit
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.lab import serve_setup
from seventh.protocols.smtp.lab.setup import USER, Setup
from tests.options import changed
from tests.reports import facts

USERS = Setup(scheme="submission", auth=("PLAIN", "SCRAM-SHA-256"), options={"user": USER})


async def look(setup: Setup, kit: Kit, verb: str = "check", **more: Any) -> Report:
    async with serve_setup(setup, kit) as served:
        target, options = start.job(served, Options(timeout_seconds=8.0))
        chosen = changed(options, **more)
        return await (check_one if verb == "check" else pulse_one)(target, chosen)


def smtp(report: Report) -> SmtpFacts:
    return facts(report, SmtpFacts)


def phases(report: Report) -> list[str]:
    """The phases of SMTP itself, in their order."""
    return [phase.name for phase in report.phases if phase.name.startswith(("smtp", "connect"))]


def failure(report: Report) -> tuple[Reason, str, str] | None:
    made = report.failure
    return (made.reason, made.phase, made.detail) if made is not None else None

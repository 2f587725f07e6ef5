"""Reports that are written as they come, and not kept: memory does not grow with the targets."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence

from seventh import protocols
from seventh.cli.show import deliver, document, text_of
from seventh.cli.signals import Ending
from seventh.cli.targets import Job
from seventh.engine.check import check_many
from seventh.model.severity import Status
from seventh.rules.run import Selection

FORMAT = "jsonl"


def can_stream(parsed: argparse.Namespace, jobs: Sequence[Job]) -> bool:
    """Return whether no report has to wait for another: for a host's table or a comparison."""
    if parsed.format != FORMAT or parsed.output is not None or parsed.local:
        return False
    if parsed.against is not None or parsed.baseline is not None or parsed.places is not None:
        return False
    rooms = {protocols.room_of(target.scheme).name for target, _ in jobs}
    return not any(target.of_bare_host for target, _ in jobs) and not any(
        protocols.has_part(room, "together") for room in rooms
    )


async def stream(
    jobs: Sequence[Job],
    selection: Selection,
    parallel: int,
    parsed: argparse.Namespace,
    end: Ending,
) -> tuple[set[Status], int]:
    """Check the targets and write each report; return their statuses, and how many there were."""
    stop = asyncio.Event()
    statuses: set[Status] = set()
    count = 0
    with end.in_loop(stop.set):
        async for _, report in check_many(jobs, selection, parallel=parallel, stop=stop):
            deliver(text_of(document([report]), parsed), parsed)
            statuses.add(report.status_at(parsed.fail_on))
            count += 1
    return statuses, count

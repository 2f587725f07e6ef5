"""The thresholds of a monitoring plugin: those of the rules."""

from __future__ import annotations

import pytest

from seventh.model.watched import Bounds
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.watched import WATCHED


@pytest.mark.parametrize(("rtt", "greeting"), [(None, Bounds()), (0.25, Bounds("1.25"))])
def test_bounds(rtt: float | None, greeting: Bounds) -> None:
    facts = SshFacts(rtt_seconds=rtt)
    assert {w.metric: w.bounds(facts) if w.bounds else None for w in WATCHED} == {
        "seventh_ttfb_seconds": greeting,
        "seventh_ssh_kex_seconds": None,
        "seventh_ssh_session_seconds": None,
        "seventh_ssh_exec_seconds": None,
        "seventh_ssh_read_bytes_per_second": None,
    }

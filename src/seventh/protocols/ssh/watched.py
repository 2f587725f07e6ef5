"""The metrics of an SSH server that a monitoring plugin draws."""

from __future__ import annotations

from seventh.model.watched import NO_BOUNDS, Bounds, Watched, number
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.rules.transport import SLOW_BANNER_SECONDS


def _greeting(ssh: SshFacts) -> Bounds:
    if ssh.rtt_seconds is None:
        return NO_BOUNDS
    return Bounds(number(SLOW_BANNER_SECONDS + ssh.rtt_seconds))


WATCHED = (
    Watched("seventh_ttfb_seconds", _greeting),
    Watched("seventh_ssh_kex_seconds"),
    Watched("seventh_ssh_session_seconds"),
    Watched("seventh_ssh_exec_seconds"),
    Watched("seventh_ssh_read_bytes_per_second"),
)

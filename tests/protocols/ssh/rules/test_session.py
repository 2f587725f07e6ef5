"""The whole verdict on what a login may do."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.config import SshConfigFacts
from seventh.protocols.ssh.facts.session import SessionFacts
from seventh.protocols.ssh.rules.session import fwd_open, sftp_off
from tests.verdicts import hit, told


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (SshFacts(), "skip: SFTP was not tried: it requires a login"),
        (SshFacts(session=SessionFacts()), "skip: SFTP was not tried: it requires a login"),
        (SshFacts(session=SessionFacts(sftp="works")), "pass"),
        (SshFacts(session=SessionFacts(sftp="refused")),
         "low: the server refuses the sftp subsystem"),
        (SshFacts(session=SessionFacts(sftp="broken")),
         "low: the server accepts the sftp subsystem, but no SFTP server answers"),
    ],
)  # fmt: skip
def test_sftp(facts: SshFacts, line: str) -> None:
    assert told(sftp_off, facts) == line


NOT_FORWARDED = "skip: no remote forwarding was requested: it requires a login and --allow-write"
UNSETTLED = "skip: a remote forwarding was granted, but access from other hosts was not verified"
ON_LOOPBACK = "medium: a port requested on the loopback address listens on all addresses"
ON_ALL = "medium: a port requested on 0.0.0.0 listens on all addresses"


@pytest.mark.parametrize(
    ("loopback", "everywhere", "line"),
    [
        (None, None, NOT_FORWARDED), ("loopback", None, NOT_FORWARDED),
        ("open", None, ON_LOOPBACK),  # found before the connection ended
        ("refused", "refused", "pass"),
        ("loopback", "loopback", "pass"), ("open", "refused", ON_LOOPBACK),
        ("open", "open", ON_LOOPBACK), ("loopback", "open", ON_ALL), (None, "open", ON_ALL),
        ("unsettled", "open", ON_ALL), ("unsettled", "loopback", UNSETTLED),
        ("loopback", "unsettled", UNSETTLED),
    ],
)  # fmt: skip
def test_forwarded_ports(loopback: Any, everywhere: Any, line: str) -> None:
    seen = SessionFacts(remote_forward=loopback, remote_forward_all=everywhere)
    assert told(fwd_open, SshFacts(session=seen)) == line


def test_forwarded_ports_of_a_file() -> None:
    assert told(fwd_open, SshFacts()) == NOT_FORWARDED
    assert told(fwd_open, SshFacts(config=SshConfigFacts())) == NOT_FORWARDED
    assert told(fwd_open, SshFacts(config=SshConfigFacts(open_binds=()))) == "pass"
    opened = SshFacts(config=SshConfigFacts(open_binds=("a", "b"), loopback_binds=("c", "d")))
    assert told(fwd_open, opened) == "medium: other hosts can connect: a, b"
    found = hit(fwd_open, opened)
    assert (found.settings, found.fixes) == (("open_binds",), {"openssh": ("c", "d")})

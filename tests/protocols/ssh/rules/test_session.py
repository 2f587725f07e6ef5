"""The whole verdict on what a login may do."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.config import SshConfigFacts
from seventh.protocols.ssh.facts.session import MoshFacts, RequestedForward, SessionFacts
from seventh.protocols.ssh.rules.session import fwd_open, fwd_refused, mosh_blocked, sftp_off
from tests.verdicts import fixed, hit, told


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


def requested(*results: str, kind: str = "remote") -> SshFacts:
    forwards = tuple(
        RequestedForward(text=f"{kind[0].upper()}:{number}", kind=kind, result=result)  # type: ignore[arg-type]
        for number, result in enumerate(results, 1)
    )
    return SshFacts(session=SessionFacts(forwards=forwards))


_AUTHORIZED = "# and no restrict or no-port-forwarding in authorized_keys\nAllowTcpForwarding yes"
_NARROWED = (
    "# lets other hosts connect; PermitListen limits the addresses and ports\n"
    "GatewayPorts clientspecified"
)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (SshFacts(), "skip: no forwarding of yours was tested (--forward, with --user)"),
        (requested(), "skip: no forwarding of yours was tested (--forward, with --user)"),
        (requested("granted", "granted"), "pass"),
        (requested("granted", "unsettled"), "skip: whether R:2 works was not verified"),
        (requested("unsettled", "refused", "refused"), "medium: the server refuses R:2, R:3"),
        (requested("narrowed", "port"),
         ("medium: the server refuses this port, in use or reserved for root, but not another: "
         "R:2; other hosts cannot connect, only the server itself: R:1")),
        (requested("silent", "unreachable", kind="local"),
         ("medium: the server cannot connect to the destination of L:2; granted, but no bytes "
         "pass: L:1")),
    ],
)  # fmt: skip
def test_requested_forwardings(facts: SshFacts, line: str) -> None:
    assert told(fwd_refused, facts) == line


@pytest.mark.parametrize(
    ("facts", "fix"),
    [
        (requested("refused"), f"{_AUTHORIZED}\nPermitListen any"),
        (requested("refused", kind="local"), f"{_AUTHORIZED}\nPermitOpen any"),
        (requested("refused", kind="dynamic"), f"{_AUTHORIZED}\nPermitOpen any"),
        (requested("narrowed"), _NARROWED),
        (requested("port"), "# request a port from 1024 on that is free, or 0 for any"),
        (requested("silent", "unreachable"),
         "# start the service at the destination, or correct its host and port"),
        (requested("refused", "narrowed"), f"{_AUTHORIZED}\nPermitListen any\n{_NARROWED}"),
    ],
)  # fmt: skip
def test_the_fix_is_for_what_failed(facts: SshFacts, fix: str) -> None:
    assert fixed(fwd_refused, facts, "openssh") == fix


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "skip: mosh was not looked for: it requires a login that runs commands"),
        ({"programs": {"mosh-server": None}},
         "not applicable: mosh-server is not in the PATH of commands"),
        ({"programs": {"mosh-server": "1.4.0"}},
         "skip: mosh was not tested: it requires --allow-write"),
        ({"mosh": MoshFacts(result="unsettled")},
         "skip: no datagram can be sent through a proxy or a jump host"),
        ({"mosh": MoshFacts(result="answered", port=60001)}, "pass"),
        ({"mosh": MoshFacts(result="silent", port=60001)},
         "medium: mosh-server started on UDP port 60001 and answered no datagram"),
        ({"mosh": MoshFacts(result="not-started")},
         "medium: mosh-server is installed and does not start"),
    ],
)  # fmt: skip
def test_mosh(fields: dict[str, Any], line: str) -> None:
    assert told(mosh_blocked, SshFacts(session=SessionFacts(**fields))) == line


def test_mosh_without_a_login() -> None:
    why = "skip: mosh was not looked for: it requires a login that runs commands"
    assert told(mosh_blocked, SshFacts()) == why

"""The whole verdict on what only files show, with the lines that fix it."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.source import Line
from seventh.protocols.ssh.facts import SshFacts, Startups
from seventh.protocols.ssh.facts.config import Overridden, SshConfigFacts
from seventh.protocols.ssh.rules import config as rules
from seventh.protocols.ssh.rules.login import no_keepalive
from seventh.rules.rule import AnyRule
from tests.verdicts import fixed, hit, told

NO_FILE = "skip: only a configuration file shows it; run `seventh lint FILE`"
NOT_IN_FILE = "skip: this file does not set it"
OF_FILES = (rules.agentfwd, rules.allowlist, rules.throttle, rules.nomux, rules.conf_obsolete,
            rules.conf_overridden, rules.conf_keychain)  # fmt: skip


def file(side: Any = "server", **fields: Any) -> SshFacts:
    return SshFacts(config=SshConfigFacts(side=side, **fields))


@pytest.mark.parametrize("rule", OF_FILES, ids=lambda rule: rule.id)
def test_what_no_file_decides(rule: AnyRule) -> None:
    either = NO_FILE.replace("only", "only --intrusive or")
    assert told(rule, SshFacts()) == (either if rule is rules.throttle else NO_FILE)
    assert told(rule, file()) == NOT_IN_FILE


SOME_HOSTS = "low: the agent is forwarded to every host in Host *.example.net"


@pytest.mark.parametrize(
    ("facts", "line", "fix"),
    [
        (file(agent_forwarding=False), "pass", ()),
        (file("client", agent_forwarding=False, breadth="all"), "pass", ()),
        (file("client", agent_forwarding=True, breadth="one"), "pass", ()),
        (file(agent_forwarding=True), "info: every user may forward an agent",
         ("# and yes in a Match block for users who need it", "AllowAgentForwarding no")),
        (file(agent_forwarding=True, breadth="one"), "info: every user may forward an agent",
         ("# and yes in a Match block for users who need it", "AllowAgentForwarding no")),
        (file("client", agent_forwarding=True, breadth="all"),
         "medium: the agent is forwarded to every host",
         ("# reach hosts behind a server with ProxyJump", "ForwardAgent no")),
        (file("client", agent_forwarding=True, breadth="some", scope="Host *.example.net"),
         SOME_HOSTS, ("# reach hosts behind a server with ProxyJump", "ForwardAgent no")),
    ],
)  # fmt: skip
def test_agents(facts: SshFacts, line: str, fix: tuple[str, ...]) -> None:
    assert told(rules.agentfwd, facts) == line
    if fix:
        assert hit(rules.agentfwd, facts).fixes == {"openssh": fix}


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (file(allowed=("ops",)), "pass"), (file(allowed=("ops",), scope="Match User a"), "pass"),
        (file(allowed=()), "info: neither AllowUsers nor AllowGroups is set"),
        (file(allowed=(), scope="Match User a"),
         "skip: set for the file as a whole, not in this block"),
    ],
)  # fmt: skip
def test_who_may_log_in(facts: SshFacts, line: str) -> None:
    assert told(rules.allowlist, facts) == line


PENALTIES = "PerSourcePenalties no: no address is penalised for failed logins"
GRACE = "LoginGraceTime 0: a login has no time limit"
START = "MaxStartups 101: fewer than 101 connections are never limited"
FIXES = {
    "persourcepenalties": "PerSourcePenalties yes", "maxstartups": "MaxStartups 10:30:100",
    "logingracetime": "LoginGraceTime 120",
}  # fmt: skip


@pytest.mark.parametrize(
    ("start", "penalties", "grace", "line", "settings"),
    [
        (100, "yes", 1, "pass", ()),
        (10, None, None, "pass", ()),
        (101, None, 120, f"medium: {START}", ("maxstartups",)),
        (100, "no", 120, f"medium: {PENALTIES}", ("persourcepenalties",)),
        (100, None, 0, f"medium: {GRACE}", ("logingracetime",)),
        (101, "no", 0, f"medium: {PENALTIES}; {START}; {GRACE}", tuple(FIXES)),
    ],
)
def test_limits(
    start: int, penalties: str | None, grace: int | None, line: str, settings: tuple[str, ...]
) -> None:
    facts = file(startups=(start, 30, 200), penalties=penalties, grace_seconds=grace)
    assert told(rules.throttle, facts) == line
    if settings:
        found = hit(rules.throttle, facts)
        assert found.settings == settings
        assert found.fixes == {"openssh": tuple(FIXES[name] for name in settings)}


def test_connections_that_a_server_keeps_open() -> None:
    held = "medium: 7 connections from one address are open without a login, and none was refused"
    assert told(rules.throttle, SshFacts(startups=Startups(held=7))) == held
    assert told(rules.throttle, SshFacts(startups=Startups(held=7, refusal=""))) == "pass"


@pytest.mark.parametrize("facts", [SshFacts(), file("keys")])
def test_modes_that_were_not_seen(facts: SshFacts) -> None:
    assert told(rules.authkeys_perm, facts) == (
        "skip: only files on the machine show it; run `seventh lint ~/.ssh/authorized_keys`"
    )


def test_modes() -> None:
    assert told(rules.authkeys_perm, file("keys", modes=())) == "pass"
    facts = file("keys", modes=("a: mode 0777", "b: owner x"), mode_fixes=("chmod 700 a", "chown"))
    assert told(rules.authkeys_perm, facts) == "medium: a: mode 0777, b: owner x"
    assert hit(rules.authkeys_perm, facts).fixes == {"openssh": ("chmod 700 a", "chown")}


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"jump": "b"}, NOT_IN_FILE), ({"multiplexed": False}, NOT_IN_FILE),
        ({"jump": "", "multiplexed": False}, "pass"), ({"jump": "b", "multiplexed": True}, "pass"),
        ({"jump": "b", "multiplexed": False},
         "info: every host through b: no ControlMaster and ControlPath"),
        ({"jump": "b", "multiplexed": False, "scope": "Host db"},
         "info: Host db through b: no ControlMaster and ControlPath"),
    ],
)  # fmt: skip
def test_jump_hosts(fields: dict[str, Any], line: str) -> None:
    assert told(rules.nomux, file("client", **fields)) == line


def test_directives_without_effect() -> None:
    assert told(rules.conf_obsolete, file(idle=())) == "pass"
    facts = file(idle=("Protocol", "UseLogin"))
    assert told(rules.conf_obsolete, facts) == (
        "info: Protocol: only protocol 2 is supported; UseLogin: not supported"
    )
    assert fixed(rules.conf_obsolete, facts, "openssh") == "Delete Protocol, UseLogin"


def test_overridden_lines_and_those_that_decide() -> None:
    assert told(rules.conf_overridden, file(overridden=())) == "pass"
    lines = [Line(file="c", line=number, text=f"Port {number}") for number in (1, 2, 3)]
    one, two = (Overridden(line=line, winner=lines[0]) for line in lines[1:])
    facts = file("client", overridden=(one, two))
    assert told(rules.conf_overridden, facts) == (
        "low: 2 without effect (in parentheses the line that decides): c:2 Port 2 (c:1 Port 1), "
        "c:3 Port 3 (c:1 Port 1)"
    )
    assert fixed(rules.conf_overridden, facts, "openssh") == (
        "# if it is meant to take effect, move it above the line that decides; else:\n"
        "Delete c:2 (Port 2)\nDelete c:3 (Port 3)"
    )


def test_a_directive_of_macos_alone() -> None:
    assert told(rules.conf_keychain, file("client", not_ignored=())) == "pass"
    facts = file("client", not_ignored=("UseKeychain",))
    assert told(rules.conf_keychain, facts) == (
        "low: UseKeychain is not in an IgnoreUnknown that applies to every host"
    )
    first = "# as the first line of the file\nIgnoreUnknown UseKeychain"
    assert fixed(rules.conf_keychain, facts, "openssh") == first
    facts = file("client", not_ignored=("UseKeychain",), ignore_unknown="a,b")
    there = "# in place of the IgnoreUnknown line\nIgnoreUnknown a,b,UseKeychain"
    assert fixed(rules.conf_keychain, facts, "openssh") == there


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "skip: another file or the distribution decides on ServerAliveInterval"),
        ({"alive_seconds": 0.0, "proxied_by": ""},
         "skip: whether a firewall or NAT is on the path is not in the file"),
        ({"alive_seconds": 1.0, "proxied_by": ""}, "pass"),
        ({"alive_seconds": 1.0, "proxied_by": "ProxyJump a"}, "pass"),
        ({"alive_seconds": 0.0, "proxied_by": "ProxyJump a"},
         "low: ServerAliveInterval is 0 (disabled) through ProxyJump a"),
    ],
)  # fmt: skip
def test_keepalives_of_a_client(fields: dict[str, Any], line: str) -> None:
    facts = file("client", **fields)
    assert told(no_keepalive, facts) == line
    if line.startswith("low"):
        alive = "ServerAliveInterval 30\nServerAliveCountMax 3"
        assert fixed(no_keepalive, facts, "openssh") == alive

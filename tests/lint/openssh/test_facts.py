"""Which facts the lines of an sshd_config become."""

from __future__ import annotations

import operator

import pytest

from seventh.lint.openssh import sshd
from seventh.lintkit.files import Files
from seventh.lintkit.linted import parse_software
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.rules.names import obsolete_directives

FACTS = [
    ("", "config.agent_forwarding", True),
    ("AllowAgentForwarding no", "config.agent_forwarding", False),
    ("DisableForwarding yes", "config.agent_forwarding", False),
    ("AllowUsers a\nAllowGroups b", "config.allowed", ("a", "b")),
    ("AuthenticationMethods any", "config.authentication_methods", ()),
    ("", "config.debian_banner", None),
    ("DebianBanner no", "config.debian_banner", False),
    ("LoginGraceTime 1m30s", "config.grace_seconds", 90),
    ("LoginGraceTime 0", "config.grace_seconds", 0),
    ("UseLogin no\nMACs hmac-md5\nCiphers aes256-gcm@openssh.com", "config.idle",
     ("UseLogin", "MACs")),
    ("uselogin no\nUSELOGIN no", "config.idle", ("UseLogin",)),
    ("PerSourcePenalties no", "config.penalties", "no"),
    ("MaxStartups 5", "config.startups", (5, 30, 5)),
    ("PerSourceMaxStartups 5", "config.startups_per_source", "5"),
    ("", "config.version_addendum", ""),
    ("VersionAddendum none", "config.version_addendum", ""),
    ("VersionAddendum a b", "config.version_addendum", "a b"),
    ("ClientAliveInterval 1m", "login.keepalive_seconds", 60.0),
    ("PermitEmptyPasswords yes", "login.empty_passwords", True),
    ("PermitEmptyPasswords yes\nPasswordAuthentication no", "login.empty_passwords", False),
    ("", "login.methods", ("publickey", "password")),
    ("GSSAPIAuthentication yes", "login.methods", ("publickey", "gssapi-with-mic", "password")),
    ("UsePAM yes", "login.methods", ("publickey", "password", "keyboard-interactive")),
    ("AuthenticationMethods password,publickey", "login.methods", ("password",)),
    ("AuthenticationMethods password,publickey", "login.still_wanted", ("publickey",)),
    ("AuthenticationMethods publickey:x password,hostbased", "login.methods",
     ("publickey", "password")),
    ("AuthenticationMethods publickey:x password,hostbased", "login.still_wanted", ()),
    ("PermitRootLogin yes", "login.root_methods", ("publickey", "password")),
    ("PermitRootLogin no", "login.root_methods", ()),
    ("PermitRootLogin without-password", "login.root_methods", ("publickey",)),
    ("PermitRootLogin forced-commands-only", "login.root_methods", ("publickey",)),
    ("", "session.local_forward", "allowed"),
    ("PermitOpen none", "session.local_forward", "forbidden"),
    ("AllowTcpForwarding remote", "session.local_forward", "forbidden"),
    ("AllowTcpForwarding local", "session.dynamic_forward", "allowed"),
    ("AllowTcpForwarding local", "session.remote_forward", "refused"),
    ("DisableForwarding yes", "session.remote_forward", "refused"),
    ("PermitListen none", "session.remote_forward", "refused"),
    ("AllowTcpForwarding remote", "session.remote_forward", "loopback"),
    ("", "session.remote_forward_all", "loopback"),
    ("GatewayPorts clientspecified", "session.remote_forward", "loopback"),
    ("GatewayPorts clientspecified", "session.remote_forward_all", "open"),
    ("GatewayPorts yes", "session.remote_forward", "open"),
    ("GatewayPorts yes\nPermitListen [::1]:80 localhost:81", "session.remote_forward", "loopback"),
    ("GatewayPorts yes\nPermitListen [::1]:80 localhost:81", "session.remote_forward_all",
     "refused"),
    ("GatewayPorts yes\nPermitListen 80", "session.remote_forward_all", "open"),
    ("Subsystem sftp x", "session.sftp", "works"),
    ("Subsystem backup x", "session.sftp", "refused"),
    ("", "protocol_version", "2.0"),
    ("Protocol 2", "protocol_version", "2.0"),
    ("Protocol 2,1", "protocol_version", None),
    ("", "gex_bits", None),
]  # fmt: skip


def test_every_directive_without_effect_has_its_reason() -> None:
    reasons = obsolete_directives()
    for side in ("server", "client"):
        spelled = directives.spelled(side)  # type: ignore[arg-type]
        idle = {name for name in spelled if directives.idle(side, name, (99,)) is not None}  # type: ignore[arg-type]
        assert {spelled[name] for name in idle} <= set(reasons)
        assert set(reasons) <= {*directives.spelled("server").values(),
                                *directives.spelled("client").values()}  # fmt: skip


def facts(text: str, software: str | None = None, name: str = "sshd_config") -> SshFacts:
    files = Files()
    release = None if software is None else parse_software(f"openssh={software}")
    linted = sshd.lint(files.take(name, text.encode()), files, release)
    found = linted.views[0].facts["ssh"]
    assert isinstance(found, SshFacts)
    return found


@pytest.mark.parametrize(("text", "name", "value"), FACTS)
def test_lines_become_facts(text: str, name: str, value: object) -> None:
    assert operator.attrgetter(name)(facts(text)) == value


@pytest.mark.parametrize(
    ("text", "software", "version"),
    [("Protocol 2,1", "7.3", "1.99"), ("Protocol 2,1", "7.4", "2.0"), ("Protocol 2", "7.3", "2.0")],
)
def test_the_protocol_line_counts_before_7_4(text: str, software: str, version: str) -> None:
    assert facts(text, software).protocol_version == version


@pytest.mark.parametrize(
    ("software", "strict"), [(None, None), ("9.5", None), ("9.6", True), ("10.0", True)]
)
def test_strict_key_exchange_is_certain_from_9_6_on(
    software: str | None, strict: bool | None
) -> None:
    assert facts("", software).strict_kex is strict


DROP_IN = "sshd_config.d/50-x.conf"
SET_BY_A_DROP_IN = [
    ("kexinit", "Compression no"), ("kexinit", "HostKey x"), ("kexinit", "MACs hmac-md5"),
    ("server_sig_algs", "PubkeyAcceptedAlgorithms ssh-ed25519"),
    ("config.allowed", "AllowUsers a"), ("config.allowed", "AllowGroups a"),
    ("config.agent_forwarding", "AllowAgentForwarding yes"),
    ("config.agent_forwarding", "DisableForwarding no"),
    ("config.startups", "MaxStartups 5"), ("config.startups", "PerSourcePenalties no"),
    ("config.startups", "LoginGraceTime 1"),
    ("login.root_methods", "PermitRootLogin no"),
    ("login.keepalive_seconds", "ClientAliveInterval 3"),
    ("login.empty_passwords", "PermitEmptyPasswords no"),
    ("session.local_forward", "AllowTcpForwarding no"),
    ("session.dynamic_forward", "PermitOpen none"),
    ("session.dynamic_forward", "DisableForwarding yes"),
    ("session.remote_forward", "GatewayPorts yes"),
    ("session.remote_forward_all", "GatewayPorts no"),
    ("session.sftp", "Subsystem sftp x"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "line"), SET_BY_A_DROP_IN)
def test_a_drop_in_decides_what_it_sets(name: str, line: str) -> None:
    value = operator.attrgetter(name)
    assert value(facts("UseDNS no", name=DROP_IN)) is None
    assert value(facts(line, name=DROP_IN)) == value(facts(line)) is not None


@pytest.mark.parametrize(
    ("text", "methods", "left"),
    [
        ("UseDNS no", (), {"publickey", "password", "hostbased", "MACs", "HostKeyAlgorithms"}),
        ("PasswordAuthentication yes", ("password",), {"publickey", "MACs"}),
        ("PasswordAuthentication no\nMACs hmac-md5", (), {"publickey", "Ciphers"}),
        ("AuthenticationMethods password,publickey", (), {"password"}),
        ("HostKey x", (), {"KexAlgorithms"}),
    ],
)
def test_a_drop_in_leaves_the_rest_to_the_main_file(
    text: str, methods: tuple[str, ...], left: set[str]
) -> None:
    found = facts(text, name=DROP_IN)
    assert found.config is not None
    assert found.login is not None
    assert found.login.methods == methods
    assert left <= set(found.config.left_to_others)
    written = {line.split()[0] for line in text.splitlines()}
    assert not written & set(found.config.left_to_others)
    assert ("HostKeyAlgorithms" in found.config.left_to_others) is (text != "HostKey x")

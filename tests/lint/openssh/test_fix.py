"""Where the lines of a fix go in OpenSSH's files: the first value counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.engine.fix import Fixed, fix_file
from seventh.engine.lint import Wanted
from seventh.lintkit.linted import parse_software
from seventh.lintkit.patch import Why
from seventh.rules.run import Selection


def fixed(main: Path, rule: str, text: str, version: str = "9.9") -> Fixed:
    main.write_text(text)
    software = (parse_software(f"openssh={version}"),)
    return fix_file(
        main, Wanted(software=software, selection=Selection(only=frozenset({rule}))), ()
    )


SERVER = [
    # replaced where it is, with its indentation and comment; what cannot count is deleted or stays
    ("SSH-AGENTFWD", '  AllowAgentForwarding="yes"\t# a "#" here\n',
     '  AllowAgentForwarding no\t# a "#" here\n'),
    # added at the end, or above the first block and its comment
    ("SSH-AGENTFWD", "Port 22", "Port 22\nAllowAgentForwarding no"),
    ("SSH-AGENTFWD", "Port 22\n\n# operators\n# and others\nMatch User ops\n  PermitTTY yes\n",
     ("Port 22\n\nAllowAgentForwarding no\n# operators\n# and others\nMatch User ops\n"
     "  PermitTTY yes\n")),
    # or behind the comment that shows the default
    ("SSH-NO-KEEPALIVE", "#ClientAliveInterval 0\nPort 22\n#Match User a\n#\tX11Forwarding no\n",
     ("#ClientAliveInterval 0\nClientAliveInterval 30\nPort 22\n#Match User a\n"
     "#\tX11Forwarding no\nClientAliveCountMax 3\n")),
    # in a block: its own line, else under its first line
    ("SSH-FWD-OPEN", "GatewayPorts no\nMatch Group dev\n  GatewayPorts yes\nMatch User x\n",
     "GatewayPorts no\nMatch Group dev\n  GatewayPorts no\nMatch User x\n"),
    ("SSH-NO-KEEPALIVE", "ClientAliveInterval 9\nMatch User x\n\n\tClientAliveInterval 0\n",
     ("ClientAliveInterval 9\nMatch User x\n\n\tClientAliveInterval 30\n"
     "\tClientAliveCountMax 3\n")),
    # an older name of the directive
    ("SSH-USERSIG-SHA1", "PubkeyAcceptedKeyTypes ssh-ed25519,rsa-sha2-512,ssh-rsa\n",
     "PubkeyAcceptedAlgorithms ssh-ed25519,rsa-sha2-512\n"),
    # another subsystem is no line to replace
    ("SSH-SFTP-OFF", "Subsystem logs /bin/logs\n",
     "Subsystem logs /bin/logs\nSubsystem sftp internal-sftp\n"),
    ("SSH-CONF-OBSOLETE", "Port 22\nProtocol 2\nUsePrivilegeSeparation yes\nUsePAM yes\n",
     "Port 22\nUsePAM yes\n"),
    ("SSH-THROTTLE", "MaxStartups 1000\r\nLoginGraceTime 0\r\n",
     "MaxStartups 10:30:100\r\nLoginGraceTime 120\r\n"),
]  # fmt: skip
CLIENT = [
    ("SSH-AGENTFWD", "Host a.* # all\n  ForwardAgent yes # jump\n",
     "Host a.* # all\n  ForwardAgent no # jump\n"),
    ("SSH-NOMUX", "Host inner\n  ProxyJump b\n\nHost *\n  User x\n",
     ("Host inner\n  ControlMaster auto\n  ControlPath ~/.ssh/cm-%r@%h:%p\n  ControlPersist 5m\n"
     "  ProxyJump b\n\nHost *\n  User x\n")),
    ("SSH-CONF-KEYCHAIN", "UseKeychain yes\nIgnoreUnknown UseKeychain\n",
     "IgnoreUnknown UseKeychain\nUseKeychain yes\n"),
    # several lines of one directive keep their number
    ("SSH-FWD-OPEN", "LocalForward *:80 a:80\nLocalForward 0.0.0.0:81 a:81\nLocalForward 82 a:82\n",
     "LocalForward localhost:80 a:80\nLocalForward localhost:81 a:81\nLocalForward 82 a:82\n"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "before", "after"), SERVER)
def test_sshd_config(rule: str, before: str, after: str, tmp_path: Path) -> None:
    made = fixed(tmp_path / "sshd_config", rule, before)
    assert made.unfixed == ()
    assert [change.after.decode() for change in made.changes] == [after]


@pytest.mark.parametrize(("rule", "before", "after"), CLIENT)
def test_ssh_config(rule: str, before: str, after: str, tmp_path: Path) -> None:
    made = fixed(tmp_path / "ssh_config", rule, before)
    assert made.unfixed == ()
    assert [change.after.decode() for change in made.changes] == [after]


def test_a_line_of_a_drop_in(tmp_path: Path) -> None:
    drop_in = tmp_path / "sshd_config.d" / "a.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("AllowAgentForwarding yes\n")
    text = "Include sshd_config.d/*.conf\nAllowAgentForwarding yes\n"
    made = fixed(tmp_path / "sshd_config", "SSH-AGENTFWD", text)
    assert [(change.path, change.after) for change in made.changes] == [
        (drop_in.resolve(), b"AllowAgentForwarding no\n")
    ]


def test_commands_are_left_to_a_person(tmp_path: Path) -> None:
    made = fixed(tmp_path / "sshd_config", "SSH-HOSTKEY-NOED25519", "HostKey /etc/ssh/x_rsa_key\n")
    assert [one.why for one in made.unfixed] == [Why.NOT_LINES]
    assert made.changes == ()

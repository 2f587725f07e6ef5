"""Refused logins by cause, from lines of OpenSSH 7 to 10."""

from __future__ import annotations

import pytest

from seventh.localkit.seen import Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.ssh.facts.local import LoginCause, RefusedLogins
from seventh.protocols.ssh.local.logins import refused

HEAD = "2026-03-01T10:00:00+0000 web1 sshd[7]: "


def read(*messages: str) -> tuple[RefusedLogins, ...]:
    text = "".join(f"{HEAD}{message}\n" for message in messages)
    found = refused(Seen(outputs={"journalctl": text}))
    assert found is not None
    assert found[:2] == ("journalctl", "2026-03-01T10:00:00+0000")
    return found[2]


@pytest.mark.parametrize(
    ("message", "cause", "addresses", "about"),
    [
        ("Invalid user hunter2 from 192.0.2.7 port 4022", "no-such-user", 1, ()),
        ("Invalid user  from 192.0.2.7 port 4022", "no-such-user", 1, ()),
        ("Failed password for ops from 192.0.2.7 port 1 ssh2", "wrong-password", 1, ("ops",)),
        (
            "Failed keyboard-interactive/pam for ops from 2001:db8::1 port 1 ssh2",
            "wrong-password",
            1,
            ("ops",),
        ),
        (
            "Failed publickey for ops from 192.0.2.7 port 1 ssh2: RSA SHA256:x",
            "key-not-authorized",
            1,
            ("ops",),
        ),
        (
            "Authentication refused: bad ownership or modes for directory /home/o p/.ssh",
            "key-file-modes",
            0,
            ("/home/o p/.ssh",),
        ),
        (
            "Authentication refused: bad ownership or modes for file /home/ops/.ssh/k [preauth]",
            "key-file-modes",
            0,
            ("/home/ops/.ssh/k",),
        ),
        (
            "userauth_pubkey: signature algorithm ssh-rsa not in PubkeyAcceptedAlgorithms",
            "key-algorithm-not-accepted",
            0,
            ("ssh-rsa",),
        ),
        (
            "userauth_pubkey: key type ssh-dss not in PubkeyAcceptedKeyTypes [preauth]",
            "key-algorithm-not-accepted",
            0,
            ("ssh-dss",),
        ),
        (
            "error: Authentication key ED25519 SHA256:x revoked by file /etc/ssh/revoked",
            "key-revoked",
            0,
            (),
        ),
        (
            "error: Certificate invalid: expired",
            "certificate-invalid",
            0,
            ("Certificate invalid: expired",),
        ),
        ("User ops not allowed because account is locked", "account-locked", 0, ("ops",)),
        (
            "User ops not allowed because shell /bin/zsh does not exist",
            "shell-unusable",
            0,
            ("/bin/zsh",),
        ),
        (
            "User root from 192.0.2.7 not allowed because not listed in AllowUsers",
            "not-allowed",
            1,
            ("root",),
        ),
        (
            "User ops from 192.0.2.7 not allowed because not in any group",
            "not-allowed",
            1,
            ("ops",),
        ),
        ("ROOT LOGIN REFUSED FROM 192.0.2.7 port 1", "root-not-allowed", 1, ()),
        (
            "fatal: Access denied for user ops by PAM account configuration [preauth]",
            "pam",
            0,
            ("ops",),
        ),
        (
            "error: maximum authentication attempts exceeded for x from 192.0.2.7 port 1",
            "too-many-tries",
            1,
            (),
        ),
        (
            "Timeout before authentication for connection from 192.0.2.7 to 192.0.2.1, pid = 1",
            "login-grace-time",
            1,
            (),
        ),
        (
            "fatal: Timeout before authentication for 192.0.2.7 port 1",
            "login-grace-time",
            1,
            (),
        ),
        (
            "Unable to negotiate with 192.0.2.7 port 1: no matching host key type found. Their",
            "no-common-algorithm",
            1,
            ("host key type",),
        ),
        (
            "drop connection #0 from [192.0.2.7]:1 on [192.0.2.1]:22 penalty: x",
            "address-penalised",
            1,
            (),
        ),
        (
            "drop connection #10 from [192.0.2.7]:1 on [192.0.2.1]:22 past MaxStartups",
            "too-many-connections",
            1,
            (),
        ),
    ],
)
def test_a_line(message: str, cause: str, addresses: int, about: tuple[str, ...]) -> None:
    expected = RefusedLogins(cause=LoginCause(cause), count=1, addresses=addresses, about=about)
    assert read(message) == (expected,)


@pytest.mark.parametrize(
    "message",
    [
        "Failed password for invalid user hunter2 from 192.0.2.7 port 1 ssh2",
        "Failed publickey for invalid user hunter2 from 192.0.2.7 port 1 ssh2: RSA SHA256:x",
        "Accepted publickey for ops from 192.0.2.7 port 1 ssh2: ED25519 SHA256:x",
        "Connection closed by 192.0.2.7 port 1",
        "Disconnected: Invalid user x from 192.0.2.7",
    ],
)
def test_a_line_that_counts_not_or_was_counted_before(message: str) -> None:
    assert read(message) == ()


def test_counts() -> None:
    failed = "Failed password for ops from 192.0.2.{} port 1 ssh2"
    found = read(
        *(f"Failed password for u{n} from 192.0.2.1 port 1 ssh2" for n in range(9)),
        f"message repeated 3 times: [ {failed.format(2)}]",
        "Invalid user x from 192.0.2.2 port 1",
        "ROOT LOGIN REFUSED FROM 192.0.2.7 port 1",
    )
    assert [(each.cause.value, each.count, each.addresses) for each in found] == [
        ("wrong-password", 12, 2), ("no-such-user", 1, 1), ("root-not-allowed", 1, 1),
    ]  # fmt: skip
    assert found[0].about == tuple(f"u{n}" for n in range(8))


def test_a_ban_is_fail2bans() -> None:
    line = "2026-03-01T10:00:00+0000 web1 fail2ban.actions[9]: NOTICE [sshd] Ban 192.0.2.7\n"
    assert refused(Seen(outputs={"journalctl": line})) == (
        "journalctl", "2026-03-01T10:00:00+0000",
        (RefusedLogins(cause=LoginCause.BANNED, count=1, addresses=1),),
    )  # fmt: skip


@pytest.mark.parametrize("program", ["sshd", "sshd-session", "sshd-auth"])
@pytest.mark.parametrize("path", ["/var/log/auth.log", "/var/log/secure"])
def test_a_file_of_syslog(path: str, program: str) -> None:
    text = (
        f"t of a line that was cut {program}[1]: Invalid user x from 192.0.2.9 port 1\n"
        "Mar  1 09:00:00 web1 sudo: ops: Invalid user x from 192.0.2.9 port 1\n"
        f"Mar  1 10:00:00 web1 {program}[7]: Invalid user x from 192.0.2.7 port 1\n"
    )
    empty = "-- No entries --\n"
    seen = Seen(outputs={"journalctl": empty}, files={path: {path: text}})
    assert refused(seen) == (
        path, "Mar  1 10:00:00",
        (RefusedLogins(cause=LoginCause.NO_SUCH_USER, count=1, addresses=1),),
    )  # fmt: skip


def test_no_log_is_unknown_and_a_quiet_one_is_not() -> None:
    assert refused(Seen()) is None
    assert refused(Seen(outputs={"journalctl": ""})) is None
    denied = Unread(name="/var/log/auth.log", cause=Cause.NOT_PERMITTED)
    assert refused(Seen(files={"/var/log/auth.log": {"/var/log/auth.log": denied}})) is None
    assert read("Server listening on 0.0.0.0 port 22.") == ()

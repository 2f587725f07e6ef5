"""The sshd that listens, its options, and what ``sshd -T`` and ``sshd -V`` print."""

from __future__ import annotations

import pytest

from seventh.localkit.area import Printed
from seventh.localkit.seen import Process, Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.ssh.local import daemon

TITLE = "sshd: /usr/sbin/sshd -D -f /etc/ssh/other [listener] 0 of 10-100 startups"


def sshd(*arguments: str, pid: int = 7, user_id: int | None = 0, program: str = "") -> Process:
    return Process(name="sshd", pid=pid, arguments=arguments, user_id=user_id, program=program)


def test_the_listener_is_roots() -> None:
    own = sshd("/usr/sbin/sshd", "-p", "2222", pid=3, user_id=1000)
    session = sshd("sshd: ops [priv]", pid=4)
    assert daemon.listener((session,)) is None
    assert daemon.listener((own, session)) == (own, ("/usr/sbin/sshd", "-p", "2222"))
    root = sshd(TITLE, pid=5)
    words = ("/usr/sbin/sshd", "-D", "-f", "/etc/ssh/other")
    assert daemon.listener((own, session, sshd(TITLE, pid=9), root)) == (root, words)
    assert daemon.listener(Unread(name="/proc", cause=Cause.NOT_PERMITTED)) is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((TITLE,), ("-f", "/etc/ssh/other")),
        (("/usr/sbin/sshd", "-D"), ()),
        (("/usr/sbin/sshd", "-f/x", "-oPort=22", "-e"), ("-f/x", "-oPort=22")),
        (
            ("/usr/sbin/sshd", "-h", "/k", "-p", "22", "-c", "/c"),
            ("-h", "/k", "-p", "22", "-c", "/c"),
        ),
        (("/usr/sbin/sshd", "-o", "UsePAM=no", "-D"), ("-o", "UsePAM=no")),
        (("sshd: /usr/sbin/sshd -o Port 22 -f /x [listener] 0 of",), ("-f", "/x")),
    ],
)
def test_options_that_decide_the_settings(
    arguments: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert daemon.options((sshd(*arguments),)) == expected


@pytest.mark.parametrize("user_id", [1000, None])
def test_options_of_another_user_are_not_passed_on(user_id: int | None) -> None:
    assert daemon.options((sshd(TITLE, user_id=user_id),)) == ()
    assert daemon.options(()) == ()


@pytest.mark.parametrize(
    ("program", "expected"),
    [("/usr/sbin/sshd", False), ("/usr/sbin/sshd (deleted)", True), ("", None)],
)
def test_a_replaced_program(program: str, expected: bool | None) -> None:
    assert daemon.is_replaced(sshd(TITLE, program=program)) is expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.11\n", ("OpenSSH_9.2p1", (9, 2))),
        ("unknown option -- V\nOpenSSH_7.4p1, OpenSSL 1.0.2k\n", ("OpenSSH_7.4p1", (7, 4))),
        ("what\n", ("", ())),
    ],
)
def test_the_version(said: str, expected: tuple[str, tuple[int, ...]]) -> None:
    assert daemon.version(Seen(outputs={"sshd -V": said})) == expected
    assert daemon.version(Seen()) == ("", ())


def test_what_is_printed() -> None:
    text = "port 22\nhostkey /etc/ssh/keys/rsa\nhostkey /etc/ssh/keys/ed25519\n"
    seen = Seen(outputs={"sshd -T": text, "sshd -V": "OpenSSH_9.2p1\n"})
    assert daemon.printed(seen) == (
        Printed(
            name="sshd -T", text=text, product="openssh", kind="sshd-T", folder="/etc/ssh/keys",
            version=(9, 2),
        ),
    )  # fmt: skip
    (without,) = daemon.printed(Seen(outputs={"sshd -T": "port 22\n"}))
    assert (without.folder, without.version) == ("/etc/ssh", ())
    assert daemon.printed(Seen()) == ()
    assert daemon.setting(seen, "port") == ("22",)
    assert daemon.setting(seen, "hostkeys") == ()

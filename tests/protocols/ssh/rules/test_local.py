"""The rules about an sshd that is older than its file, and about refused logins."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.model.localfacts import Cause, Unread
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.certificates import SshCertificate
from seventh.protocols.ssh.facts.local import LoginCause, RefusedLogins, SshLocalFacts
from seventh.protocols.ssh.rules.certificates import hostcert
from seventh.protocols.ssh.rules.local import login_refused, restart
from seventh.rules.rule import Hit
from tests.verdicts import fixed, told

PROCESSES = "/proc/*/{comm,stat,status,cmdline,cgroup}"
ELSEWHERE = "skip: visible only on the machine itself: run `seventh local ssh` there"


def local(**fields: Any) -> SshFacts:
    return SshFacts(local=SshLocalFacts(**fields))


def causes(*found: LoginCause) -> SshFacts:
    refused = tuple(RefusedLogins(cause=cause, count=2) for cause in found)
    return local(refused_logins=refused, log="journalctl", log_since="now")


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (SshFacts(), ELSEWHERE),
        (
            local(unread=(Unread(name=PROCESSES, cause=Cause.FAILED),)),
            f"skip: {PROCESSES}: failed",
        ),
        (local(running=False), "not applicable: no sshd is running"),
        (local(running=True), "skip: the program of sshd may not be read (run it as root)"),
        (local(running=True, replaced=False), "pass"),
        (
            local(running=True, replaced=True, pid=7),
            "medium: the program file of sshd (PID 7) was replaced or removed after it was started",
        ),
    ],
)
def test_restart(facts: SshFacts, verdict: str) -> None:
    assert told(restart, facts) == verdict


@pytest.mark.parametrize(
    ("unit", "command"), [("sshd.service", "systemctl restart sshd.service"), ("", "kill -HUP 7")]
)
def test_how_to_restart(unit: str, command: str) -> None:
    facts = local(running=True, replaced=True, pid=7, unit=unit)
    told_how = "   # open sessions stay; log in once before you leave"
    assert fixed(restart, facts, "openssh") == command + told_how


OWN = {
    LoginCause.KEY_MODES: "medium", LoginCause.KEY_ALGORITHM: "low", LoginCause.CERTIFICATE: "low",
    LoginCause.SHELL: "low", LoginCause.PAM: "low", LoginCause.STARTUPS: "low",
}  # fmt: skip


@pytest.mark.parametrize("cause", list(LoginCause))
def test_a_cause_has_its_severity_and_its_hint(cause: LoginCause) -> None:
    facts = causes(cause)
    severity = OWN.get(cause, "info")
    assert told(login_refused, facts) == f"{severity}: since now, in journalctl: {cause.value} 2"
    lines = fixed(login_refused, facts, "openssh").splitlines()
    if cause is LoginCause.KEY_MODES:
        assert lines == []
    else:
        (line,) = lines
        assert line.startswith(f"# {cause.value}: ")


def test_the_worst_cause_counts() -> None:
    facts = causes(LoginCause.WRONG_PASSWORD, LoginCause.PAM, LoginCause.KEY_MODES)
    expected = "medium: since now, in journalctl: key-file-modes 2, pam 2, wrong-password 2"
    assert told(login_refused, facts) == expected


def test_paths_are_quoted() -> None:
    refused = RefusedLogins(cause=LoginCause.KEY_MODES, count=1, about=("/a", "/b c"))
    facts = local(refused_logins=(refused,), log="l", log_since="t")
    assert told(login_refused, facts) == "medium: since t, in l: key-file-modes 1 (/a, /b c)"
    note = "   # its owner must be the user or root"
    expected = f"chmod go-w /a{note}\nchmod go-w '/b c'{note}"
    assert fixed(login_refused, facts, "openssh") == expected


def test_without_refused_logins() -> None:
    assert told(login_refused, SshFacts()) == ELSEWHERE
    assert told(login_refused, local(refused_logins=())) == "pass"
    unread = (
        Unread(name="/var/log/secure", cause=Cause.NOT_FOUND),
        Unread(name="journalctl", cause=Cause.NOT_INSTALLED),
    )
    expected = "skip: journalctl: not installed; /var/log/secure: no such file"
    assert told(login_refused, local(unread=unread)) == expected


GOOD = SshCertificate(
    kind="host", key="ssh-ed25519 SHA256:x", source="/etc/ssh/a-cert.pub", principals=("web1",),
    days_left=7.0, lifetime_days=364.0,
)  # fmt: skip
FILE = "/etc/ssh/b-cert.pub"
OF_ONE = "certificate of ssh-ed25519 SHA256:x (/etc/ssh/a-cert.pub): "


def certified(*found: SshCertificate, **fields: Any) -> SshFacts:
    files = {"certificate_files": ("/etc/ssh/a-cert.pub",)}
    return SshFacts(host_certificates=found, local=SshLocalFacts(**{**files, **fields}))


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (certified(GOOD), "pass"),
        (certified(replace(GOOD, days_left=6.9)),
         f"medium: {OF_ONE}expires on "),
        (certified(replace(GOOD, faults=("other-key",))),
         f"high: {OF_ONE}it is of none of the server's host keys"),
        (certified(certificate_files=None), "skip: sshd -T: nothing was found"),
        (certified(certificate_files=()), "not applicable: sshd has no host certificate"),
        (certified(GOOD, certificate_files=("/etc/ssh/a-cert.pub", FILE),
                   unread=(Unread(name=FILE, cause=Cause.NOT_FOUND),)),
         f"skip: {FILE}: no such file"),
        (certified(replace(GOOD, faults=("unverified",), authority="ssh-x SHA256:y")),
         "skip: the CA's key type is not supported here: ssh-x SHA256:y"),
    ],
)  # fmt: skip
def test_host_certificates_in_files(facts: SshFacts, verdict: str) -> None:
    assert told(hostcert, facts) == verdict


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "-I HOST -n web1 -V +52w /etc/ssh/a.pub"),
        ({"key_id": "a b", "principals": ()}, "-I 'a b' -n HOST -V +52w /etc/ssh/a.pub"),
        ({"principals": ("a", "*.b")}, "-I HOST -n 'a,*.b' -V +52w /etc/ssh/a.pub"),
    ],
)
def test_the_line_that_signs_again(changes: dict[str, Any], words: str) -> None:
    facts = certified(replace(GOOD, faults=("expired",), **changes))
    assert fixed(hostcert, facts, "openssh").splitlines() == [
        "# with the CA's key, and each name that clients use after -n; then restart sshd",
        f"ssh-keygen -s host_ca -h {words}",
    ]


@pytest.mark.parametrize("source", ["", "/etc/ssh/certificate"])
def test_a_certificate_without_a_key_beside_it_has_the_general_fix(source: str) -> None:
    hit = hostcert(certified(replace(GOOD, faults=("expired",), source=source)))
    assert isinstance(hit, Hit)
    assert hit.fixes == {}

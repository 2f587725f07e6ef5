"""Configurations that programs print, judged by linters as a part of a look."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.engine.bundle import _ours
from seventh.engine.local import Wanted, look
from seventh.engine.printed import judge_printed
from seventh.localkit.area import Printed
from seventh.localkit.machine import Machine
from seventh.model.localfacts import Cause, LocalFacts, Unread
from seventh.model.report import Report
from seventh.protocols.ssh.facts import SshFacts
from seventh.rules.run import Selection
from tests.localkit.test_processes import process

SETTINGS = """\
port 22
maxstartups {}
persourcepenalties no
logingracetime 120
listenaddress 0.0.0.0:22
hostkey /etc/ssh/ssh_host_ed25519_key
strictmodes yes
authorizedkeysfile .ssh/authorized_keys
"""


def machine(root: Path, settings: str, *, key_mode: int | None = None) -> Machine:
    process(root, 1, "systemd")
    process(root, 7, "sshd", cmdline="/usr/sbin/sshd\0-D\0")
    for folder in ("bin", "etc/ssh"):
        (root / folder).mkdir(parents=True)
    (root / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (root / "settings").write_text(settings)
    sshd = root / "bin" / "sshd"
    sshd.write_text(f"#!/bin/sh\n[ $1 = -T ] && exec cat {root}/settings\necho OpenSSH_9.9p1 >&2\n")
    sshd.chmod(0o755)
    if key_mode is not None:
        key = root / "etc" / "ssh" / "ssh_host_ed25519_key"
        key.touch()
        key.chmod(key_mode)
    return Machine(root=root, path=(str(root / "bin"), "/bin", "/usr/bin"))


async def seen(here: Machine, **selection: frozenset[str]) -> Report:
    return await look(Wanted(areas=("ssh",), selection=Selection(**selection)), here)


async def test_a_line_that_is_printed_is_evidence(tmp_path: Path) -> None:
    report = await seen(machine(tmp_path, SETTINGS.format("1000:30:1000")))
    (finding,) = (each for each in report.findings if each.id == "SSH-THROTTLE")
    assert [str(line) for line in finding.source] == [
        "sshd -T:3: persourcepenalties no", "sshd -T:2: maxstartups 1000:30:1000",
    ]  # fmt: skip
    assert finding.product == "openssh"
    ssh = report.facts["ssh"]
    assert isinstance(ssh, SshFacts)
    assert ssh.local is not None
    assert ssh.local.installed == "OpenSSH_9.9p1"


@pytest.mark.parametrize(
    ("key_mode", "where"), [(0o600, "passed"), (None, "passed"), (0o644, "findings")]
)
async def test_host_keys_and_key_files_are_one_verdict(
    tmp_path: Path, key_mode: int | None, where: str
) -> None:
    report = await seen(machine(tmp_path, SETTINGS.format("10:30:100"), key_mode=key_mode))
    assert verdict(report, "SSH-AUTHKEYS-PERM") == [where]


async def test_what_one_could_not_judge_is_not_passed_by_the_other(tmp_path: Path) -> None:
    settings = SETTINGS.format("10:30:100").replace(".ssh/authorized_keys", "/etc/keys/%u")
    report = await seen(machine(tmp_path, settings, key_mode=0o600))
    assert verdict(report, "SSH-AUTHKEYS-PERM") == ["skipped"]


def verdict(report: Report, rule: str) -> list[str]:
    """In which lists of the report a rule is."""
    lists = {
        "findings": [each.id for each in report.findings],
        "skipped": [each.id for each in report.skipped],
        "passed": report.passed,
    }
    return [name for name, ids in lists.items() if rule in ids]


async def test_a_selection_holds_for_both(tmp_path: Path) -> None:
    report = await seen(
        machine(tmp_path, SETTINGS.format("10:30:100")), only=frozenset({"SSH-RESTART"})
    )
    assert (len(report.findings), len(report.skipped), report.passed) == (0, 1, ())


async def test_what_the_linter_does_not_understand_is_unread(tmp_path: Path) -> None:
    report = await seen(machine(tmp_path, "nonsense yes\nother no\n"))
    local = report.facts["local"]
    assert isinstance(local, LocalFacts)
    (unread,) = (each for each in local.unread if each.name == "sshd -T")
    assert unread.cause is Cause.UNEXPECTED
    assert "nonsense" in unread.detail
    assert unread.detail.endswith(" (and 1 more)")


def test_one_problem_is_named_alone(tmp_path: Path) -> None:
    printed = Printed(name="sshd -T", text="nonsense yes\n", product="openssh", kind="sshd-T")
    _, unread = judge_printed(printed, Machine(root=tmp_path), Selection())
    assert isinstance(unread, Unread)
    assert not unread.detail.endswith("more)")


def test_the_linters_of_a_look_go_to_other_machines() -> None:
    def sent(*linters: str) -> set[str]:
        names = {name for name, _ in _ours(("ssh",), linters)}
        return {name.split("/")[2] for name in names if name.startswith("seventh/lint/")}

    assert sent("openssh") == {"__init__.py", "openssh"}
    assert sent() == {"__init__.py"}

"""The key files of all users of a machine, and what the rules say of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seventh.localkit.machine import Machine
from seventh.localkit.seen import Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.ssh.client.config.modes import WrongMode
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.local import keys, learn
from seventh.protocols.ssh.local.keys import KeyFile, KeyFiles
from seventh.protocols.ssh.rules.config import authkeys_perm
from tests.verdicts import fixed, told

ME = os.geteuid()


def home(root: Path, name: str, mode: int = 0o600) -> None:
    folder = root / "home" / name / ".ssh"
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    folder.parent.chmod(0o755)
    file = folder / "authorized_keys"
    file.touch()
    file.chmod(mode)


def passwd(root: Path, *lines: str, mounts: str = "") -> Machine:
    for path, text in (("etc/passwd", "\n".join(lines)), ("proc/self/mounts", mounts)):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{text}\n")
    return Machine(root=root)


def test_every_user_with_a_shell(tmp_path: Path) -> None:
    for name in ("good", "bad", "service"):
        home(tmp_path, name, 0o600 if name == "good" else 0o666)
    machine = passwd(
        tmp_path, f"good:x:{ME}:1::/home/good:/bin/sh", f"bad:x:{ME}:1::/home/bad:",
        f"service:x:{ME}:1::/home/service:/usr/sbin/nologin", f"again:x:{ME}:1::/home/bad:/bin/sh",
        f"none:x:{ME}:1::/nonexistent:/bin/sh", "", "# broken", "x:y",
        "z:x:no:1::/home/bad:/bin/sh",
    )  # fmt: skip
    path = "/home/bad/.ssh/authorized_keys"
    name = ".ssh/authorized_keys"
    assert keys.look(machine) == KeyFiles(
        (
            KeyFile("good", name, ()),
            KeyFile("bad", name, (WrongMode(f"{path}: mode 0666", f"chmod 600 {path}"),)),
        ),
        (),
    )


def test_the_owner_is_the_user_of_passwd(tmp_path: Path) -> None:
    home(tmp_path, "ops")
    found = keys.look(passwd(tmp_path, "ops:x:4242:1::/home/ops:/bin/sh"))
    assert isinstance(found, KeyFiles)
    wrong = [each.fix for file in found.found for each in file.wrong]
    path = "/home/ops"
    expected = [f"chown 4242 {p}" for p in (f"{path}/.ssh/authorized_keys", f"{path}/.ssh", path)]
    assert wrong == ([] if ME == 0 else expected)  # root's files are trusted


MOUNTS = "/dev/sda1 / ext4 rw 0 0\nfiler:/h /home{} {} rw 0 0\n/dev/sdb /home/local ext4 rw 0 0\n"


@pytest.mark.parametrize(
    ("mounts", "not_seen"),
    [
        (MOUNTS.format("", "nfs4"), ("ops",)),
        (MOUNTS.format("/ops", "fuse.sshfs"), ("ops",)),
        (MOUNTS.format("", "nfs") + "/dev/sdc /home xfs rw 0 0\n", ()),
        (MOUNTS.format("", "ext4"), ()),
        (MOUNTS.format("/op", "nfs"), ()),
        (MOUNTS.format(r"/o\040ps", "nfs"), ()),
        ("broken\n", ()),
    ],
)
def test_network_file_systems_are_not_touched(
    tmp_path: Path, mounts: str, not_seen: tuple[str, ...]
) -> None:
    lines = (f"ops:x:{ME}:1::/home/ops:/bin/sh", f"local:x:{ME}:1::/home/local:/bin/sh")
    found = keys.look(passwd(tmp_path, *lines, mounts=mounts))
    assert found == KeyFiles((), not_seen)


def test_without_passwd(tmp_path: Path) -> None:
    expected = Unread(name="/etc/passwd", cause=Cause.NOT_FOUND)
    assert keys.look(Machine(root=tmp_path)) == expected


WRONG = WrongMode("/home/ops: mode 0777", "chmod go-w /home/ops")


def judged(
    *files: KeyFile, not_seen: tuple[str, ...] = (), named: str = ".ssh/authorized_keys",
    strict: str = "yes",
) -> SshFacts:  # fmt: skip
    settings = f"strictmodes {strict}\nauthorizedkeysfile {named}\n"
    calls = {keys.NAME: KeyFiles(files, not_seen)}
    return learn(SshFacts(), Seen(outputs={"sshd -T": settings}, calls=calls), None)


BAD, GOOD = KeyFile("ops", ".ssh/authorized_keys", (WRONG,)), KeyFile("web", "x", ())
SECOND = KeyFile("ops", ".ssh/authorized_keys2", (WRONG,))


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (judged(GOOD), "pass"),
        (judged(BAD, SECOND), "medium: /home/ops: mode 0777"),
        (judged(BAD, not_seen=("web",)), "medium: /home/ops: mode 0777"),
        (judged(GOOD, not_seen=("web",)), "skip: the folders of web could not be looked at"),
        (
            judged(not_seen=("a", "b", "c")),
            "skip: the folders of a and 2 more could not be looked at",
        ),
        (judged(SECOND), "pass"),
        (judged(SECOND, named="%h/.ssh/authorized_keys2"), "medium: /home/ops: mode 0777"),
        (
            judged(BAD, named="/etc/keys/%u"),
            "skip: AuthorizedKeysFile /etc/keys/%u is not looked at",
        ),
        (judged(BAD, strict="no"), "skip: StrictModes no: sshd checks no modes"),
    ],
)
def test_the_rule(facts: SshFacts, verdict: str) -> None:
    assert told(authkeys_perm, facts) == verdict


def test_the_fix() -> None:
    assert fixed(authkeys_perm, judged(BAD, SECOND), "openssh") == "chmod go-w /home/ops"
    local = judged(BAD, SECOND, GOOD).local
    assert local is not None
    assert local.users_with_keys == 1

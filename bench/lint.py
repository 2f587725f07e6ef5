"""Lint: many configuration files in one run, against the programs' own readers, one file each."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.measure import Ran, figure, in_turn, ratio, run_process, spread
from bench.peers import need
from bench.table import Table

_SSHD = """\
Port {port}
HostKey {folder}/ssh_host_ed25519_key
KexAlgorithms curve25519-sha256,diffie-hellman-group14-sha1
Ciphers +aes128-cbc
PermitRootLogin {root}
AllowUsers ops{number} deploy
ClientAliveInterval {alive}
Subsystem sftp internal-sftp
Match User guest{number} Address 192.0.2.0/24
    PasswordAuthentication yes
    X11Forwarding no
"""
_CHRONY = """\
pool time{number}.example.org iburst maxsources 4
server ntp{number}.example.net key {number}
driftfile /var/lib/chrony/drift
makestep 0.1 3
allow 192.0.2.0/24
"""


def run(folder: Path, quick: bool) -> list[Table]:
    seventh, sshd, chronyd = need("seventh"), need("sshd"), need("chronyd")
    count = 100 if quick else 1000
    rounds = 2 if quick else 5
    _key(folder)
    _write(folder, count)
    script = folder / "own.sh"
    script.write_text(
        f"for f in {folder}/sshd/*; do {sshd} -T -f $f >/dev/null 2>&1; done\n"
        f"for f in {folder}/chrony/*; do {chronyd} -p -f $f >/dev/null 2>&1; done\n"
    )
    lint = [seventh, "lint", str(folder / "sshd"), str(folder / "chrony"), "--format", "json",
            "--software", "openssh=9.2", "--software", "chrony=4.3"]  # fmt: skip
    sides = (
        lambda: _linted(lint, folder, count),
        lambda: run_process(["sh", str(script)], folder),
    )
    ours, theirs = in_turn(rounds, *sides)
    table = Table(
        f"Lint of {count:,} files: {count // 2} sshd_config, {count - count // 2} chrony.conf",
        ("command", "wall, s", "CPU, s", "CPU per file, ms", "CPU, ratio"),
        notes=(
            f"Median of {rounds} runs in turn; each of the programs is started {count // 2} times.",
            "`sshd -T` and `chronyd -p` print what is effective and judge nothing.",
        ),
    )
    for name, runs in (("seventh lint", ours), ("sshd -T, chronyd -p, one by one", theirs)):
        cpu = [r.cpu for r in runs]
        table.add(
            name,
            figure(spread([r.wall for r in runs]).median),
            figure(spread(cpu).median),
            figure(spread(cpu).median / count, 1e3),
            ratio(cpu, [r.cpu for r in theirs]).text(),
        )
    return [table]


def _key(folder: Path) -> None:
    name = f"{folder}/ssh_host_ed25519_key"
    ran = run_process([need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", name], folder)
    assert ran.code == 0


def _write(folder: Path, count: int) -> None:
    for name in ("sshd", "chrony"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
    for number in range(count):
        values = {
            "number": number, "port": 1024 + number, "folder": folder,
            "root": ("yes", "no", "prohibit-password")[number % 3], "alive": number % 2 * 30,
        }  # fmt: skip
        if number % 2:
            path = folder / "sshd" / f"sshd_config_{number}"
            path.write_text(_SSHD.format(**values))
        else:
            path = folder / "chrony" / f"chrony-{number}.conf"
            path.write_text(_CHRONY.format(**values))


def _linted(command: list[str], folder: Path, count: int) -> Ran:
    ran = run_process(command, folder)
    judged = ran.stdout.count(b'"target":')
    if ran.code not in {0, 1, 2} or judged != count:
        raise RuntimeError(f"exit {ran.code}, {judged} files judged of {count}")
    return ran

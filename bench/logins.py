"""OpenSSH servers that let this user in, and what both sides need to log in to them."""

from __future__ import annotations

import contextlib
import getpass
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.peers import need, openssh

USER = getpass.getuser()


class Logins:
    """Servers with one user's key; ``ports`` in the order of their start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.identity = folder / "id_user"
        self.known = folder / "known_hosts"
        self.ports: list[int] = []

    @property
    def ours(self) -> list[str]:
        """Options of ``seventh check``."""
        return [
            "--user", USER, "--identity", str(self.identity), "--known-hosts", str(self.known),
            "--no-agent", "--ssh-config", "none", "--format", "json",
        ]  # fmt: skip

    def theirs(self, program: str) -> list[str]:
        """ssh(1) or sftp(1) with a configuration that means the same, for jump hosts, too."""
        config = self.folder / "ssh_config"
        config.write_text(
            f"Host *\nUser {USER}\nIdentityFile {self.identity}\nIdentityAgent none\n"
            f"IdentitiesOnly yes\nUserKnownHostsFile {self.known}\nGlobalKnownHostsFile none\n"
            "StrictHostKeyChecking yes\nBatchMode yes\n",
            encoding="utf-8",
        )
        return [need(program), "-F", str(config)]


@contextlib.contextmanager
def logins(folder: Path, count: int = 1) -> Iterator[Logins]:
    """``count`` OpenSSH servers with SFTP."""
    made = Logins(folder)
    command = [need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(made.identity)]
    subprocess.run(command, check=True)
    more = (
        f"AuthorizedKeysFile {made.identity}.pub\nPermitRootLogin yes\n"
        "Subsystem sftp internal-sftp\n"
    )
    with contextlib.ExitStack() as stack:
        for index in range(count):
            place = folder / f"server{index}"
            place.mkdir()
            port = stack.enter_context(openssh(place, more))
            made.ports.append(port)
            with made.known.open("a", encoding="utf-8") as file:
                for kind in ("rsa", "ecdsa", "ed25519"):
                    words = (place / f"{kind}.pub").read_text(encoding="utf-8").split()
                    file.write(f"[127.0.0.1]:{port} {words[0]} {words[1]}\n")
        yield made

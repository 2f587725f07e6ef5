"""OpenSSH's server with users of its own: nss_wrapper gives it a passwd file that is not /etc's."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes.util
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path

import pytest

from seventh.labkit.serve import free_port
from seventh.model.options import Options
from seventh.model.target import Target
from tests.options import changed, options_with
from tests.peers import need_binary
from tests.peers.keys import make_key, public
from tests.peers.test_ssh import make_privilege_separation_folder

PASSWORD = "correct horse"
_HASHED = (
    "$6$seventh$iYm.D.f43j.r3cduOoGRJb339YxScl1fuaPgMMRFYL7Xm/DmL"
    "Gx/Kp3eeeDUjb2n.yZih1uNLCpZP.N7GdIiY/"
)
"""crypt() of it: ``openssl passwd -6``."""
USER = "ops"


class LoginSshd:
    """A running sshd that lets the user in with ``key``, and a known_hosts that knows it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.target = Target(scheme="ssh", host="127.0.0.1", port=port)
        self.log: list[str] = []
        self.process: asyncio.subprocess.Process | None = None

    @property
    def key(self) -> Path:
        return self.folder / "id"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def options(self, **changes: object) -> Options:
        """Options for a login by the key, changed as asked."""
        usual = options_with(
            timeout_seconds=10, user=USER, identities=(str(self.key),), agent=False,
            known_hosts=str(self.known_hosts),
        )  # fmt: skip
        return changed(usual, **changes)

    def authorize(self, public: str) -> None:
        """Let this public key in, too."""
        with (self.folder / "authorized_keys").open("a") as file:
            file.write(public.strip() + "\n")

    async def reload(self) -> None:
        """Have the daemon read its files again."""
        assert self.process is not None
        self.log.clear()
        self.process.send_signal(signal.SIGHUP)
        await self.logged("Server listening")

    async def logged(self, text: str) -> str:
        """Wait until the server's log has a line with ``text``."""
        async with asyncio.timeout(10):
            while True:
                for line in self.log:
                    if text in line:
                        return line
                await asyncio.sleep(0.01)


def _users(folder: Path) -> dict[str, str]:
    """nss_wrapper's environment: the user and root, both with the password, and sshd's own."""
    need_binary("sshd")
    if os.geteuid() != 0:
        pytest.skip("sshd with its own users requires root")
    if ctypes.util.find_library("nss_wrapper") is None:
        pytest.skip("libnss_wrapper is not installed")
    home = folder / "home"
    home.mkdir()
    empty = "U6aMy0wojraho"  # crypt() of nothing, as an account with an empty password has it
    (folder / "passwd").write_text(
        f"root:x:0:0::{home}:/bin/sh\n{USER}:x:0:0::{home}:/bin/sh\nblank:x:0:0::{home}:/bin/sh\n"
        "sshd:x:65534:65534::/run/sshd:/usr/sbin/nologin\n"
    )
    (folder / "group").write_text("root:x:0:\nnogroup:x:65534:\n")
    (folder / "shadow").write_text(
        f"root:{_HASHED}:19000:0:99999:7:::\n{USER}:{_HASHED}:19000:0:99999:7:::\n"
        f"blank:{empty}:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n"
    )
    return {
        "LD_PRELOAD": "libnss_wrapper.so",
        "NSS_WRAPPER_PASSWD": str(folder / "passwd"),
        "NSS_WRAPPER_GROUP": str(folder / "group"),
        "NSS_WRAPPER_SHADOW": str(folder / "shadow"),
    }


def _over_etc(folder: Path, names: Iterable[str]) -> tuple[str, ...]:
    """What starts a program in whose eyes these files of ``folder`` are the machine's own in /etc.

    They are put over it in a mount namespace that nobody else sees.
    """
    mounts = " && ".join(f"mount --bind {folder}/{name} /etc/{name}" for name in names)
    command = (need_binary("unshare"), "-m", "--", "/bin/sh", "-c", f'{mounts} && exec "$@"', "sh")
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        pytest.skip("mount namespaces not permitted on this machine")
    return command


@contextlib.asynccontextmanager
async def login_sshd(
    folder: Path, *lines: str, etc: Mapping[str, str] | None = None
) -> AsyncIterator[LoginSshd]:
    """sshd with these lines, which win over the usual ones below them.

    ``etc`` has files of /etc, by name, that this sshd alone sees with other content.
    """
    environment = {**os.environ, **_users(folder)}
    before: tuple[str, ...] = ()
    if "UsePAM yes" in lines or etc:
        # PAM's modules read shadow by a call that nss_wrapper does not wrap.
        for name, content in (etc or {}).items():
            (folder / name).write_text(content)
        before = _over_etc(folder, ("passwd", "group", "shadow", *(etc or {})))
        del environment["LD_PRELOAD"]
    make_privilege_separation_folder()
    server = LoginSshd(folder, free_port())
    host_key = make_key(folder / "host")
    make_key(server.key)
    server.authorize(public(server.key))
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {public(host_key)}")
    usual = [
        f"Port {server.port}", "ListenAddress 127.0.0.1", "PidFile none", f"HostKey {host_key}",
        f"AuthorizedKeysFile {folder}/authorized_keys", "StrictModes no", "MaxStartups 200",
        "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
        "PermitRootLogin yes", "LogLevel DEBUG1",
        "Subsystem sftp internal-sftp",
    ]  # fmt: skip
    conf = folder / "sshd_config"
    # What follows a Match belongs to it, so that it comes last.
    blocks = [line for line in lines if line.startswith("Match")]
    first = [line for line in lines if line not in blocks]
    conf.write_text("\n".join([*first, *usual, *blocks]) + "\n")
    process = await asyncio.create_subprocess_exec(
        *before, need_binary("sshd"), "-D", "-e", "-f", str(conf), env=environment,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    server.process = process
    reading = asyncio.create_task(_drain(process.stderr, server.log))
    try:
        await server.logged("Server listening")
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        reading.cancel()


async def _drain(stream: asyncio.StreamReader, log: list[str]) -> None:
    while line := await stream.readline():
        log.append(line.decode(errors="replace"))

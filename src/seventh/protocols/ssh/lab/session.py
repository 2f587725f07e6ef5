"""SSH servers to log in to, and what they can be told to do wrong past the login.

asyncssh where it can be told; :mod:`.channels` for what no honest server does.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from seventh.labkit.serve import Fault, Kit, NotInstalledError, Served, tcp_server
from seventh.protocols.ssh.lab.channels import ChannelServer, ChannelSetup
from seventh.protocols.ssh.wire.hostkeys import Signer

USER = "lab"
_HOST = "127.0.0.1"


def _fault(name: str, meaning: str, *triggers: str, reason: str | None = None) -> Fault:
    return Fault(name=name, meaning=meaning, triggers=triggers, reason=reason)


_VIOLATION = "protocol-violation"
FAULTS: tuple[Fault, ...] = (
    _fault("sftp-off", "has no SFTP subsystem", "SSH-SFTP-OFF"),
    _fault("forward-open", "listens for users on all addresses", "SSH-FWD-OPEN"),
    _fault("peer-opens", "opens channels towards the client without end", reason=_VIOLATION),
    _fault("window-abuse", "sends more than the client's window allows", reason=_VIOLATION),
    _fault("sftp-long", "declares an SFTP packet of 2 GiB", reason=_VIOLATION),
    _fault("sftp-lies", "gives more of a file than was asked for", reason=_VIOLATION),
    _fault("bastion-dies", "a jump host that cuts the connection in the middle",
           reason="peer-closed"),
)  # fmt: skip
NAMES = frozenset(fault.name for fault in FAULTS)
"""Whether a fault is this module's."""
_CONDUCTS = {
    "peer-opens": ChannelSetup(opens=(b"auth-agent@openssh.com", 1000)),
    "window-abuse": ChannelSetup(overruns=True),
    "sftp-long": ChannelSetup(sftp_packet=b"\x7f\xff\xff\xff\x02"),
    "sftp-lies": ChannelSetup(lies_in_data=True),
    "bastion-dies": ChannelSetup(carries_bytes=64),
}


class LoginKeys(msgspec.Struct, frozen=True):
    """What one needs to get in: throw-away keys, written where OpenSSH would have them."""

    host_key: Any
    user_key: Any
    identity: Path
    name: str = _HOST
    """Under which name the client knows the server."""

    @property
    def signer(self) -> Signer:
        """The host key, ready to sign."""
        return Signer(self.host_key)

    def options(self, *ports: int) -> dict[str, str | float | int | tuple[str, ...]]:
        """The options of a check that logs in at these ports, with nothing of the person's own."""
        known = self.identity.with_name("known_hosts")
        blob = base64.b64encode(self.signer.blob).decode()
        lines = [f"[{self.name}]:{port} {self.signer.type} {blob}\n" for port in ports]
        known.write_text("".join(lines), encoding="ascii")
        return {
            "user": USER, "identities": (str(self.identity),), "agent": False,
            "known_hosts": str(known), "ssh_config": "none",
        }  # fmt: skip


def make_door(folder: Path, name: str = _HOST, host_key: Any = None) -> LoginKeys:
    """Return keys for one server, where it has none yet, and one user; in ``folder``."""
    from cryptography.hazmat.primitives.asymmetric import ed25519
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    host, user = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))
    folder.mkdir(mode=0o700, exist_ok=True)
    identity = folder / "id_ed25519"
    identity.touch(0o600)
    identity.write_bytes(user.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return LoginKeys(host_key or host, user, identity, name)


@contextlib.asynccontextmanager
async def serve(fault: Fault, kit: Kit) -> AsyncIterator[Served]:
    """Yield the server with this fault, for as long as the block lasts."""
    login_keys = make_door(kit.folder / "ssh-session")
    if fault.name == "bastion-dies":
        async with _dying_bastion(login_keys) as served:
            yield served
        return
    setup = _CONDUCTS.get(fault.name)
    if setup is None:
        async with honest(login_keys, kit.folder, sftp=fault.name != "sftp-off",
                          everywhere=fault.name == "forward-open") as port:  # fmt: skip
            options = {**login_keys.options(port), "allow_write": fault.name == "forward-open"}
            yield Served(target=f"ssh://{_HOST}:{port}", options=options)
        return
    async with dishonest(login_keys, setup) as port:
        yield Served(target=f"ssh://{_HOST}:{port}", options=login_keys.options(port))


@contextlib.asynccontextmanager
async def dishonest(login_keys: LoginKeys, setup: ChannelSetup) -> AsyncIterator[int]:
    """Yield a server on our own codec with this conduct; gives its port."""
    server = ChannelServer(login_keys.signer, Signer(login_keys.user_key).blob, setup)
    async with tcp_server(server.handle, _HOST) as port:
        yield port


@contextlib.asynccontextmanager
async def _dying_bastion(login_keys: LoginKeys) -> AsyncIterator[Served]:
    """Yield a good server behind a jump host that does not last."""
    async with (
        dishonest(login_keys, ChannelSetup()) as port,
        dishonest(login_keys, _CONDUCTS["bastion-dies"]) as bastion,
    ):
        options = {**login_keys.options(port, bastion), "via": f"ssh://{_HOST}:{bastion}"}
        yield Served(target=f"ssh://{_HOST}:{port}", options=options)


# -- asyncssh --------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def honest(
    login_keys: LoginKeys,
    folder: Path,
    *,
    sftp: bool = True,
    everywhere: bool = False,
    local: bool = True,
) -> AsyncIterator[int]:
    """Yield a server of asyncssh's that lets the door's user in; gives its port."""
    options = guests(login_keys, folder, sftp=sftp, everywhere=everywhere, local=local)
    import asyncssh

    acceptor = await asyncssh.listen(
        _HOST, 0, **options,
        server_host_keys=[asyncssh.import_private_key(_openssh(login_keys.host_key))],
        kex_algs=["mlkem768x25519-sha256", "curve25519-sha256"],
        encryption_algs=["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com"],
        mac_algs=["hmac-sha2-256-etm@openssh.com"], compression_algs=["none"],
        signature_algs=["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"],
    )  # fmt: skip
    try:
        yield acceptor.get_port()
    finally:
        acceptor.close()
        await acceptor.wait_closed()


def guests(
    login_keys: LoginKeys,
    folder: Path,
    *,
    sftp: bool = True,
    everywhere: bool = False,
    local: bool = True,
) -> dict[str, Any]:
    """Return what an asyncssh server is told so that it lets the door's user in, and serves him.

    ``everywhere``: remote forwardings may listen on all addresses, not on the loopback alone;
    ``local``: direct-tcpip is permitted.
    """
    try:
        import asyncssh
    except ImportError:
        raise NotInstalledError("asyncssh") from None

    allowed = asyncssh.import_private_key(login_keys.identity.read_bytes()).export_public_key()
    home = folder / "ssh-home"
    home.mkdir(exist_ok=True)

    class Server(asyncssh.SSHServer):
        """One user, one key."""

        def begin_auth(self, username: str) -> bool:
            return True

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: Any) -> bool:
            return bool(username == USER and key.export_public_key() == allowed)

        def connection_requested(self, *_: object) -> bool:
            return local

        def server_requested(self, listen_host: str, listen_port: int) -> bool:
            return everywhere or listen_host in {"localhost", "127.0.0.1", "::1"}

    class Files(asyncssh.SFTPServer):
        """A folder of its own, and zeros without end."""

        def __init__(self, channel: Any) -> None:
            super().__init__(channel, chroot=bytes(home))

        def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
            if path == b"/dev/zero" and not pflags & asyncssh.FXF_WRITE:
                return Path("/dev/zero").open("rb", buffering=0)
            return super().open(path, pflags, attrs)

    return {
        "server_factory": Server, "encoding": None, "process_factory": _run,
        "sftp_factory": Files if sftp else None,
    }  # fmt: skip


async def _run(process: Any) -> None:
    """``true``, ``head -c N /dev/zero``, and a shell that waits until its terminal goes."""
    words = (process.command or "").split()
    if words[:2] == ["head", "-c"]:
        process.stdout.write(bytes(int(words[2])))
    elif process.command is None:
        await process.stdin.read()
    process.exit(0 if not words or words[0] in {"true", "head"} else 127)


def _openssh(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))

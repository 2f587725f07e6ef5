"""Servers with sessions: asyncssh's without fault, our own (:mod:`.channels`) with faults."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from seventh.labkit.serve import Fault, Kit, NotInstalledError, Served
from seventh.protocols.ssh.lab.channels import ChannelSetup, channel_server
from seventh.protocols.ssh.lab.keys import (
    LOOPBACK,
    USER,
    LoginKeys,
    make_login_keys,
    openssh_format,
)
from seventh.protocols.ssh.lab.server import GOOD_KEX, SIGNATURES, case

GOOD_OPTIONS: dict[str, Any] = {
    "kex_algs": list(GOOD_KEX),
    "encryption_algs": ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr"],
    "mac_algs": ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"],
    "compression_algs": ["none", "zlib@openssh.com"],
    "signature_algs": [*SIGNATURES, "ecdsa-sha2-nistp256"],
}
"""asyncssh's options for a server without fault."""
_VIOLATION = "protocol-violation"
_CASES = (
    case("sftp-off", "no SFTP subsystem", "SSH-SFTP-OFF", setup={"sftp": False}),
    case("forward-open", "remote forwardings listen on all addresses", "SSH-FWD-OPEN",
         setup={"everywhere": True}, options={"allow_write": True}),
    case("mosh-blocked", "starts a mosh-server that no datagram reaches", "SSH-MOSH-BLOCKED",
         setup={"mosh": True}, options={"allow_write": True}),
    case("forward-refused", "refuses remote forwardings", "SSH-FWD-REFUSED",
         setup={"remote": False},
         options={"allow_write": True, "forward": ("R:0:localhost:22",)}),
)  # fmt: skip
_OWN_CASES = (
    case("peer-opens", "opens 1000 channels to the client", reason=_VIOLATION,
         setup=ChannelSetup(opens=(b"auth-agent@openssh.com", 1000))),
    case("window-abuse", "sends more than the client's window allows", reason=_VIOLATION,
         setup=ChannelSetup(overruns=True)),
    case("sftp-long", "declares an SFTP packet of 2 GiB", reason=_VIOLATION,
         setup=ChannelSetup(sftp_packet=b"\x7f\xff\xff\xff\x02")),
    case("sftp-lies", "returns more of a file than requested", reason=_VIOLATION,
         setup=ChannelSetup(lies_in_data=True)),
    case("bastion-dies", "a jump host that closes the connection during a transfer",
         reason="peer-closed", setup=ChannelSetup(carries_bytes=64)),
)  # fmt: skip
CASES = {each.fault.name: each for each in (*_CASES, *_OWN_CASES)}


@contextlib.asynccontextmanager
async def serve(fault: Fault, kit: Kit) -> AsyncIterator[Served]:
    """Run the server with this fault for as long as the block lasts."""
    login_keys = make_login_keys(kit.folder / "ssh-session")
    each = CASES[fault.name]
    async with contextlib.AsyncExitStack() as stack:
        port = await stack.enter_async_context(
            channel_server(login_keys, each.setup) if isinstance(each.setup, ChannelSetup)
            else honest(login_keys, kit.folder, **each.setup)
        )  # fmt: skip
        options = {**login_keys.options(port), **each.options}
        if fault.name == "bastion-dies":
            # This server is the jump host, in front of one without fault.
            bastion = port
            port = await stack.enter_async_context(channel_server(login_keys, ChannelSetup()))
            options = {**login_keys.options(port, bastion), "via": f"ssh://{LOOPBACK}:{bastion}"}
        yield Served(target=f"ssh://{LOOPBACK}:{port}", options=options)


# -- asyncssh --------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def asyncssh_server(
    host: str, port: int, keys: tuple[Any, ...], **options: Any
) -> AsyncIterator[int]:
    """Run an asyncssh server with these host keys and options; yield its port (0: any free one)."""
    asyncssh = _asyncssh()
    host_keys = [asyncssh.import_private_key(openssh_format(key)) for key in keys]
    acceptor = await asyncssh.listen(
        host, port, server_host_keys=host_keys, **GOOD_OPTIONS | options
    )
    try:
        yield acceptor.get_port()
    finally:
        acceptor.close()
        await acceptor.wait_closed()


def honest(
    login_keys: LoginKeys, folder: Path, **permissions: bool
) -> contextlib.AbstractAsyncContextManager[int]:
    """Run an asyncssh server that accepts the user of ``login_keys``; yield its port."""
    options = user_options(login_keys, folder, **permissions)
    return asyncssh_server(LOOPBACK, 0, (login_keys.host_key,), **options)


def user_options(
    login_keys: LoginKeys,
    folder: Path,
    *,
    sftp: bool = True,
    everywhere: bool = False,
    local: bool = True,
    remote: bool = True,
    mosh: bool = False,
) -> dict[str, Any]:
    """Return asyncssh's options for a server that accepts the user of ``login_keys``.

    ``everywhere``: remote forwardings may listen on all addresses, not only on loopback ones;
    ``local``: direct-tcpip is permitted; ``remote``: remote forwardings are;
    ``mosh``: there is a mosh-server, on the discard port.
    """
    asyncssh = _asyncssh()
    there = ("rsync=rsync  version 3.2.7", "scp=", "mosh-server=1.4.0" if mosh else "mosh-server")
    found = "".join(f"seventh:{line}\n" for line in there).encode()
    allowed = asyncssh.import_private_key(login_keys.identity.read_bytes()).export_public_key()
    home = folder / "ssh-home"
    home.mkdir(exist_ok=True)

    class Server(asyncssh.SSHServer):  # type: ignore[misc, name-defined]
        """One user with one key."""

        def begin_auth(self, username: str) -> bool:
            return True

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: Any) -> bool:
            return bool(username == USER and key.export_public_key() == allowed)

        def connection_requested(self, *_: object) -> bool:
            return local

        def server_requested(self, listen_host: str, listen_port: int) -> bool:
            return remote and (everywhere or listen_host in {"localhost", "127.0.0.1", "::1"})

    class Files(asyncssh.SFTPServer):  # type: ignore[misc, name-defined]
        """A folder of its own, and ``/dev/zero``."""

        def __init__(self, channel: Any) -> None:
            super().__init__(channel, chroot=bytes(home))

        def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
            if path == b"/dev/zero" and not pflags & asyncssh.FXF_WRITE:
                return Path("/dev/zero").open("rb", buffering=0)
            return super().open(path, pflags, attrs)

    return {
        "server_factory": Server, "encoding": None, "sftp_factory": Files if sftp else None,
        "process_factory": functools.partial(_run, found),
    }  # fmt: skip


def _asyncssh() -> Any:
    try:
        import asyncssh
    except ImportError:
        raise NotInstalledError("asyncssh") from None
    return asyncssh


async def _run(found: bytes, process: Any) -> None:
    """Run ``true``, ``head -c N /dev/zero``, or a shell that waits until its terminal closes.

    ``found``: the output of the query for programs.
    """
    words = (process.command or "").split()
    if words[:2] == ["sh", "-c"]:
        started = b"MOSH CONNECT 9 AAAAAAAAAAAAAAAAAAAAAA\n"
        ending = b"seventh:done\n" if words[2] == "'kill" else started
        process.stdout.write(found if words[2] == "'for" else ending)
        process.exit(0)
        return
    if words[:2] == ["head", "-c"]:
        process.stdout.write(bytes(int(words[2])))
    elif process.command is None:
        await process.stdin.read()
    process.exit(0 if not words or words[0] in {"true", "head"} else 127)

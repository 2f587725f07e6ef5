"""What the running programs serve: a handshake with each of their sockets, for each file's name."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import struct
from collections.abc import Iterator

from msgspec.structs import replace

from seventh.localkit.area import File, Further
from seventh.localkit.machine import Machine
from seventh.localkit.seen import Process, Reading, Seen
from seventh.model.localfacts import Cause, Unread
from seventh.model.tlsfacts import CertificateFile
from seventh.model.tlslocal import Served, Service
from seventh.protocols.tls.local import files
from seventh.protocols.tls.local.named import SERVICES

NAME = "TLS handshakes with this machine"
MAX_HANDSHAKES = 64
_SIDE_BY_SIDE = 8
TABLES = tuple(
    File(path=path, reads="the sockets that listen", max_bytes=2 * 1024 * 1024)
    for path in ("/proc/net/tcp", "/proc/net/tcp6")
)
_LISTENING = "0A"
_SOCKET = re.compile(r"socket:\[(\d+)\]")


class Asked(Reading, frozen=True, kw_only=True):
    """The certificate files, with what is served instead."""

    files: tuple[CertificateFile, ...] = ()


async def ask(machine: Machine, seen: Seen, _: object) -> Asked:
    """Ask the sockets of each service for the certificate of each of its files."""
    read = seen.calls.get(files.NAME)
    if not isinstance(read, files.Files) or isinstance(seen.processes, Unread):
        return Asked()
    sockets, unread = await asyncio.to_thread(_sockets, machine, seen, seen.processes)
    wanted = [
        (file, service, address)
        for file in read.files if file.chain
        for service in file.services
        for address in sockets.get(service, ())
    ]  # fmt: skip
    if len(wanted) > MAX_HANDSHAKES:
        detail = f"more than {MAX_HANDSHAKES}"
        unread.append(Unread(name=NAME, cause=Cause.TOO_LARGE, detail=detail))
    gate = asyncio.Semaphore(_SIDE_BY_SIDE)
    tasks = [
        asyncio.create_task(_served(*one, seen.processes, gate)) for one in wanted[:MAX_HANDSHAKES]
    ]
    found = await asyncio.gather(*tasks)
    known = {file.chain[0].sha256 for file in read.files if file.chain}
    # A file that was not read may hold what looks like the certificate from before.
    hidden = {service for file in read.files if file.unread for service in file.services}
    served: dict[str, list[Served]] = {}
    for (file, *_), one in zip(wanted, found, strict=False):
        if one is not None:
            stale = one.stale and one.sha256 not in known and one.service not in hidden
            served.setdefault(file.path, []).append(replace(one, stale=stale))
    return Asked(
        files=tuple(replace(f, served=tuple(served.get(f.path, ()))) for f in read.files),
        unread=tuple(unread),
    )


ASK = Further(
    name=NAME, run=ask,
    reads="the certificate that each program serves for each of its files: connections to the "
    "sockets on which it listens (/proc/*/fd), on addresses of this machine, without a request; "
    "programs may log them",
)  # fmt: skip


def _sockets(
    machine: Machine, seen: Seen, processes: tuple[Process, ...]
) -> tuple[dict[Service, tuple[tuple[str, int], ...]], list[Unread]]:
    """Return where each service listens, and the processes that this user may not see into."""
    listening = dict(_listening(seen))
    found: dict[Service, dict[tuple[str, int], None]] = {}
    unread: dict[str, Unread] = {}
    for process in processes:
        folder = f"/proc/{process.pid}/fd"
        try:
            names = os.listdir(machine.at(folder))  # noqa: PTH208
        except FileNotFoundError:
            continue  # it has ended
        except PermissionError:
            name = f"sockets of {process.name}"
            unread[name] = Unread(name=name, cause=Cause.NOT_PERMITTED)
            continue
        for name in names:
            match = _SOCKET.fullmatch(_link(f"{machine.at(folder)}/{name}"))
            if match is not None and match[1] in listening:
                of = found.setdefault(SERVICES[process.name], {})
                of[listening[match[1]]] = None
    return {service: tuple(addresses) for service, addresses in found.items()}, [*unread.values()]


def _link(path: str) -> str:
    """Return what a link points to; nothing for a descriptor that was closed meanwhile."""
    try:
        return os.readlink(path)  # noqa: PTH115 - a str
    except OSError:
        return ""


def _listening(seen: Seen) -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield the inode of each listening socket, and where this machine reaches it."""
    for table in TABLES:
        text = seen.file(table.path)
        for line in () if isinstance(text, Unread) else text.splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTENING:
                try:
                    yield fields[9], _address(fields[1])
                except ValueError:
                    continue


def _address(field: str) -> tuple[str, int]:
    """Read an address of /proc/net/tcp: words of the machine's byte order; raises ValueError."""
    digits, _, port = field.partition(":")
    raw = bytes.fromhex(digits)
    words = struct.unpack(f">{len(raw) // 4}I", raw[: len(raw) // 4 * 4])
    ip = ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))
    if ip.is_unspecified:
        return "127.0.0.1" if ip.version == 4 else "::1", int(port, 16)
    return str(getattr(ip, "ipv4_mapped", None) or ip), int(port, 16)


async def _served(
    file: CertificateFile,
    service: Service,
    address: tuple[str, int],
    processes: tuple[Process, ...],
    gate: asyncio.Semaphore,
) -> Served | None:
    """Return what is served at one address; None where that is no certificate for these names.

    ``stale`` is not final: another file may hold what is served.
    """
    from seventh.net.tls.chain import read_chain
    from seventh.protocols.tls.local.handshakes import leaf_at

    async with gate:
        leaf = await leaf_at(*address, file.server_name, service)
    if leaf is None:
        return None
    (one,), own = read_chain((leaf,)), file.chain[0]
    if one.sha256 != own.sha256 and (one.problem or {*one.names} != {*own.names}):
        return None
    process = next(each for each in processes if SERVICES[each.name] is service)
    ip, port = address
    return Served(
        service=service,
        address=f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}",
        sha256=one.sha256,
        not_after=one.not_after,
        stale=one.sha256 != own.sha256 and one.not_after < own.not_after,
        pid=process.pid,
        unit=process.unit,
        arguments=process.arguments[1:] if service is Service.CADDY else (),
    )

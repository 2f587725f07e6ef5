"""Servers under test that the benchmarks need and Debian does not have; each a process of its own.

``python -m bench.servers KIND`` prints its port, then serves until it is ended. They listen on the
loopback device only, at every address of it.

Those that are ``awake`` poll without a pause: Linux charges whoever sends for waking the server,
which between two virtual CPUs costs as much as a pulse, and nobody pays that for a remote server.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

IDENT = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"
DELAY_NS = 10_000_000
HELD = 256
"""As many connections stay open, so that closing them falls behind."""
_SO_BINDTODEVICE = 25
_SO_TIMESTAMPNS = 35
_IP_PKTINFO = 8
_NTP_EPOCH_SECONDS = 2_208_988_800


def bound(kind: socket.SocketKind) -> socket.socket:
    """A socket at every address of the loopback device, so that 127/8 gives many targets."""
    sock = socket.socket(socket.AF_INET, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    host = "0.0.0.0"
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, b"lo")
    except OSError:
        host = "127.0.0.1"
    sock.bind((host, 0))
    return sock


class Greet(asyncio.Protocol):
    """Says an SSH identification string and waits for the other side to leave."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(IDENT)  # type: ignore[attr-defined]


def ntp_reply(data: bytes) -> bytes:
    """The reply to a client's packet or to a control request; empty where there is none."""
    if not data:
        return b""
    if data[0] & 7 == 6 and len(data) >= 12:
        # RFC 9327 §2: response and error bits set, the sequence number kept, error 1 in the status.
        return bytes([data[0], data[1] & 0x1F | 0xC0]) + data[2:4] + b"\x01\x00" + b"\0" * 6
    if data[0] & 7 != 3 or len(data) < 48:
        return b""
    now = ntp_now()
    head = struct.pack(
        "!BBbbII4s", 0x24, 2, data[2] if data[2] < 128 else 6, -23, 64, 64, b"\x7f\0\0\1"
    )
    return head + struct.pack("!QQQQ", now - (16 << 32), int.from_bytes(data[40:48]), now, now)


def ntp_now() -> int:
    """The wall clock as a 64-bit NTP timestamp."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return (seconds + _NTP_EPOCH_SECONDS) << 32 | (nanoseconds << 32) // 1_000_000_000


def greet() -> None:
    """Say an SSH identification string to whoever connects."""
    import uvloop

    async def serve() -> None:
        sock = bound(socket.SOCK_STREAM)
        server = await asyncio.get_running_loop().create_server(Greet, sock=sock, backlog=4096)
        print(sock.getsockname()[1], flush=True)
        await server.serve_forever()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())


def greet_awake() -> None:
    """The same by a server that never sleeps; it holds a few hundred connections and reads none."""
    held: collections.deque[socket.socket] = collections.deque()
    with bound(socket.SOCK_STREAM) as server:
        server.listen(4096)
        server.setblocking(False)
        print(server.getsockname()[1], flush=True)
        while True:
            try:
                connection, _ = server.accept()
            except BlockingIOError:
                continue
            with contextlib.suppress(OSError):
                connection.send(IDENT)
            held.append(connection)
            if len(held) > HELD:
                held.popleft().close()


ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: awake\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 6\r\nConnection: keep-alive\r\n\r\nhello\n"
)


def http_awake() -> None:
    """Answer each request of HTTP/1.1; never sleep, and keep what connects until it leaves."""
    open_: list[socket.socket] = []
    with bound(socket.SOCK_STREAM) as server:
        server.listen(4096)
        server.setblocking(False)
        print(server.getsockname()[1], flush=True)
        while True:
            with contextlib.suppress(BlockingIOError):
                connection, _ = server.accept()
                connection.setblocking(False)
                open_.append(connection)
            for connection in open_[:]:
                try:
                    asked = connection.recv(65536)
                    if asked:
                        connection.send(ANSWER * asked.count(b"\r\n\r\n"))
                        continue
                except BlockingIOError:
                    continue
                except OSError:
                    asked = b""
                open_.remove(connection)
                connection.close()


def imap_awake() -> None:
    """Greet as IMAP does and complete each command; never sleep."""
    open_: list[socket.socket] = []
    with bound(socket.SOCK_STREAM) as server:
        server.listen(4096)
        server.setblocking(False)
        print(server.getsockname()[1], flush=True)
        while True:
            with contextlib.suppress(BlockingIOError):
                connection, _ = server.accept()
                connection.setblocking(False)
                connection.send(b"* OK [CAPABILITY IMAP4rev1] awake\r\n")
                open_.append(connection)
            for connection in open_[:]:
                try:
                    tag = connection.recv(65536).partition(b" ")[0]
                    if tag:
                        connection.send(b"* BYE\r\n" + tag + b" OK done\r\n")
                        continue
                except BlockingIOError:
                    continue
                except OSError:
                    pass
                open_.remove(connection)
                connection.close()


def smtp() -> None:
    """Serve the lab's SMTP server, which delivers nothing; print its CA's file after the port."""
    import uvloop

    from seventh.labkit.serve import Kit
    from seventh.protocols.smtp.lab import serve_setup
    from seventh.protocols.smtp.lab.setup import Setup

    async def serve(folder: str) -> None:
        kit = Kit(Path(folder))
        async with serve_setup(Setup(auth=("PLAIN",)), kit) as served:
            print(served.target.rpartition(":")[2], kit.authority.ca_file, sep="\n", flush=True)
            await asyncio.Event().wait()

    with (
        tempfile.TemporaryDirectory(prefix="seventh-bench-smtp-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(serve(folder))


def snmp() -> None:
    """Serve the lab's SNMP agent with a table of 10,002 objects."""
    from bench.snmp import ROWS
    from seventh.protocols.snmp.lab.setup import COMMUNITY, Setup

    _agents(Setup(community=COMMUNITY, rows=ROWS), 1)


def snmp_many() -> None:
    """Serve as many agents as the command says; print the ports of the others after the first."""
    from seventh.protocols.snmp.lab.setup import COMMUNITY, Setup

    _agents(Setup(community=COMMUNITY, rows=0), int(sys.argv[2]))


def _agents(setup: Any, count: int) -> None:
    import uvloop

    from seventh.labkit.serve import Kit
    from seventh.protocols.snmp.lab import serve_setup

    async def serve(folder: str) -> None:
        kit = Kit(Path(folder))
        async with contextlib.AsyncExitStack() as stack:
            served = [
                await stack.enter_async_context(serve_setup(setup, kit)) for _ in range(count)
            ]
            first, *others = (each.target.rpartition(":")[2] for each in served)
            print(first, " ".join(others), sep="\n", flush=True)
            await asyncio.Event().wait()

    with (
        tempfile.TemporaryDirectory(prefix="seventh-bench-snmp-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(serve(folder))


def ntp(*, awake: bool = False) -> None:
    """Answer a client's request with the time, and mode 6 with an error, from the address asked."""
    with bound(socket.SOCK_DGRAM) as server:
        server.setblocking(not awake)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        server.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        print(server.getsockname()[1], flush=True)
        while True:
            try:
                data, ancillary, _, source = server.recvmsg(4096, 64)
            except BlockingIOError:
                continue
            reply = ntp_reply(data)
            if reply:
                # struct in_pktinfo: interface, our address, the packet's; ours is the source.
                asked = ancillary[0][2][8:12]
                from_it = (socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("=I4s4s", 0, asked, asked))
                server.sendmsg([reply], [from_it], 0, source)


# -- peers of known delay --------------------------------------------------------------------------


def arrival_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
    """The kernel's receive timestamp on the wall clock."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack_from("@ll", data)
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return time.time_ns()


def wait_until(wall_ns: int) -> None:
    """Sleep most of the way and spin the rest: late by microseconds, not by a timer's slack."""
    left = wall_ns - time.time_ns() - 2_000_000
    if left > 0:
        time.sleep(left / 1e9)
    while time.time_ns() < wall_ns:
        pass


def delay_ssh() -> None:
    """Answer each client's first line DELAY_NS after it came; print what the delay really was."""
    with bound(socket.SOCK_STREAM) as server:
        server.listen(64)
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                _, ancillary, _, _ = connection.recvmsg(4096, 64)
                _answer(arrival_ns(ancillary), lambda: connection.send(IDENT))  # noqa: B023
                connection.recv(4096)


def delay_ntp() -> None:
    """The same for NTP requests."""
    with bound(socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        print(server.getsockname()[1], flush=True)
        while True:
            data, ancillary, _, source = server.recvmsg(4096, 64)
            _answer(arrival_ns(ancillary), lambda: server.sendto(ntp_reply(data), source))  # noqa: B023


def _answer(arrived_ns: int, send: Callable[[], int]) -> None:
    wait_until(arrived_ns + DELAY_NS)
    sent_ns = time.time_ns()
    send()
    print(sent_ns - arrived_ns, flush=True)


def main() -> None:
    serve: dict[str, Callable[[], None]] = {
        "greet": greet,
        "greet-awake": greet_awake,
        "http-awake": http_awake,
        "imap-awake": imap_awake,
        "smtp": smtp,
        "snmp": snmp,
        "snmp-many": snmp_many,
        "ntp": ntp,
        "ntp-awake": lambda: ntp(awake=True),
        "delay-ssh": delay_ssh,
        "delay-ntp": delay_ntp,
    }
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        serve[sys.argv[1]]()


if __name__ == "__main__":
    main()

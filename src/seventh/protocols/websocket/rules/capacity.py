"""The limits that connections of clients meet, each with what lifts it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from seventh.protocols.websocket.facts.local import (
    ConnectionMemory,
    ListenQueue,
    ServerLimits,
    SocketLocalFacts,
)

DESCRIPTORS = "read /proc/*/limits, list /proc/*/fd"
_NGINX = "nginx.conf and what it includes"
_FILES, _CONNTRACK = "fs.file-max", "net.netfilter.nf_conntrack_max"
_PORTS = "net.ipv4.ip_local_port_range"
_STEP = 1024
"""New limits are rounded up to multiples of this."""
_ALL_PORTS = (1024, 65535)
"""The widest usual range of outgoing ports."""
MEASURED = "100 connections to the service of --measure"
_BACKLOG = "net.core.somaxconn"
_MIB = 1024 * 1024


class Limit(msgspec.Struct, frozen=True):
    """One limit, as connections of clients that it admits, and what lifts it."""

    name: str
    value: str
    connections: int | None
    """None if it could not be read."""
    unread: str = ""
    """What has to be read for it."""
    fix: tuple[str, ...] = ()
    certain: bool = True
    """Whether the machine shows everything that it depends on."""


def exceeded(limits: Iterable[Limit], wanted: int) -> list[Limit]:
    """Return the limits that are too low, the lowest first."""
    low = [(each.connections, each) for each in limits if each.connections is not None]
    return [each for room, each in sorted(low, key=lambda pair: pair[0]) if room < wanted]


def limits_of(local: SocketLocalFacts, wanted: int, *, doubtful: int) -> Iterator[Limit]:
    """Yield every limit that the connections meet.

    A server of which it is unknown whether it forwards has ``doubtful`` sockets for each client.
    """
    servers = local.servers or ()
    each = {server.name: _sockets_of(server, doubtful) for server in servers}
    for server in servers:
        yield from _of_server(server, local, wanted, each[server.name])
    most = max(each.values())
    yield _of_kernel(_FILES, local.file_limit, local.files, most, wanted, "/proc/sys/fs/file-nr")
    if local.conntrack_limit is not None:
        path = "/proc/sys/net/netfilter/nf_conntrack_count"
        yield _of_kernel(
            _CONNTRACK, local.conntrack_limit, local.tracked, most, wanted, path
        )  # fmt: skip
    if most > 1:
        yield _of_ports(local, wanted)
    if local.memory is not None:
        yield from _of_memory(local.memory, wanted, surely=doubtful == 1)
    elif any(each.name == MEASURED for each in local.unread):
        yield Limit("memory", "", None, MEASURED)


def _sockets_of(server: ServerLimits, doubtful: int) -> int:
    """Return the sockets for each client: a proxy has a second one, to its backend."""
    return doubtful if server.forwards is None else 1 + server.forwards


def _of_server(
    server: ServerLimits, local: SocketLocalFacts, wanted: int, each: int
) -> Iterator[Limit]:
    # Lines are for the worst case, so that they are enough whatever the server does.
    needed = -(-wanted * _sockets_of(server, 2) // server.processes)
    where = f"× {server.processes}"
    if server.name == "nginx":
        connections = server.worker_connections
        yield Limit(
            f"nginx worker_connections {where}", str(connections),
            None if connections is None else connections * server.processes // each, _NGINX,
            ("# nginx.conf, in events {}", f"worker_connections {_rounded(needed)};"),
        )  # fmt: skip
    limit = server.descriptor_limit
    room = None if limit is None else max(0, limit - server.other_descriptors)
    descriptors = _rounded(needed + server.other_descriptors)
    fix = more_descriptors(server, descriptors)
    if local.process_file_limit is not None and descriptors > local.process_file_limit:
        fix = (f"sysctl -w fs.nr_open={descriptors}", *fix)
    yield Limit(
        f"{server.name} RLIMIT_NOFILE {where}", str(limit),
        None if room is None else room * server.processes // each, DESCRIPTORS, fix,
    )  # fmt: skip


def more_descriptors(server: ServerLimits, descriptors: int) -> tuple[str, ...]:
    """Return the lines that give each process of the server that many."""
    unit = server.unit or f"{server.name}.service"
    service = f"# systemctl edit {unit}", "[Service]", f"LimitNOFILE={descriptors}"
    if server.name != "nginx":
        return service
    own = "# nginx.conf, in main", f"worker_rlimit_nofile {descriptors};"
    # Above the hard limit, nginx needs a privilege that a container's root does not have.
    return own if descriptors <= (server.hard_limit or descriptors) else (*service, *own)


def _of_kernel(
    name: str, limit: int | None, used: int | None, each: int, wanted: int, path: str
) -> Limit:
    """Return a limit of the whole machine; what is in use now is taken from it."""
    room = None if limit is None or used is None else max(0, limit - used) // each
    needed = _rounded(wanted * 2 + (used or 0))
    return Limit(name, str(limit), room, path, (f"sysctl -w {name}={needed}",))


def _of_ports(local: SocketLocalFacts, wanted: int) -> Limit:
    """Return the limit of a proxy's connections to one address and port of a backend.

    How many backends it has is not known here.
    """
    first, last = local.first_port, local.last_port
    if first is None or last is None:
        return Limit(_PORTS, "", None, "/proc/sys/net/ipv4/ip_local_port_range")
    name = f"{_PORTS} (one backend)"
    fix = more_ports(local, wanted)
    return Limit(name, f"{first}-{last}", local.ports, "", fix, certain=False)


def more_ports(local: SocketLocalFacts, wanted: int) -> tuple[str, ...]:
    """Return the lines that give connections to one backend more ports."""
    low, high = _ALL_PORTS
    usual = high - low + 1
    fix = [f'sysctl -w {_PORTS}="{low} {high}"'] if (local.ports or 0) < usual else []
    # Where the range is as wide as it can be, only a second address helps.
    if wanted > usual or not fix:
        backends = max(2, -(-wanted // usual))
        fix.append(f"# and spread the connections over {backends} addresses of the backend")
    return tuple(fix)


def _of_memory(memory: ConnectionMemory, wanted: int, *, surely: bool) -> Iterator[Limit]:
    """Yield what memory admits: at most if ``surely``, else at least."""
    least, most = max(1, memory.bytes - memory.uncertainty_bytes), max(1, memory.most_bytes)
    each = f"{memory.bytes} ± {memory.uncertainty_bytes} bytes each"
    needed = max(0, wanted - memory.held) * most
    rooms: list[tuple[str, int, int, tuple[str, ...]]] = [(
        "MemAvailable", memory.available_bytes, memory.available_bytes,
        (f"# add {_mib(needed - memory.available_bytes)} MiB of memory",),
    )]  # fmt: skip
    if memory.cgroup_limit_bytes is not None and memory.cgroup_available_bytes is not None:
        limit = memory.cgroup_limit_bytes + needed - memory.cgroup_available_bytes
        unit = memory.unit or f"{memory.name}.service"
        rooms.append((
            f"memory.max of {memory.name}", memory.cgroup_limit_bytes,
            memory.cgroup_available_bytes,
            (f"# systemctl edit {unit}", "[Service]", f"MemoryMax={_mib(limit)}M"),
        ))  # fmt: skip
    for name, value, left, fix in rooms:
        more = max(0, left) // (least if surely else most)
        yield Limit(f"{name} ({each})", f"{value // _MIB} MiB", memory.held + more, MEASURED, fix)


def _mib(size: int) -> int:
    return -(-size // _MIB)


def longer_queue(queue: ListenQueue, local: SocketLocalFacts, wanted: int) -> tuple[str, ...]:
    """Return the lines with which ``wanted`` connections can wait to be accepted."""
    length = _rounded(wanted)
    lines = [] if (local.listen_backlog or 0) >= length else [f"sysctl -w {_BACKLOG}={length}"]
    if queue.name == "nginx":
        port = queue.address.removeprefix("0.0.0.0:").removeprefix("*:")
        lines += ["# nginx.conf, in server {}", f"listen {port} backlog={length};"]
    elif queue.name == "haproxy":
        lines += ["# haproxy.cfg, in frontend", f"backlog {length}"]
    elif queue.backlog >= (local.listen_backlog or 0):
        lines.append(f"# restart {queue.name}: it asks for the longest queue when it listens")
    else:
        lines.append(f"# and raise the backlog for which {queue.name} asks: it is {queue.backlog}")
    return tuple(lines)


def _rounded(number: int) -> int:
    return -(-number // _STEP) * _STEP

"""What only the machine itself shows of a server's room for connections."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from seventh.model.localfacts import Unread


class ServerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """A running server: its processes that have connections, and what limits each of them."""

    SHOWN: ClassVar[tuple[str, ...]] = ("name", "processes", "descriptor_limit", "descriptors")

    name: str
    """As ``/proc/PID/comm`` names it."""
    processes: int
    unit: str = ""
    """Its systemd service; empty if it is not known."""
    descriptor_limit: int | None = None
    """The lowest soft limit (RLIMIT_NOFILE) of its processes; None if it could not be read."""
    hard_limit: int | None = None
    """To which its first process can raise that limit without a privilege."""
    descriptors: int | None = None
    """Open ones of the process that has the most; None if another user's may not be counted."""
    other_descriptors: int = 0
    """Those of them that are no sockets, such as files and event queues."""
    worker_connections: int | None = None
    """nginx's own limit for each process."""
    forwards: bool | None = None
    """Whether it opens a second connection, to a backend, for each of a client."""

    @property
    def used_ratio(self) -> float | None:
        """The share of the limit that is in use; None if unknown."""
        if self.descriptors is None or not self.descriptor_limit:
            return None
        return self.descriptors / self.descriptor_limit


class ListenQueue(msgspec.Struct, frozen=True, kw_only=True):
    """The queue of connections that a server has not accepted yet, at one address."""

    SHOWN: ClassVar[tuple[str, ...]] = ("name", "address", "waiting", "backlog")

    name: str
    """Of the server, as in :class:`ServerLimits`."""
    address: str
    """As ``ss`` prints it: ``127.0.0.1:8080``, ``*:443``."""
    waiting: int
    backlog: int
    """The longest that the queue can be: what the server has asked for, at most
    net.core.somaxconn."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """An address and port to which this machine has connected, such as a proxy's backend."""

    SHOWN: ClassVar[tuple[str, ...]] = ("address", "port", "connections")

    address: str
    port: int
    connections: int
    """Each takes a port of its own; those that wait after their end (TIME-WAIT) not counted."""

    @property
    def shown(self) -> str:
        """Address and port, as a URL has them."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else (
            f"{self.address}:{self.port}"
        )  # fmt: skip


class ConnectionMemory(msgspec.Struct, frozen=True, kw_only=True):
    """The memory of one idle connection, measured with real ones, which are closed again.

    A server that has had as many before may still have their memory, and grow by less.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("target", "name", "process_bytes", "kernel_bytes",
                                        "uncertainty_bytes")  # fmt: skip

    target: str
    name: str
    """The program that listens, as ``/proc/PID/comm`` names it."""
    unit: str = ""
    """Its systemd service; empty if it is not known."""
    processes: int
    """That have the listening socket; their memory is added up. That of a backend is not."""
    connections: int
    """Real ones that were opened."""
    resident_bytes: int
    """What these processes had before (RssAnon)."""
    process_bytes: int
    """By which these processes grew for each (RssAnon)."""
    kernel_bytes: int
    """By which the kernel's own memory grew for each (Slab), without this end of it."""
    uncertainty_bytes: int
    """Half the difference between the quarters of the connections, and the size of a page of each
    process."""
    held: int
    """Connections that the service had before."""
    available_bytes: int
    """MemAvailable before."""
    cgroup_limit_bytes: int | None = None
    """The lowest of the service's control group and those above it; None without one."""
    cgroup_available_bytes: int | None = None
    """What of that limit was free, or held files that can be dropped."""

    @property
    def bytes(self) -> int:
        """Process and kernel together."""
        return self.process_bytes + self.kernel_bytes

    @property
    def most_bytes(self) -> int:
        """What each takes at most.

        Processes that grew by no more than by chance have used memory that they had: at most all.
        """
        most = self.bytes + self.uncertainty_bytes
        grew = self.process_bytes > self.uncertainty_bytes
        return most if grew else most + self.resident_bytes // self.connections


class SocketLocalFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of this machine's kernel and servers, learnt on it."""

    SHOWN: ClassVar[tuple[str, ...]] = ("servers", "file_limit", "conntrack_limit", "first_port",
                                        "last_port", "listen_backlog", "memory")  # fmt: skip

    servers: tuple[ServerLimits, ...] | None = None
    """None if the processes are not visible."""
    files: int | None = None
    """Open file descriptions of the whole machine."""
    file_limit: int | None = None
    """fs.file-max."""
    process_file_limit: int | None = None
    """fs.nr_open, which no RLIMIT_NOFILE can exceed."""
    tracked: int | None = None
    """Connections that the firewall tracks; None if it tracks none."""
    conntrack_limit: int | None = None
    """net.netfilter.nf_conntrack_max."""
    first_port: int | None = None
    last_port: int | None = None
    """net.ipv4.ip_local_port_range: the ports of outgoing connections."""
    listen_backlog: int | None = None
    """net.core.somaxconn: the longest queue of connections that the server has not accepted."""
    syn_backlog: int | None = None
    """net.ipv4.tcp_max_syn_backlog."""
    listen_overflows: int | None = None
    """Connections that met a full queue since the machine has started."""
    listen_drops: int | None = None
    """Connections that were dropped before they were accepted, for any reason."""
    tcp_sockets: int | None = None
    queues: tuple[ListenQueue, ...] | None = None
    """Those of the servers above; None if ``ss`` printed none of a known process."""
    destinations: tuple[Destination, ...] | None = None
    """The five with the most connections; None if the table could not be read to its end."""
    memory: ConnectionMemory | None = None
    """Of one connection; measured only with ``--measure``."""
    connections: int | None = None
    """The connections that the machine must be able to hold (``--connections``)."""
    unread: tuple[Unread, ...] = ()

    @property
    def ports(self) -> int | None:
        """How many ports outgoing connections to one destination have; None if unknown."""
        if self.first_port is None or self.last_port is None:
            return None
        return self.last_port - self.first_port + 1

    @property
    def used_ratio(self) -> float | None:
        """The highest share of a server's descriptors in use."""
        ratios = [each.used_ratio for each in self.servers or () if each.used_ratio is not None]
        return max(ratios, default=None)

    @property
    def tracked_ratio(self) -> float | None:
        """The share of the table of tracked connections that is in use."""
        if self.tracked is None or not self.conntrack_limit:
            return None
        return self.tracked / self.conntrack_limit

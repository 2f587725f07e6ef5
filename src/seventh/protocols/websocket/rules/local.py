"""How many connections this machine and its servers can hold."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.protocols.websocket.facts.local import ServerLimits, SocketLocalFacts
from seventh.protocols.websocket.rules.capacity import (
    DESCRIPTORS,
    MEASURED,
    exceeded,
    limits_of,
    longer_queue,
    more_descriptors,
    more_ports,
)
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule
from seventh.rules.unread import not_looked, not_read

AREA = "sockets"
_QUEUES = "ss -Htlnp"
USED = 0.7
"""The share of a limit above which the next peak exceeds it."""
_PROCESSES = "/proc/*/{comm,stat,status,cmdline,cgroup}"
_SERVERS = (
    ServerLimits(
        name="nginx", processes=2, unit="nginx.service", descriptor_limit=65536, descriptors=412,
        other_descriptors=12, worker_connections=32768, forwards=True,
    ),
)  # fmt: skip
_GOOD = SocketLocalFacts(
    servers=_SERVERS, files=2048, file_limit=9223372036854775807, process_file_limit=1048576,
    tracked=800, conntrack_limit=262144, first_port=1024, last_port=65535, listen_backlog=4096,
    syn_backlog=4096, listen_overflows=0, listen_drops=0, tcp_sockets=820, connections=20000,
)  # fmt: skip


@rule(
    "WS-FD",
    Severity.MEDIUM,
    tier=0,
    source=Source.LOCAL,
    title="Few descriptors left for connections",
    evidence="{what}",
    phrases={
        "what": {
            "now": "more than 70 % of the descriptors of a process are open: {limits}",
            "ports": "more than 70 % of the outgoing ports towards one destination are in use: "
            "{limits}",
            "queue": "more than 70 % of the places for connections that wait to be accepted are in "
            "use: {limits}",
            "burst": "{overflows} connections met a full queue since the machine has started. "
            "Connections that can wait to be accepted if {connections} arrive at once: {limits}",
            "planned": "{connections} connections do not fit. The first limit reached is {first}. "
            "Client connections that each limit admits, the lowest first: {limits}",
        }
    },
    why="Each open WebSocket takes a descriptor for as long as the client stays, two of them in a "
    "proxy. At the limit, a server accepts no further connection: clients wait until they time out "
    "while those that are connected see no fault.",
    fix={"any": "Raise the limits in this order, restart the server, and look again."},
    references=(
        "Manual page getrlimit(2)", "Manual page systemd.exec(5)",
        "NGINX documentation: worker_connections", "Linux kernel documentation: fs.file-max",
        "Linux kernel documentation: nf_conntrack_max", "Manual page listen(2)",
        "Linux kernel documentation: control groups, memory.max",
    ),
    seed=("12.8.2",),
    good=WebSocketFacts(local=_GOOD),
    bad=WebSocketFacts(
        local=replace(
            _GOOD, servers=(replace(_SERVERS[0], worker_connections=768, descriptor_limit=1024),)
        )
    ),
)  # fmt: skip
def few_descriptors(ws: WebSocketFacts) -> Verdict:
    """Fail a server that uses more than 70 % of its descriptors, and limits below --connections.

    High if more connections are planned than a limit of the machine or of a server admits. A limit
    that could not be read leaves the answer unknown, unless another is exceeded. Memory counts only
    if it was measured.
    """
    local = ws.local
    if local is None:
        return not_looked(AREA)
    if local.servers is None:
        return not_read(local.unread, _PROCESSES)
    if not local.servers:
        return not_applicable("no known web or WebSocket server is running")
    if local.connections is not None:
        return _planned(local, local.connections)
    return _now(local, local.servers)


def _now(local: SocketLocalFacts, servers: tuple[ServerLimits, ...]) -> Verdict:
    full = [each for each in servers if (each.used_ratio or 0) > USED]
    if full:
        limits = tuple(f"{e.name} {e.descriptors}/{e.descriptor_limit}" for e in full)
        doubled = ((each, 2 * (each.descriptor_limit or 0)) for each in full)
        lines = [line for each, number in doubled for line in more_descriptors(each, number)]
        return Hit(what="now", limits=limits).fixed_by("any", *lines)
    if local.ports is not None and any(each.forwards for each in servers):
        most = USED * local.ports
        used = [each for each in local.destinations or () if each.connections > most]
        if used:
            limits = tuple(f"{e.shown} {e.connections}/{local.ports}" for e in used)
            return Hit(what="ports", limits=limits).fixed_by("any", *more_ports(local, 0))
    waiting = [each for each in local.queues or () if each.waiting > USED * each.backlog]
    if waiting:
        limits = tuple(f"{e.name} {e.address} {e.waiting}/{e.backlog}" for e in waiting)
        lines = [line for e in waiting for line in longer_queue(e, local, 2 * e.backlog)]
        return Hit(what="queue", limits=limits).fixed_by("any", *dict.fromkeys(lines))
    if any(each.used_ratio is None for each in servers):
        return not_read(local.unread, DESCRIPTORS)
    return None


def _planned(local: SocketLocalFacts, wanted: int) -> Verdict:
    limits = tuple(limits_of(local, wanted, doubtful=1))
    low = exceeded(limits, wanted)
    if low:
        lines = [line for each in low for line in each.fix]
        certain = any(each.certain for each in low)
        return Hit(
            Severity.HIGH if certain else None, what="planned", connections=wanted,
            first=low[0].name,
            limits=tuple(f"{e.name} = {e.value}: {e.connections}" for e in low),
        ).fixed_by("any", *lines)  # fmt: skip
    unread = [each.unread for each in limits if each.connections is None]
    if unread:
        return not_read(local.unread, *dict.fromkeys(unread))
    doubtful = exceeded(limits_of(local, wanted, doubtful=2), wanted)
    if any(each.unread != MEASURED for each in doubtful):
        names = ", ".join(each.name for each in local.servers or () if each.forwards is None)
        return Skip(
            f"unknown whether {names} forwards to a backend: the connections would not fit twice"
        )
    if doubtful:
        return Skip(
            f"the memory of one connection is uncertain: {doubtful[0].name}; measure soon after "
            "the server has started"
        )
    return _burst(local, wanted)


def _burst(local: SocketLocalFacts, wanted: int) -> Verdict:
    """Judge what happens if all clients connect at once, as after a restart.

    Only where connections were lost so already: most clients come one by one.
    """
    if not local.listen_overflows:
        return None
    if local.queues is None:
        return not_read(local.unread, _QUEUES)
    short = [each for each in local.queues if each.backlog < wanted]
    if not short:
        return None
    lines = [line for each in short for line in longer_queue(each, local, wanted)]
    return Hit(
        what="burst", connections=wanted, overflows=local.listen_overflows,
        limits=tuple(f"{each.name} {each.address} {each.backlog}" for each in short),
    ).fixed_by("any", *dict.fromkeys(lines))  # fmt: skip

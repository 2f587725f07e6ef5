"""The area ``sockets``: how many connections this machine and its servers can hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from seventh.localkit.area import Area, Call
from seventh.localkit.nginx import COMMAND, FILES, NAME
from seventh.localkit.seen import Process, Seen
from seventh.model.localfacts import Unread
from seventh.model.option import Option, RoomOptions
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.protocols.websocket.facts.local import ServerLimits, SocketLocalFacts
from seventh.protocols.websocket.local import descriptors, kernel, measure, nginx, queues, tables
from seventh.protocols.websocket.local.descriptors import Descriptors
from seventh.protocols.websocket.local.measure import Measured

_PROXIES = frozenset({"haproxy", "envoy", "traefik"})
"""Servers that do nothing but forward; others may."""


class SocketOptions(RoomOptions, frozen=True, kw_only=True):
    """How many connections the machine must hold."""

    connections: Annotated[
        Annotated[int, Meta(ge=1, le=100_000_000)] | None,
        Option(
            flag="connections", metavar="N",
            help="client connections that this machine must be able to hold at once, such as 50000",
        ),
    ] = None  # fmt: skip
    measure: Annotated[
        str | None,
        Option(
            flag="measure", metavar="URL", read=measure.service,
            help=f"measure the memory of one connection with {measure.CONNECTIONS} real ones to "
            "this WebSocket service of this machine, such as ws://localhost:8080",
            needs=("intrusive", "opening that many connections is tier 4"),
        ),
    ] = None  # fmt: skip
    intrusive: Annotated[
        bool, Option(flag="intrusive", help="allow tier 4: the connections of --measure")
    ] = False


def learn(facts: WebSocketFacts, seen: Seen, options: SocketOptions) -> WebSocketFacts:
    """Add the limits."""
    unread = list(seen.unread)
    running = _running(seen)
    servers = None if running is None else _servers(running, seen, unread)
    reached = seen.calls.get(tables.NAME)
    measured = seen.calls.get(measure.NAME)
    return facts.learn(
        local=SocketLocalFacts(
            servers=servers, connections=options.connections,
            queues=queues.queues(seen, {each.pid: each.name for each in running or ()}),
            destinations=reached if isinstance(reached, tuple) else None,
            memory=measured.memory if isinstance(measured, Measured) else None,
            unread=tuple(dict.fromkeys(unread)), **kernel.limits(seen),
        )
    )  # fmt: skip


def _running(seen: Seen) -> tuple[Process, ...] | None:
    """Return the processes of servers: of the known ones, and of the one that was measured."""
    if isinstance(seen.processes, Unread):
        return None
    known = {process.pid: process for process in seen.processes}
    measured = seen.calls.get(measure.NAME)
    if isinstance(measured, Measured):
        known = {process.pid: process for process in measured.processes} | known
    return tuple(known.values())


def _servers(
    running: Sequence[Process], seen: Seen, unread: list[Unread]
) -> tuple[ServerLimits, ...]:
    by_pid: dict[int, Descriptors] = {}
    if isinstance(measured := seen.calls.get(measure.NAME), Measured):
        by_pid.update(measured.descriptors)
    if isinstance(counted := seen.calls.get(descriptors.NAME), dict):
        by_pid.update(counted)
    names = dict.fromkeys(process.name for process in running)
    return tuple(
        _server([process for process in running if process.name == name], seen, by_pid, unread)
        for name in names
    )


def _server(
    all_of: Sequence[Process], seen: Seen, by_pid: dict[int, Descriptors], unread: list[Unread]
) -> ServerLimits:
    """Describe the processes of one name: those that another of them has started, if any."""
    name = all_of[0].name
    pids = {process.pid for process in all_of}
    started = [process for process in all_of if process.parent in pids]
    workers: Sequence[Process] = started or all_of
    each = [by_pid.get(process.pid, Descriptors(pid=process.pid)) for process in workers]
    limits = [one.limit for one in each if one.limit is not None]
    most = max(each, key=lambda one: one.open or 0)
    masters = [process for process in all_of if process not in started]
    above = [by_pid[master.pid].hard_limit for master in masters if master.pid in by_pid]
    conf = nginx.configured(seen, unread) if name == NAME else None
    forwards = True if name in _PROXIES else None
    return ServerLimits(
        name=name, processes=len(workers),
        unit=next((process.unit for process in all_of if process.unit), ""),
        descriptor_limit=min(limits) if len(limits) == len(each) else None,
        hard_limit=min((hard for hard in above if hard is not None), default=None),
        descriptors=most.open if all(one.open is not None for one in each) else None,
        other_descriptors=max(one.others for one in each),
        worker_connections=conf.worker_connections if conf else None,
        forwards=conf.forwards if conf else forwards,
    )  # fmt: skip


AREAS = (
    Area(
        name="sockets",
        title="how many connections the machine and its servers can hold, and what breaks first",
        facts=WebSocketFacts,
        learn=learn,
        options=SocketOptions,
        commands=(COMMAND, queues.COMMAND),
        further=(FILES, measure.MEASURE),
        files=kernel.FILES,
        processes=descriptors.SERVERS,
        calls=(
            Call(
                name=descriptors.NAME, run=descriptors.descriptors,
                reads="open descriptors of these processes, and their limit",
            ),
            Call(
                name=tables.NAME, run=tables.destinations,
                reads="where this machine has connected to, and how often",
            ),
        ),
    ),
)  # fmt: skip

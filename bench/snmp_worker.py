"""One SNMP client in a process of its own: walks or polls on command, with the CPU time it took.

``python -m bench.snmp_worker CLIENT``; one JSON request a line on stdin, one JSON answer a line.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from bench.measure import memory_bytes
from seventh import protocols
from seventh.engine.check import converse
from seventh.given import make
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.snmp.client.identity import User, identity_of
from seventh.protocols.snmp.client.session import Session
from seventh.protocols.snmp.lab.mib import BIG_TABLE
from seventh.protocols.snmp.lab.setup import AUTH_PASSWORD, COMMUNITY, MONITOR, PRIV_PASSWORD
from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.walk import MAX_REPETITIONS, Walk

ROOT = ".".join(map(str, BIG_TABLE))
AT_ONCE = 256


def options(version: str, folder: str) -> Options:
    """The credential, in files of ``folder``."""
    given: dict[str, object] = {"timeout_seconds": 60.0}
    secrets = {"community_file": COMMUNITY}
    if version == "3":
        given |= {"user": MONITOR.name, "auth": "sha256", "priv": "aes"}
        secrets = {"auth_password_file": AUTH_PASSWORD, "priv_password_file": PRIV_PASSWORD}
    for name, secret in secrets.items():
        file = Path(folder, f"{name}-{os.getpid()}")
        file.write_text(secret, encoding="utf-8")
        given[name] = str(file)
    return make(given)


async def _session(port: int, given: Options, use: Any) -> None:
    """Call ``use`` with a session to one agent."""

    async def step(ctx: ProbeContext) -> None:
        identity = identity_of(given)
        session = Session(ctx, (await ctx.addresses())[0], identity)
        if isinstance(identity, User):
            await session.discover()
        await use(session)

    spec = protocols.rooms()["snmp"]
    target = Target(scheme="snmp", host="127.0.0.1", port=port)
    ctx = await converse(target, given, spec, step, hand_in=True)
    ctx.close()
    if ctx.failure is not None:
        raise RuntimeError(ctx.failure.detail)


async def seventh(port: int, version: str, folder: str) -> int:
    """Walk the big table with Seventh's session."""
    count = 0

    async def use(session: Session) -> None:
        nonlocal count
        async for rows in session.walk(Walk(BIG_TABLE, bulk=True, repetitions=MAX_REPETITIONS)):
            count += len(rows)

    await _session(port, options(version, folder), use)
    return count


async def poll(ports: list[int], oids: list[Oid], folder: str) -> int:
    """Get ``oids`` of every agent by SNMP v2c, AT_ONCE at any time."""
    given, count, left = options("2c", folder), 0, iter(ports)

    async def use(session: Session) -> None:
        nonlocal count
        answer = await session.get(*oids)
        count += len(answer.bindings) if not answer.error else 0

    async def some() -> None:
        for port in left:
            await _session(port, given, use)

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return count


async def gufo(port: int, version: str, _: str) -> int:
    """Walk the big table with gufo-snmp."""
    snmp = importlib.import_module("gufo.snmp")
    users = importlib.import_module("gufo.snmp.user")
    made: dict[str, Any] = {"version": snmp.SnmpVersion.v2c, "community": COMMUNITY}
    if version == "3":
        made = {"version": snmp.SnmpVersion.v3, "user": users.User(
            MONITOR.name, auth_key=users.Sha256Key(AUTH_PASSWORD.encode()),
            priv_key=users.Aes128Key(PRIV_PASSWORD.encode()),
        )}  # fmt: skip
    count = 0
    async with importlib.import_module("gufo.snmp.aio").SnmpSession(
        addr="127.0.0.1", port=port, max_repetitions=MAX_REPETITIONS, **made
    ) as session:
        async for _ in session.getbulk(ROOT):
            count += 1
    return count


_engine: Any = None


async def pysnmp(port: int, version: str, _: str) -> int:
    """Walk the big table with pysnmp, without looking names up."""
    global _engine  # noqa: PLW0603 - it loads its MIBs once
    api = importlib.import_module("pysnmp.hlapi.v3arch.asyncio")
    _engine = _engine or api.SnmpEngine()
    credential: Any = api.CommunityData(COMMUNITY, mpModel=1)
    if version == "3":
        credential = api.UsmUserData(
            MONITOR.name, AUTH_PASSWORD, PRIV_PASSWORD,
            authProtocol=api.usmHMAC192SHA256AuthProtocol, privProtocol=api.usmAesCfb128Protocol,
        )  # fmt: skip
    transport = await api.UdpTransportTarget.create(("127.0.0.1", port))
    root = api.ObjectType(api.ObjectIdentity(ROOT))
    count = 0
    walk = api.bulk_walk_cmd(
        _engine, credential, transport, api.ContextData(), 0, MAX_REPETITIONS, root,
        lexicographicMode=False, lookupMib=False,
    )  # fmt: skip
    async for failure, status, _, bindings in walk:
        if failure or status:
            raise RuntimeError(f"pysnmp: {failure or status}")
        count += len(bindings)
    return count


def main() -> None:
    """Serve requests until stdin ends."""
    client = {"seventh": seventh, "gufo": gufo, "pysnmp": pysnmp}[sys.argv[1]]
    loop = asyncio.new_event_loop()
    for line in sys.stdin:
        request = json.loads(line)
        cpu, wall = time.process_time(), time.perf_counter()
        if "ports" in request:
            oids = [tuple(oid) for oid in request.pop("oids")]
            count = loop.run_until_complete(poll(request["ports"], oids, request["folder"]))
        else:
            count = loop.run_until_complete(
                client(request["port"], request["version"], request["folder"])
            )
        print(json.dumps({
            "count": count, "cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall,
            "peak": memory_bytes(os.getpid(), "VmHWM"),
        }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()

"""SNMP: CPU per varbind of a walk by GETBULK, against gufo-snmp, pysnmp and snmpbulkwalk.

All walk the same table of the reference agent, a process of its own, with the same repetitions.
Then one process of ours polls many agents, 20 varbinds each.
"""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.measure import figure, in_turn, ratio, run_process, spread
from bench.peers import Worker, need, process, server
from bench.snmp_worker import ROOT
from bench.table import Table
from seventh.protocols.snmp.lab.setup import AUTH_PASSWORD, COMMUNITY, MONITOR, PRIV_PASSWORD
from seventh.protocols.snmp.wire.walk import MAX_REPETITIONS

ROWS = 3334
"""Of three columns: 10,002 varbinds."""
AGENTS = 5000
VARBINDS = 20
TWICE, FORTIETH = 2.0, 1 / 40
_LIBRARIES = {"gufo": "gufo-snmp", "pysnmp": "pysnmp"}


def run(folder: Path, quick: bool) -> list[Table]:
    with server("snmp") as agent:
        walks = Table(
            "CPU per varbind of a walk by GETBULK",
            ("client", "µs", "range", "Seventh is", "range", "goal"),
            notes=(
                f"10,002 varbinds, {MAX_REPETITIONS} a reply; medians of rounds in turn.",
                "The ratio is round by round.",
                "snmpbulkwalk prints what it reads, and its start is included.",
            ),
        )
        for version, name in (("2c", "v2c"), ("3", "v3, SHA-256 and AES")):
            _walks(walks, folder, agent.port, version, name, quick)
    return [walks, _agents(folder, quick)]


@contextlib.contextmanager
def client(name: str) -> Iterator[Worker]:
    """A client of :mod:`bench.snmp_worker`."""
    command = [sys.executable, "-m", "bench.snmp_worker", name]
    with process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        yield Worker(child)


def _walks(table: Table, folder: Path, port: int, version: str, name: str, quick: bool) -> None:
    rounds = 3 if quick else 9
    there = [key for key, module in (("gufo", "gufo"), ("pysnmp", "pysnmp"))
             if importlib.util.find_spec(module)]  # fmt: skip
    with contextlib.ExitStack() as stack:
        workers = {each: stack.enter_context(client(each)) for each in ("seventh", *there)}

        def walk(worker: Worker) -> float:
            done = worker.ask(port=port, version=version, folder=str(folder))
            if done["count"] != 3 * ROWS:
                raise RuntimeError(f"a walk of {done['count']} varbinds")
            return float(done["cpu"]) / (3 * ROWS)

        def tool() -> float:
            return run_process(_tool(version, port), folder).cpu / (3 * ROWS)

        sides = [lambda w=worker: walk(w) for worker in workers.values()]
        measured = in_turn(rounds, *sides, tool)
    ours = measured[0]
    for each, values in zip((*workers, "snmpbulkwalk"), measured, strict=True):
        own = spread(values)
        share = ratio(ours, values)
        goal = "—"
        if each in {"gufo", "pysnmp"}:
            at_most = TWICE if each == "gufo" else FORTIETH
            goal = table.hold(f"{name}, {_LIBRARIES[each]}", share.median, at_most)
        table.add(
            f"{_LIBRARIES.get(each, each)}, {name}", figure(own.median, 1e6), own.range(1e6),
            f"× {figure(share.median)}", share.range(), goal,
        )  # fmt: skip


def _tool(version: str, port: int) -> list[str]:
    credential = ["-v2c", "-c", COMMUNITY]
    if version == "3":
        credential = ["-v3", "-u", MONITOR.name, "-l", "authPriv", "-a", "SHA-256", "-A",
                      AUTH_PASSWORD, "-x", "AES", "-X", PRIV_PASSWORD]  # fmt: skip
    return [need("snmpbulkwalk"), *credential, "-m", "", f"-Cr{MAX_REPETITIONS}",
            f"127.0.0.1:{port}", ROOT]  # fmt: skip


def _agents(folder: Path, quick: bool) -> Table:
    count = 200 if quick else AGENTS
    table = Table(
        "Many agents, a GET of 20 varbinds by v2c of each",
        ("agents", "per second", "CPU per agent, µs", "memory at most, MB"),
        notes=("One process; the agents are in another one, on the other CPU.",),
    )
    oids = [[1, 3, 6, 1, 2, 1, 2, 2, 1, 10, 1 + n % 3] for n in range(VARBINDS)]
    with server("snmp-many", str(count)) as agents, client("seventh") as worker:
        ports = [agents.port, *map(int, agents.line().split())]
        request = {"ports": ports, "oids": oids, "folder": str(folder)}
        worker.ask(**request | {"ports": ports[:100]})
        runs = [worker.ask(**request) for _ in range(1 if quick else 3)]
    if any(each["count"] != count * VARBINDS for each in runs):
        raise RuntimeError("an agent was not read")
    rate = spread([count / each["wall"] for each in runs])
    cpu = spread([each["cpu"] / count for each in runs])
    memory = max(each["peak"] for each in runs) / 1e6
    table.add(f"{count:,}", rate.text(), cpu.text(1e6), figure(memory))
    return table

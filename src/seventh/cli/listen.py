"""``seventh listen``: receives notifications until a signal ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import time
from pathlib import Path

from msgspec.structs import replace

from seventh.cli.check import run_loop
from seventh.cli.signals import Ending, ending
from seventh.cli.streams import say
from seventh.cli.supervised import supervised
from seventh.model.failure import UsageError, system_error
from seventh.model.sample import Sample
from seventh.net.stopwatch import now_ns
from seventh.net.udp_listener import UdpListener, listener
from seventh.notify.forward.forwarding import Forwarding
from seventh.notify.forward.receivers import sender_of
from seventh.protocols.snmp.receive.receiver import Engine, Receiver
from seventh.render.presentation import count
from seventh.watch.folder import default_folder
from seventh.watch.store import Store, StoreError
from seventh.watch.traps import spool
from seventh.watch.traps.collector import Collector
from seventh.watch.traps.config import Config, load
from seventh.watch.traps.intake import Intake
from seventh.watch.traps.senders import Senders

_METRICS_SECONDS = 10.0
_MIB = 1024 * 1024


def run(parsed: argparse.Namespace) -> int:
    """Receive until a signal; returns 0, or 2 where something accepted could not be stored."""
    config = _config(parsed)
    for keys in config.forward:
        sender_of(keys)  # what cannot be is said before anything is received
    if parsed.check_config:
        if parsed.config is None:
            raise UsageError("--check-config: needs --config FILE")
        sys.stdout.write(f"{parsed.config}: valid: {summary(config)}\n")
        return 0
    own = config.listen
    with contextlib.closing(listener(own.host, own.port)) as listening:
        store = Store(Path(own.state or default_folder() / "listen"), spool.KIND)
        try:
            if store.moved is not None:
                say(f"the database was damaged: it is now {store.moved}, and a new one was begun")
            with ending() as end:
                return run_loop(_listen(store, listening, config, parsed.metrics, end))
        except StoreError as error:  # at the start; later it is tried again
            raise UsageError(str(error)) from None
        finally:
            store.close()


def summary(config: Config) -> str:
    """Return who is known, and how many receivers there are."""
    known = (
        (len(config.users), "user", "users"),
        (len(config.communities), "community", "communities"),
        (len(config.forward), "receiver", "receivers"),
    )
    return ", ".join(f"{number} {one if number == 1 else many}" for number, one, many in known)


def _config(parsed: argparse.Namespace) -> Config:
    config = load(parsed.config) if parsed.config is not None else Config()
    typed = {key: getattr(parsed, key) for key in ("host", "port", "state")}
    given = {key: value for key, value in typed.items() if value is not None}
    return replace(config, listen=replace(config.listen, **given))


async def _listen(
    store: Store, listening: UdpListener, config: Config, metrics: str | None, end: Ending
) -> int:
    names = [keys.name for keys in config.forward]
    own = await asyncio.wrap_future(store.run(lambda database: spool.begin(database, names)))
    at_ns, wall_ns = now_ns(), time.time_ns()
    receiver = Receiver(
        Engine(id=own.engine_id, boots=own.boots, started_ns=at_ns), config.accounts()
    )
    receiver.clocks = await asyncio.wrap_future(
        store.run(lambda database: spool.engines(database, at_ns, wall_ns))
    )
    limits = config.listen
    intake = Intake(receiver, Senders(limits.source_limit), limits.max_store * _MIB)
    intake.stored_bytes = await asyncio.wrap_future(store.run(spool.waiting))
    collector = Collector(listening, store, intake, say)
    forwarding = Forwarding(store, collector, config.forward, say)
    stop, done, ready = asyncio.Event(), asyncio.Event(), asyncio.Event()
    with end.in_loop(stop.set), supervised(ready):
        say(f"listening on UDP port {listening.port}; engine {own.engine_id.hex()}")
        ready.set()
        writing = asyncio.create_task(_write_often(metrics, collector))
        sending = asyncio.create_task(forwarding.run(done))
        sending.add_done_callback(lambda _: stop.set())
        try:
            await collector.run(stop)
        finally:
            done.set()
            writing.cancel()
            await asyncio.wait((sending,))
    if metrics is not None:
        write_metrics(metrics, collector)
    say(_ended(collector))
    sending.result()
    return 2 if collector.lost else 0


def _ended(collector: Collector) -> str:
    intake = collector.intake
    lost = intake.dropped + collector.dropped + collector.lost
    parts = [f"{count(collector.received, 'datagram')} received", f"{lost} lost"]
    totals: dict[str, int] = {}
    for (_, verdict), number in intake.totals.items():
        totals[verdict] = totals.get(verdict, 0) + number
    parts += [f"{number} {verdict}" for verdict, number in sorted(totals.items())]
    return "; ".join((", ".join(parts[:2]), ", ".join(parts[2:]) or "nothing judged"))


async def _write_often(path: str | None, collector: Collector) -> None:
    while path is not None:
        write_metrics(path, collector)
        await asyncio.sleep(_METRICS_SECONDS)


def samples(collector: Collector) -> list[Sample]:
    """Return the receiver's counters."""
    intake = collector.intake
    name = "seventh_snmp_traps_total"
    return [
        *(
            Sample(name, (("version", version), ("verdict", verdict)), float(number))
            for (version, verdict), number in sorted(intake.totals.items())
        ),
        Sample("seventh_snmp_traps_lost_total", (), float(collector.dropped + intake.dropped)),
        Sample("seventh_snmp_trap_store_bytes", (), float(intake.stored_bytes)),
        Sample("seventh_snmp_trap_senders", (), float(len(intake.senders.by_address))),
    ]


def write_metrics(path: str, collector: Collector) -> None:
    """Replace the file of counters; a failure is said, and receiving goes on."""
    lines = []
    for sample in samples(collector):
        kind = "counter" if sample.name.endswith("_total") else "gauge"
        head = f"# TYPE {sample.name} {kind}\n"
        if head not in lines:
            lines.append(head)
        lines.append(f"{sample.key} {sample.value:.17g}\n")
    temporary = Path(f"{path}.{os.getpid()}")
    try:
        temporary.write_text("".join(lines), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        say(f"--metrics {path}: cannot be written: {system_error(error)}")

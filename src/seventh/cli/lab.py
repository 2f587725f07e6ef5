"""``seventh lab``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shlex
import sys

from seventh import given
from seventh.cli.check import run_loop
from seventh.cli.signals import ending
from seventh.cli.streams import say
from seventh.lab import start
from seventh.labkit.serve import Fault, NotInstalledError, Served
from seventh.model.failure import UsageError


def run(parsed: argparse.Namespace) -> int:
    """List the faults, or run the servers until a signal."""
    rooms = start.labs() if parsed.room is None else (start.find_lab(parsed.room),)
    if parsed.list:
        return _list(rooms)
    fault: Fault | None = None
    if parsed.fault is not None:
        if parsed.room is None:
            raise UsageError(
                f"--fault needs a protocol: `seventh lab PROTOCOL --fault {parsed.fault}`"
            )
        fault = start.find_fault(rooms[0], parsed.fault)
        if reason := fault.lacks():
            raise UsageError(f"--fault {fault.name}: {reason}")
    return run_loop(_serve(rooms, fault))


def _list(rooms: tuple[str, ...]) -> int:
    for room in rooms:
        for fault in start.faults(room):
            triggers = ", ".join(fault.triggers) or fault.reason or ""
            sys.stdout.write(f"{room:<6} {fault.name:<22} {triggers}\n{'':29} {fault.meaning}\n")
    return 0


async def _serve(rooms: tuple[str, ...], fault: Fault | None) -> int:
    """Run the servers until a signal, also one during their start."""
    serving = asyncio.ensure_future(_start_all(rooms, fault))
    with ending() as end, end.in_loop(serving.cancel):
        await asyncio.wait((serving,))
    if not serving.cancelled():
        serving.result()
    return 0


async def _start_all(rooms: tuple[str, ...], fault: Fault | None) -> None:
    with start.kit() as kit:
        async with contextlib.AsyncExitStack() as servers:
            for room in rooms:
                try:
                    started = await servers.enter_async_context(start.serving_all(room, fault, kit))
                except NotInstalledError as lacking:
                    if len(rooms) == 1:
                        raise
                    say(f"{room} server skipped: {lacking}")
                    continue
                sys.stdout.writelines(f"{command(served)}\n" for served in started)
            sys.stdout.write("Ctrl-C stops them.\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


def command(served: Served) -> str:
    """Return the command line that checks a reference server."""
    words = ["seventh", "check", served.target]
    for field, value in served.options.items():
        each = given.options()[field]
        if each.is_switch:
            switches = {meant: name for name, meant, _ in each.option.switches} or {True: each.flag}
            words += [switches[value]] if value in switches else []
        else:
            for one in value if isinstance(value, tuple) else (value,):
                words += [each.flag, str(one)]
    return shlex.join(words)

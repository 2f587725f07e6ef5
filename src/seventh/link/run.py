"""``seventh link run``: a program behind a link, and what the link did meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence

import msgspec

from seventh.link.carrier import Carrier
from seventh.link.emulator import Wanted
from seventh.link.ends import GATEWAY
from seventh.link.messages import Statistics
from seventh.link.profile import Profile
from seventh.link.relay import Relay
from seventh.link.validate import Check, reasons, validate
from seventh.model.failure import UsageError, system_error

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_KILLED = 128


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A run, as ``seventh.link/1``."""

    schema: str = "seventh.link/1"
    profile: str
    seed: int
    command: tuple[str, ...]
    exit_code: int
    """The command's; 128 and the signal's number if a signal ended it."""
    valid: bool
    reasons: tuple[str, ...]
    """Why the run is not valid."""
    carrier: str
    realtime: bool
    congestion: str
    """The congestion control of TCP at both ends."""
    checks: tuple[Check, ...]
    statistics: Statistics


def run(
    profile: Profile, command: Sequence[str], seed: int = 0, wanted: Wanted | None = None
) -> Result:
    """Run a command behind a link; raises UsageError where no link can be made."""
    with Carrier(wanted) as carrier:
        checks = validate(carrier, profile, seed)
        code, done = asyncio.run(_behind(carrier, profile, command, seed))
        why = reasons(checks, done)
        return Result(
            profile=profile.name, seed=seed, command=tuple(command), exit_code=code,
            valid=not why, reasons=tuple(why), carrier=carrier.name, realtime=carrier.realtime,
            congestion=carrier.congestion,
            checks=tuple(checks), statistics=done,
        )  # fmt: skip


async def _behind(
    carrier: Carrier, profile: Profile, command: Sequence[str], seed: int
) -> tuple[int, Statistics]:
    carrier.use(profile, seed, relay=True)
    relay = Relay(carrier)
    try:
        with _forwarding() as forward:
            try:
                child = carrier.spawn(command, resolver=GATEWAY)
            except (OSError, subprocess.SubprocessError) as error:
                raise UsageError(f"{command[0]}: cannot be started: {_why(error)}") from None
            forward(child)
            await _until_it_ends(child, relay)
    finally:
        await relay.aclose()
    if relay.ended.is_set():
        raise UsageError("the link's process has ended unexpectedly; the command was ended, too")
    code = child.wait()
    return (_KILLED - code if code < 0 else code), carrier.statistics()


async def _until_it_ends(child: subprocess.Popen[bytes], relay: Relay) -> None:
    """Wait for the command; end it with the link."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    handle = os.pidfd_open(child.pid)
    loop.add_reader(handle, ended.set)
    try:
        waits = [loop.create_task(event.wait()) for event in (ended, relay.ended)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not ended.is_set():
            child.kill()
            await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


@contextlib.contextmanager
def _forwarding() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Forward signals to the command that is passed on, also those that came before it started.

    SIGINT is not forwarded if the terminal has sent it to the command as well.
    """
    loop = asyncio.get_running_loop()
    children: list[subprocess.Popen[bytes]] = []
    early: list[signal.Signals] = []

    def forward(number: signal.Signals) -> None:
        if not children:
            early.append(number)
        elif number is not signal.SIGINT or not _in_foreground():
            children[0].send_signal(number)

    def start(child: subprocess.Popen[bytes]) -> None:
        children.append(child)
        for number in early:
            forward(number)

    numbers = [each for each in FORWARDED if signal.getsignal(each) is not signal.SIG_IGN]
    for number in numbers:
        loop.add_signal_handler(number, forward, number)
    try:
        yield start
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _why(error: Exception) -> str:
    return system_error(error) if isinstance(error, OSError) else "the link cannot be entered"

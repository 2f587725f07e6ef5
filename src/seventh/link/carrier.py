"""A link between two network namespaces, carried by a process of its own.

As root it uses TUN devices; without root a user namespace, with TUN devices where /dev/net/tun is
accessible, else veth pairs and AF_PACKET. All of it ends with the processes: nothing is left.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from seventh.link import kernel, messages
from seventh.link.emulator import Wanted, main
from seventh.link.messages import Ask, Failed, Ready, Statistics, Told, ToParent, Use
from seventh.link.processes import end_all
from seventh.link.profile import Profile
from seventh.model.failure import UsageError
from seventh.model.near import unknown

RESOLV_CONF = "/etc/resolv.conf"
_SECONDS = 30.0
"""How long the emulator may take to answer."""


class Carrier:
    """A running link; a context manager, at whose end all of it is gone."""

    def __init__(self, wanted: Wanted | None = None) -> None:
        wanted = wanted or Wanted()
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel = here
        self._pid = os.fork()
        if self._pid == 0:
            _run_emulator(here, there, wanted)
        there.close()
        here.settimeout(_SECONDS)
        self._others: list[tuple[ToParent, list[int]]] = []
        with contextlib.ExitStack() as unless_ready:
            unless_ready.callback(self._reap)
            self._ready, descriptors = self._first(wanted)
            unless_ready.pop_all()
        self.client_namespace, self.world_namespace, client, world, *users = descriptors
        self.probes = (socket.socket(fileno=client), socket.socket(fileno=world))
        """UDP sockets of the client and of the world's end."""
        self._user = users[0] if users else None

    def _first(self, wanted: Wanted) -> tuple[Ready, list[int]]:
        try:
            message, descriptors = messages.from_emulator(self.channel)
        except (EOFError, OSError):
            raise UsageError("the link's process ended as it started") from None
        if isinstance(message, Ready):
            if wanted.congestion in {"", message.congestion}:
                return message, descriptors
            for descriptor in descriptors:
                os.close(descriptor)
            raise UsageError(_no_congestion(wanted.congestion))
        why = message.why if isinstance(message, Failed) else ""
        raise UsageError(_what_is_missing(why))

    @property
    def name(self) -> str:
        """How packets are carried."""
        return self._ready.carrier

    @property
    def realtime(self) -> bool:
        """Whether the emulator has SCHED_FIFO."""
        return self._ready.realtime

    @property
    def congestion(self) -> str:
        """The congestion control of TCP at both ends."""
        return self._ready.congestion

    def __enter__(self) -> Carrier:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes in the client's namespace, and the link."""
        end_all(self.client_namespace)
        for each in self.probes:
            each.close()
        for descriptor in (self.client_namespace, self.world_namespace, self._user):
            if descriptor is not None:
                os.close(descriptor)
        self._reap()

    def _reap(self) -> None:
        self.channel.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def use(self, profile: Profile, seed: int = 0, *, relay: bool = False) -> Statistics:
        """Start a profile; return the statistics of the one before."""
        return self._asked(Use(profile=profile, seed=seed, relay=relay))

    def statistics(self) -> Statistics:
        """Return what the link did since :meth:`use`."""
        return self._asked(Ask())

    def _asked(self, message: Use | Ask) -> Statistics:
        try:
            messages.send(self.channel, message)
            while True:
                answer, descriptors = messages.from_emulator(self.channel)
                if isinstance(answer, Told):
                    return answer.statistics
                self._others.append((answer, descriptors))
        except (EOFError, OSError):
            raise UsageError("the link's process has ended unexpectedly") from None

    def received(self) -> Iterator[tuple[ToParent, list[int]]]:
        """Return messages that have come; the channel must not block. Raises EOFError."""
        while self._others:
            yield self._others.pop(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                yield messages.from_emulator(self.channel)

    def spawn(
        self, words: Sequence[str], *, world: bool = False, resolver: str = "", **settings: Any
    ) -> subprocess.Popen[Any]:
        """Start a program behind the link, or with ``world`` at its other end.

        ``resolver`` becomes the nameserver of its resolv.conf. Raises OSError.
        """
        namespace = self.world_namespace if world else self.client_namespace
        return subprocess.Popen(words, preexec_fn=self._entering(namespace, resolver), **settings)  # noqa: PLW1509 - this process has one thread

    def _entering(self, namespace: int, resolver: str) -> Callable[[], None]:
        parent, user = os.getpid(), self._user

        target = os.path.realpath(RESOLV_CONF)

        def enter() -> None:
            if user is not None:
                kernel.enter(user, kernel.NEW_USER)
            kernel.enter(namespace, kernel.NEW_NET)
            if resolver:
                with contextlib.suppress(OSError):  # names are then asked as before
                    kernel.show_file(target, f"nameserver {resolver}\n".encode())
            kernel.die_with_parent(parent)

        return enter


def _run_emulator(here: socket.socket, there: socket.socket, wanted: Wanted) -> None:
    """Run in the child; never returns."""
    code = 1
    try:
        here.close()
        main(there, wanted)
        code = 0
    except Exception:  # noqa: BLE001 - a defect: shown, as this process ends here
        traceback.print_exc()
    finally:
        os._exit(code)


def _no_congestion(name: str) -> str:
    path = Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
    known = path.read_text(encoding="utf-8").split() if path.exists() else []
    error = unknown("congestion control", name, known)
    return f"{error}; sysctl net.ipv4.tcp_allowed_congestion_control permits others"


def _what_is_missing(why: str) -> str:
    if os.geteuid() == 0:
        return f"a link needs network namespaces, which this machine does not permit: {why}"
    return (
        f"a link needs root, or unprivileged user namespaces, which this machine does not permit "
        f"({why}): type sudo before the command"
    )

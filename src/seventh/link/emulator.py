"""The emulator's process: it makes the namespaces, and moves packets when they are due."""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import time
from pathlib import Path as File

import msgspec

from seventh.link import kernel, messages
from seventh.link.ends import CLIENT, GATEWAY, QUEUE, End, VethEnd, tun_end, veth_end
from seventh.link.gate import Gate
from seventh.link.lateness import Lateness
from seventh.link.messages import Answer, Failed, Ready, Statistics, Told, Use
from seventh.link.path import Path
from seventh.link.processes import end_all
from seventh.link.profile import Profile
from seventh.link.way import NEVER

_BATCH = 16
"""Packets that are read of one end before those that are due leave."""
_HEAD = 120
"""The longest headers of IPv4 and TCP."""
_IDLE_SECONDS = 60.0
_MOST_EARLY_NS = 200_000
_CONGESTION = "ipv4/tcp_congestion_control"
_DROPPED = 11
"""The column of /proc/net/dev: packets that were not sent."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """How a link is carried; None: as this machine permits."""

    tun: bool | None = None
    user: bool | None = None
    """Whether in a user namespace, without root."""
    congestion: str = ""
    """The congestion control of TCP at both ends; empty: the system's default."""


def main(channel: socket.socket, wanted: Wanted) -> None:
    """Make the link, and emulate it until the parent has gone; its process's entry point."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(each, signal.SIG_IGN)
    try:
        emulator = _made(channel, wanted)
    except OSError as error:
        messages.send(channel, Failed(str(error.strerror or error)))
        return
    gc.collect()
    gc.freeze()
    gc.disable()  # a collection is a pause, and the loop makes no cycles
    try:
        emulator.run()
    finally:
        end_all(emulator.client_namespace)


def _made(channel: socket.socket, wanted: Wanted) -> Emulator:
    user = os.geteuid() != 0 if wanted.user is None else wanted.user
    try:
        if not user:
            kernel.unshare(kernel.NEW_NET)
    except OSError:
        if wanted.user is not None:
            raise
        user = True
    if user:
        enter_user_namespace()
        kernel.unshare(kernel.NEW_NET)
    tun = _has_tun() if wanted.tun is None else wanted.tun
    middle = _namespace()
    client, client_namespace = _end(CLIENT, middle, wanted, tun=tun)
    world, world_namespace = _end(GATEWAY, middle, wanted, tun=tun)
    probes = [_bound(GATEWAY)]
    kernel.enter(client_namespace, kernel.NEW_NET)
    probes.insert(0, _bound(CLIENT))
    kernel.enter(world_namespace, kernel.NEW_NET)
    users = [os.open("/proc/self/ns/user", os.O_RDONLY)] if user else []
    realtime = kernel.precise_timers()
    carrier = f"{'TUN' if tun else 'veth and AF_PACKET'}, {'user namespace' if user else 'root'}"
    descriptors = [client_namespace, world_namespace, *(each.fileno() for each in probes), *users]
    ready = Ready(carrier=carrier, realtime=realtime, congestion=_congestion())
    messages.send(channel, ready, *descriptors)
    for each in probes:
        each.close()
    return Emulator(channel, client, world, client_namespace, world_namespace)


def enter_user_namespace() -> None:
    """Enter a user namespace in which this user is the same, and may configure networks."""
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.NEW_USER)
    File("/proc/self/setgroups").write_text("deny", encoding="utf-8")
    File("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="utf-8")
    File("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="utf-8")


def _has_tun() -> bool:
    """Return whether this namespace may have a TUN device: its file may be there in vain."""
    try:
        os.close(kernel.open_tun("tried0"))
    except OSError:
        return False
    return True


def _namespace() -> int:
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _end(host: str, middle: int, wanted: Wanted, *, tun: bool) -> tuple[End, int]:
    """Make a namespace with one end of the link, and stay there."""
    kernel.unshare(kernel.NEW_NET)
    here = _namespace()
    _setting("ipv6/conf/all/disable_ipv6", "1")
    _setting("ipv4/ping_group_range", f"{os.getegid()} {os.getegid()}")
    if wanted.congestion:
        _setting(_CONGESTION, wanted.congestion)
    if tun:
        return tun_end(host), here
    return veth_end(host, middle, lambda there: kernel.enter(there, kernel.NEW_NET), here), here


def _setting(name: str, value: str) -> None:
    """Set a parameter of this namespace; where /proc is read-only the kernel's default stays."""
    with contextlib.suppress(OSError):
        File("/proc/sys/net", name).write_text(value, encoding="utf-8")


def _congestion() -> str:
    """Return the congestion control of this namespace; empty where /proc has none."""
    try:
        return File("/proc/sys/net", _CONGESTION).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _bound(host: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((host, 0))
    return made


class Emulator:
    """The loop."""

    def __init__(
        self,
        channel: socket.socket,
        client: End,
        world: End,
        client_namespace: int,
        world_namespace: int,
    ) -> None:
        self.client_namespace = client_namespace
        self._world_namespace = world_namespace
        self._channel = channel
        self._client, self._world = client, world
        self._gate: Gate | None = None
        self._early_ns = 0
        """How much later than asked for a sleep usually ends."""
        self._overruns = 0
        self._begin(Profile(name=""), 0)

    def _begin(self, profile: Profile, seed: int) -> None:
        self._start_ns = time.monotonic_ns()
        self._path = Path(profile, seed, self._start_ns)
        self._straight = self._path.straight
        for end in (self._client, self._world):
            end.coalesce(on=self._straight)
        self._late = Lateness()
        self._refused = 0
        self._missed_before = self._missed()

    def run(self) -> None:
        """Move packets until the parent has gone."""
        control, client, world = (
            each.fileno() for each in (self._channel, self._client, self._world)
        )
        wanted = [control, client, world]
        while True:
            ready = self._wait(wanted)
            if client in ready:
                self._take(up=True)
            if world in ready:
                self._take(up=False)
            if self._path.next_ns != NEVER:
                self._deliver()
            if control in ready:
                try:
                    self._obey(messages.from_parent(self._channel))
                except (EOFError, ConnectionError):
                    return

    def _wait(self, wanted: list[int]) -> list[int]:
        """Return what is readable once something is, or once a packet is due.

        A sleep ends late, by some 50 to 200 µs on a virtual machine: it is begun that much
        shorter, and the rest is spent waiting awake.
        """
        due_ns = self._path.next_ns
        if due_ns == NEVER:
            return select.select(wanted, (), (), _IDLE_SECONDS)[0]
        clock = time.monotonic_ns
        wake_ns = due_ns - self._early_ns
        sleep_ns = wake_ns - clock()
        ready = select.select(wanted, (), (), min(max(sleep_ns / 1e9, 0.0), _IDLE_SECONDS))[0]
        if not ready and sleep_ns > 0:
            self._early_ns += (clock() - wake_ns - self._early_ns) // 8
            self._early_ns = min(max(self._early_ns, 0), _MOST_EARLY_NS)
            while clock() < due_ns:
                pass
        return ready

    def _take(self, *, up: bool, most: int = _BATCH) -> None:
        """Read the packets of one end."""
        if self._straight:
            self._pass_on(up=up, most=most)
            return
        end = self._client if up else self._world
        path, clock = self._path, time.monotonic_ns
        for _ in range(most):
            try:
                packet = end.read()
            except BlockingIOError:
                return
            if packet[0] >> 4 == 4:
                path.put(packet, clock(), up=up)

    def _pass_on(self, *, up: bool, most: int) -> None:
        """Pass packets that nothing is to happen to."""
        end, other = (self._client, self._world) if up else (self._world, self._client)
        gate = self._gate if up else None
        at = end.header
        packets = size = 0
        for _ in range(most):
            try:
                packet = end.read_raw()
            except BlockingIOError:
                break
            if packet[at] >> 4 != 4:  # IPv4
                continue
            packets += 1
            size += len(packet) - at
            if gate is None or gate.admits(packet[at : at + _HEAD], packet):
                try:
                    other.write_raw(packet)
                except OSError:
                    self._refused += 1
        (self._path.up if up else self._path.down).passed(packets, size)
        self._late.add_prompt(packets)

    def _deliver(self) -> None:
        """Let the packets leave that are due."""
        path, late, clock = self._path, self._late, time.monotonic_ns
        now = clock()
        if now >= path.next_change_ns:
            path.advance(now)
        for due_ns, packet in path.up.due(now):
            if self._gate is None or self._gate.admits(packet):
                self._write(self._world, packet)
            late.add(clock() - due_ns)
        for due_ns, packet in path.down.due(now):
            self._write(self._client, packet)
            late.add(clock() - due_ns)

    def _write(self, end: End, packet: bytes) -> None:
        try:
            end.write(packet)
        except OSError:
            self._refused += 1

    def _obey(self, message: messages.ToEmulator) -> None:
        if isinstance(message, Answer):
            if self._gate is not None:
                there, back = self._gate.answered(message)
                if there is not None and self._straight:
                    self._world.write_raw(there)
                elif there is not None:
                    self._write(self._world, there)
                if back is not None:
                    self._path.put(back, time.monotonic_ns(), up=False)
                    self._deliver()
            return
        for up in (True, False):
            self._take(up=up, most=QUEUE)  # what was sent before the question belongs to it
        self._deliver()
        statistics = self._statistics()
        if isinstance(message, Use):
            self._gate = Gate(self._channel) if message.relay else None
            self._begin(message.profile, message.seed)
        messages.send(self._channel, Told(statistics))

    def _statistics(self) -> Statistics:
        path = self._path
        return Statistics(
            seconds=(time.monotonic_ns() - self._start_ns) / 1e9,
            up=path.up.counts,
            down=path.down.counts,
            late=self._late.summary(),
            missed=self._missed() - self._missed_before,
            refused=self._refused,
            rebinds=path.nat.rebinds if path.nat is not None else 0,
            wakes=path.radio.wakes if path.radio is not None else 0,
        )

    def _missed(self) -> int:
        """Return how many packets the kernel dropped, as this process did not read them."""
        missed = 0
        kernel.enter(self.client_namespace, kernel.NEW_NET)
        missed += _not_sent()
        kernel.enter(self._world_namespace, kernel.NEW_NET)
        missed += _not_sent()
        self._overruns += sum(
            end.missed() for end in (self._client, self._world) if isinstance(end, VethEnd)
        )
        return missed + self._overruns


def _not_sent() -> int:
    """Return the packets of this namespace that its interfaces dropped when they sent."""
    try:
        lines = File("/proc/thread-self/net/dev").read_text(encoding="utf-8").splitlines()[2:]
    except OSError:
        return 0
    return sum(int(line.partition(":")[2].split()[_DROPPED]) for line in lines)

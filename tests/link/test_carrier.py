"""A link of real packets, by each carrier: the same decisions as the pure link, nothing left."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path as File

import pytest
from msgspec.structs import replace

from seventh.link.carrier import Carrier, _what_is_missing
from seventh.link.emulator import Wanted, enter_user_namespace
from seventh.link.path import Path
from seventh.link.processes import within as processes_in
from seventh.link.profile import Event, Profile
from seventh.link.validate import Check, validate
from seventh.link.way import Cause, Counts, Shape
from seventh.model.failure import UsageError
from tests.link.carriers import CARRIERS, TUN, USER, within

COUNT = 500
LOSSY = Profile(
    name="lossy",
    up=Shape(delay_ms=5, loss_percent=10, burst_packets=3),
    down=Shape(delay_ms=2, loss_percent=20, duplicate_percent=10),
)


def numbers(source: socket.socket, target: socket.socket, until: int) -> list[int]:
    """The numbers of the datagrams that arrive of COUNT, in their order."""
    target.settimeout(10)
    target.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    for number in range(COUNT):
        source.sendto(number.to_bytes(2), target.getsockname())
    return [int.from_bytes(target.recv(100)) for _ in range(until)]


def simulated(profile: Profile, seed: int, *, up: bool) -> list[int]:
    path = Path(profile, seed)
    way = path.up if up else path.down
    for number in range(COUNT):
        path.put(number.to_bytes(2), 0, up=up)
    return [int.from_bytes(packet) for _, packet in way.due(1 << 60)]


@CARRIERS
def test_real_packets_meet_what_the_pure_link_decides(kind: str) -> None:
    expected = [simulated(LOSSY, 7, up=up) for up in (True, False)]

    def work(wanted: Wanted) -> tuple[list[list[int]], Counts, Counts, int]:
        with Carrier(wanted) as carrier:
            carrier.use(LOSSY, 7)
            client, world = carrier.probes
            got = [
                numbers(client, world, len(expected[0])),
                numbers(world, client, len(expected[1])),
            ]
            done = carrier.statistics()
            return got, done.up, done.down, done.missed + done.refused

    got, up, down, trouble = within(kind, work)
    assert got == expected
    # Headers of IP and UDP, and two bytes.
    sent, back = len(expected[0]), len(expected[1])
    assert up == Counts(
        packets=COUNT, bytes=30 * COUNT, sent=sent, sent_bytes=30 * sent,
        dropped={Cause.LOSS: COUNT - sent},
    )  # fmt: skip
    twins = back - len(set(expected[1]))
    assert down == Counts(
        packets=COUNT, bytes=30 * COUNT, sent=back, sent_bytes=30 * back, duplicates=twins,
        dropped={Cause.LOSS: COUNT - back + twins},
    )  # fmt: skip
    assert trouble == 0


@CARRIERS
def test_a_start_measures_what_was_asked_for(kind: str) -> None:
    profile = Profile(
        name="x", up=Shape(delay_ms=30, rate_kbit=2000, loss_percent=5), down=Shape(delay_ms=7)
    )

    def work(wanted: Wanted) -> list[Check]:
        with Carrier(wanted) as carrier:
            return validate(carrier, profile)

    checks = within(kind, work)
    assert [(each.what, each.unit, each.asked) for each in checks] == [
        ("delay up", "ms", 30), ("rate up", "kbit/s", 2000), ("loss up", "%", 5),
        ("delay down", "ms", 7),
    ]  # fmt: skip
    delay, rate, loss, back = [each.measured or 0.0 for each in checks]
    # A machine that is busy makes packets late; bench/link.py measures exactly.
    assert 30 <= delay < 60
    assert 7 <= back < 37
    assert 500 < rate < 4000
    assert loss == 5.25  # it follows from the seed


@CARRIERS
def test_a_link_that_does_not_what_was_asked_for_is_found(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Carrier, "use", _wrong(Carrier.use))
    profile = Profile(name="x", up=Shape(delay_ms=30, rate_kbit=2000, loss_percent=5))

    def work(wanted: Wanted) -> list[bool]:
        with Carrier(wanted) as carrier:
            return [each.ok for each in validate(carrier, profile)][:3]

    assert within(kind, work) == [False, False, False]


def _wrong(use):  # type: ignore[no-untyped-def]
    def half(carrier: Carrier, profile: Profile, seed: int = 0) -> object:
        shape = profile.up
        wrong = Shape(
            delay_ms=shape.delay_ms / 2, rate_kbit=shape.rate_kbit / 2,
            loss_percent=shape.loss_percent / 2, queue_bytes=shape.queue_bytes,
        )  # fmt: skip
        return use(carrier, Profile(name="wrong", up=wrong), seed)

    return half


@CARRIERS
def test_a_change_on_the_time_line_comes_without_a_packet(kind: str) -> None:
    """What waits for its delay leaves in an outage; what comes in it is dropped."""
    events = (Event(at_seconds=0.5, outage=True),)

    def work(wanted: Wanted) -> tuple[bytes, Counts]:
        with Carrier(wanted) as carrier:
            client, world = carrier.probes
            world.settimeout(10)
            carrier.use(Profile(name="x", up=Shape(delay_ms=600), events=events))
            client.sendto(b"before", world.getsockname())
            got = world.recv(100)
            client.sendto(b"within", world.getsockname())
            return got, carrier.statistics().up

    got, up = within(kind, work)
    assert got == b"before"
    assert up == Counts(packets=2, bytes=68, sent=1, sent_bytes=34, dropped={Cause.OUTAGE: 1})


@CARRIERS
def test_nothing_is_left_behind(kind: str) -> None:
    def work(wanted: Wanted) -> tuple[int, list[int], list[int], int]:
        before = {each.name for each in File("/sys/class/net").iterdir()}
        with Carrier(wanted) as carrier:
            left = os.dup(carrier.client_namespace)
            child = carrier.spawn(["sh", "-c", "sleep 600 & echo; exec sleep 600"], stdout=-1)
            assert child.stdout is not None
            child.stdout.read(1)
            running = processes_in(left)
        after = {each.name for each in File("/sys/class/net").iterdir()}
        assert after == before
        with pytest.raises(ChildProcessError):
            os.waitpid(carrier._pid, 0)
        return child.wait(), running, processes_in(left), len(running)

    code, _, after, count = within(kind, work)
    assert (code, after, count) == (-15, [], 2)


@CARRIERS
def test_a_program_has_the_link_as_its_only_network(kind: str) -> None:
    def work(wanted: Wanted) -> tuple[str, str, int]:
        with Carrier(wanted) as carrier:
            inside = carrier.spawn(
                ["sh", "-c", "cat /proc/net/dev; id -u; cat /etc/resolv.conf"],
                stdout=subprocess.PIPE, text=True, resolver="198.18.0.1",
            )  # fmt: skip
            far = carrier.spawn(["cat", "/proc/net/dev"], world=True, stdout=-1, text=True)
            return inside.communicate()[0], far.communicate()[0], os.geteuid()

    inside, far, user = within(kind, work)
    lines = inside.splitlines()
    assert sorted(line.partition(":")[0].strip() for line in lines[2:4]) == ["link0", "lo"]
    assert lines[4:] == [str(user), "nameserver 198.18.0.1"]
    names = {line.partition(":")[0].strip() for line in far.splitlines()[2:]}
    assert names == {"lo", "world0"}


def test_the_name_says_how_packets_are_carried() -> None:
    def work(wanted: Wanted) -> str:
        with Carrier(wanted) as carrier:
            return carrier.name

    assert within(TUN, work) == "TUN, root"
    assert within(USER, work) == "veth and AF_PACKET, user namespace"


@CARRIERS
def test_both_ends_have_the_congestion_control_that_is_asked_for(kind: str) -> None:
    def work(wanted: Wanted) -> list[str]:
        path = "/proc/sys/net/ipv4/tcp_congestion_control"
        with Carrier(replace(wanted, congestion="reno")) as carrier:
            ends = [
                carrier.spawn(["cat", path], world=world, stdout=-1, text=True)
                for world in (True, False)
            ]
            return [carrier.congestion, *(each.communicate()[0] for each in ends)]

    assert within(kind, work) == ["reno", "reno\n", "reno\n"]


@CARRIERS
def test_a_congestion_control_that_is_unknown_has_a_suggestion(kind: str) -> None:
    def work(wanted: Wanted) -> str:
        with pytest.raises(UsageError) as error:
            Carrier(replace(wanted, congestion="renno"))
        return str(error.value)

    assert within(kind, work).startswith("unknown congestion control 'renno': ")


@pytest.mark.parametrize("limit", ["max_net_namespaces", "max_user_namespaces"])
def test_what_is_missing_is_one_line(limit: str) -> None:
    """Where the kernel gives no namespaces, as many containers have it."""

    def work(_: Wanted) -> str:
        enter_user_namespace()
        File("/proc/sys/user", limit).write_bytes(b"0")
        with pytest.raises(UsageError) as error:
            Carrier()
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        return str(error.value)

    assert within(USER, work) == (
        "a link needs root, or unprivileged user namespaces, which this machine does not permit "
        "(unshare: No space left on device): type sudo before the command"
    )


def test_root_without_namespaces_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert _what_is_missing("unshare: Operation not permitted") == (
        "a link needs network namespaces, which this machine does not permit: "
        "unshare: Operation not permitted"
    )

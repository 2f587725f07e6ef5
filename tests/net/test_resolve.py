"""Names: what the resolvers say, and what is made of it."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time

import msgspec
import pytest

from seventh.labkit.names import name_server
from seventh.model.failure import Failed, Reason
from seventh.model.netfacts import Lookup
from seventh.model.options import Options, endpoint
from seventh.net import resolve
from seventh.net.address import Address
from seventh.net.stopwatch import now_ns

SECOND = 1_000_000_000


NO_ANSWER = "the system resolver got no answer, or an error, from its name servers"
REFUSED = "the system resolver failed: its name servers refused the query"
Rows = list[tuple[object, ...]]


def row(ip: str) -> tuple[object, ...]:
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443))


class System:
    """The C resolver: what it answers in turn, and what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Rows | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[object, ...]] = []
        monkeypatch.setattr(socket, "getaddrinfo", self.getaddrinfo)

    def getaddrinfo(self, *asked: object) -> Rows:
        self.asked.append(asked)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def looked_up(family: resolve.Family = "any") -> tuple[tuple[Address, ...], Lookup]:
    addresses, lookup = await resolve.system_addresses("h.test", 443, family, now_ns() + SECOND)
    assert 0 <= lookup.seconds < 1
    return addresses, msgspec.structs.replace(lookup, seconds=0.0)


def none(outcome: resolve.Outcome, detail: str = "") -> Lookup:
    return Lookup(name="h.test", kind="address", outcome=outcome, seconds=0.0, detail=detail)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (socket.gaierror(socket.EAI_NONAME, "said"), none("nxdomain")),
        (socket.gaierror(-5, "EAI_NODATA"), none("no-data")),
        (socket.gaierror(-9, "EAI_ADDRFAMILY"), none("no-data")),
        (socket.gaierror(socket.EAI_AGAIN, "said"), none("servfail", NO_ANSWER)),
        (socket.gaierror(socket.EAI_FAIL, "said"), none("failed", REFUSED)),
        (UnicodeError("label too long"), none("failed", resolve.NOT_A_NAME)),
        (OSError(errno.EACCES, "Permission denied"),
         none("failed", "the system resolver failed: Permission denied")),
        (OSError("odd"), none("failed", "the system resolver failed: unknown error")),
    ],
)  # fmt: skip
async def test_the_c_resolvers_errors(
    monkeypatch: pytest.MonkeyPatch, error: Exception, expected: Lookup
) -> None:
    System(monkeypatch, error)
    assert await looked_up() == ((), expected)


async def test_a_shortage_of_this_machine_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(errno.EMFILE, "Too many open files")
    System(monkeypatch, full, socket.gaierror(socket.EAI_NONAME, "said"))
    for missing in (None, full):
        monkeypatch.setattr(resolve.shortage, "missing", lambda said=missing: said)
        with pytest.raises(Failed) as raised:
            await looked_up()
        assert raised.value.reason is Reason.LOCAL_RESOURCE


async def test_addresses_are_told_once_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    ips = ["192.0.2.9", "fe80::1%eth0", "192.0.2.9", *(f"192.0.2.{at}" for at in range(20, 40))]
    system = System(monkeypatch, [row(ip) for ip in ips])
    addresses, lookup = await looked_up()
    assert system.asked == [("h.test", 443, socket.AF_UNSPEC, socket.SOCK_STREAM, 6)]
    assert addresses[:3] == (
        Address(ip="192.0.2.9", port=443), Address(ip="fe80::1", port=443, scope="eth0"),
        Address(ip="192.0.2.20", port=443),
    )  # fmt: skip
    assert len(addresses) == 16
    assert lookup.answers == tuple(address.ip for address in addresses)
    assert (lookup.outcome, lookup.detail) == ("ok", "")


NO_NAME = socket.gaierror(socket.EAI_NONAME, "said")
TRY_AGAIN = socket.gaierror(socket.EAI_AGAIN, "said")


@pytest.mark.parametrize(
    ("family", "answers", "outcome", "asked"),
    [
        ("ipv4", ([row("192.0.2.1")],), "ok", [socket.AF_INET]),
        ("ipv6", ([row("2001:db8::1")],), "ok", [socket.AF_INET6]),
        ("ipv6", ([],), "no-data", [socket.AF_INET6]),
        ("ipv6", (NO_NAME, [row("192.0.2.1")]), "no-data", [socket.AF_INET6, socket.AF_UNSPEC]),
        ("ipv6", (NO_NAME, NO_NAME), "nxdomain", [socket.AF_INET6, socket.AF_UNSPEC]),
        ("ipv6", (NO_NAME, []), "nxdomain", [socket.AF_INET6, socket.AF_UNSPEC]),
        ("ipv4", (TRY_AGAIN,), "servfail", [socket.AF_INET]),
        ("any", (NO_NAME,), "nxdomain", [socket.AF_UNSPEC]),
    ],
)
async def test_one_family_alone(
    monkeypatch: pytest.MonkeyPatch,
    family: resolve.Family,
    answers: tuple[Rows | Exception, ...],
    outcome: str,
    asked: list[int],
) -> None:
    """The C library says "no such name" too where only the other family has addresses."""
    system = System(monkeypatch, *answers)
    _, lookup = await looked_up(family)
    assert lookup.outcome == outcome
    assert [each[2] for each in system.asked] == asked


async def test_a_system_resolver_that_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: release.wait())
    addresses, lookup = await resolve.system_addresses("h.test", 443, "any", now_ns() - SECOND)
    release.set()
    assert addresses == ()
    assert (lookup.outcome, lookup.detail) == ("timeout", "the resolver did not answer in time")


async def test_no_thread_for_a_lookup_is_this_machines_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(Failed) as raised:
        await looked_up()
    assert (raised.value.reason, raised.value.detail) == (
        Reason.LOCAL_RESOURCE, "no thread available on this machine: can't start new thread",
    )  # fmt: skip


def said(outcome: resolve.Outcome, detail: str = "") -> Lookup:
    return Lookup(name="h", kind="A", outcome=outcome, seconds=0.1, detail=detail)


@pytest.mark.parametrize(
    ("lookups", "reason", "detail"),
    [
        ((said("nxdomain"),), Reason.RESOLVE_NXDOMAIN,
         "h: the name does not exist; check the spelling"),
        ((), Reason.RESOLVE_NXDOMAIN, "h: the name does not exist; check the spelling"),
        ((said("no-data"), said("nxdomain")), Reason.RESOLVE_NO_ADDRESS,
         "h exists but has no address of the requested family"),
        ((said("ok"),), Reason.RESOLVE_NO_ADDRESS,
         "h exists but has no address of the requested family"),
        ((said("servfail", "b"), said("failed", "a"), said("failed", "a")), Reason.RESOLVE_FAILED,
         "h: a; b"),
        ((said("failed"), said("no-data")), Reason.RESOLVE_FAILED, "h: the resolver failed"),
        ((said("servfail"),), Reason.RESOLVE_FAILED, "h: the resolver failed"),
        ((said("timeout"), said("servfail")), Reason.RESOLVE_TIMEOUT, "h: no answer in time"),
        ((said("timeout", "late"),), Reason.RESOLVE_TIMEOUT, "h: late"),
    ],
)  # fmt: skip
def test_every_outcome_has_its_reason(
    lookups: tuple[Lookup, ...], reason: Reason, detail: str
) -> None:
    failed = resolve.no_address("h", lookups)
    assert (failed.reason, failed.detail) == (reason, detail)


async def test_a_name_that_the_c_resolver_cannot_take_is_a_failed_lookup() -> None:
    addresses, lookup = await resolve.system_addresses(
        "a" * 70 + ".test", 1, "any", now_ns() + SECOND
    )
    assert addresses == ()
    assert lookup.outcome in {"failed", "nxdomain", "servfail"}


async def test_a_thread_that_hangs_is_left_behind() -> None:
    release = threading.Event()
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await resolve.in_daemon_thread(release.wait)
    assert time.monotonic() - started < 5
    release.set()


async def test_an_error_in_the_thread_reaches_the_waiter() -> None:
    def fail() -> None:
        raise socket.gaierror(socket.EAI_FAIL, "no")

    with pytest.raises(socket.gaierror):
        await resolve.in_daemon_thread(fail)


@pytest.mark.parametrize(
    ("name", "options", "outcome"),
    [
        ("lab.test", {}, "ok"),
        ("lab.test", {"authenticated": True}, "ok"),
        ("nosuch.test", {}, "nxdomain"),
        ("empty.test", {}, "no-data"),
        ("lab.test", {"servfail": frozenset({"TXT"})}, "servfail"),
        ("lab.test", {"delay_seconds": 5.0}, "timeout"),
    ],
)
async def test_a_record_tells_how_it_went(
    name: str, options: dict[str, object], outcome: str
) -> None:
    zone = {"lab.test": {"TXT": ('"hello"',)}, "empty.test": {"A": ("192.0.2.1",)}}
    async with name_server(zone, **options) as resolver:  # type: ignore[arg-type]
        lookup = await resolve.record(
            name, "TXT", resolver=endpoint(resolver), deadline_ns=now_ns() + SECOND // 2
        )
    assert lookup.outcome == outcome
    if outcome == "ok":
        assert lookup.answers == ('"hello"',)
        assert lookup.authenticated is bool(options.get("authenticated"))


async def test_a_name_that_is_no_name_is_a_failed_lookup() -> None:
    async with name_server({}) as resolver:
        lookup = await resolve.record(
            "a..b", "A", resolver=endpoint(resolver), deadline_ns=now_ns() + SECOND
        )
    assert lookup.outcome == "failed"


@pytest.mark.parametrize(
    ("family", "ips", "kinds"),
    [
        ("any", ["2001:db8::1", "192.0.2.1"], ["AAAA", "A"]),
        ("ipv4", ["192.0.2.1"], ["A"]),
        ("ipv6", ["2001:db8::1"], ["AAAA"]),
    ],
)
async def test_addresses_of_a_named_resolver(
    family: resolve.Family, ips: list[str], kinds: list[str]
) -> None:
    zone = {"lab.test": {"A": ("192.0.2.1",), "AAAA": ("2001:db8::1",)}}
    async with name_server(zone) as resolver:
        options = Options(resolver=endpoint(resolver), family=family)
        addresses, lookups = await resolve.addresses_of("lab.test", 443, options, now_ns() + SECOND)
    assert addresses == tuple(Address(ip=ip, port=443) for ip in ips)
    assert [lookup.kind for lookup in lookups] == kinds


def test_a_resolver_is_asked_for_dnssec_and_keeps_nothing() -> None:
    made = resolve.make_resolver(endpoint("192.0.2.53:5353"))
    assert (made.nameservers, made.port, made.cache) == (["192.0.2.53"], 5353, None)
    assert made.flags == 0x0120  # RD and AD, RFC 6895 §2
    assert (made.edns, made.ednsflags, made.payload) == (0, 0x8000, 1232)

"""Names: what the resolvers say, and what is made of it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from seventh.labkit.names import name_server
from seventh.model.failure import Failed, Reason
from seventh.model.netfacts import Lookup
from seventh.model.options import endpoint
from seventh.net import resolve
from seventh.net.stopwatch import now_ns

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (socket.EAI_NONAME, "nxdomain"),
        (-5, "no-data"),
        (socket.EAI_AGAIN, "servfail"),
        (socket.EAI_FAIL, "failed"),
    ],
)
def test_the_c_resolvers_codes_are_told_apart(code: int, outcome: str) -> None:
    assert resolve._gai_outcome(socket.gaierror(code, "said")) == outcome


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("nxdomain", Reason.RESOLVE_NXDOMAIN),
        ("no-data", Reason.RESOLVE_NO_ADDRESS),
        ("servfail", Reason.RESOLVE_FAILED),
        ("failed", Reason.RESOLVE_FAILED),
        ("timeout", Reason.RESOLVE_TIMEOUT),
    ],
)
def test_every_outcome_has_its_reason(outcome: str, reason: Reason) -> None:
    lookup = Lookup(name="h", kind="A", outcome=outcome, seconds=0.1)  # type: ignore[arg-type]
    assert resolve.no_address("h", (lookup,)).reason is reason


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


def test_a_failure_names_the_host() -> None:
    failed = resolve.no_address("h.test", ())
    assert isinstance(failed, Failed)
    assert "h.test" in failed.detail

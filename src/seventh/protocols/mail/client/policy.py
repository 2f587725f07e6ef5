"""Fetching an MTA-STS policy by its rules (RFC 8461 §3.3).

By HTTPS alone, with a certificate for the policy's host; redirects are not followed, and what a
cache has is not used.
"""

from __future__ import annotations

import msgspec

from seventh.model.failure import Blame, Failed, Reason
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch, now_ns
from seventh.net.stream import Stream
from seventh.net.wait import Cutoff, DeadlineError
from seventh.protocols.mail.facts.mta_sts import FetchState
from seventh.protocols.mail.wire import mta_sts
from seventh.web.message import Request, Response
from seventh.wire.address import check_peer_named
from seventh.wire.text import printable

SECONDS = 8.0
"""For everything. Mail servers wait for a minute, so a slower server is not called broken."""
MAX_ADDRESSES = 4
_A_PUBLIC_PEER, _A_LOOPBACK_PEER = "192.88.99.1", "127.0.0.1"
_UNKNOWN = frozenset(
    {
        Reason.CONNECT_TIMEOUT, Reason.CONNECT_UNREACHABLE, Reason.PEER_SILENT,
        Reason.BUDGET_EXCEEDED,
    }
)  # fmt: skip
"""What another network, or more patience, may not meet."""
_UNREACHABLE = frozenset({Reason.CONNECT_REFUSED, Reason.CONNECT_RESET})


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """The response, or why there is none."""

    state: FetchState
    detail: str = ""
    seconds: float | None = None
    status: int | None = None
    location: str = ""
    media_type: str = ""
    body: bytes = b""


async def fetch(
    ctx: ProbeContext, host: str, addresses: tuple[str, ...], port: int, *, internal: bool
) -> Fetched:
    """Fetch the policy from the first address that answers; never raises Failed.

    A domain names this host: without ``internal`` only public addresses are connected to, and a
    cloud's metadata service never.
    """
    peer = _A_LOOPBACK_PEER if internal else _A_PUBLIC_PEER
    chosen = [Address(ip=ip, port=port) for ip in addresses[:MAX_ADDRESSES]]
    started = now_ns()
    try:
        for address in chosen:
            check_peer_named(peer, address.ip)
        async with Cutoff(min(SECONDS, max(0.001, ctx.budget.seconds_left))):
            response = await _first_response(ctx, host, chosen)
    except DeadlineError:
        return Fetched(state="unknown", detail=f"no complete response within {SECONDS:g} s")
    except Failed as failed:
        return Fetched(state=state_of(failed), detail=failed.detail)
    return _judged(response, (now_ns() - started) / 1e9)


async def _first_response(ctx: ProbeContext, host: str, addresses: list[Address]) -> Response:
    """Return the response of the first address that can be connected to."""
    failed: Failed | None = None
    for address in addresses:
        try:
            stream = await ctx.connect_again(address)
        except Failed as error:
            failed = failed or error
        else:
            return await _response(ctx, host, stream)
    assert failed is not None  # noqa: S101 - there is an address
    raise failed


async def _response(ctx: ProbeContext, host: str, stream: Stream) -> Response:
    from seventh.net.tls import handshake
    from seventh.web.h1 import H1Connection

    # Its time is no phase of the report: many parts of a check run side by side.
    tls = await handshake.start_tls(
        stream, ctx.options, host, watch=Stopwatch(), alpn=("http/1.1",), profile="lenient"
    )
    connection = H1Connection(tls)
    try:
        return await connection.request(
            Request(
                authority=host, path=mta_sts.PATH,
                headers=(("User-Agent", "seventh"), ("Accept", "text/plain")),
            ),
            body_cap=mta_sts.MAX_BYTES + 1,
        )  # fmt: skip
    finally:
        connection.close()


def state_of(failed: Failed) -> FetchState:
    """Return what a failure says of the policy's server."""
    if failed.reason is Reason.ADDRESS_POLICY:
        return "address"
    if failed.reason in _UNKNOWN or failed.blame in {Blame.LOCAL, Blame.SEVENTH}:
        return "unknown"
    if failed.reason in _UNREACHABLE:
        return "unreachable"
    if failed.reason.name.startswith("TLS_CERTIFICATE"):
        return "certificate"
    return "tls" if failed.phase == "tls" else "http"


def _judged(response: Response, seconds: float) -> Fetched:
    if response.status != 200:
        redirects = 300 <= response.status < 400
        return Fetched(
            state="redirect" if redirects else "status", seconds=seconds, status=response.status,
            location=printable(response.get("location") or "", 256),
        )  # fmt: skip
    if response.truncated or len(response.body) > mta_sts.MAX_BYTES:
        return Fetched(state="long", seconds=seconds, status=response.status)
    return Fetched(
        state="ok", seconds=seconds, status=response.status, body=response.body,
        media_type=response.get("content-type") or "",
    )  # fmt: skip

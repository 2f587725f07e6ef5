"""The bytes before a tunnel: each way in which they fail, with the reason and the whole text."""

from __future__ import annotations

import pytest

from seventh.model.failure import Blame, Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.model.target import Target
from seventh.net.address import Address
from seventh.net.carrier import CarrierFailed, Unreached
from seventh.net.proxy.negotiation import CONNECT, Negotiation
from seventh.net.proxy.refusals import Meaning
from seventh.net.stopwatch import Stopwatch, now_ns
from tests.net.scripted import Scripted, Step, reset, silent

TO = Address(ip="192.0.2.9", port=22)
PORTS = {"http": 3128, "https": 443, "socks5": 1080, "socks5h": 1080}
NAME = {scheme: f"the proxy {scheme}://p.test:{port}" for scheme, port in PORTS.items()}
LIMIT = Failed(Reason.LOCAL_RESOURCE, "no buffer")


def talking(scheme: str, *script: Step, stage: str = "") -> tuple[Negotiation, Stopwatch]:
    watch = Stopwatch()
    proxy = Target(scheme=scheme, host="p.test", port=PORTS[scheme], port_given=True)
    talk = Negotiation(proxy, Scripted(*script), TO, watch, now_ns() + 10**9)
    if stage:
        talk.stage = stage
    return talk, watch


async def failing(talk: Negotiation) -> Failed:
    """Send a request, and read until that fails."""
    with pytest.raises(Failed) as raised:
        await talk.send(b"request")
        while True:
            await talk.receive()
    return raised.value


SOCKS_HINT = "; if it is a SOCKS proxy, write socks5h://"
HTTP_HINT = "; if it is an HTTP proxy, write http://"
LATE = (
    "192.0.2.9 port 22 through {}: no answer to CONNECT for 0.0 s; the target does not answer the "
    "proxy, or the proxy hangs"
)
NO_REPLY = (
    "192.0.2.9 port 22 through {}: closed without a reply to CONNECT; some proxies do so if they "
    "cannot connect (ssh -D, for one)"
)
NO_ANSWER = "{}: the connection was closed without an answer"


@pytest.mark.parametrize(
    ("scheme", "stage", "script", "reason", "detail"),
    [
        ("http", CONNECT, (silent(),), Reason.CONNECT_TIMEOUT, LATE),
        ("socks5", CONNECT, (silent(),), Reason.CONNECT_TIMEOUT, LATE),
        ("http", CONNECT, (b"HTTP/1.1", silent()), Reason.PROXY_FAILED, "{}: no data"),
        ("http", CONNECT, (b"",), Reason.PROXY_FAILED, NO_ANSWER + SOCKS_HINT),
        ("http", CONNECT, (reset(),), Reason.PROXY_FAILED, "{}: reset" + SOCKS_HINT),
        ("http", CONNECT, (b"H", b""), Reason.PROXY_FAILED, NO_ANSWER),
        ("socks5h", CONNECT, (b"",), Reason.PROXY_FAILED, NO_REPLY),
        ("socks5", CONNECT, (reset(),), Reason.PROXY_FAILED, NO_REPLY),
        ("socks5", CONNECT, (b"\5", b""), Reason.PROXY_FAILED, NO_ANSWER),
        ("socks5", "", (silent(),), Reason.PROXY_FAILED, "{}: no data" + HTTP_HINT),
        ("socks5", "", (b"",), Reason.PROXY_FAILED, NO_ANSWER + HTTP_HINT),
        ("socks5", "", (b"\5", b""), Reason.PROXY_FAILED, NO_ANSWER),
        ("socks5", "", (reset(),), Reason.PROXY_FAILED, "{}: reset" + HTTP_HINT),
    ],
)
async def test_a_proxy_that_is_lost(
    scheme: str, stage: str, script: tuple[Step, ...], reason: Reason, detail: str
) -> None:
    talk, watch = talking(scheme, *script, stage=stage)
    failed = await failing(talk)
    assert (failed.reason, failed.detail) == (reason, detail.format(NAME[scheme]))
    if stage:
        assert isinstance(failed, Unreached) and failed.requested == talk.requested
        assert watch.phases == []
    else:
        assert isinstance(failed, CarrierFailed)
        assert failed.phase == "proxy.auth"
        assert [(phase.name, phase.outcome) for phase in watch.phases] == [("proxy.auth", "failed")]


async def test_a_limit_of_this_machine_is_not_the_proxys() -> None:
    for stage in ("", CONNECT):
        talk, watch = talking("http", LIMIT, stage=stage)
        assert await failing(talk) is LIMIT
        assert watch.phases == []


@pytest.mark.parametrize(
    ("meaning", "phase", "detail"),
    [
        (Meaning(Reason.PROXY_AUTH_REQUIRED, "asks"), "proxy.auth", "{} asks"),
        (Meaning(Reason.PROXY_MISMATCH, "answers"), "", "{} answers"),
        (Meaning(Reason.CONNECT_REFUSED, "refused", Blame.LOCAL), "",
         "192.0.2.9 port 22 through {}: refused"),
    ],
)  # fmt: skip
def test_a_refusal(meaning: Meaning, phase: str, detail: str) -> None:
    talk, watch = talking("http", stage=CONNECT)
    failed = talk.refused(meaning, Mark(now_ns(), "kernel"))
    assert (failed.reason, failed.phase, failed.detail) == (
        meaning.reason, phase, detail.format(NAME["http"]),
    )  # fmt: skip
    assert len(watch.phases) == bool(phase)
    if meaning.blame is not None:
        assert failed.blame is meaning.blame


TLS = b"\x15\3\1\0\2\2\x28"


@pytest.mark.parametrize(
    ("scheme", "script", "reason", "detail"),
    [
        ("http", (b"HTTP/x",), Reason.PROXY_FAILED, "{}: bad"),
        ("socks5", (b"\5\7",), Reason.PROXY_FAILED, "{}: bad"),
        ("http", (b"\5\0",), Reason.PROXY_MISMATCH,
         "{} answers with SOCKS5, not as an HTTP proxy; write socks5h:// if it is a proxy"),
        ("socks5", (b"HTTP/1.0 400 No",), Reason.PROXY_MISMATCH,
         "{} answers with HTTP, not as a SOCKS5 proxy; write http:// if it is a proxy"),
        ("socks5", (b"HTTP", b"/1.0 400 No"), Reason.PROXY_MISMATCH,
         "{} answers with HTTP, not as a SOCKS5 proxy; write http:// if it is a proxy"),
        ("https", (TLS,), Reason.PROXY_MISMATCH,
         "{} answers with TLS, not as an HTTP proxy; write https:// if it is a proxy"),
        ("http", (b"SSH-2.0-x\r\n",), Reason.PROXY_MISMATCH,
         "{} answers with SSH, not as an HTTP proxy"),
        ("http", (b"\1" * 13,), Reason.PROXY_MISMATCH,
         "{} answers with '" + r"\x01" * 12 + "', not as an HTTP proxy"),
        ("http", (b"\1", b"\2", b""), Reason.PROXY_MISMATCH,
         r"{} answers with '\x01\x02', not as an HTTP proxy"),
    ],
)  # fmt: skip
async def test_what_is_no_proxy_is_named(
    scheme: str, script: tuple[Step, ...], reason: Reason, detail: str
) -> None:
    """Its first bytes are collected for that, until there are enough, an end or silence."""
    talk, _ = talking(scheme, *script, stage=CONNECT)
    await talk.send(b"request")
    await talk.receive()
    failed = await talk.not_understood(ProtocolViolation("bad"))
    assert (failed.reason, failed.detail) == (reason, detail.format(NAME[scheme]))


async def test_a_login_that_succeeds_is_a_phase() -> None:
    talk, watch = talking("socks5", b"\5\0")
    await talk.send(b"request")
    begun = talk.requested
    data, at = await talk.receive()
    talk.logged_in(at)
    assert (data, talk.stage) == (b"\5\0", CONNECT)
    (phase,) = watch.phases
    assert (phase.name, phase.outcome, phase.address) == ("proxy.auth", "ok", "192.0.2.1")
    assert phase.seconds == pytest.approx((at.ns - begun.ns) / 1e9)

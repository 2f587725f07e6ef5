"""Proxies: what a report says through one, and of every way in which one refuses or fails."""

from __future__ import annotations

import asyncio
import contextlib
import html
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from seventh import protocols
from seventh.cli.show import document
from seventh.engine.check import check_one, pulse_one
from seventh.lab import start
from seventh.labkit.ca import Issued
from seventh.labkit.serve import Handler, Kit, free_port, tcp_server
from seventh.labkit.tlsserve import server_context, tls_server
from seventh.model.failure import Blame, Reason
from seventh.model.netfacts import NetFacts, Proxy
from seventh.model.options import Options
from seventh.model.report import Report, Status
from seventh.model.target import Target
from seventh.protocols.ssh.lab.channels import ChannelSetup, channel_server
from seventh.protocols.ssh.lab.keys import LoginKeys, make_login_keys
from seventh.render import FORMATS, View, render
from seventh.rules.rule import Source
from tests.hostile.servers import answering, closes, resets, saying
from tests.net.proxy.relay import Reader, Relay, Writer, relaying
from tests.options import changed, options_with

R = Reason
TARGET = Target(scheme="tcp", host="behind.seventh.invalid", port=22)
LOGIN = ("ops", "a:secret")
SCHEMES = ["http", "socks5h"]


def through(url: str, **changes: Any) -> Options:
    return options_with(**{"timeout_seconds": 5.0, "proxy": url, **changes})


def net_of(report: Report) -> NetFacts:
    facts = report.facts["net"]
    assert isinstance(facts, NetFacts)
    return facts


@pytest.fixture
def login_file(tmp_path: Path) -> str:
    path = tmp_path / "login"
    path.write_text(":".join(LOGIN) + "\n")
    return str(path)


async def greets(reader: Reader, writer: Writer) -> None:
    writer.write(b"220 hello\r\n")
    await reader.read()


# -- through it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_phases_and_facts(scheme: str) -> None:
    async with tcp_server(greets) as port, relaying(scheme, port) as (url, relay):
        report = await check_one(TARGET, through(url))
    assert report.failure is None
    net = net_of(report)
    at = int(url.rpartition(":")[2])
    assert net.proxy == Proxy(
        scheme=scheme, host="127.0.0.1", port=at, resolves="proxy", address="127.0.0.1",
        software="relay" if scheme == "http" else "", auth_method="none",
    )  # fmt: skip
    (attempt,) = net.attempts
    assert (attempt.transport, attempt.outcome) == ("proxy", "open")
    assert relay.asked == [(TARGET.host, TARGET.port)]
    phases = [(phase.name, phase.address) for phase in report.phases]
    auth = [("proxy.auth", "127.0.0.1")] * (scheme != "http")
    assert phases == [("proxy.connect", "127.0.0.1"), *auth, ("connect", TARGET.host)]
    assert sum(p.seconds for p in report.phases) <= report.duration_seconds
    assert not {"seventh_rtt_seconds", "seventh_packet_loss_ratio"} & {
        sample.name for sample in report.metrics
    }


async def test_no_rule_judges_the_path_to_the_proxy() -> None:
    async with tcp_server(greets) as port, relaying("http", port) as (url, _):
        report = await check_one(TARGET, through(url))
    skipped = {rule.id: rule.reason for rule in report.skipped}
    assert report.passed == ("NET-FAILED",)  # the check as a whole went well
    assert {"NET-FAILED", *skipped} == {
        rule.id
        for rule in protocols.rules("net")
        if rule.source not in {Source.LOCAL, Source.SERIES}
    }
    assert "chose one of the name's addresses" in skipped["NET-PORT-STATE"]
    assert "resolved by the proxy" in skipped["NET-DNS-SLOW"]
    assert "its path to the target is unknown" in skipped["NET-PMTU"]


async def test_socks5_resolves_here_and_compares_the_addresses() -> None:
    target = replace(TARGET, host="localhost")
    async with tcp_server(greets) as port, relaying("socks5", port) as (url, relay):
        report = await check_one(target, through(url))
    net = net_of(report)
    assert net.proxy is not None
    assert net.proxy.resolves == "here"
    assert [lookup.name for lookup in net.lookups] == ["localhost"]
    assert {host for host, _ in relay.asked} == set(net.addresses) <= {"127.0.0.1", "::1"}
    assert net.compared == (net.addresses if len(net.addresses) > 1 else ())


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_tls_says_what_it_says_without(scheme: str, kit: Kit) -> None:
    context = server_context(kit.authority.issue("127.0.0.1"))
    target = Target(scheme="tls", host="127.0.0.1", port=0)
    async with tls_server(context) as port, relaying(scheme, port) as (url, relay):
        target = replace(target, port=port)
        options = through(url, ca_file=str(kit.authority.ca_file))
        proxied = await check_one(target, options)
        straight = await check_one(target, options.replace(proxy=None))
        connections = len(relay.asked)
        pulse = await pulse_one(target, options)
    assert proxied.failure is straight.failure is pulse.failure is None
    assert [f.id for f in proxied.findings] == [f.id for f in straight.findings]
    assert proxied.facts["tls"].__class__ is straight.facts["tls"].__class__
    assert connections > 5
    names = [phase.name for phase in proxied.phases]
    assert names.count("proxy.connect") == names.count("connect") == 1, "those of the first tunnel"
    assert names.index("connect") < names.index("tls")


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_login_that_is_in_no_report(scheme: str, login_file: str) -> None:
    async with tcp_server(greets) as port, relaying(scheme, port, LOGIN) as (url, _):
        options = through(url, proxy_auth_file=login_file, transcript=True)
        report = await check_one(TARGET, options)
    assert report.failure is None
    proxy = net_of(report).proxy
    assert proxy is not None
    assert proxy.auth_method == ("basic" if scheme == "http" else "password")
    assert any("tunnel to" in line for line in report.transcript)
    text = repr(report)
    for secret in (LOGIN[1], "b3BzOmE6c2VjcmV0", LOGIN[1].encode().hex(" ", 2)):
        assert secret not in text


async def test_an_https_proxy(kit: Kit, login_file: str) -> None:
    issued = kit.authority.issue("127.0.0.1")
    ca = str(kit.authority.ca_file)
    async with tcp_server(greets) as port, https_relay(issued, port) as url:
        trusted = await check_one(TARGET, through(url, ca_file=ca, proxy_auth_file=login_file))
        untrusted = await check_one(TARGET, through(url))
    assert trusted.failure is None
    assert [p.name for p in trusted.phases] == ["proxy.connect", "proxy.tls", "connect"]
    assert untrusted.failure is not None
    assert untrusted.failure.reason is R.PROXY_TLS
    assert untrusted.failure.phase == "proxy.tls"
    assert untrusted.failure.blame is Blame.PROXY


async def test_jump_hosts_behind_a_proxy(tmp_path: Path) -> None:
    keys: LoginKeys = make_login_keys(tmp_path / "keys")
    async with tcp_server(greets) as port, channel_server(keys, ChannelSetup()) as hop:
        async with relaying("socks5h", hop) as (url, relay):
            options = through(url, via=f"ssh://127.0.0.1:{hop}", **keys.options(hop))
            target = Target(scheme="tcp", host="127.0.0.1", port=port)
            report = await check_one(target, options)
    assert report.failure is None
    assert relay.asked == [("127.0.0.1", hop)]
    assert [a.transport for a in net_of(report).attempts] == ["via"]
    names = [phase.name for phase in report.phases]
    assert names[:3] == ["proxy.connect", "proxy.auth", "via.connect"]


async def test_what_udp_would_have_shown_was_not_tried(kit: Kit) -> None:
    async with start.serving("http", None, kit) as served:
        target, options = start.job(served, options_with(timeout_seconds=15.0))
        async with relaying("socks5h", target.port) as (url, _):
            report = await check_one(target, changed(options, proxy=url))
    assert report.failure is None
    why = {rule.id: rule.reason for rule in report.skipped}
    for rule in ("HTTP-NO-H3", "HTTP-H3-DEAD", "QUIC-AMPLIFY", "QUIC-IDLE", "QUIC-PMTU"):
        assert why[rule] == "--proxy carries TCP only"


async def test_every_format_names_the_proxy_and_gives_the_target_no_address_of_it() -> None:
    async with relaying("socks5h", free_port(), LOGIN) as (url, _):
        report = await check_one(TARGET, through(url))
    for name in FORMATS:
        text = " ".join(render(name, document([report]), View()).split())
        assert url in html.unescape(text), name
        assert "→ 127.0.0.1" not in text, name


# -- refusals and faults ---------------------------------------------------------------------------


def http_says(head: str) -> Handler:
    return answering(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")


HTTP = {
    "403": ("HTTP/1.1 403 Forbidden", R.PROXY_REFUSED, "connect", Blame.PROXY, "443 only"),
    "451": ("HTTP/1.1 451 No", R.PROXY_REFUSED, "connect", Blame.PROXY, "rules (451"),
    "502": ("HTTP/1.1 502 Bad", R.CONNECT_UNREACHABLE, "connect", Blame.NETWORK, "could not conn"),
    "503": ("HTTP/1.1 503 No", R.CONNECT_UNREACHABLE, "connect", Blame.NETWORK, "(503 No)"),
    "504": ("HTTP/1.1 504 Late", R.CONNECT_TIMEOUT, "connect", Blame.NETWORK, "no answer in time"),
    "500": ("HTTP/1.1 500 Oops", R.PROXY_FAILED, "connect", Blame.PROXY, "(500 Oops)"),
    "405": ("HTTP/1.1 405 No", R.PROXY_MISMATCH, "connect", Blame.LOCAL, "web server"),
    "302": ("HTTP/1.1 302 Found", R.PROXY_MISMATCH, "connect", Blame.LOCAL, "web server"),
    "401": ("HTTP/1.1 401 No", R.PROXY_MISMATCH, "connect", Blame.LOCAL, "web server"),
    "page": ("HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 9", R.PROXY_MISMATCH,
             "connect", Blame.LOCAL, "a page (text/html)"),
    "407": ("HTTP/1.1 407 No\nProxy-Authenticate: Basic realm=x", R.PROXY_AUTH_REQUIRED,
            "proxy.auth", Blame.LOCAL, "add --proxy-auth-file FILE"),
    "ntlm": ("HTTP/1.1 407 No\nProxy-Authenticate: NTLM\nProxy-Authenticate: Negotiate",
             R.PROXY_AUTH_REQUIRED, "proxy.auth", Blame.LOCAL, "NTLM, Negotiate; Seventh supports"),
    "tinyproxy": ("HTTP/1.0 500 Unable to connect", R.CONNECT_UNREACHABLE, "connect",
                  Blame.NETWORK, "could not connect (500"),
    "squid-111": ("HTTP/1.1 503 No\nX-Squid-Error: ERR_CONNECT_FAIL 111", R.CONNECT_REFUSED,
                  "connect", Blame.PEER, "nothing listens"),
    "squid-113": ("HTTP/1.1 503 No\nX-Squid-Error: ERR_CONNECT_FAIL 113", R.CONNECT_UNREACHABLE,
                  "connect", Blame.NETWORK, "could not connect"),
    "squid-dns": ("HTTP/1.1 503 No\nX-Squid-Error: ERR_DNS_FAIL 0", R.RESOLVE_FAILED, "connect",
                  Blame.NETWORK, "could not resolve"),
    "proxy-status": ("HTTP/1.1 502 Bad\nProxy-Status: p; error=connection_timeout",
                     R.CONNECT_TIMEOUT, "connect", Blame.NETWORK, "no answer in time"),
    "ssh": ("SSH-2.0-x", R.PROXY_MISMATCH, "connect", Blame.LOCAL, "answers with SSH"),
    "garbage": ("\x01\x02", R.PROXY_MISMATCH, "connect", Blame.LOCAL, "answers with '"),
    "malformed": ("HTTP/1.1 fine", R.PROXY_FAILED, "connect", Blame.PROXY, "malformed status"),
}  # fmt: skip


@pytest.mark.parametrize("name", HTTP)
async def test_http_refusals(name: str) -> None:
    head, reason, phase, blame, words = HTTP[name]
    await refused("http", http_says(head), reason, phase, blame, words)


SOCKS = {
    1: (R.PROXY_FAILED, Blame.PROXY, "does not say why"),
    2: (R.PROXY_REFUSED, Blame.PROXY, "not allowed by the proxy's rules"),
    3: (R.CONNECT_UNREACHABLE, Blame.NETWORK, "network unreachable"),
    4: (R.CONNECT_UNREACHABLE, Blame.NETWORK, "host unreachable"),
    5: (R.CONNECT_REFUSED, Blame.PEER, "nothing listens"),
    6: (R.CONNECT_TIMEOUT, Blame.NETWORK, "no answer in time"),
    7: (R.PROXY_FAILED, Blame.PROXY, "the command CONNECT"),
    8: (R.PROXY_FAILED, Blame.LOCAL, "try socks5:// instead"),
    99: (R.PROXY_FAILED, Blame.PROXY, "unknown SOCKS5 reply 99"),
}


@pytest.mark.parametrize("code", SOCKS)
async def test_socks5_replies(code: int) -> None:
    reason, blame, words = SOCKS[code]

    async def refuses(reader: Reader, writer: Writer) -> None:
        await reader.readexactly(3)
        writer.write(b"\5\0")
        await reader.read(99)
        writer.write(bytes([5, code]) + bytes(8))

    await refused("socks5h", refuses, reason, "connect", blame, words)


@pytest.mark.parametrize(
    ("said", "reason", "blame", "words"),
    [
        (b"\5\xff", R.PROXY_AUTH_REQUIRED, Blame.LOCAL, "add --proxy-auth-file FILE"),
        (b"HTTP/1.0 400 No\r\n", R.PROXY_MISMATCH, Blame.LOCAL, "SOCKS5 proxy; write http:"),
        (b"\x15\3\1\0\2\2\x28", R.PROXY_MISMATCH, Blame.LOCAL, "answers with TLS"),
        (b"\4", R.PROXY_MISMATCH, Blame.LOCAL, "answers with '\\x04'"),
        (b"\5\7", R.PROXY_FAILED, Blame.PROXY, "method 7, not offered"),
    ],
)  # fmt: skip
async def test_socks5_greetings(said: bytes, reason: Reason, blame: Blame, words: str) -> None:
    await refused("socks5h", answering(said), reason, "proxy.auth", blame, words)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("handler", [closes, resets])
async def test_no_answer_at_all(scheme: str, handler: Handler) -> None:
    phase, other = ("connect", "socks5h://") if scheme == "http" else ("proxy.auth", "http://")
    words = f"proxy, write {other}"
    await refused(scheme, handler, R.PROXY_FAILED, phase, Blame.PROXY, words)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_wrong_password(scheme: str, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("ops:else")
    async with relaying(scheme, free_port(), LOGIN) as (url, relay):
        options = through(url, proxy_auth_file=str(tmp_path / "wrong"))
        report = await check_one(TARGET, options)
    expect(report, R.PROXY_AUTH_REJECTED, "proxy.auth", Blame.LOCAL, "of --proxy-auth-file")
    assert relay.asked == []


async def test_a_proxy_that_is_not_there() -> None:
    port = free_port()
    report = await check_one(TARGET, through(f"http://127.0.0.1:{port}"))
    expect(report, R.PROXY_UNREACHABLE, "proxy.connect", Blame.PROXY, "nothing listens")
    assert net_of(report).attempts == ()


async def test_a_proxy_whose_name_does_not_exist() -> None:
    report = await check_one(TARGET, through("http://proxy.seventh.invalid:1"))
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (R.PROXY_UNREACHABLE, "proxy.resolve")


async def test_the_wrong_side_of_tls() -> None:
    async with tcp_server(answering(b"\x15\3\3\0\2\2\x0a")) as port:
        report = await check_one(TARGET, through(f"http://127.0.0.1:{port}"))
    words = "TLS, not as an HTTP proxy; write https://"
    expect(report, R.PROXY_MISMATCH, "connect", Blame.LOCAL, words)
    async with tcp_server(saying(b"SSH-2.0-x\r\n")) as port:
        report = await check_one(TARGET, through(f"https://127.0.0.1:{port}"))
    expect(report, R.PROXY_MISMATCH, "proxy.tls", Blame.LOCAL, "without TLS, write http://")


async def test_a_proxy_that_confirms_before_it_connects() -> None:
    """What follows says nothing of the target."""

    async def confirms(reader: Reader, writer: Writer) -> None:
        await reader.readexactly(3)
        writer.write(b"\5\0")
        await reader.read(99)
        writer.write(b"\5\0\0\1" + bytes(6))

    async with tcp_server(confirms) as port:
        target = replace(TARGET, scheme="ssh")
        report = await check_one(target, through(f"socks5h://127.0.0.1:{port}"))
    expect(report, R.PEER_CLOSED, "ssh.banner", Blame.NETWORK, "or by the proxy")


async def test_an_unusable_login_file(tmp_path: Path) -> None:
    for text, words in (
        ("ops", "USER:PASSWORD"),
        ("", "is empty"),
        ("o" * 300 + ":x", "255 bytes"),
    ):
        (tmp_path / "login").write_text(text)
        options = through("socks5h://127.0.0.1:1", proxy_auth_file=str(tmp_path / "login"))
        report = await check_one(TARGET, options)
        assert report.failure is not None
        assert report.failure.reason is R.OPTIONS_UNUSABLE
        assert words in report.failure.detail


async def refused(
    scheme: str, handler: Handler, reason: Reason, phase: str, blame: Blame, words: str
) -> None:
    async with tcp_server(handler) as port:
        report = await check_one(TARGET, through(f"{scheme}://127.0.0.1:{port}"))
    expect(report, reason, phase, blame, words)


def expect(report: Report, reason: Reason, phase: str, blame: Blame, words: str) -> None:
    failure = report.failure
    assert failure is not None
    assert (failure.reason, failure.phase, failure.blame) == (reason, phase, blame), failure
    assert words in failure.detail
    assert "the proxy " in failure.detail
    # What the proxy does wrong is no fault of the target.
    if failure.reason.value.startswith("proxy-"):
        assert report.status is Status.UNKNOWN
        assert "seventh_up" not in {sample.name for sample in report.metrics}
        assert not report.findings
    assert any(p.name == phase and p.outcome == "failed" for p in report.phases)


@contextlib.asynccontextmanager
async def https_relay(issued: Issued, port: int) -> AsyncIterator[str]:
    """Run a proxy inside TLS that wants a login."""
    writers: set[Writer] = set()

    async def serve(reader: Reader, writer: Writer) -> None:
        writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await Relay(port, LOGIN).http(reader, writer)
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.cert_file, issued.key_file)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()

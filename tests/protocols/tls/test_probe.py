"""The TLS room's conversations, against its reference server and servers made for one question."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
from OpenSSL import SSL

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.names import name_server
from seventh.labkit.serve import Fault, Kit, tcp_server
from seventh.labkit.tlsserve import TlsPeer, server_context, tls_server
from seventh.model.failure import Reason
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.tls import bare_hellos
from seventh.protocols.tls import SPEC, lab, probe
from seventh.wire import tlshello
from seventh.wire import tlsnames as n
from tests.options import options_with
from tests.reports import found, metrics, triggered


def target(port: int, host: str = "127.0.0.1") -> Target:
    return Target(scheme="tls", host=host, port=port)


def options(kit: Kit, **more: Any) -> Options:
    known = {
        "timeout_seconds": 5.0,
        "ca_file": str(kit.authority.ca_file),
        "server_name": "lab.test",
    }
    return options_with(**{**known, **more})


def tls_facts(report: Report) -> TlsFacts:
    facts = report.facts["tls"]
    assert isinstance(facts, TlsFacts)
    return facts


@contextlib.asynccontextmanager
async def lab_server(kit: Kit, name: str | None) -> AsyncIterator[tuple[Target, Options]]:
    fault = next((f for f in lab.FAULTS if f.name == name), None)
    async with lab.serve(fault, kit) as served:
        port = int(served.target.rpartition(":")[2])
        yield target(port), options_with(timeout_seconds=5.0, **served.options)  # type: ignore[arg-type]


async def test_a_clean_server_gives_all_facts_and_no_finding(kit: Kit) -> None:
    async with lab_server(kit, None) as (to, how):
        report = await check_one(to, how)
    assert report.failure is None
    assert report.findings == ()
    assert [s.id for s in report.skipped if s.id.startswith("TLS-")] == [
        "TLS-CAA",
        "TLS-CERT-LONG",
        "TLS-0RTT-REPLAY",
        "TLS-REVOKED",
        "TLS-STARTTLS-INJECT",
    ]
    facts = tls_facts(report)
    assert facts.unknown == {}
    assert facts.chain_bytes == sum(c.size_bytes for c in facts.chain)
    assert (facts.version, facts.group) == ("TLSv1.3", "X25519MLKEM768")
    assert facts.versions == ("TLSv1.2", "TLSv1.3")
    assert facts.versions_refused == ("SSLv3", "TLSv1.0", "TLSv1.1")
    assert facts.trust == "given"
    assert [c.self_issued for c in facts.chain] == [False, False]
    assert facts.resumed
    assert facts.handshake_seconds
    assert facts.resumed_seconds
    assert facts.tickets == 2
    assert facts.ticket_lifetime_seconds == 7200
    assert facts.early_data_accepted is None
    assert facts.client_certificate == "not-requested"
    assert facts.dh_bits == 0
    assert facts.handshake_bytes
    assert metrics(report)["seventh_cert_expiry_timestamp_seconds"] > 0
    names = [p.name for p in report.phases]
    for phase in ("connect", "tls", "tls.hello", "tls.finish", "tls.resumed"):
        assert phase in names
    assert set(names) <= {"connect"} | {p.name for p in SPEC.phases}


@pytest.mark.parametrize("fault", lab.FAULTS, ids=lambda fault: fault.name)
async def test_every_fault_is_named_and_nothing_else(fault: Fault, kit: Kit) -> None:
    async with lab_server(kit, fault.name) as (to, how):
        report = await check_one(to, how)
    assert found(report) == triggered(fault)
    assert (report.failure.reason if report.failure else None) == fault.reason
    if report.failure is not None and report.failure.phase != "tls":
        assert report.failure.phase in {"tls.greeting", "tls.starttls"}
        assert report.failure.phase in {p.name for p in report.phases if p.outcome == "failed"}
    else:
        assert tls_facts(report).chain, "facts survive failure"


@pytest.mark.parametrize("fault", [f for f in lab.FAULTS if f.reason], ids=lambda f: f.name)
async def test_a_pulse_fails_as_a_client_would(fault: Fault, kit: Kit) -> None:
    async with lab_server(kit, fault.name) as (to, how):
        report = await pulse_one(to, how)
    assert report.failure is not None
    assert report.failure.reason == fault.reason


async def test_the_end_of_validity_is_told_from_other_errors(kit: Kit) -> None:
    for fault, expired in (("expired", ("depth 0: certificate has expired",)), ("not-yet", ())):
        async with lab_server(kit, fault) as (to, how):
            facts = tls_facts(await check_one(to, how))
        assert facts.verify_errors
        assert facts.expired_errors == expired


async def test_a_pulse_is_one_connection(kit: Kit) -> None:
    hellos: list[tlshello.ClientHello] = []
    finished = asyncio.Event()

    def door(hello: tlshello.ClientHello) -> None:
        hellos.append(hello)

    def progress(_: SSL.Connection, where: int, __: int) -> None:
        if where & SSL.SSL_CB_HANDSHAKE_DONE:
            finished.set()

    context = server_context(kit.authority.issue())
    context.set_info_callback(progress)
    async with tls_server(context, on_hello=door) as port:
        report = await pulse_one(target(port), options(kit))
        await asyncio.wait_for(finished.wait(), 5)
    assert report.failure is None
    assert len(hellos) == 1
    assert tls_facts(report).cert_expiry_timestamp_seconds
    assert metrics(report)["seventh_up"] == 1.0


async def test_a_check_stays_within_its_connections(kit: Kit) -> None:
    opened = 0

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", behind)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))

    # Everything at once: early data, an optional certificate, no hybrid group.
    context = server_context(kit.authority.issue(), early_data=1024, ask_client=True,
                             alpn=(b"http/1.1",), groups="X25519",
                             ciphers="ECDHE+AESGCM:DHE+AESGCM")  # fmt: skip
    async with tls_server(context, early_data=True) as behind, tcp_server(relay) as port:
        report = await check_one(target(port), options(kit))
    assert report.failure is None
    assert opened <= 15 < SPEC.connections


# -- names, addresses, client certificates -----------------------------------------------------


async def test_addresses_are_compared(kit: Kit) -> None:
    one, two = (server_context(kit.authority.issue()) for _ in range(2))
    async with (
        tls_server(one) as port,
        _on(two, "127.0.0.2", port),
        name_server({"lab.test": {"A": ("127.0.0.1", "127.0.0.2")}}) as resolver,
    ):
        report = await check_one(target(port, "lab.test"), options(kit, resolver=resolver))
    net = report.facts["net"]
    assert isinstance(net, NetFacts)
    assert set(net.compared) == {"127.0.0.1", "127.0.0.2"}
    assert [difference.trait for difference in net.differences] == ["certificate"]
    assert len(tls_facts(report).not_resumed_at) == 1
    assert found(report) == {"NET-ADDR-DRIFT", "TLS-NO-RESUME"}


async def test_addresses_that_are_one_server_do_not_differ(kit: Kit) -> None:
    context = server_context(kit.authority.issue())
    async with (
        tls_server(context) as port,
        _on(context, "127.0.0.2", port),
        name_server({"lab.test": {"A": ("127.0.0.1", "127.0.0.2")}}) as resolver,
    ):
        report = await check_one(target(port, "lab.test"), options(kit, resolver=resolver))
    assert report.failure is None
    assert found(report) == set()
    assert len(report.facts["net"].compared) == 2


@contextlib.asynccontextmanager
async def _on(context: SSL.Context, host: str, port: int) -> AsyncIterator[None]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = TlsPeer(reader, writer, context)
        with contextlib.suppress(SSL.Error):
            await peer.shake_hands(await reader.read(65536))
            await peer.receive()

    async with tcp_server(serve, host, port):
        yield


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(400, "refused-later"), (403, "refused-later"), (496, "refused-later"), (200, "optional"),
     (404, "optional")],
)  # fmt: skip
async def test_http_servers_refuse_after_the_handshake(kit: Kit, status: int, verdict: str) -> None:
    asked: list[bytes] = []

    async def http(peer: TlsPeer) -> None:
        request = await peer.receive()
        if request:
            asked.append(request)
            await peer.send(b"HTTP/1.1 %d Whatever\r\n\r\n" % status)

    context = server_context(kit.authority.issue(), ask_client=True, alpn=(b"http/1.1",))
    async with tls_server(context, application=http) as port:
        report = await check_one(target(port), options(kit))
        assert tls_facts(report).client_certificate == verdict
        assert ("TLS-MTLS-OPTIONAL" in found(report)) is (verdict == "optional")
        assert len(asked) == 1
        assert asked[0].startswith(b"HEAD / HTTP/1.1\r\nHost: lab.test\r\n")
        await check_one(target(port), options(kit, max_tier=0))
        assert len(asked) == 1, "tier 0 sends no application data"


async def test_a_given_certificate_leaves_the_question_open(kit: Kit) -> None:
    client = kit.authority.issue("client.test", client=True)
    context = server_context(
        kit.authority.issue(), need_client=True, client_ca=str(kit.authority.ca_file)
    )
    how = options(kit, cert_file=str(client.cert_file), key_file=str(client.key_file))
    async with tls_server(context) as port:
        report = await check_one(target(port), how)
    assert report.failure is None
    assert tls_facts(report).client_certificate == "given"
    assert "TLS-MTLS-OPTIONAL" in {s.id for s in report.skipped}


async def test_an_application_protocol_that_is_not_ours(kit: Kit) -> None:
    def mqtt_only(_: SSL.Connection, offered: list[bytes]) -> bytes:
        raise ValueError(offered)  # OpenSSL makes this a fatal no_application_protocol

    context = server_context(kit.authority.issue())
    context.set_alpn_select_callback(mqtt_only)
    async with tls_server(context) as port:
        report = await check_one(target(port), options(kit))
    assert report.failure is None
    assert found(report) == set()


async def test_an_address_as_the_name(kit: Kit) -> None:
    async with tls_server(server_context(kit.authority.issue("127.0.0.1"))) as port:
        report = await check_one(target(port), options(kit, server_name=None))
    assert report.failure is None


# -- servers that are not in order in other ways -----------------------------------------------


async def test_tickets_that_never_come(kit: Kit) -> None:
    """The standard library's server can leave them out; its OpenSSL may lack ML-KEM."""
    issued = kit.authority.issue()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.cert_file, issued.key_file)
    context.num_tickets = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        report = await check_one(target(server.sockets[0].getsockname()[1]), options(kit))
    assert tls_facts(report).tickets == 0
    finding = next(f for f in report.findings if f.id == "TLS-NO-RESUME")
    assert finding.params["what"] == "no-ticket"


async def test_only_bare_hellos_get_through(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server so old that no handshake is possible still yields its version and suite."""

    def old(hello: tlshello.ClientHello) -> bytes:
        if hello.version > n.TLS10 or hello.extension(n.SUPPORTED_VERSIONS) is not None:
            return tlshello.alert(70)
        said = tlshello.ServerHello(version=hello.version, random=b"r" * 32, suite=0x0005)
        message = tlshello.encode_server_hello(said)
        return tlshello.record(n.HANDSHAKE, message, hello.version)

    monkeypatch.setattr(bare_hellos, "ANSWER_SECONDS", 0.1)
    context = server_context(kit.authority.issue())
    async with tls_server(context, on_hello=old) as port:
        report = await check_one(target(port), options(kit))
    assert report.failure is not None
    assert report.failure.reason is Reason.TLS_VERSION
    assert set(tls_facts(report).versions) == {"SSLv3", "TLSv1.0"}
    assert {"TLS-LEGACY", "TLS-WEAK-CIPHER"} <= found(report)
    assert "TLS-CERT-EXPIRED" in {s.id for s in report.skipped}


async def test_questions_without_an_answer_are_skips(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that drops bare hellos in silence is not thereby without fault."""

    def deaf(hello: tlshello.ClientHello) -> bytes | None:
        return b"" if hello.extension(n.SUPPORTED_VERSIONS) is None else None

    monkeypatch.setattr(bare_hellos, "ANSWER_SECONDS", 0.1)
    context = server_context(kit.authority.issue())
    async with tls_server(context, on_hello=deaf) as port:
        report = await check_one(target(port), options(kit))
    assert report.failure is None
    skipped = {s.id: s.reason for s in report.skipped}
    for rule in ("TLS-LEGACY", "TLS-WEAK-CIPHER", "TLS-DH-SMALL", "TLS-EMS", "TLS-COMPRESS"):
        assert "no answer" in skipped[rule], rule
    assert tls_facts(report).unknown


async def test_a_server_that_closes_on_every_hello_passes_nothing(kit: Kit) -> None:
    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)

    async with tcp_server(closes) as port:
        report = await check_one(target(port), options(kit))
    assert report.failure is not None
    assert report.failure.reason is Reason.PEER_CLOSED
    assert not any(rule.startswith("TLS-") for rule in report.passed)


async def test_another_protocol_costs_one_connection(kit: Kit) -> None:
    opened = 0

    async def ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await reader.read(-1)

    async with tcp_server(ssh) as port:
        report = await check_one(target(port), options(kit))
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_MISMATCH
    assert "SSH" in report.failure.detail
    assert opened == 1


async def test_a_spent_budget_leaves_the_rest_unlearnt(kit: Kit) -> None:
    async with tls_server(server_context(kit.authority.issue())) as port:
        ctx = ProbeContext(target(port), options(kit), connections=3)
        await probe.check(ctx)
        ctx.close()
    facts = ctx.facts["tls"]
    assert isinstance(facts, TlsFacts)
    assert facts.resumed
    assert any("limit of 3 connections" in why for why in facts.unknown.values())


async def test_a_peers_names_are_made_printable(kit: Kit) -> None:
    async with tls_server(server_context(kit.authority.issue("a.test", "b\x1b[2J.test"))) as port:
        report = await check_one(target(port), options(kit))
    assert "\x1b" not in str(tls_facts(report))

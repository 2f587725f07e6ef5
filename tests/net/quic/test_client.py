"""A QUIC client against a lab's server: what it learns, and what each fault makes of it."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from seventh.labkit.serve import Kit, UdpHandler, free_port, udp_server
from seventh.labkit.web.quicserver import QuicSetup
from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.phase import Mark
from seventh.model.tlsfacts import TlsFacts
from seventh.net.address import Address
from seventh.net.datagram import Datagram
from seventh.net.kernel import LINUX
from seventh.net.quic import connect as quic
from seventh.net.quic.client import QuicClient
from seventh.net.tls import chain as tlschain
from seventh.web.h3 import H3Connection
from tests import needs
from tests.net.quic.served import DAY, NAME, Lab, context_for, lab

VERSION_2 = 0x6B3343CF


async def connected(served: Lab, **more: object) -> QuicClient:
    return await quic.connect(served.ctx, served.address, NAME, **more)  # type: ignore[arg-type]


def tls_facts(certificates: tuple[bytes, ...], served: Lab) -> TlsFacts:
    return TlsFacts(**tlschain.certificate_facts(certificates, NAME, served.ctx.options))


async def failure(served: Lab, **more: object) -> tuple[Failed, QuicClient]:
    client = quic.prepare(served.ctx, served.address, NAME, **more)  # type: ignore[arg-type]
    with pytest.raises(Failed) as caught:
        await quic.shake(served.ctx, client)
    client.close()
    return caught.value, client


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs.IPV6)])
async def test_a_handshake_teaches_what_the_server_declares(kit: Kit, host: str) -> None:
    setup = QuicSetup(
        idle_seconds=12.5, max_udp_payload=1200, disable_migration=True, max_streams=7, window=54321
    )
    async with lab(kit, setup, host=host) as served:
        client = await connected(served)
        facts = client.facts()
        client.close()
    parameters = facts.parameters
    assert parameters is not None
    assert parameters.max_idle_timeout_seconds == 12.5
    assert parameters.max_udp_payload_bytes == 1200
    assert parameters.disable_active_migration
    assert parameters.initial_max_streams_bidi == 7
    assert parameters.initial_max_data_bytes == 54321
    assert parameters.initial_max_stream_data_bidi_remote_bytes == 54321
    assert (facts.version, facts.alpn, facts.retry, facts.resumed) == ("1", "h3", False, False)
    assert facts.cipher == "TLS_AES_256_GCM_SHA384"
    assert facts.rtt_seconds is not None
    assert facts.handshake_seconds is not None and facts.confirmed_seconds is not None
    assert 0 < facts.rtt_seconds <= facts.handshake_seconds < facts.confirmed_seconds < 1
    assert client.least_rtt_seconds is not None
    assert client.least_rtt_seconds < facts.confirmed_seconds
    assert 0 < facts.bytes_before_validation <= 3 * facts.bytes_sent_before_validation


async def test_phases_and_the_attempt_are_noted(kit: Kit) -> None:
    async with lab(kit) as served:
        (await connected(served)).close()
        phases = {p.name: p for p in served.ctx.watch.phases}
        attempt = served.ctx.notes(NetFacts).facts.attempts[-1]
    assert set(phases) == {"quic", "quic.hello", "quic.finish"}
    assert phases["quic"].clock == ("kernel" if LINUX else "user")
    whole = phases["quic.hello"].seconds + phases["quic.finish"].seconds
    assert phases["quic"].seconds == pytest.approx(whole, abs=1e-6)
    assert (attempt.transport, attempt.outcome) == ("udp", "open")


async def test_a_request_may_go_before_the_server_confirms(kit: Kit) -> None:
    """The handshake of a client is complete a round trip before it is confirmed."""
    async with lab(kit) as served:
        client = quic.prepare(served.ctx, served.address, NAME)
        await quic.shake(served.ctx, client, confirmed=False)
        assert client.completed is not None and client.confirmed is None
        assert client.handshake_seconds is not None and client.confirmed_seconds is None
        assert await client.until(lambda: client.confirmed is not None)
        client.close()


async def test_a_confirmed_connection_keeps_no_room_for_tls_messages(kit: Kit) -> None:
    async with lab(kit) as served:
        client = await connected(served)
        capacities = {buffer.capacity for buffer in client.engine._crypto_buffers.values()}
        assert await client.settle(), "tickets arrive all the same"
        client.close()
    assert capacities == {0}


async def test_connections_spend_the_talk_s_budget(kit: Kit) -> None:
    async with lab(kit) as served:
        left = served.ctx.connections_left(served.address)
        for _ in range(left):
            client = await connected(served)
            client.close()
        assert served.ctx.connections_left(served.address) == 0
        for ask in (quic.amplification, quic.connect):
            with pytest.raises(Failed) as caught:
                await ask(served.ctx, served.address, NAME)
            assert caught.value.reason is Reason.BUDGET_EXCEEDED
        with pytest.raises(Failed):
            await served.ctx.connect_again(served.address)


async def test_retry_is_obeyed_and_told(kit: Kit) -> None:
    async with lab(kit, QuicSetup(retry=True)) as served:
        client = await connected(served)
        assert client.facts().retry is True
        client.close()


async def test_a_version_is_negotiated(kit: Kit) -> None:
    async with lab(kit, QuicSetup(versions=(VERSION_2,))) as served:
        client = await connected(served)
        facts = client.facts()
        client.close()
    assert facts.versions_offered == ("2",)
    assert facts.version == "2"


async def test_no_common_version_is_named(kit: Kit) -> None:
    async with lab(kit, QuicSetup(versions=(0xFF00001D,))) as served:
        failed, client = await failure(served)
    assert failed.reason is Reason.NEGOTIATION_FAILED
    assert "0xff00001d" in failed.detail
    assert client.facts().versions_offered == ("0xff00001d",)


async def test_a_wrong_alpn_is_a_failed_negotiation(kit: Kit) -> None:
    async with lab(kit, QuicSetup(alpn=("hq-interop",))) as served:
        failed, client = await failure(served)
    assert failed.reason is Reason.NEGOTIATION_FAILED
    assert "h3" in failed.detail
    assert client.close_code is not None
    assert client.close_code.by == "peer"
    assert client.close_code.name == "CRYPTO_ERROR (no_application_protocol)"


async def test_silence_has_no_reply(kit: Kit) -> None:
    async with lab(kit, QuicSetup(silent=True), seconds=0.6) as served:
        failed, _ = await failure(served)
        assert served.ctx.notes(NetFacts).facts.attempts[-1].outcome == "timeout"
    assert failed.reason is Reason.NO_REPLY
    assert failed.phase == "quic"


@pytest.mark.skipif(not LINUX, reason="IP_RECVERR is Linux's")
async def test_a_closed_port_is_refused(kit: Kit) -> None:
    port = free_port(socket.SOCK_DGRAM)
    ctx = context_for(port, Options(timeout_seconds=2))
    with pytest.raises(Failed) as caught:
        await quic.connect(ctx, Address(ip="127.0.0.1", port=port), NAME)
    assert caught.value.reason is Reason.CONNECT_REFUSED
    assert ctx.notes(NetFacts).facts.attempts[-1].outcome == "refused"
    ctx.close()


async def test_another_protocol_is_named() -> None:
    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        handler.send(b"HTTP/1.1 400 Bad Request\r\n\r\n", source)

    async with udp_server(answer) as port:
        ctx = context_for(port, Options(timeout_seconds=0.6))
        with pytest.raises(Failed) as caught:
            await quic.connect(ctx, Address(ip="127.0.0.1", port=port), NAME)
        ctx.close()
    assert caught.value.reason is Reason.PROTOCOL_MISMATCH
    assert "HTTP" in caught.value.detail


async def test_a_stranger_s_datagrams_are_not_heard(kit: Kit) -> None:
    async with lab(kit) as served:
        client = quic.prepare(served.ctx, served.address, NAME)
        client.start()
        client.flush()
        before = client.datagrams_received
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"\xc0" + bytes(1199), ("127.0.0.1", client._datagram.local_port))
        await quic.shake(served.ctx, client)
        assert client.confirmed is not None
        assert client.datagrams_received > before
        client.close()


# -- certificates ------------------------------------------------------------------------------


async def test_certificates_are_judged_as_over_tcp(kit: Kit) -> None:
    authority = kit.authority
    cases = {
        Reason.TLS_CERTIFICATE_EXPIRED: authority.issue(not_before=-30 * DAY, lifetime=10 * DAY),
        Reason.TLS_CERTIFICATE_NOT_YET_VALID: authority.issue(not_before=5 * DAY),
        Reason.TLS_CERTIFICATE_HOST_MISMATCH: authority.issue("other.test"),
        Reason.TLS_CERTIFICATE_SELF_SIGNED: authority.issue(self_signed=True),
        Reason.TLS_CERTIFICATE_UNTRUSTED: authority.issue(chain=False),
        Reason.TLS_CERTIFICATE_INVALID: authority.issue("localhost", client=True),
    }
    for reason, issued in cases.items():
        async with lab(kit, issued=issued) as served:
            failed, client = await failure(served)
            assert failed.reason is reason, failed
            # Facts first, the verdict after: without it all is learnt.
            relaxed = await connected(served, verify=False)
            facts = tls_facts(relaxed.certificates, served)
            relaxed.close()
        assert facts.certificate_reason is reason
        assert facts.certificate_detail == failed.detail
        assert bool(facts.expired_errors) is (reason is Reason.TLS_CERTIFICATE_EXPIRED)
        assert facts.chain
        assert client.certificates == relaxed.certificates


async def test_an_expired_certificate_of_nobody_is_told_as_both(kit: Kit) -> None:
    issued = kit.authority.issue(not_before=-30 * DAY, lifetime=10 * DAY)
    async with lab(kit, issued=issued, ca=False) as served:
        client = await connected(served, verify=False)
        facts = tls_facts(client.certificates, served)
        client.close()
    assert facts.certificate_reason is Reason.TLS_CERTIFICATE_EXPIRED
    assert "neither sent nor trusted" in facts.certificate_detail
    assert facts.trust is None


async def test_a_good_certificate_leads_to_the_given_root(kit: Kit) -> None:
    async with lab(kit) as served:
        client = await connected(served)
        facts = tls_facts(client.certificates, served)
        client.close()
    assert (facts.chain_state, facts.trust, facts.host_matches) == ("trusted", "given", True)
    assert facts.certificate_reason is None
    assert facts.cert_expiry_timestamp_seconds is not None


async def test_an_address_may_be_the_name(kit: Kit) -> None:
    async with lab(kit) as served:
        client = await quic.connect(served.ctx, served.address, "127.0.0.1")
        assert client.alive
        client.close()


async def test_a_client_certificate_is_given(kit: Kit) -> None:
    mine = kit.authority.issue("client.test", client=True)
    options = Options(
        timeout_seconds=5, ca_file=str(kit.authority.ca_file),
        cert_file=str(mine.cert_file), key_file=str(mine.key_file),
    )  # fmt: skip
    async with lab(kit, QuicSetup(ask_client=True)) as served:
        ctx = context_for(served.address.port, options)
        client = await quic.connect(ctx, served.address, NAME)
        assert client.engine.asked_for_certificate
        given = served.server.peers[0].engine.tls._peer_certificate
        assert given == mine.certificate
        client.close()
        ctx.close()


async def test_a_file_that_is_not_there_is_a_usage_error(kit: Kit) -> None:
    async with lab(kit) as served:
        ctx = context_for(served.address.port, Options(ca_file="/nowhere/ca.pem"))
        with pytest.raises(UsageError):
            quic.prepare(ctx, served.address, NAME)
        ctx.close()


# -- sessions ----------------------------------------------------------------------------------


async def test_a_session_is_taken_up(kit: Kit) -> None:
    async with lab(kit) as served:
        first = await connected(served)
        assert await first.settle() >= 1
        session = first.session
        first.close()
        assert session is not None
        assert session.early_data
        assert first.facts().early_data_offered
        second = await connected(served, session=session)
        facts = second.facts()
        second.close()
    assert facts.resumed is True
    assert facts.early_data_accepted is None  # it was not offered
    assert second.certificates == first.certificates


async def test_no_tickets_no_session(kit: Kit) -> None:
    async with lab(kit, QuicSetup(tickets=False)) as served:
        client = await connected(served)
        assert await client.settle(0.1) == 0
        assert client.session is None
        client.close()


async def test_who_keeps_silent_is_answered_before_the_handshake_ends(kit: Kit) -> None:
    """The server has the early request alone: that we are really there it cannot know."""
    async with lab(kit) as served:
        first = await connected(served)
        assert await first.settle()
        session = first.session
        first.close()
        client = quic.prepare(served.ctx, served.address, NAME, session=session, early=True)
        client.pause_sending()
        connection = H3Connection(client)
        response = await connection.request(served.request("/early"))
        assert response.early and b"early=1" in response.body
        assert client.confirmed is None
        client.resume_sending()
        await client.handshake(served.ctx.watch, "quic.early")
        assert client.confirmed is not None
        assert (await connection.request(served.request("/after"))).status == 200
        connection.close()


@pytest.mark.parametrize("early_data", ["accept", "reject", "none"])
async def test_early_data(kit: Kit, early_data: str) -> None:
    async with lab(kit, QuicSetup(early_data=early_data)) as served:  # type: ignore[arg-type]
        first = await connected(served)
        await first.settle()
        session = first.session
        first.close()
        assert session is not None
        client = quic.prepare(served.ctx, served.address, NAME, session=session, early=True)
        connection = H3Connection(client)
        response = await connection.request(served.request("/early"))
        await client.handshake(served.ctx.watch)
        facts = client.facts()
        connection.close()
    taken = early_data == "accept"
    assert session.early_data == (early_data != "none")
    assert response.early is taken
    assert response.status == 200
    assert facts.resumed is True
    assert facts.early_data_accepted is {"accept": True, "reject": False, "none": None}[early_data]
    assert (b"early=1" in response.body) is taken


async def test_a_resumed_session_keeps_the_verdict_on_its_certificate(kit: Kit) -> None:
    async with lab(kit, issued=kit.authority.issue("other.test")) as served:
        first = await connected(served, verify=False)
        await first.settle()
        session = first.session
        first.close()
        assert session is not None
        with pytest.raises(Failed) as caught:
            await connected(served, session=session)
    assert caught.value.reason is Reason.TLS_CERTIFICATE_HOST_MISMATCH


# -- measuring ---------------------------------------------------------------------------------


async def test_ping_and_idle(kit: Kit) -> None:
    async with lab(kit) as served:
        client = await connected(served)
        for _ in range(3):
            assert 0 < await client.ping() < 0.5
        await client.idle(0.05)
        assert client.alive
        client.close()
        with pytest.raises(Failed) as caught:
            await client.ping()
    assert caught.value.reason is Reason.PEER_CLOSED


async def test_an_idle_timeout_ends_it(kit: Kit) -> None:
    async with lab(kit, QuicSetup(idle_seconds=0.2)) as served:
        client = await connected(served)
        with pytest.raises(Failed) as caught:
            await client.idle(4)
        client.close()
    assert caught.value.reason is Reason.PEER_SILENT
    assert client.close_code is not None
    assert client.close_code.by == "idle"


async def test_migration(kit: Kit) -> None:
    async with lab(kit) as served:
        client = await connected(served)
        port = client._datagram.local_port
        migration = await client.migrate()
        assert client._datagram.local_port != port
        await client.ping()
        client.close()
    assert migration.new_connection_id
    assert migration.challenged
    assert migration.validated
    assert migration.continued
    assert migration.rtt_seconds is not None


async def test_a_server_that_never_answers_a_challenge(kit: Kit) -> None:
    async with lab(kit, QuicSetup(migration="mute")) as served:
        client = await connected(served)
        migration = await client.migrate(0.5)
        assert migration.continued
        assert not migration.validated
        await client.ping()  # our side goes on all the same
        client.close()


async def test_a_balancer_that_looks_at_addresses_alone(kit: Kit) -> None:
    async with lab(kit, QuicSetup(migration="ignore")) as served:
        client = await connected(served)
        migration = await client.migrate(0.3)
        client.close()
    assert not (migration.challenged or migration.validated or migration.continued)
    assert migration.rtt_seconds is None


async def test_migration_needs_a_confirmed_connection(kit: Kit) -> None:
    async with lab(kit) as served:
        client = quic.prepare(served.ctx, served.address, NAME)
        with pytest.raises(Failed) as caught:
            await client.migrate()
        client.close()
    assert caught.value.reason is Reason.OPTIONS_UNUSABLE


async def test_a_stateless_reset_is_known(kit: Kit) -> None:
    async with lab(kit, QuicSetup(forget_after=6)) as served:
        client = await connected(served)
        with pytest.raises(Failed) as caught:
            for _ in range(6):
                await client.ping(1)
        client.close()
    assert caught.value.reason is Reason.PEER_RESET
    assert "stateless reset" in caught.value.detail


async def test_a_preferred_address_is_noted_and_never_followed(kit: Kit) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trap:
        trap.bind(("127.0.0.1", 0))
        trap.setblocking(False)
        port = trap.getsockname()[1]
        async with lab(kit, QuicSetup(preferred=trap.getsockname())) as served:
            client = await connected(served)
            await client.ping()
            parameters = client.facts().parameters
            client.close()
        with pytest.raises(BlockingIOError):
            trap.recv(1500)
    assert parameters is not None
    assert parameters.preferred_address == (f"127.0.0.1 port {port}",)


# -- amplification -----------------------------------------------------------------------------


async def test_amplification_of_a_good_server_stays_within_three_times(kit: Kit) -> None:
    async with lab(kit) as served:
        seen = await quic.amplification(served.ctx, served.address, NAME, seconds=1.0)
    assert seen.sent_bytes >= 1200
    assert 0 < seen.factor <= 3
    assert not seen.retry
    assert seen.first_seconds is not None


async def test_amplification_of_a_bad_one_is_counted(kit: Kit) -> None:
    async with lab(kit, QuicSetup(copies=4)) as served:
        seen = await quic.amplification(served.ctx, served.address, NAME, seconds=0.4)
    assert seen.factor > 3
    assert seen.datagrams >= 4


async def test_a_retry_is_all_that_a_careful_server_sends(kit: Kit) -> None:
    async with lab(kit, QuicSetup(retry=True)) as served:
        seen = await quic.amplification(served.ctx, served.address, NAME, seconds=0.3)
    assert seen.retry
    assert seen.datagrams == 1
    assert seen.factor < 1


@pytest.mark.parametrize(
    ("setup", "shook", "retry", "datagrams"),
    [
        (QuicSetup(), True, False, True),
        (QuicSetup(retry=True), False, False, False),  # aioquic drops what it cannot validate
        (QuicSetup(retry=True, any_token=True), True, False, True),
    ],
)
async def test_a_forged_token(
    kit: Kit, setup: QuicSetup, shook: bool, retry: bool, datagrams: bool
) -> None:
    async with lab(kit, setup) as served:
        seen = await quic.amplification(
            served.ctx, served.address, NAME, token=bytes(64), seconds=0.3
        )
    assert (seen.shook, seen.retry, bool(seen.datagrams)) == (shook, retry, datagrams)
    assert seen.close == ""


async def test_a_close_is_no_handshake(kit: Kit) -> None:
    async with lab(kit, QuicSetup(alpn=("hq-interop",))) as served:
        seen = await quic.amplification(served.ctx, served.address, NAME, seconds=0.3)
    assert not seen.shook
    assert seen.close == "CRYPTO_ERROR (no_application_protocol)"


async def test_no_answer_is_no_amplification(kit: Kit) -> None:
    async with lab(kit, QuicSetup(silent=True)) as served:
        seen = await quic.amplification(served.ctx, served.address, NAME, seconds=0.1)
    assert (seen.received_bytes, seen.datagrams, seen.first_seconds) == (0, 0, None)


# -- the size of datagrams ---------------------------------------------------------------------


@pytest.mark.skipif(not LINUX, reason="only Linux reports the path MTU")
@pytest.mark.parametrize(
    ("host", "size"), [("127.0.0.1", 1472), pytest.param("::1", 1452, marks=needs.IPV6)]
)
async def test_full_size_datagrams_arrive(
    kit: Kit, host: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    send = Datagram.send

    def note(datagram: Datagram, data: bytes) -> Mark:
        sent.append(len(data))
        return send(datagram, data)

    async with lab(kit, host=host) as served:
        client = await connected(served)
        monkeypatch.setattr(Datagram, "send", note)
        assert await client.loses_full_size() is False
        await client.ping()
        client.close()
    assert sent.count(size) == 1
    assert max(sent) == size


@pytest.mark.skipif(not LINUX, reason="only Linux reports the path MTU")
@pytest.mark.parametrize(("allowed", "lost"), [(1200, None), (1201, False)])
async def test_no_datagram_is_larger_than_the_server_allows(
    kit: Kit, allowed: int, lost: bool | None
) -> None:
    async with lab(kit, QuicSetup(max_udp_payload=allowed)) as served:
        client = await connected(served)
        assert await client.loses_full_size() is lost
        client.close()


# -- qlog --------------------------------------------------------------------------------------


async def test_a_qlog_has_the_packets_and_no_secrets(kit: Kit, tmp_path: Path) -> None:
    path = tmp_path / "one.qlog"
    async with lab(kit) as served:
        client = await connected(served, log=True)
        connection = H3Connection(client)
        asked = served.request("/private?token=hush")
        headers = (("authorization", "Bearer very-secret"), ("x-odd", "caf\u00e9"))
        request = type(asked)(authority=NAME, path=asked.path, headers=headers)
        await connection.request(request)
        connection.close()
        client.write_qlog(str(path))
    text = path.read_text()
    assert "very-secret" not in text
    assert "hush" not in text
    trace = json.loads(text)["traces"][0]
    assert trace["vantage_point"] == {"name": "seventh", "type": "client"}
    kinds = {event["name"] for event in trace["events"]}
    assert {"transport:packet_sent", "transport:packet_received", "http:frame_created"} <= kinds
    with pytest.raises(UsageError):
        client.write_qlog(str(tmp_path / "none" / "one.qlog"))


async def test_early_data_survives_a_retry(kit: Kit) -> None:
    async with lab(kit, QuicSetup(retry=True)) as served:
        first = await connected(served)
        await first.settle()
        session = first.session
        first.close()
        client = quic.prepare(served.ctx, served.address, NAME, session=session, early=True)
        connection = H3Connection(client)
        response = await connection.request(served.request("/early"))
        facts = client.facts()
        connection.close()
    assert response.status == 200
    assert facts.retry is True
    assert facts.early_data_accepted is True


async def test_a_talk_through_jump_hosts_has_no_datagrams(kit: Kit) -> None:
    async def carry(_: object) -> object:
        raise AssertionError

    async with lab(kit) as served:
        ctx = type(served.ctx)(served.ctx.target, Options(), carry=carry)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="--via"):
            quic.prepare(ctx, served.address, NAME)
        ctx.close()


async def test_a_damaged_certificate_is_evidence_too(kit: Kit) -> None:
    issued = kit.authority.issue()
    whole = issued.certificate.public_bytes(Encoding.DER)

    def damage(said: bytes) -> bytes:
        return said.replace(whole[:8], b"\x30\x82" + b"\xff\xff" + whole[4:8], 1)

    async with lab(kit, QuicSetup(mangle=damage), issued=issued) as served:
        failed, client = await failure(served)
        facts = tls_facts(client.certificates, served)
    assert failed.reason is Reason.TLS_CERTIFICATE_INVALID
    assert len(client.certificates[0]) == len(whole)
    assert facts.chain[0].problem

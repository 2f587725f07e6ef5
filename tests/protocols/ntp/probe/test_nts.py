"""The conversation with an NTS server, against the room's own lab."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.lab.start import job
from seventh.labkit.names import name_server
from seventh.labkit.serve import Fault, Kit, UdpHandler, free_port, tcp_server
from seventh.labkit.tlsserve import server_context, tls_server
from seventh.model.failure import Failed, Reason, UsageError
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.net.address import Address
from seventh.net.carrier import Carrier
from seventh.net.kernel import LINUX
from seventh.net.probe_context import ProbeContext
from seventh.protocols.ntp import SPEC
from seventh.protocols.ntp.client.nts_ke import Established, check_nts_port, follow
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.nts import NtsFacts
from seventh.protocols.ntp.lab.nts import Cookies, KeyServer, NtsResponder, serve_nts
from seventh.protocols.ntp.lab.nts_faults import FAULTS
from seventh.protocols.ntp.lab.setup import NtsSetup
from seventh.protocols.ntp.wire import nts_ke
from seventh.protocols.ntp.wire.nts_fields import Cipher, Keys
from seventh.protocols.ntp.wire.nts_ke import Response
from seventh.protocols.ntp.wire.packet import Mode
from tests.options import changed, options_with
from tests.protocols.ntp.replies import reply_to
from tests.reports import metrics, net_facts, triggered

BY_NAME = {fault.name: fault for fault in FAULTS}


def nts_of(report: Report) -> NtsFacts:
    facts = report.facts["ntp"]
    assert isinstance(facts, NtpFacts)
    assert facts.nts is not None
    return facts.nts


async def looked(setup: NtsSetup, kit: Kit, verb: str = "check", **changes: object) -> Report:
    async with serve_nts(setup, kit) as served:
        target, options = job(served, Options(timeout_seconds=5.0))
        look = check_one if verb == "check" else pulse_one
        return await look(target, changed(options, **changes))


def ids(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


# -- a correct server ------------------------------------------------------------------------------


async def test_a_clean_server_has_no_finding_at_all(kit: Kit) -> None:
    report = await looked(NtsSetup(), kit)
    assert report.failure is None
    assert report.findings == ()
    facts = nts_of(report)
    assert (facts.port_state, facts.established, facts.ke_reason) == ("open", True, "")
    assert (facts.aead_name, facts.keys, facts.cookies) == ("AES-SIV-CMAC-256", "rfc8915", 8)
    assert (facts.requests, facts.authenticated, facts.unauthenticated) == (4, 4, 0)
    assert facts.cookies_returned == facts.cookies_asked == 4
    assert [(one.number, one.outcome) for one in facts.aeads] == [(15, "works"), (30, "works")]
    assert facts.certificate_valid_here
    assert facts.certificate_valid_there
    assert metrics(report)["seventh_ntp_stratum"] == 2


async def test_what_authenticates_is_measured_as_all_time_is(kit: Kit) -> None:
    report = await looked(NtsSetup(), kit)
    facts = report.facts["ntp"]
    assert isinstance(facts, NtpFacts)
    assert facts.offset_seconds is not None
    assert facts.offset_error_seconds is not None
    assert abs(facts.offset_seconds) <= facts.offset_error_seconds
    assert len(facts.samples) == 4
    # The outcome of each is in a phase of its own, ended by the kernel's clock.
    rtt = [phase for phase in report.phases if phase.name == "nts.rtt"]
    assert len(rtt) >= 4
    assert {phase.clock for phase in rtt} == {"kernel" if LINUX else "user"}
    assert facts.jitter_seconds is not None


async def test_a_pulse_is_one_key_establishment_and_one_exchange(kit: Kit) -> None:
    report = await looked(NtsSetup(), kit, "pulse")
    assert report.failure is None
    assert [phase.name for phase in report.phases] == [
        "connect", "nts.ke_tls", "nts.ke_records", "nts.rtt",
    ]  # fmt: skip
    assert nts_of(report).authenticated == 1
    assert metrics(report)["seventh_cert_expiry_timestamp_seconds"] > 1.7e9


async def test_all_phases_are_in_the_spec(kit: Kit) -> None:
    known = {phase.name for phase in SPEC.phases} | {"connect", "resolve"}
    report = await looked(NtsSetup(), kit, intrusive=True)
    assert {phase.name for phase in report.phases} <= known


@pytest.mark.parametrize(("aead", "name"), [(16, "384"), (17, "512"), (30, "GCM-SIV")])
async def test_every_algorithm_works_from_end_to_end(aead: int, name: str, kit: Kit) -> None:
    report = await looked(NtsSetup(aeads=(aead,)), kit, "pulse")
    assert report.failure is None
    assert nts_of(report).aead == aead
    assert name in nts_of(report).aead_name
    assert nts_of(report).authenticated == 1


# -- faults ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BY_NAME)
async def test_a_fault_is_named_and_nothing_else(name: str, kit: Kit) -> None:
    fault: Fault = BY_NAME[name]
    report = await looked(fault.setup, kit)
    assert ids(report) == triggered(fault), report.findings
    assert (str(report.failure.reason) if report.failure else None) == fault.reason
    if report.failure is not None:
        assert report.failure.phase.startswith("nts.") or report.failure.phase == "connect"


@pytest.mark.parametrize("name", [name for name, fault in BY_NAME.items() if fault.reason])
async def test_a_pulse_fails_for_the_same_reason(name: str, kit: Kit) -> None:
    report = await looked(BY_NAME[name].setup, kit, "pulse", timeout_seconds=0.6)
    assert report.failure is not None
    assert str(report.failure.reason) == BY_NAME[name].reason


async def test_after_a_refused_certificate_the_rest_is_still_learnt(kit: Kit) -> None:
    report = await looked(BY_NAME["nts-expired"].setup, kit)
    facts = nts_of(report)
    assert facts.ke_reason == "tls-certificate-expired"
    assert facts.established
    assert facts.authenticated == 4
    assert (facts.certificate_valid_here, facts.certificate_valid_there) == (False, False)


async def test_the_diagnosis_of_silence(kit: Kit) -> None:
    setups = (
        BY_NAME["nts-size-filter"].setup, BY_NAME["nts-silent"].setup, NtsSetup(max_bytes=0),
    )  # fmt: skip
    reports = await asyncio.gather(*(looked(s, kit, timeout_seconds=1.0) for s in setups))
    answered = [(n.plain_answered, n.padded_answered) for n in map(nts_of, reports)]
    assert answered == [(True, False), (True, True), (False, False)]


async def test_a_damaged_cookie_is_sent_only_when_that_is_permitted(kit: Kit) -> None:
    assert nts_of(await looked(NtsSetup(), kit)).bad_cookie == ""
    report = await looked(NtsSetup(), kit, intrusive=True)
    assert nts_of(report).bad_cookie == "nak"
    assert report.findings == ()


async def test_forged_kisses_stop_nothing(kit: Kit) -> None:
    report = await looked(BY_NAME["nts-forged-kiss"].setup, kit)
    facts = nts_of(report)
    assert (facts.authenticated, facts.naks) == (4, 0)
    assert facts.unauthenticated == 8, "of three forged kisses, one has a wrong timestamp"
    ntp = report.facts["ntp"]
    assert isinstance(ntp, NtpFacts)
    assert ntp.kiss_codes == ()
    assert ntp.spoofed_kisses == 4


async def test_keys_as_chrony_4_4_makes_them_are_found_out(kit: Kit) -> None:
    only = NtsSetup(aeads=(30,), compliant_export=False, chrony_keys=True)
    report = await looked(only, kit)
    assert report.failure is None
    assert ids(report) == {"NTS-AEAD-INTEROP"}
    assert nts_of(report).keys == "chrony-4.4"
    assert nts_of(report).naks == 0
    pulse = await looked(only, kit, "pulse")
    assert pulse.failure is None


async def test_no_second_key_establishment_where_tier_1_is_denied(kit: Kit) -> None:
    report = await looked(NtsSetup(), kit, max_tier=0)
    assert [one.number for one in nts_of(report).aeads] == [15]


# -- where the keys point --------------------------------------------------------------------------


def established(peer: str, server: str, port: int | None = None) -> Established:
    key = Cipher(15, bytes(32))
    return Established(
        aead=15,
        keys=Keys(key, key),
        chrony_keys=None,
        response=Response(server=server, port=port, cookies=(b"c" * 16,)),
        address=Address(ip=peer, port=4460),
    )


def context_for(host: str, **options: object) -> ProbeContext:
    return ProbeContext(Target(scheme="nts", host=host, port=4460), options_with(**options))


@pytest.mark.parametrize(
    "named",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "::1", "fd00::1", "fe80::1",
     "::ffff:127.0.0.1", "0.0.0.0", "100.64.0.1"],
)  # fmt: skip
async def test_a_public_server_may_not_name_a_nearer_address(named: str) -> None:
    ctx = context_for("time.example.net")
    with pytest.raises(Failed) as caught:
        await follow(ctx, established("9.9.9.9", named))
    assert caught.value.reason is Reason.ADDRESS_POLICY
    assert caught.value.phase == "nts.ke_records"
    facts = ctx.facts["ntp"]
    assert isinstance(facts, NtpFacts)
    assert facts.nts is not None
    assert facts.nts.ke_reason == "address-policy"


@pytest.mark.parametrize("records", [("127.0.0.1",), ("9.9.9.10", "10.0.0.1")])
async def test_a_name_is_held_to_the_same_policy_in_every_address(
    records: tuple[str, ...],
) -> None:
    async with name_server({"near.lab.test": {"A": records}}) as resolver:
        ctx = context_for("time.example.net", resolver=resolver, family="ipv4")
        with pytest.raises(Failed) as caught:
            await follow(ctx, established("9.9.9.9", "near.lab.test"))
    assert caught.value.reason is Reason.ADDRESS_POLICY


async def test_a_private_server_may_name_private_and_public_addresses() -> None:
    ctx = context_for("time.lan")
    for named in ("10.1.2.3", "9.9.9.9"):
        (address,) = await follow(ctx, established("192.168.1.1", named, 1123))
        assert (address.ip, address.port) == (named, 1123)


async def test_without_a_name_it_is_the_host_of_the_keys_on_port_123() -> None:
    (address,) = await follow(context_for("time.lan"), established("192.168.1.1", ""))
    assert (address.ip, address.port) == ("192.168.1.1", 123)


async def test_a_name_in_the_answer_is_resolved_as_the_target_is(kit: Kit) -> None:
    zone = {"ntp.lab.test": {"A": ("127.0.0.1",)}}
    async with name_server(zone) as resolver:
        report = await looked(
            NtsSetup(server="ntp.lab.test"), kit, resolver=resolver, family="ipv4"
        )
    assert report.failure is None
    assert nts_of(report).named_server == "ntp.lab.test"
    assert nts_of(report).ntp_address == "127.0.0.1"


@pytest.mark.parametrize("verb", ["check", "pulse"])
async def test_the_next_address_of_a_named_server_is_asked_where_one_is_dead(
    verb: str, kit: Kit
) -> None:
    zone = {"ntp.lab.test": {"A": ("127.0.0.2", "127.0.0.1")}}
    async with name_server(zone) as resolver:
        report = await looked(
            NtsSetup(server="ntp.lab.test"), kit, verb, resolver=resolver, family="ipv4"
        )
    assert report.failure is None
    ntp = report.facts["ntp"]
    assert isinstance(ntp, NtpFacts)
    assert ntp.address == "127.0.0.1"
    outcomes = {a.address: a.outcome for a in report.facts["net"].attempts if a.transport == "udp"}  # type: ignore[attr-defined]
    assert outcomes == {"127.0.0.2": "refused", "127.0.0.1": "open"}
    assert nts_of(report).authenticated == (4 if verb == "check" else 1)


async def test_the_certificates_of_a_names_addresses_are_compared(kit: Kit) -> None:
    """Two machines behind one name, each with a certificate of its own; a third is no TLS."""
    zone = {"lab.test": {"A": ("127.0.0.1", "127.0.0.2", "127.0.0.3")}}
    cookies, alpn = Cookies(), (nts_ke.ALPN.encode(),)
    responder = NtsResponder(NtsSetup(), cookies)
    responder.start()
    keys = KeyServer(NtsSetup(), cookies, responder.port)

    async def closes(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    first, second = (server_context(kit.authority.issue("lab.test"), alpn=alpn) for _ in range(2))
    try:
        async with (
            name_server(zone) as resolver,
            tls_server(first, application=keys) as port,
            tls_server(second, application=keys, host="127.0.0.2", port=port),
            tcp_server(closes, "127.0.0.3", port),
        ):
            report = await check_one(
                Target(scheme="nts", host="lab.test", port=port),
                options_with(
                    timeout_seconds=5.0, samples=1, resolver=resolver, family="ipv4",
                    ca_file=str(kit.authority.ca_file),
                ),
            )  # fmt: skip
    finally:
        responder.stop()
    assert report.failure is None
    assert "NET-ADDR-DRIFT" in ids(report)
    values = {one.trait: one.values for one in net_facts(report).differences}
    assert "certificate" in values
    assert values["failure"]["127.0.0.3"] in {"peer-closed", "peer-reset"}


async def test_time_does_not_go_through_jump_hosts() -> None:

    async def carry(_: ProbeContext) -> Carrier:
        raise AssertionError("nothing is to be carried")

    ctx = ProbeContext(Target(scheme="nts", host="time.lan", port=4460), Options(), carry=carry)
    with pytest.raises(UsageError, match="--via carries TCP only"):
        await follow(ctx, established("192.168.1.1", ""))


# -- beside plain NTP ------------------------------------------------------------------------------


async def beside(port: int, kit: Kit) -> NtsFacts:
    ctx = ProbeContext(
        Target(scheme="ntp", host="127.0.0.1", port=123),
        Options(timeout_seconds=5.0, ca_file=str(kit.authority.ca_file)),
    )
    await check_nts_port(ctx, Address(ip="127.0.0.1", port=123), port)
    ctx.close()
    assert ctx.failure is None, "it is never the report's failure"
    facts = ctx.facts["ntp"]
    assert isinstance(facts, NtpFacts)
    assert facts.nts is not None
    return facts.nts


async def test_beside_plain_ntp_keys_are_found(kit: Kit) -> None:
    async with serve_nts(NtsSetup(), kit) as served:
        facts = await beside(int(served.target.rpartition(":")[2]), kit)
    assert (facts.port_state, facts.alpn, facts.ke_reason) == ("open", "ntske/1", "")
    assert facts.established is None, "no keys were asked for"


async def test_beside_plain_ntp_a_closed_port_is_told(kit: Kit) -> None:
    facts = await beside(free_port(), kit)
    assert (facts.port_state, facts.ke_reason) == ("refused", "")


async def test_beside_plain_ntp_an_expired_certificate_is_not_judged(kit: Kit) -> None:
    async with serve_nts(NtsSetup(expired=True), kit) as served:
        facts = await beside(int(served.target.rpartition(":")[2]), kit)
    assert facts.ke_reason == ""


async def test_beside_plain_ntp_other_servers_are_named(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = kit.authority.issue("127.0.0.1")
    async with tls_server(server_context(issued)) as port:
        assert (await beside(port, kit)).ke_reason == "negotiation-failed"

    async def says_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    async with tcp_server(says_hello) as port:
        assert (await beside(port, kit)).ke_reason == "protocol-mismatch"

    async def says_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.Event().wait()

    monkeypatch.setattr("seventh.protocols.ntp.client.nts_ke.NTS_PORT_SECONDS", 0.1)
    async with tcp_server(says_nothing) as port:
        facts = await beside(port, kit)
    assert (facts.port_state, facts.ke_reason) == ("open", "peer-silent")


HERE = "127.0.0.73"
"""An address of this machine that nobody else uses, so that the usual ports are free."""


@contextlib.asynccontextmanager
async def plain_ntp_on_its_port() -> AsyncIterator[None]:
    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        if data[0] & 7 != Mode.CLIENT:
            return
        handler.send(reply_to(data, 1_800_000_000 * 10**9).encode(), source)

    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: UdpHandler(answer), local_addr=(HERE, 123)
        )
    except OSError as error:
        pytest.skip(f"UDP port 123 of {HERE} is not available: {error}")
    try:
        yield
    finally:
        transport.close()


async def test_a_check_of_plain_ntp_on_its_port_looks_for_nts(kit: Kit) -> None:
    target = Target(scheme="ntp", host=HERE, port=123)
    options = options_with(timeout_seconds=4.0, samples=1)
    issued = kit.authority.issue(HERE)
    async with plain_ntp_on_its_port():
        without = await check_one(target, options)
        context = server_context(issued, alpn=(nts_ke.ALPN.encode(),))
        async with tls_server(context, host=HERE, port=nts_ke.PORT):
            with_nts = await check_one(target, options)
        pulse = await pulse_one(target, options)
    assert "NTS-NONE" in ids(without)
    assert without.failure is None
    assert [p.name for p in without.phases if p.name.startswith("nts.")] == ["nts.ke_tcp"]
    assert "NTS-NONE" in with_nts.passed
    assert [p.name for p in with_nts.phases if p.name.startswith("nts.")] == [
        "nts.ke_tcp", "nts.ke_tls",
    ]  # fmt: skip
    assert [phase.name for phase in pulse.phases] == ["ntp.rtt"], "a pulse stays as cheap as it was"


async def test_a_check_of_plain_ntp_elsewhere_does_not_look(kit: Kit) -> None:
    from seventh.protocols.ntp import lab

    async with lab.serve(None, kit) as served:
        target, options = job(served, Options())
        report = await check_one(target, options)
    skipped = {skip.id: skip.reason for skip in report.skipped}
    assert "port 123 only" in skipped["NTS-NONE"]
    assert not [phase for phase in report.phases if phase.name.startswith("nts.")]

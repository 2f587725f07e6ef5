"""The conversation, against the lab, against servers of our own manners, and against strangers."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from msgspec.structs import replace

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Kit, tcp_server
from seventh.model.failure import Blame, Failed, Reason
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target, parse_target
from seventh.net.probe_context import ProbeContext
from seventh.protocols import schemes
from seventh.protocols.ssh import SPEC, lab, probe
from seventh.protocols.ssh.client.conversation import our_proposal
from seventh.protocols.ssh.facts import Proposal, SshFacts, Topic
from seventh.protocols.ssh.lab import server as lab_server
from seventh.protocols.ssh.lab.server import GOOD_KEX, RawServer, Setup, WrongSigner, good_offer
from seventh.protocols.ssh.probe import further
from seventh.protocols.ssh.wire import groups
from seventh.protocols.ssh.wire.hostkeys import Signer
from seventh.protocols.ssh.wire.kex import GroupSizes
from seventh.protocols.ssh.wire.transport import STRICT
from tests.options import changed, options_with
from tests.reports import ssh_facts as facts_of

OPTIONS = Options(timeout_seconds=5)
GEX = "diffie-hellman-group-exchange-sha256"


def target(port: int) -> Target:
    return Target(scheme="ssh", host="127.0.0.1", port=port)


@pytest.fixture(scope="module")
def key() -> Any:
    return ed25519.Ed25519PrivateKey.generate()


@pytest.fixture
def setup(key: Any) -> Setup:
    return Setup(offer=good_offer(), signers=(Signer(key),))


async def check_with(setup: Setup, options: Options = OPTIONS) -> Report:
    async with tcp_server(RawServer(setup).handle) as port:
        return await check_one(target(port), options)


async def context_with(
    served: Any, verb: Callable[[ProbeContext], Awaitable[None]] = probe.check
) -> ProbeContext:
    (where,) = parse_target(served.target, schemes())
    ctx = ProbeContext(
        where, options_with(timeout_seconds=5, **served.options), connections=SPEC.connections
    )
    try:
        await verb(ctx)
    finally:
        ctx.close()
    return ctx


# -- the clean lab ---------------------------------------------------------------------------------


async def test_all_is_learnt_from_the_clean_server(kit: Kit) -> None:
    async with lab.serve(None, kit) as served:
        ctx = await context_with(served)
    facts = ctx.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.protocol_version == "2.0"
    assert facts.negotiated is not None
    assert facts.negotiated.kex == "mlkem768x25519-sha256"
    assert facts.strict_kex is True
    assert {key.type for key in facts.host_keys} == {
        "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256",
    }  # fmt: skip
    assert all(key.signature_valid for key in facts.host_keys)
    assert facts.server_sig_algs is not None
    assert "rsa-sha2-256" in facts.server_sig_algs
    assert facts.sshfp_authenticated is True
    assert len(facts.host_keys_by_address) == 2
    assert ctx.notes(NetFacts).facts.differences == ()
    assert all("--allow-write" in why for why in facts.unknown.values()), facts.unknown
    assert facts.banner_seconds is not None
    assert facts.kex_seconds is not None
    names = [phase.name for phase in ctx.watch.phases]
    assert names[:6] == ["resolve", "connect", "connect", "ssh.banner", "ssh.kexinit", "ssh.kex"]
    assert names[6:9] == ["ssh.service", "ssh.auth_none", "ssh.auth"]
    assert names[-1] == "ssh.rekey"
    assert all(phase.outcome == "ok" for phase in ctx.watch.phases)


async def test_a_pulse_reads_the_greeting_and_no_more(kit: Kit) -> None:
    async with lab.serve(None, kit) as served:
        ctx = await context_with(served, probe.pulse)
    facts = ctx.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.ident is not None
    assert facts.ident.startswith("SSH-2.0-AsyncSSH")
    assert facts.kexinit is None
    assert [phase.name for phase in ctx.watch.phases] == ["resolve", "connect", "ssh.banner"]


def test_what_a_pulse_needs_loads_no_cryptography() -> None:
    code = (
        "import sys, seventh.protocols.ssh.probe; "
        "print([m for m in sys.modules if m.partition('.')[0] in "
        "{'cryptography', 'asyncssh', 'dns', 'OpenSSL'}])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# -- servers of our own manners --------------------------------------------------------------------


async def test_the_well_mannered_server_is_clean(setup: Setup) -> None:
    report = await check_with(setup)
    assert report.failure is None
    assert report.findings == ()
    assert facts_of(report).extensions == ("server-sig-algs",)


async def test_our_connections_stay_within_the_budget(key: Any) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    kinds = [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()]
    signers = [Signer(key), *(Signer(ec.generate_private_key(curve)) for curve in kinds)]
    names = (*(signer.type for signer in signers), "ssh-dss")
    offer = replace(good_offer(), server_host_key_algorithms=names)
    setup = Setup(offer=offer, signers=tuple(signers), modulus_for=from_3072)
    setup = setup.with_kex(*GOOD_KEX, GEX, STRICT["server"])
    server = RawServer(setup)
    count = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await server.handle(reader, writer)

    async with tcp_server(counting) as port:
        report = await check_one(target(port), OPTIONS)
    assert count == SPEC.connections - 1, "one is kept for whoever logs in"
    facts = facts_of(report)
    assert [key.type for key in facts.host_keys] == list(names[:3])
    assert facts.gex_bits == 3072
    assert [answer.bits for answer in facts.gex_answers] == [3072, None, None, None]
    assert "connection limit" in facts.unknown["ecdsa-sha2-nistp521 host key"]
    assert "connection limit" in facts.unknown["ssh-dss host key"]


def from_3072(asked: GroupSizes) -> int:
    """A modulus of 3072 bits for whom that is not too large."""
    return groups.prime(15) if asked.maximum >= 3072 else 0


def has_1536(asked: GroupSizes) -> int:
    return (1 << 1535) | 1 if asked.minimum <= 1536 <= asked.maximum < 2048 else from_3072(asked)


def largest(asked: GroupSizes) -> int:
    """The largest that fits, of what a careless server has."""
    sizes = {1024: groups.prime(1), 2048: groups.prime(14), 4096: groups.prime(16)}
    fit = [bits for bits in sizes if asked.minimum <= bits <= asked.maximum]
    return sizes[max(fit)] if fit else 0


def openssh(asked: GroupSizes) -> int:
    """As OpenSSH's server with a moduli file that begins with 3072 bits."""
    if max(asked.minimum, 2048) > min(asked.maximum, 8192):
        return 0
    return groups.prime(15 if asked.maximum >= 3072 else 14)


def only_14(asked: GroupSizes) -> int:
    return groups.prime(14) if asked.minimum <= 2048 <= asked.maximum else 0


@pytest.mark.field
@pytest.mark.parametrize(
    ("give", "severity", "bits"),
    [
        (largest, "high", 1024), (has_1536, "high", 1536), (from_3072, None, 3072),
        (only_14, "low", 2048), (openssh, None, 2048),
        (lambda _: groups.prime(1), "high", 1024), (lambda _: groups.prime(15), None, 3072),
    ],
)  # fmt: skip
async def test_every_size_of_group_is_asked_for(
    setup: Setup, give: Any, severity: str | None, bits: int
) -> None:
    setup = replace(setup.with_kex(*GOOD_KEX, GEX, STRICT["server"]), modulus_for=give)
    report = await check_with(setup)
    assert report.failure is None
    found = {finding.id: finding for finding in report.findings}
    assert facts_of(report).gex_bits == bits
    if severity is None:
        assert "SSH-GEX-SMALL" in report.passed
    else:
        assert found["SSH-GEX-SMALL"].severity == severity
        assert found["SSH-GEX-SMALL"].params["bits"] == bits


@pytest.mark.field
async def test_a_server_that_gives_no_group_at_all_is_not_judged(setup: Setup) -> None:
    setup = replace(setup.with_kex(*GOOD_KEX, GEX, STRICT["server"]), modulus_for=lambda _: 0)
    report = await check_with(setup)
    assert {skip.id: skip.reason for skip in report.skipped}["SSH-GEX-SMALL"] == (
        "the server gave no group"
    )


@pytest.mark.field
async def test_no_answer_to_one_size_does_not_stop_the_next(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libssh's server never answers a size that it refuses."""
    monkeypatch.setattr(further, "AGAIN_SECONDS", 0.2)
    setup = replace(setup.with_kex(*GOOD_KEX, GEX, STRICT["server"]), modulus_for=has_1536)
    server = RawServer(setup)

    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.handle(reader, writer)
        await reader.read()  # after a refusal it neither answers nor hangs up

    async with tcp_server(waits) as port:
        report = await check_one(target(port), replace(OPTIONS, timeout_seconds=8))
    assert report.failure is None
    facts = facts_of(report)
    assert facts.gex_bits == 1536
    assert "1024 to 1024 bits" in facts.unknown[Topic.SMALLEST_GROUP]
    assert "SSH-GEX-SMALL" in {finding.id for finding in report.findings}


@pytest.mark.field
async def test_a_group_of_the_first_exchange_counts(setup: Setup) -> None:
    setup = replace(setup.with_kex(GEX), modulus_for=from_3072)
    answers = facts_of(await check_with(setup)).gex_answers
    assert (answers[0].preferred, answers[0].bits) == (3072, 3072)


@pytest.mark.field
@pytest.mark.parametrize("room", [1, 2])
async def test_a_server_without_room_is_asked_again(setup: Setup, room: int) -> None:
    """One that serves a connection at a time, and lets go of it late."""
    setup = replace(setup.with_kex(*GOOD_KEX, GEX, STRICT["server"]), modulus_for=from_3072)
    server = RawServer(replace(setup, max_connections=room))

    async def lets_go_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.handle(reader, writer)
        if server.refused == 0 and server.setup.max_connections == 1:
            server.hold()
            asyncio.get_running_loop().call_later(0.05, server.release)

    async with tcp_server(lets_go_late) as port:
        report = await check_one(target(port), OPTIONS)
    assert report.failure is None
    facts = facts_of(report)
    assert facts.unknown == {}
    assert facts.gex_bits == 3072
    assert (server.refused > 0) == (room == 1)


@pytest.mark.field
async def test_a_server_that_keeps_refusing_is_the_reason(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(further, "PAUSES", (0.01, 0.02, 0.03))
    setup = replace(setup.with_kex(*GOOD_KEX, GEX, STRICT["server"]), modulus_for=from_3072)
    server, count = RawServer(setup), 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        if count == 1:
            await server.handle(reader, writer)
        else:
            writer.write(b"Exceeded MaxStartups\r\n")

    async with tcp_server(once) as port:
        report = await check_one(target(port), OPTIONS)
    assert report.failure is None
    skipped = {skip.id: skip.reason for skip in report.skipped}
    assert "Exceeded MaxStartups" in skipped["SSH-GEX-SMALL"]
    assert count == 1 + 1 + len(further.PAUSES), "a server that goes on refusing is left alone"


@pytest.mark.parametrize(
    ("options", "reserved"),
    [(OPTIONS, 1), (replace(OPTIONS, user="root"), 1), (replace(OPTIONS, user="ops"), 2)],
)
def test_connections_that_a_login_needs_are_kept(options: Options, reserved: int) -> None:
    ctx = ProbeContext(target(22), options, connections=SPEC.connections)
    try:
        assert further._reserved(ctx) == reserved
    finally:
        ctx.close()


@pytest.mark.parametrize(
    ("offered", "seen", "wanted"),
    [
        (("ssh-ed25519", "rsa-sha2-512", "ssh-rsa"), {"ssh-ed25519"}, ("ssh-rsa",)),
        (("ecdsa-sha2-nistp256", "rsa-sha2-256"), set(), ("ssh-rsa", "ecdsa-sha2-nistp256")),
        (("ssh-dss", "unknown@example.com"), set(), ("ssh-dss",)),
        ((), set(), ()),
    ],
)
def test_the_key_types_that_are_requested(
    offered: tuple[str, ...], seen: set[str], wanted: tuple[str, ...]
) -> None:
    assert further.wanted_types(Proposal(server_host_key_algorithms=offered), seen) == wanted


async def test_without_tier_1_no_group_is_asked_for(setup: Setup) -> None:
    setup = replace(setup.with_kex(*GOOD_KEX, GEX, STRICT["server"]), modulus=groups.prime(1))
    report = await check_with(setup, replace(OPTIONS, max_tier=0))
    assert facts_of(report).gex_bits is None
    assert "SSH-GEX-SMALL" in {skip.id for skip in report.skipped}


async def test_a_server_without_ext_info_is_not_waited_for_long(setup: Setup) -> None:
    report = await check_with(replace(setup, server_sig_algs=None))
    assert report.failure is None
    assert report.duration_seconds < 2
    assert facts_of(report).extensions is None
    assert "SSH-USERSIG-SHA1" in {skip.id for skip in report.skipped}


async def test_a_wrong_signature_fails_and_leaves_the_facts(key: Any, setup: Setup) -> None:
    report = await check_with(replace(setup, signers=(WrongSigner(key),)))
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_VIOLATION
    assert report.failure.phase == "ssh.kex"
    assert "signature" in report.failure.detail
    facts = facts_of(report)
    assert facts.kexinit is not None
    assert [seen.signature_valid for seen in facts.host_keys] == [False]


@pytest.mark.parametrize("what", ["kex", "cipher", "compression", "host key"])
async def test_nothing_in_common_leaves_the_offer(setup: Setup, what: str) -> None:
    changes: dict[str, dict[str, tuple[str, ...]]] = {
        "kex": {"kex_algorithms": ("kexguess2@matt.ucc.asn.au",)},
        "cipher": {"encryption_algorithms_client_to_server": ("twofish-ctr",)},
        "compression": {"compression_algorithms_server_to_client": ("zlib",)},
        "host key": {"server_host_key_algorithms": ("pgp-sign-rsa",)},
    }
    offer = replace(setup.offer, **changes[what])
    report = await check_with(replace(setup, offer=offer))
    assert report.failure is not None
    assert report.failure.reason is Reason.NEGOTIATION_FAILED
    assert report.failure.blame is Blame.PEER
    assert facts_of(report).kexinit == offer


async def test_what_the_library_here_lacks_is_our_blame(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = replace(our_proposal(), kex_algorithms=("curve25519-sha256",))
    monkeypatch.setattr("seventh.protocols.ssh.probe.our_proposal", lambda: without)
    report = await check_with(setup.with_kex("mlkem768x25519-sha256"))
    assert report.failure is not None
    assert report.failure.blame is Blame.SEVENTH
    assert report.status == "unknown"
    assert "SSH-KEX-NOPQ" in report.passed


async def test_clients_are_judged_by_the_offer_also_where_ours_fails(setup: Setup) -> None:
    report = await check_with(
        setup.with_kex("rsa2048-sha256"), OPTIONS.replace(as_clients=("putty", "openssh=7.4"))
    )
    assert report.failure is not None
    assert report.failure.reason is Reason.NEGOTIATION_FAILED
    putty, old = facts_of(report).as_clients
    assert putty.choice is not None
    assert (putty.client, putty.choice.kex) == ("PuTTY 0.78", "rsa2048-sha256")
    assert (old.client, old.lacking, old.client_adds) == ("OpenSSH 7.4", "kex", {})
    assert old.server_list == ("rsa2048-sha256",)


async def test_what_the_server_can_add_depends_on_its_version(setup: Setup) -> None:
    """OpenSSH 7.3 has no curve25519-sha256 under this name; other software is not OpenSSH."""
    old = setup.with_kex("diffie-hellman-group18-sha512")
    adds = {}
    for ident in ("SSH-2.0-OpenSSH_7.3", "SSH-2.0-dropbear"):
        report = await check_with(
            replace(old, ident=ident), OPTIONS.replace(as_clients=("jsch=0.1.54", "go"))
        )
        adds[ident] = [fit.server_adds for fit in facts_of(report).as_clients]
    assert adds["SSH-2.0-OpenSSH_7.3"] == [
        {"KexAlgorithms": ("ecdh-sha2-nistp256",), "HostKeyAlgorithms": ("ecdsa-sha2-nistp256",),
         "MACs": ("hmac-sha2-256",)},
        {"KexAlgorithms": ("curve25519-sha256@libssh.org",)},
    ]  # fmt: skip
    assert adds["SSH-2.0-dropbear"][1] == {"KexAlgorithms": ("mlkem768x25519-sha256",)}


async def test_without_an_offer_no_client_is_judged(setup: Setup) -> None:
    report = await check_with(
        replace(setup, ident="SSH-1.5-old"), OPTIONS.replace(as_clients=("putty",))
    )
    assert report.failure is not None
    assert facts_of(report).as_clients == ()


@pytest.mark.parametrize(
    "modulus",
    [
        pytest.param(1 << 2047, id="even"), pytest.param((1 << 16383) | 1, id="giant"),
        pytest.param(15, id="tiny"),
    ],
)  # fmt: skip
async def test_a_hostile_group_fails_and_leaves_the_facts(setup: Setup, modulus: int) -> None:
    hostile = replace(setup.with_kex(*GOOD_KEX, GEX, STRICT["server"]), modulus=modulus)
    report = await check_with(hostile)
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_VIOLATION
    assert facts_of(report).kex_seconds is not None


async def test_lines_before_the_ident_are_facts(setup: Setup) -> None:
    report = await check_with(replace(setup, before_ident=b"Welcome\r\nto \x1b[31mus\n"))
    assert report.failure is None
    assert facts_of(report).pre_ident_lines == ("Welcome", "to \\x1b[31mus")


async def test_protocol_1_alone_is_a_failure_with_its_finding(setup: Setup) -> None:
    report = await check_with(replace(setup, ident="SSH-1.5-old"))
    assert report.failure is not None
    assert report.failure.reason is Reason.NEGOTIATION_FAILED
    assert [finding.id for finding in report.findings] == ["SSH-PROTO1", "NET-FAILED"]


async def test_a_slow_greeting_is_timed_and_not_the_loops_delay(setup: Setup) -> None:
    report = await check_with(replace(setup, banner_delay_seconds=0.3))
    facts = facts_of(report)
    assert facts.banner_seconds == pytest.approx(0.3, abs=0.1)
    (phase,) = (phase for phase in report.phases if phase.name == "ssh.banner")
    assert phase.seconds == facts.banner_seconds


# -- strangers and the hostile ---------------------------------------------------------------------


def saying(data: bytes, *, linger: bool = False) -> Any:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(data)
        await writer.drain()
        if linger:
            await reader.read(-1)

    return say


LOOKS = pytest.mark.parametrize("look", [check_one, pulse_one], ids=["check", "pulse"])


@LOOKS
@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"), (b"220 mx ESMTP Postfix\r\n", "SMTP"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS"), (b"* OK IMAP4rev1\r\n", "IMAP"),
        (b"RFB 003.008\n", "VNC"),
    ],
)  # fmt: skip
async def test_another_protocol_is_named_at_once(look: Any, first: bytes, name: str) -> None:
    async with tcp_server(saying(first, linger=True)) as port:
        report = await look(target(port), OPTIONS)
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_MISMATCH
    assert f": {name}, not SSH" in report.failure.detail
    assert report.failure.phase == "ssh.banner"
    assert report.duration_seconds < 2


@LOOKS
async def test_the_last_words_of_a_full_server_are_kept(look: Any) -> None:
    async with tcp_server(saying(b"Exceeded MaxStartups\r\n")) as port:
        report = await look(target(port), OPTIONS)
    assert report.failure is not None
    assert report.failure.reason is Reason.PEER_CLOSED
    assert "Exceeded MaxStartups" in report.failure.detail


@LOOKS
@pytest.mark.parametrize(
    "data",
    [b"x\r\n" * 1025, b"y" * 9000, b"SSH-2.0-" + b"z" * 300],
    ids=["lines", "bytes", "ident"],
)
async def test_limits_before_the_ident(look: Any, data: bytes) -> None:
    async with tcp_server(saying(data, linger=True)) as port:
        report = await look(target(port), OPTIONS)
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_VIOLATION


async def test_the_reason_of_a_disconnect_is_reported(setup: Setup) -> None:
    from seventh.protocols.ssh.wire.messages import Disconnect
    from seventh.protocols.ssh.wire.transport import Connection, Role

    connection = Connection(Role.SERVER, "x")
    goodbye = connection.greet() + connection.send(Disconnect(12, b"too many\x07 of you"))
    async with tcp_server(saying(goodbye, linger=True)) as port:
        report = await check_one(target(port), OPTIONS)
    assert report.failure is not None
    assert report.failure.reason is Reason.PEER_CLOSED
    assert report.failure.detail.endswith("(code 12): too many\\x07 of you")
    assert facts_of(report).ident == "SSH-2.0-x"


async def test_escape_codes_never_reach_the_facts() -> None:
    greeting = b"SSH-2.0-\x1b]0;owned\x07 \xe2\x80\xaeevil\r\n"
    async with tcp_server(saying(greeting)) as port:
        report = await pulse_one(target(port), OPTIONS)
    assert facts_of(report).ident == "SSH-2.0-\\x1b]0;owned\\x07 \\u202eevil"


async def test_addresses_that_differ_are_told_apart(kit: Kit) -> None:
    fault = next(fault for fault in lab.FAULTS if fault.name == "hostkey-split")
    async with lab.serve(fault, kit) as served:
        ctx = await context_with(served)
    net = ctx.notes(NetFacts).facts
    assert set(net.compared) == {lab.FIRST, lab.SECOND}
    assert "host key" in {difference.trait for difference in net.differences}


async def test_an_address_that_fails_does_not_hide_the_other(setup: Setup) -> None:
    from seventh.labkit.names import name_server

    async with (
        tcp_server(saying(b"HTTP/1.1 400 No\r\n\r\n"), "127.0.0.1") as port,
        tcp_server(RawServer(setup).handle, "127.0.0.2", port),
        name_server({"two.test": {"A": ("127.0.0.1", "127.0.0.2")}}) as resolver,
    ):
        report = await check_one(
            Target(scheme="ssh", host="two.test", port=port), changed(OPTIONS, resolver=resolver)
        )
    net = report.facts["net"]
    assert isinstance(net, NetFacts)
    values = {difference.trait: difference.values for difference in net.differences}
    assert values["failure"]["127.0.0.1"] == "protocol-mismatch"
    # A name server may turn the answers round; the report fails when the first address does.
    if net.addresses[0] == "127.0.0.1":
        assert report.failure is not None
        assert report.failure.reason is Reason.PROTOCOL_MISMATCH
    else:
        assert report.failure is None
        assert facts_of(report).host_keys


async def test_a_probe_outside_the_engine_raises_failed() -> None:
    async with tcp_server(saying(b"")) as port:
        ctx = ProbeContext(target(port), OPTIONS, connections=SPEC.connections)
        with pytest.raises(Failed) as caught:
            await probe.check(ctx)
        ctx.close()
    assert caught.value.phase == "ssh.banner"


def test_each_wanted_key_type_is_a_topic() -> None:
    every = Proposal(server_host_key_algorithms=our_proposal().server_host_key_algorithms)
    kinds = further.wanted_types(every, set())
    assert len(kinds) > 5
    assert {Topic(f"{kind} host key") for kind in kinds} < set(Topic)


@pytest.mark.field
async def test_every_address_is_asked_for_the_same_key(key: Any, tmp_path: Path) -> None:
    """One that known_hosts has an authority for is asked for certificates first, everywhere."""
    from seventh.labkit.names import name_server

    asked: list[tuple[str, ...]] = []
    server = RawServer(Setup(offer=good_offer(), signers=(Signer(key),)))

    def offers(choose: Any) -> Any:
        def negotiate(client: Proposal, theirs: Proposal) -> Any:
            asked.append(client.server_host_key_algorithms[:1])
            return choose(client, theirs)

        return negotiate

    known = tmp_path / "known_hosts"
    blob = base64.b64encode(Signer(key).blob).decode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lab_server, "negotiate", offers(lab_server.negotiate))
        async with (
            tcp_server(server.handle, "127.0.0.1") as port,
            tcp_server(server.handle, "127.0.0.2", port),
            name_server({"two.test": {"A": ("127.0.0.1", "127.0.0.2")}}) as resolver,
        ):
            known.write_text(f"@cert-authority [two.test]:{port} ssh-ed25519 {blob}\n")
            report = await check_one(
                Target(scheme="ssh", host="two.test", port=port),
                changed(OPTIONS, resolver=resolver, known_hosts=str(known)),
            )
    assert report.failure is None
    assert asked[:2] == [("ssh-ed25519-cert-v01@openssh.com",)] * 2
    assert "SSH-HOSTKEY-SPLIT" in report.passed

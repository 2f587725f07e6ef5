"""The dialogue before TLS on real connections: its phases, its limits, and on each of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, get_args

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit, tcp_server
from seventh.labkit.tlsserve import server_context, tls_server
from seventh.model.failure import Failed, Failure, Reason
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.starttls import StarttlsName
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.tls.lab.starttls import Reader, Writer, front
from tests.options import options_with
from tests.reports import found

NAMES: tuple[StarttlsName, ...] = get_args(StarttlsName)


def target(port: int, host: str = "127.0.0.1") -> Target:
    return Target(scheme="tls", host=host, port=port)


def options(kit: Kit, name: StarttlsName | None, **more: Any) -> Options:
    ca = str(kit.authority.ca_file)
    return options_with(
        **{"timeout_seconds": 10.0, "ca_file": ca, "server_name": "lab.test", "starttls": name}
        | more
    )


def tls_facts(report: Report) -> TlsFacts:
    facts = report.facts["tls"]
    assert isinstance(facts, TlsFacts)
    return facts


@pytest.mark.parametrize("name", NAMES)
async def test_every_connection_has_the_dialogue(kit: Kit, name: StarttlsName) -> None:
    fronts = 0
    begin = front(name)

    async def counted(reader: Reader, writer: Writer) -> bool:
        nonlocal fronts
        done = await begin(reader, writer)
        fronts += done
        return done

    async with tls_server(server_context(kit.authority.issue()), front=counted) as port:
        report = await check_one(target(port), options(kit, name))
        checked, fronts = fronts, 0
        pulse = await pulse_one(target(port), options(kit, name))
    assert report.failure is None
    assert pulse.failure is None
    assert found(report) == set()
    facts = tls_facts(report)
    assert facts.unknown == {}
    assert facts.resumed
    assert facts.versions_refused == ("SSLv3", "TLSv1.0", "TLSv1.1")
    assert facts.starttls is not None
    assert facts.starttls.protocol == name
    assert facts.starttls.injected_bytes == 0
    assert checked >= 8
    assert fronts == 1
    names = [phase.name for phase in pulse.phases]
    ends = {"mysql": []}.get(name, ["tls.starttls"])  # it does not answer SSLRequest
    greeting = [] if name in {"ldap", "postgres", "xmpp"} else ["tls.greeting"]
    assert names[: names.index("tls")] == ["connect", *greeting, *ends]
    assert all(phase.clock == "kernel" for phase in pulse.phases if phase.name != "connect")


async def test_other_addresses_are_compared_after_the_dialogue(kit: Kit) -> None:
    context = server_context(kit.authority.issue())
    async with (
        tls_server(context, front=front("smtp")) as port,
        tls_server(context, front=front("smtp"), host="127.0.0.2", port=port),
        name_server({"lab.test": {"A": ("127.0.0.1", "127.0.0.2")}}) as dns,
    ):
        report = await check_one(target(port, "lab.test"), options(kit, "smtp", resolver=dns))
    assert report.failure is None
    net = report.facts["net"]
    assert isinstance(net, NetFacts)
    assert net.compared == ("127.0.0.1", "127.0.0.2")
    assert net.differences == ()
    assert tls_facts(report).not_resumed_at == ()


async def test_what_a_later_connection_injects_counts_too(kit: Kit) -> None:
    count = 0

    async def third(reader: Reader, writer: Writer) -> bool:
        nonlocal count
        count += 1
        return await front("imap", "injected" if count == 3 else "none")(reader, writer)

    async with tls_server(server_context(kit.authority.issue()), front=third) as port:
        report = await check_one(target(port), options(kit, "imap"))
    assert found(report) == {"TLS-STARTTLS-INJECT"}
    assert report.failure is None


async def test_a_pulse_fails_as_a_check_does(kit: Kit) -> None:
    context = server_context(kit.authority.issue())
    async with tls_server(context, front=front("ldap", "not-offered")) as port:
        report = await pulse_one(target(port), options(kit, "ldap"))
    assert report.failure is not None
    assert report.failure.reason is Reason.STARTTLS_NOT_OFFERED
    assert [p.name for p in report.phases if p.outcome == "failed"] == ["tls.starttls"]


# -- the wrong option, or none ---------------------------------------------------------------------

Handler = Callable[[Reader, Writer], Awaitable[None]]


def saying(*pieces: bytes) -> Handler:
    """A server that sends these pieces, each after a read, the first at once where it has text."""

    async def say(reader: Reader, writer: Writer) -> None:
        for number, piece in enumerate(pieces):
            if number:
                await reader.read(4096)
            writer.write(piece)
            await writer.drain()

    return say


async def run_once(kit: Kit, handler: Handler, name: StarttlsName | None, **more: Any) -> Failure:
    async with tcp_server(handler) as port:
        report = await pulse_one(target(port), options(kit, name, **more))
    assert report.failure is not None
    return report.failure


async def failure(kit: Kit, handler: Handler, name: StarttlsName | None, **more: Any) -> Failed:
    """The failure of a check, which is that of the pulse."""
    async with tcp_server(handler) as port:
        reports = [
            await run(target(port), options(kit, name, **more)) for run in (check_one, pulse_one)
        ]
    told = {(r.failure.reason, r.failure.phase, r.failure.detail) for r in reports if r.failure}
    ((reason, phase, detail),) = told
    return Failed(reason, detail, phase=phase)


@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        (b"220 mx.example ESMTP Postfix\r\n", "serves SMTP, not TLS: add --starttls smtp"),
        (b"* OK IMAP ready\r\n", "serves IMAP, not TLS: add --starttls imap"),
        (b"+OK POP3\r\n", "serves POP3, not TLS: add --starttls pop3"),
        (b"220 ready\r\n", "add --starttls smtp or --starttls ftp"),
        (b"200 INN NNTP ready\r\n", "add --starttls nntp"),
        (b'"IMPLEMENTATION" "x"\r\nOK\r\n', "add --starttls sieve"),
        (b"\x4a\0\0\0\x0a8.4.0\0 and more", "add --starttls mysql"),
        (b"SSH-2.0-x\r\n", "serves SSH, not TLS"),
    ],
)
async def test_without_the_option_a_greeting_names_it(kit: Kit, greeting: bytes, said: str) -> None:
    failed = await failure(kit, saying(greeting, b""), None)
    assert failed.reason is Reason.PROTOCOL_MISMATCH
    assert failed.detail.endswith(said)


async def test_the_wrong_option_is_corrected(kit: Kit) -> None:
    failed = await failure(kit, saying(b"* OK IMAP ready\r\n", b""), "smtp")
    assert failed.reason is Reason.PROTOCOL_MISMATCH
    assert failed.phase == "tls.greeting"
    assert failed.detail == "the port serves IMAP, not SMTP: use --starttls imap"


async def test_tls_at_once_needs_no_option(kit: Kit) -> None:
    failed = await failure(kit, saying(b"", b"\x15\x03\x01\x00\x02\x02\x46"), "ldap")
    assert failed.reason is Reason.PROTOCOL_MISMATCH
    assert failed.detail == "the port serves TLS, not LDAP: remove --starttls"


async def test_a_server_that_says_nothing_may_expect_tls(kit: Kit) -> None:
    async def silent(reader: Reader, writer: Writer) -> None:
        await reader.read()

    phases: dict[StarttlsName, str] = {"smtp": "tls.greeting", "ldap": "tls.starttls"}
    hints: dict[StarttlsName, str] = {
        "smtp": "the port may expect TLS at once (try without --starttls), or serve a protocol in "
        "which the client begins (ldap, postgres, xmpp)",
        "ldap": "the port may expect TLS at once: try without --starttls",
    }
    for name, phase in phases.items():
        failed = await run_once(kit, silent, name, timeout_seconds=0.3)
        assert (failed.reason, failed.phase) == (Reason.PEER_SILENT, phase)
        assert failed.detail == f"no data from the peer for 0.3 s; {hints[name]}"


async def test_a_server_that_closes_is_told_apart_by_when(kit: Kit) -> None:
    at_once = await failure(kit, saying(b""), "smtp")
    assert at_once.reason is Reason.PEER_CLOSED
    assert "without a word" in at_once.detail
    later = await failure(kit, saying(b"220 x\r\n", b""), "smtp")
    assert later.reason is Reason.PEER_CLOSED
    assert later.phase == "tls.starttls"
    assert "before its go-ahead" in later.detail

    async def going(reader: Reader, writer: Writer) -> None:
        await reader.read(4096)
        writer.write(b"S")
        writer.close()

    after = await run_once(kit, going, "postgres")
    assert (after.reason, after.phase) in {
        (Reason.PEER_CLOSED, "tls.starttls"),
        (Reason.PEER_CLOSED, "tls"),  # where the ClientHello was faster
        (Reason.PEER_RESET, "tls"),
    }


async def test_data_in_clear_that_comes_late_is_no_tls(kit: Kit) -> None:
    """It cannot be discarded any more: the ClientHello is out, and TLS has begun."""
    failed = await failure(kit, saying(b"", b"S", b"* OK late\r\n"), "postgres")
    assert failed.reason is Reason.PROTOCOL_MISMATCH
    assert failed.phase == "tls"
    assert failed.detail.endswith("it came in clear after the go-ahead for TLS")


async def test_the_usual_port_proposes_and_never_chooses(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def closing(reader: Reader, writer: Writer) -> None:
        await reader.read(4096)

    async with tcp_server(closing) as port:
        monkeypatch.setattr("seventh.protocols.tls.probe.usual_at", {port: "postgres"}.get)
        report = await pulse_one(target(port), options(kit, None))
    assert report.failure is not None
    assert report.failure.detail.endswith(
        f"if this is PostgreSQL, as usual on port {port}, add --starttls postgres"
    )


async def test_the_option_needs_a_port(kit: Kit) -> None:
    to = Target(scheme="tls", host="mx.example", port=443, port_given=False)
    report = await pulse_one(to, options(kit, "smtp"))
    assert report.failure is not None
    assert report.failure.reason is Reason.OPTIONS_UNUSABLE
    assert report.failure.detail == (
        "--starttls smtp needs a port: write tls://mx.example:25 or tls://mx.example:587"
    )

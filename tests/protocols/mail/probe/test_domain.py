"""The check of a domain: its exchangers, their servers as parts, and servers for clients."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from seventh import protocols
from seventh.cli.show import document
from seventh.engine.check import check_many, check_one, pulse_one
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit, Served, tcp_server
from seventh.model.exchangers import ExchangersFacts
from seventh.model.failure import Reason
from seventh.model.report import Report
from seventh.model.severity import Severity, Status
from seventh.model.target import Target, parse_target
from seventh.protocols.mail.facts import DomainFacts, MailFacts
from seventh.protocols.mail.facts.access import AccessFacts, ClientServer
from seventh.protocols.mail.probe.servers import _A_PUBLIC_PEER
from seventh.render import View, render
from seventh.wire.address import reach
from tests.options import options_with
from tests.reports import facts, found

Zone = dict[str, dict[str, tuple[str, ...]]]
DOMAIN = Target(scheme="mail", host="example.test", port=0)
MX = "mx.example.test"


async def look(zone: Zone, **options: Any) -> Report:
    async with name_server(zone) as resolver:
        given = {"timeout_seconds": 5.0, "internal": True, **options}
        return await check_one(DOMAIN, options_with(resolver=resolver, **given))


def zone(**more: dict[str, tuple[str, ...]]) -> Zone:
    return {"example.test": {"MX": (f"10 {MX}.",)}, MX: {"A": ("127.0.0.1",)}, **more}


@contextlib.asynccontextmanager
async def smtp(kit: Kit) -> AsyncIterator[tuple[Served, int]]:
    async with kit.serve_correct("smtp") as served:
        yield served, int(served.target.rpartition(":")[2])


async def test_a_server_is_a_part_with_its_own_report(kit: Kit) -> None:
    async with smtp(kit) as (served, port):
        report = await look(zone(), mx_port=port, ca_file=served.options["ca_file"])
    assert report.failure is None
    (part,) = report.parts
    assert (part.target, part.protocol) == (f"smtp://{MX}:{port}", "smtp")
    assert {"TLS-CERT-HOST"} == {f.id for f in part.findings if f.severity.reaches(Severity.HIGH)}
    (host,) = facts(report, ExchangersFacts).hosts
    (address,) = host.addresses
    assert (host.tls, host.certificate, address.port) == ("TLSv1.3", "other-name", "open")
    assert part.status is Status.CRITICAL
    made = json.loads(render("json", document([report]), View()))["reports"]
    assert [each["target"] for each in made[0]["parts"]] == [part.target]
    assert "parts" not in made[0]["parts"][0]


async def test_a_name_is_resolved_once_so_that_no_later_answer_names_another_host(
    kit: Kit,
) -> None:
    async with smtp(kit) as (served, port):
        report = await look(zone(), mx_port=port, ca_file=served.options["ca_file"])
    assert "resolve" not in {phase.name for phase in report.parts[0].phases}


async def test_what_is_worst_in_a_part_is_the_status_of_the_whole(kit: Kit) -> None:
    async with smtp(kit) as (served, port):
        lenient = await look(zone(), mx_port=port, ca_file=served.options["ca_file"])
    assert lenient.status is Status.CRITICAL
    assert lenient.status_at(Severity.CRITICAL) is Status.OK


@contextlib.asynccontextmanager
async def silent() -> AsyncIterator[int]:
    """A port that does not answer: its queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = int(listener.getsockname()[1])
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(("127.0.0.1", port))
        yield port


async def test_a_port_that_never_answers_says_nothing_of_the_server() -> None:
    async with silent() as port:
        report = await look(zone(), mx_port=port, timeout_seconds=1.0)
    assert report.parts == ()
    assert facts(report, DomainFacts).unknown == {
        "servers": f"port {port} of no server answers here: a network may block it"
    }
    (host,) = facts(report, ExchangersFacts).hosts
    assert [address.port for address in host.addresses] == ["silent"]


async def test_a_port_that_refuses_is_a_finding() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        report = await look(zone(), mx_port=taken.getsockname()[1])
    assert [part.failure.reason for part in report.parts if part.failure] == [
        Reason.CONNECT_REFUSED
    ]
    assert "SMTP-MX" in found(report)


async def test_the_parts_are_in_order_of_preference(kit: Kit) -> None:
    made: Zone = {
        "example.test": {"MX": (f"10 {MX}.", "20 refuses.example.test.")},
        MX: {"A": ("127.0.0.1",)}, "refuses.example.test": {"A": ("127.0.0.9",)},
    }  # fmt: skip
    async with smtp(kit) as (served, port):
        report = await look(made, mx_port=port, ca_file=served.options["ca_file"])
    assert [part.failure.reason if part.failure else None for part in report.parts] == [
        None, Reason.CONNECT_REFUSED
    ]  # fmt: skip


async def test_a_domain_does_not_name_private_addresses() -> None:
    assert reach(_A_PUBLIC_PEER) == "public"
    connected: list[object] = []

    async def serve(reader: object, _: object) -> None:
        connected.append(reader)

    async with tcp_server(serve) as port:
        report = await look(
            zone(**{"_imaps._tcp.example.test": {"SRV": (f"0 1 {port} {MX}.",)}}),
            mx_port=port, internal=False, access=True,
        )  # fmt: skip
    assert (connected, report.parts) == ([], ())
    assert "SMTP-MX" in found(report)


async def test_of_many_exchangers_sixteen_addresses_are_connected_to() -> None:
    names = [f"mx{number}.example.test" for number in range(1, 9)]
    many: Zone = {
        "example.test": {"MX": tuple(f"10 {name}." for name in names)},
        **{name: {"A": ("127.0.0.1", "127.0.0.2", "127.0.0.3")} for name in names},
    }
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        report = await look(many, mx_port=taken.getsockname()[1])
    assert sorted(part.target.split(":")[1] for part in report.parts) == [
        f"//{name}" for name in names[:5]
    ]
    assert facts(report, DomainFacts).unknown == {
        "servers": "not checked, as 16 addresses were: mx6.example.test, mx7.example.test, "
        "mx8.example.test"
    }


@pytest.mark.parametrize(
    ("made", "outcome", "states", "receives"),
    [
        ({"example.test": {"MX": ("0 .",)}}, "null", [], False),
        ({"example.test": {"A": ("127.0.0.9",)}}, "implicit", ["ok"], True),
        ({"example.test": {"TXT": ('"x"',)}}, "none", [], False),
        ({"example.test": {"MX": ("20 127.0.0.1.", "10 gone.test.")}}, "found",
         ["no-address", "address"], True),
        (zone(**{MX: {"CNAME": ("a.test.",)}, "a.test": {"A": ("127.0.0.9",)}}), "found",
         ["alias"], True),
    ],
)  # fmt: skip
async def test_exchangers(made: Zone, outcome: str, states: list[str], receives: bool) -> None:
    async with name_server(made) as resolver:
        report = await pulse_one(DOMAIN, options_with(resolver=resolver))
    learnt = facts(report, ExchangersFacts)
    assert (learnt.outcome, [host.state for host in learnt.hosts]) == (outcome, states)
    assert facts(report, DomainFacts).receives is receives
    assert (report.failure, report.parts) == (None, ())


@pytest.mark.parametrize(("family", "ips"), [("ipv4", []), ("ipv6", ["::1"]), ("any", ["::1"])])
async def test_an_address_of_another_family_is_one(family: str, ips: list[str]) -> None:
    made = zone(**{MX: {"AAAA": ("::1",)}})
    async with name_server(made) as resolver:
        report = await pulse_one(DOMAIN, options_with(resolver=resolver, family=family))
    (host,) = facts(report, ExchangersFacts).hosts
    assert (host.state, [each.ip for each in host.addresses]) == ("ok", ips)


async def test_a_null_mx_beside_others() -> None:
    async with name_server({"example.test": {"MX": ("0 .", "5 a.test.")}}) as resolver:
        learnt = facts(await pulse_one(DOMAIN, options_with(resolver=resolver)), ExchangersFacts)
    assert (learnt.null_beside, [host.host for host in learnt.hosts]) == (True, ["a.test"])


@pytest.mark.parametrize(
    ("made", "servfail", "reason"),
    [
        ({}, frozenset(), Reason.RESOLVE_NXDOMAIN),
        (zone(), frozenset({"MX"}), Reason.RESOLVE_FAILED),
    ],
)
async def test_a_domain_of_which_nothing_is_known(
    made: Zone, servfail: frozenset[str], reason: Reason
) -> None:
    async with name_server(made, servfail=servfail) as resolver:
        report = await check_one(DOMAIN, options_with(resolver=resolver, timeout_seconds=5.0))
    assert report.failure is not None
    assert report.failure.reason is reason
    assert report.status is Status.CRITICAL


async def test_a_lost_address_is_unknown() -> None:
    async with name_server(zone(), servfail=frozenset({"A", "AAAA"})) as resolver:
        (host,) = facts(
            await pulse_one(DOMAIN, options_with(resolver=resolver)), ExchangersFacts
        ).hosts
    assert (host.state, host.detail) == ("unknown", "the resolver 127.0.0.1 answered SERVFAIL")


PARKED: Zone = {
    "example.test": {"MX": ("0 .",), "TXT": ('"v=spf1 -all"',)},
    "_dmarc.example.test": {"TXT": ('"v=DMARC1; p=reject"',)},
    "*._domainkey.example.test": {"TXT": ('"v=DKIM1; p="',)},
}


async def test_a_parked_domain_is_clean() -> None:
    report = await look(PARKED)
    loud = {f.id for f in report.findings if f.severity.reaches(Severity.LOW)}
    assert loud - {"DKIM-NONE"} == set()
    assert report.parts == ()


SRV: Zone = {
    "_imaps._tcp.example.test": {"SRV": ("10 1 993 b.example.test.", "0 1 993 a.example.test.")},
    "_submission._tcp.example.test": {"SRV": ("0 0 0 .",)},
}


async def test_servers_for_clients_are_named_by_srv_records() -> None:
    made: Zone = {"example.test": {"MX": ("0 .",)}, **SRV}
    servers = (
        ClientServer(scheme="imaps", host="a.example.test", port=993),
        ClientServer(scheme="imaps", host="b.example.test", port=993),
    )
    judged, every = await look(made), await look(made, access=True)
    assert facts(judged, DomainFacts).access == AccessFacts(offered=("_imaps",), servers=servers)
    assert facts(every, DomainFacts).access == AccessFacts(
        offered=("_imaps",), not_offered=("_submission",), servers=servers
    )
    assert facts(judged, MailFacts) == facts(every, MailFacts)
    assert facts(judged, MailFacts).has_mail is False


async def test_without_srv_records_usual_names_are_guessed() -> None:
    made: Zone = {
        "example.test": {"MX": ("0 .",)},
        "mail.example.test": {"A": ("127.0.0.1",)}, "pop.example.test": {"AAAA": ("::1",)},
    }  # fmt: skip
    assert facts(await look(made), DomainFacts).access == AccessFacts()
    assert facts(await look(made, access=True), DomainFacts).access == AccessFacts(
        servers=(
            ClientServer(scheme="imaps", host="mail.example.test", port=993, guessed=True),
            ClientServer(scheme="smtps", host="mail.example.test", port=465, guessed=True),
            ClientServer(scheme="pop3s", host="pop.example.test", port=995, guessed=True),
        )
    )


async def test_no_name_is_guessed_where_the_look_up_failed() -> None:
    made: Zone = {"example.test": {"MX": ("0 .",)}, "mail.example.test": {"A": ("127.0.0.1",)}}
    async with name_server(made, servfail=frozenset({"SRV"})) as resolver:
        options = options_with(resolver=resolver, timeout_seconds=5.0, access=True)
        report = await check_one(DOMAIN, options)
    access = facts(report, DomainFacts).access
    assert access is not None
    assert (access.servers, len(access.unknown)) == ((), 6)


@pytest.mark.parametrize("access", [False, True])
async def test_servers_for_clients_are_checked_on_request(kit: Kit, access: bool) -> None:
    async with kit.serve_correct("imap") as served:
        (imap,) = parse_target(served.target, protocols.schemes())
        port = served.options["implicit_port"]
        made: Zone = {
            "example.test": {"MX": ("0 .",)}, "lab.test": {"A": ("127.0.0.2",)},
            "_imaps._tcp.example.test": {"SRV": (f"0 1 {port} {imap.host}.",)},
        }  # fmt: skip
        report = await look(made, access=access, ca_file=served.options["ca_file"])
    parts = [(part.target, part.failure) for part in report.parts]
    assert parts == ([(f"imaps://lab.test:{port}", None)] if access else [])


async def test_a_guessed_server_that_does_not_answer_is_left_out() -> None:
    made: Zone = {"example.test": {"MX": ("0 .",)}, "pop.example.test": {"A": ("127.9.9.9",)}}
    assert (await look(made, access=True)).parts == ()


async def test_domains_side_by_side(kit: Kit) -> None:
    async with smtp(kit) as (served, port), name_server(zone()) as resolver:
        options = options_with(
            resolver=resolver, mx_port=port, internal=True, timeout_seconds=10.0,
            ca_file=served.options["ca_file"],
        )  # fmt: skip
        reports = [r async for _, r in check_many([(DOMAIN, options)] * 3)]
    assert [len(report.parts) for report in reports] == [1, 1, 1]


async def test_a_finding_of_several_servers_is_shown_once(kit: Kit) -> None:
    made = zone(**{"example.test": {"MX": (f"10 {MX}.", "20 mx2.example.test.")},
                   "mx2.example.test": {"A": ("127.0.0.1",)}})  # fmt: skip
    async with smtp(kit) as (_, port):
        report = await look(made, mx_port=port)
    first, second = (part.target for part in report.parts)
    text = render("terminal", document([report]), View(width=100))
    assert text.count("TLS-CHAIN  ") == 1
    assert f"note      as {first}: TLS-CHAIN" in text
    assert text.index(first) < text.index(second)

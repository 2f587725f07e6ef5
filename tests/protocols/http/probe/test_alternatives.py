"""Places that a site says it is served at: followed, judged by the origin's name, told apart."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from seventh.engine.check import check_one
from seventh.labkit.names import Zone, name_server
from seventh.labkit.serve import Kit, free_port
from seventh.labkit.web.h3 import H3Setup, serve_h3
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.peer import H1Setup
from seventh.labkit.web.quicserver import QuicSetup
from seventh.labkit.web.serve import web_server
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.protocols.http import lab
from seventh.protocols.http.client import connect
from seventh.protocols.http.client.origin import Site
from seventh.protocols.http.facts.alternatives import Advertised, Alternative
from seventh.protocols.http.lab import alternatives
from seventh.protocols.http.lab.alternatives import AltPlace
from seventh.protocols.http.lab.setup import Setup, with_fields
from seventh.protocols.http.probe.alternatives import Following
from seventh.protocols.http.probe.discover import Place, places
from seventh.protocols.http.probe.matrix import Matrix
from seventh.protocols.http.wire.alt_svc import alt_svc
from seventh.web.message import Request
from tests.options import options_with
from tests.protocols.http.rules.looks import job
from tests.reports import found
from tests.reports import http_facts as facts_of

SECOND = "127.0.0.2"


def outcomes(report: Report, by: str = "") -> dict[tuple[str, str], str]:
    """Of each protocol and address, how it went."""
    return {
        (one.protocol, one.address): one.outcome
        for one in facts_of(report).alternatives
        if not by or by in one.by
    }


def the(report: Report, protocol: str, host: str = alternatives.NAME) -> Alternative:
    known = facts_of(report).alternatives
    return next(one for one in known if (one.protocol, one.host) == (protocol, host))


# -- Alt-Svc ---------------------------------------------------------------------------------------


async def test_other_hosts_that_work(kit: Kit) -> None:
    seen: list[Request] = []

    def before(request: Request) -> Answer | None:
        seen.append(request)
        return None

    places = tuple(AltPlace(protocol=p) for p in ("h3", "h2", "http/1.1"))
    async with lab.site(Setup(places=places, before=before), kit) as served:
        report = await check_one(*job(served))
    assert report.failure is None
    for protocol, version in (("h3", "3"), ("h2", "2"), ("http/1.1", "1.1")):
        one = the(report, protocol)
        assert (one.outcome, one.version, one.status, one.address) == (
            "works", version, 200, SECOND,
        )  # fmt: skip
        assert one.handshake_seconds and one.ttfb_seconds and one.by == ("Alt-Svc",)
        assert (one.connect_seconds is None) == (protocol == "h3")
    assert not found(report) & {"HTTP-H3-DEAD", "HTTP-FALLBACK", "HTTP-H3-HIDDEN"}
    used = [value for request in seen if (value := request.get("alt-used")) is not None]
    assert sorted(used) == sorted(
        f"{alternatives.NAME}:{the(report, p).port}" for p in ("h3", "h2", "http/1.1")
    )
    assert all(request.authority != alternatives.NAME for request in seen)


async def test_http_3_on_another_host_alone(kit: Kit) -> None:
    """The matrix has its rows from there; nothing is hidden and nothing dead."""
    setup = Setup(h3=None, announced=False, places=(AltPlace(protocol="h3"),))
    async with lab.site(setup, kit) as served:
        report = await check_one(*job(served))
    facts = facts_of(report)
    assert facts.working == ("3", "2", "1.1")
    rows = {c.temperature: c.outcome for c in facts.cells if c.version == "3"}
    assert rows == {"cold": "ok", "warm": "ok", "resumed": "ok", "0-rtt": "ok"}
    assert facts.h3 is not None and facts.h3.address == SECOND and facts.h3.ping_seconds
    assert not found(report) & {"HTTP-H3-DEAD", "HTTP-NO-H3", "HTTP-H3-HIDDEN", "HTTP-FALLBACK"}


async def test_the_first_is_dead_and_the_second_works(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "QUIC_SECONDS", 1.5)
    silent = H3Setup(quic=QuicSetup(silent=True))
    async with lab.site(Setup(h3=silent, places=(AltPlace(protocol="h3"),)), kit) as served:
        report = await check_one(*job(served))
    assert outcomes(report) == {("h3", "127.0.0.1"): "failed", ("h3", SECOND): "works"}
    assert facts_of(report).working == ("3", "2", "1.1")
    dead = next(f for f in report.findings if f.id == "HTTP-H3-DEAD")
    assert dead.params["what"] == "one-failed"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (
            AltPlace(protocol="h3", certificate=alternatives.NAME),
            Reason.TLS_CERTIFICATE_HOST_MISMATCH,
        ),
        (
            AltPlace(protocol="h2", certificate=alternatives.NAME),
            Reason.TLS_CERTIFICATE_HOST_MISMATCH,
        ),
        (AltPlace(protocol="h2", misdirected=True), Reason.UNEXPECTED_ANSWER),
        (AltPlace(protocol="http/1.1", silent=True), Reason.CONNECT_REFUSED),
    ],
)
async def test_who_cannot_speak_for_the_origin(place: AltPlace, reason: Reason, kit: Kit) -> None:
    async with lab.site(Setup(places=(place,)), kit) as served:
        report = await check_one(*job(served))
    one = the(report, place.protocol)
    assert (one.outcome, one.reason) == ("failed", reason.value)
    wanted = "HTTP-H3-DEAD" if place.protocol == "h3" else "HTTP-FALLBACK"
    assert wanted in found(report)
    assert report.failure is None and facts_of(report).working == ("3", "2", "1.1")


async def test_what_is_not_asked(kit: Kit) -> None:
    value = f'h3-29=":443", h3="{alternatives.NAME}:9"; ma=0, h3="no.such.name.lab.test:443"'
    setup = Setup(change=with_fields(("Alt-Svc", value)), h3=None, announced=False)
    async with lab.site(setup, kit) as served:
        report = await check_one(*job(served))
    known = {(a.protocol, a.host): a for a in facts_of(report).alternatives}
    assert known["h3-29", ""].outcome == "untried"
    assert "lifetime" in known["h3", alternatives.NAME].detail
    gone = known["h3", "no.such.name.lab.test"]
    assert (gone.outcome, gone.reason) == ("failed", "resolve-nxdomain")
    rung = facts_of(report).rung("3")
    assert rung is not None and rung.state == "untried"
    assert "HTTP-H3-DEAD" in found(report), "clients are sent to a name that is none"


async def test_alternatives_taken_back(kit: Kit) -> None:
    setup = Setup(change=with_fields(("Alt-Svc", "clear")), h3=None, announced=False)
    async with lab.site(setup, kit) as served:
        report = await check_one(*job(served))
    facts = facts_of(report)
    assert facts.advertised is not None and facts.advertised.alt_svc_clear
    assert facts.alternatives == () and "HTTP-NO-H3" in found(report)


async def test_a_frame_of_http_2(kit: Kit) -> None:
    """ALTSVC frames count where they are of this origin (RFC 7838 §4)."""
    port = free_port()
    issued = kit.authority.issue(lab.NAME)

    async def handler(_: Request) -> Answer:
        return Answer(body=b"ok")

    own = f"https://{lab.NAME}:{port}"
    setup = H1Setup(alt_svc=((own, f'h3=":{port}"'), ("https://other.test", 'h3="127.0.0.2:9"')))
    async with (
        serve_h3(handler, issued, port=port),
        web_server(handler, issued=issued, port=port, h2=setup),
        name_server({lab.NAME: {"A": ("127.0.0.1",)}}) as resolver,
    ):
        options = options_with(resolver=resolver, ca_file=str(kit.authority.ca_file))
        report = await check_one(Target(scheme="https", host=lab.NAME, port=port), options)
    assert outcomes(report) == {("h3", "127.0.0.1"): "works"}
    assert "HTTP-H3-HIDDEN" not in found(report)


# -- the policy ------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["10.1.2.3", "127.0.0.1", "[::1]", "169.254.169.254"])
async def test_a_public_peer_steers_nobody_inwards(host: str) -> None:
    target = Target(scheme="https", host="www.example.org", port=443)
    site = Site(ProbeContext(target, Options(), connections=0))
    site.move_to(Address(ip="198.41.0.4", port=443))
    services, _ = alt_svc(f'h3="{host}:443", h2="{host}:8443"')
    following = Following(Matrix(site), site.addresses)
    await following.find(places(site.origin, Advertised(alt_svc=services)))
    facts = site.notes.facts
    assert following.candidates == []
    assert {a.reason for a in facts.alternatives} == {"address-policy"}
    assert {a.outcome for a in facts.alternatives} == {"untried"}


async def test_nor_do_hints_of_addresses() -> None:
    target = Target(scheme="https", host="www.example.org", port=443)
    site = Site(ProbeContext(target, Options(), connections=0))
    site.move_to(Address(ip="198.41.0.4", port=443))
    place = Place(
        protocol="h3", host="", port=443, by=("HTTPS record",),
        hints=("10.0.0.1", "198.41.0.4", "198.41.0.5"),
    )  # fmt: skip
    following = Following(Matrix(site), site.addresses)
    await following.find((place,))
    assert [c.address.ip for c in following.candidates] == ["198.41.0.4", "198.41.0.5"]
    (refused,) = site.notes.facts.alternatives
    assert (refused.address, refused.reason) == ("10.0.0.1", "address-policy")


async def test_a_flood_of_places_is_cut(kit: Kit) -> None:
    value = ", ".join(f'h2="127.0.0.{n}:9"' for n in range(2, 18))
    setup = Setup(change=with_fields(("Alt-Svc", value)), h3=None, announced=False)
    async with lab.site(setup, kit) as served:
        report = await check_one(*job(served))
    asked = [a for a in facts_of(report).alternatives if a.outcome != "untried"]
    assert len(asked) == 8 and len(facts_of(report).alternatives) == 16


# -- HTTPS records ---------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def two_places(kit: Kit, zone: Zone) -> AsyncIterator[tuple[Target, Options, int]]:
    """The site, which announces nothing itself, at one address, and at another with HTTP/3.

    ``zone`` is written with PORT for the port of both, OTHER for that of the second's.
    """

    async def handler(_: Request) -> Answer:
        return Answer(body=b"ok")

    issued = kit.authority.issue(lab.NAME)
    port, other = free_port(), free_port(host=SECOND)
    names = {
        name.replace("PORT", str(port)): {
            kind: tuple(v.replace("PORT", str(port)).replace("OTHER", str(other)) for v in values)
            for kind, values in records.items()
        }
        for name, records in zone.items()
    }
    names.setdefault(lab.NAME, {"A": ("127.0.0.1",)})
    async with (
        web_server(handler, issued=issued, port=port),
        web_server(handler, issued=issued, port=other, host=SECOND),
        serve_h3(handler, issued, port=other, host=SECOND),
        name_server(names) as resolver,
    ):
        options = options_with(resolver=resolver, ca_file=str(kit.authority.ca_file))
        yield Target(scheme="https", host=lab.NAME, port=port), options, other


OWNER = f"_PORT._https.{lab.NAME}"


async def test_a_record_for_another_name_and_port(kit: Kit) -> None:
    zone = {
        OWNER: {"HTTPS": ('1 svc.lab.test. alpn="h3,h2" port="OTHER"',)},
        "svc.lab.test": {"A": (SECOND,)},
    }
    async with two_places(kit, zone) as (target, options, other):
        report = await check_one(target, options)
    works = {("h3", SECOND): "works", ("h2", SECOND): "works", ("http/1.1", SECOND): "works"}
    assert outcomes(report, "HTTPS record") == works
    assert {a.port for a in facts_of(report).alternatives} == {other}
    assert facts_of(report).working == ("3", "2", "1.1")
    assert not found(report) & {"HTTP-H3-DEAD", "HTTP-FALLBACK", "HTTP-H3-HIDDEN"}


async def test_no_default_alpn_and_hints(kit: Kit) -> None:
    """The hint's address is no address of the name: who follows it comes to nobody."""
    record = '1 svc.lab.test. alpn="h3" no-default-alpn port="OTHER" ipv4hint="127.0.0.3"'
    zone = {OWNER: {"HTTPS": (record,)}, "svc.lab.test": {"A": (SECOND,)}}
    async with two_places(kit, zone) as (target, options, _):
        report = await check_one(target, options)
    assert outcomes(report) == {("h3", SECOND): "works", ("h3", "127.0.0.3"): "failed"}
    hinted = next(a for a in facts_of(report).alternatives if a.address == "127.0.0.3")
    assert hinted.by == ("address hints",)
    assert "HTTP-H3-DEAD" in found(report)


async def test_an_alias_is_followed(kit: Kit) -> None:
    zone = {
        OWNER: {"HTTPS": ("0 a.lab.test.",)},
        "a.lab.test": {"HTTPS": ("0 b.lab.test.",)},
        "b.lab.test": {"HTTPS": ('1 . alpn="h3,h2" port="OTHER"',), "A": (SECOND,)},
    }
    async with two_places(kit, zone) as (target, options, _):
        report = await check_one(target, options)
    facts = facts_of(report)
    assert facts.advertised is not None
    assert facts.advertised.aliases == ("a.lab.test", "b.lab.test")
    assert set(outcomes(report).values()) == {"works"} and len(outcomes(report)) == 3
    assert "3" in facts.working


@pytest.mark.parametrize(
    "zone",
    [
        {OWNER: {"HTTPS": ("0 a.lab.test.",)}, "a.lab.test": {"HTTPS": ("0 a.lab.test.",)}},
        {OWNER: {"HTTPS": ("0 .",)}},
        {OWNER: {"HTTPS": ('1 svc.lab.test. mandatory="key65280" key65280="x" alpn="h3"',)}},
    ],
)
async def test_records_that_lead_nowhere(zone: Zone, kit: Kit) -> None:
    async with two_places(kit, zone) as (target, options, _):
        report = await check_one(target, options)
    facts = facts_of(report)
    assert report.failure is None and facts.alternatives == ()
    assert facts.advertised is not None and not facts.advertised.h3


async def test_the_owner_of_a_prefixed_record_is_the_prefixed_name(kit: Kit) -> None:
    """A dot stands for ``_8443._https.…``, which has no address: a common slip."""
    zone = {OWNER: {"HTTPS": ('1 . alpn="h3,h2"',)}}
    async with two_places(kit, zone) as (target, options, _):
        report = await check_one(target, options)
    failed = facts_of(report).alternatives
    assert {a.reason for a in failed} == {"resolve-no-address"}
    assert {"HTTP-H3-DEAD", "HTTP-FALLBACK"} <= found(report)


# -- addresses -------------------------------------------------------------------------------------


async def test_http_3_at_one_of_two_addresses(kit: Kit) -> None:
    async def handler(_: Request) -> Answer:
        return Answer(body=b"ok", headers=(("Alt-Svc", f'h3=":{port}"'),))

    issued, port = kit.authority.issue(lab.NAME), free_port()
    async with (
        web_server(handler, issued=issued, port=port),
        web_server(handler, issued=issued, port=port, host=SECOND),
        serve_h3(handler, issued, port=port),
        name_server({lab.NAME: {"A": ("127.0.0.1", SECOND)}}) as resolver,
    ):
        options = options_with(resolver=resolver, ca_file=str(kit.authority.ca_file))
        report = await check_one(Target(scheme="https", host=lab.NAME, port=port), options)
    assert outcomes(report) == {("h3", "127.0.0.1"): "works", ("h3", SECOND): "failed"}
    assert "HTTP-H3-DEAD" in found(report) and "NET-PORT-STATE" not in found(report)

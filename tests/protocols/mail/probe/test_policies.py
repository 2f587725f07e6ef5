"""MTA-STS, TLSA and block lists, at name servers that answer in every way."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from seventh.labkit.names import Zone, name_server
from seventh.labkit.serve import Kit
from seventh.model.exchangers import Exchanger, ExchangerAddress, ExchangersFacts
from seventh.model.facts import Facts
from seventh.model.failure import Reason
from seventh.model.netfacts import Difference, NetFacts
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.model.tlsfacts import Certificate, OtherCertificate, TlsFacts
from seventh.net.notes import Notes
from seventh.net.probe_context import ProbeContext
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.dane import DaneFacts, DaneHost, ServedKey, TlsaRecord
from seventh.protocols.mail.facts.mta_sts import (
    MtaStsFacts,
    Policy,
    RecordError,
    RefusedHost,
)
from seventh.protocols.mail.lab.policy import PolicySetup, policy_server
from seventh.protocols.mail.probe import dane, dnsbl, mta_sts, questions_of
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.wire.address import reach
from tests.needs import IPV6
from tests.options import options_with

DOMAIN = "lab.test"
NAME, POLICY_HOST = "_mta-sts.lab.test", "mta-sts.lab.test"
RECORD = {NAME: {"TXT": ('"v=STSv1; id=1"',)}, DOMAIN: {"MX": ("10 lab.test.",)}}
HERE = {"A": ("127.0.0.1",)}
POLICY = Policy(mode="enforce", mx=(DOMAIN,), max_age_seconds=604800)


@contextlib.asynccontextmanager
async def context(
    zone: Zone, *servfail: str, **options: Any
) -> AsyncIterator[tuple[ProbeContext, Notes[DomainFacts]]]:
    """A check that asks a name server with the zone."""
    async with name_server(zone, servfail=frozenset(servfail)) as resolver:
        given = options_with(**{"resolver": resolver, "timeout_seconds": 10.0, **options})
        ctx = ProbeContext(Target(scheme="mail", host=DOMAIN, port=0), given)
        try:
            yield ctx, ctx.notes(DomainFacts)
        finally:
            ctx.close()


async def learnt(kit: Kit, zone: Zone, *servfail: str, **options: Any) -> MtaStsFacts:
    """What is learnt of MTA-STS, without its time."""
    async with policy_server(PolicySetup(), kit) as port:
        options = {"policy_port": port, "ca_file": str(kit.authority.ca_file), **options}
        async with context(zone, *servfail, **{"internal": True, **options}) as (ctx, notes):
            questions = questions_of(ctx)
            try:
                await mta_sts.learn(ctx, questions, DOMAIN, notes)
            finally:
                await questions.aclose()
    facts = notes.facts.mta_sts
    assert facts is not None
    return MtaStsFacts(
        **{n: getattr(facts, n) for n in facts.__struct_fields__ if n != "fetch_seconds"}
    )


FOUND = {"record": "found", "id": "1", "hosts": (DOMAIN,)}


@pytest.mark.parametrize(
    ("zone", "facts"),
    [
        ({}, MtaStsFacts(record="none", hosts=(DOMAIN,))),
        ({NAME: {"TXT": ('"v=spf1 -all"',)}}, MtaStsFacts(record="none", hosts=(DOMAIN,))),
        (RECORD | {POLICY_HOST: HERE},
         MtaStsFacts(fetch="ok", status=200, policy=POLICY, **FOUND)),
        # The record by an alias and in two strings, the policy's host by another alias.
        ({NAME: {"CNAME": ("_sts.host.test.",)}, "_sts.host.test": {"TXT": ('"v=STSv" "1; id=1"',)},
          POLICY_HOST: {"CNAME": ("web.host.test.",)}, "web.host.test": HERE},
         MtaStsFacts(fetch="ok", status=200, policy=POLICY, **FOUND)),
        (RECORD | {POLICY_HOST: HERE, DOMAIN: {"MX": ("10 lab.test.", "20 b.lab.test.")}},
         MtaStsFacts(fetch="ok", status=200, policy=POLICY, unmatched=("b.lab.test",),
                     **{**FOUND, "hosts": ("lab.test", "b.lab.test")})),
        (RECORD, MtaStsFacts(fetch="no-host", **FOUND)),
        ({NAME: {"TXT": ('"v=STSv1;"',)}},
         MtaStsFacts(record="invalid", record_errors=(RecordError("id-missing"),), fetch="no-host",
                     hosts=(DOMAIN,))),
        ({NAME: {"TXT": ('"v=STSv1; id=1"', '"v=STSv1; id=2"')}, POLICY_HOST: HERE},
         MtaStsFacts(record="several", hosts=(DOMAIN,))),
    ],
)  # fmt: skip
async def test_records_and_policies(zone: Zone, facts: MtaStsFacts, kit: Kit) -> None:
    assert await learnt(kit, zone) == facts


async def test_what_dns_does_not_say_is_unknown(kit: Kit) -> None:
    """Never that there is no record or no host."""
    failed = await learnt(kit, RECORD, "TXT")
    assert failed == MtaStsFacts(detail="the resolver 127.0.0.1 answered SERVFAIL")
    no_exchangers = await learnt(kit, RECORD | {POLICY_HOST: HERE}, "MX")
    assert no_exchangers == MtaStsFacts(
        fetch="ok", status=200, policy=POLICY, **{**FOUND, "hosts": ()}
    )
    loop = {NAME: {"CNAME": ("a.test.",)}, "a.test": {"CNAME": (f"{NAME}.",)}}
    looped = await learnt(kit, loop)
    assert (looped.record, looped.fetch) == ("unknown", None)
    huge = tuple(f'"v=STSv1; id={number}; {"x" * 200}"' for number in range(300))
    cut_off = await learnt(kit, {NAME: {"TXT": huge}})
    assert (cut_off.record, cut_off.fetch) == ("unknown", None)
    no_address = await learnt(kit, RECORD | {POLICY_HOST: HERE}, "A")
    assert no_address == MtaStsFacts(
        fetch="unknown", fetch_detail="the resolver 127.0.0.1 answered SERVFAIL", **FOUND
    )


@pytest.mark.parametrize(
    ("family", "kind", "address", "fetch"),
    [
        ("ipv4", "A", "127.0.0.1", "ok"), ("ipv4", "AAAA", "::1", "unknown"),
        ("ipv6", "A", "127.0.0.1", "unknown"), ("any", "A", "127.0.0.1", "ok"),
        pytest.param("ipv6", "AAAA", "::1", "unreachable", marks=IPV6),
        pytest.param("any", "AAAA", "::1", "unreachable", marks=IPV6),
    ],
)  # fmt: skip
async def test_the_family_that_was_asked_for(
    family: str, kind: str, address: str, fetch: str, kit: Kit
) -> None:
    """The policy's server listens on IPv4 only."""
    facts = await learnt(kit, RECORD | {POLICY_HOST: {kind: (address,)}}, family=family)
    assert facts.fetch == fetch


async def test_a_policy_at_a_private_address_is_not_fetched(kit: Kit) -> None:
    facts = await learnt(kit, RECORD | {POLICY_HOST: HERE}, internal=False)
    assert (facts.fetch, facts.policy) == ("address", None)


def part(
    tls: TlsFacts | None = None,
    starttls: Any = "started",
    host: str = DOMAIN,
    scheme: str = "smtp",
    differs: str = "",
) -> Report:
    """The report of an exchanger's server."""
    facts: dict[str, Facts] = {"smtp": SmtpFacts(starttls=starttls)}
    if tls is not None:
        facts["tls"] = tls
    if differs:
        facts["net"] = NetFacts(differences=(Difference(trait=differs, values={}),))
    return Report(
        target=f"{scheme}://{host}:25", protocol=scheme, vantage="", started_seconds=0.0,
        duration_seconds=0.0, facts=facts,
    )  # fmt: skip


def chain(key: str = "EC", **fields: Any) -> TlsFacts:
    leaf = Certificate(subject="a", issuer="b", sha256="1", key_sha256=f"{key}-key", key_type=key)
    return TlsFacts(chain=(leaf,), **fields)


WRONG = Reason.TLS_CERTIFICATE_EXPIRED


EXPIRED = {"certificate_reason": WRONG, "certificate_detail": "it expired"}


@pytest.mark.parametrize(
    ("mode", "parts", "refused", "unseen"),
    [
        ("enforce", [part(chain())], (), ()),
        ("enforce", [], (), (DOMAIN,)),
        ("enforce", [part(chain(), host="other")], (), (DOMAIN,)),
        ("enforce", [part(chain(), scheme="imaps")], (), (DOMAIN,)),
        ("testing", [part(chain(**EXPIRED))],
         (RefusedHost(DOMAIN, "certificate", "it expired"),), ()),
        ("enforce", [part(chain(**EXPIRED, chain_state="unverified"))], (), (DOMAIN,)),
        ("enforce", [part(chain(), differs="certificate")], (), (DOMAIN,)),
        ("enforce", [part(chain(), differs="failure")], (), (DOMAIN,)),
        ("enforce", [part(chain(), differs="extensions")], (), ()),
        ("enforce", [part(starttls="not-offered")], (RefusedHost(DOMAIN, "no-starttls"),), ()),
        ("enforce", [part(TlsFacts(), "refused")], (RefusedHost(DOMAIN, "no-starttls"),), ()),
        ("enforce", [part(starttls="masked")], (), (DOMAIN,)),
        ("enforce", [part(starttls=None)], (), (DOMAIN,)),
        ("none", [part(starttls="not-offered")], (), ()),
    ],
)  # fmt: skip
async def test_the_policy_against_the_servers(
    mode: Any, parts: list[Report], refused: tuple[RefusedHost, ...], unseen: tuple[str, ...]
) -> None:
    async with context({}) as (ctx, notes):
        facts = MtaStsFacts(policy=Policy(mode=mode, mx=(DOMAIN,)), hosts=(DOMAIN,))
        notes.learn(mta_sts=facts)
        ctx.parts.extend(parts)
        mta_sts.compare(ctx, notes)
        assert notes.facts.mta_sts == replace(facts, refused=refused, unseen=unseen)


async def test_without_a_policy_nothing_is_compared() -> None:
    async with context({}) as (ctx, notes):
        ctx.parts.append(part(starttls="not-offered"))
        for known in (None, MtaStsFacts(fetch="status")):
            notes.learn(mta_sts=known)
            mta_sts.compare(ctx, notes)
            assert notes.facts.mta_sts == known
        await dane.match(ctx, notes)
        assert notes.facts.dane is None


async def test_exchangers_that_are_unknown_or_left_out() -> None:
    async with context({}) as (ctx, notes):
        known, asking = ctx.notes(ExchangersFacts), questions_of(ctx)
        known.learn(outcome="unknown", detail="SERVFAIL")
        await dane.learn(ctx, asking, DOMAIN, notes)
        assert notes.facts.dane == DaneFacts(hosts=(DaneHost(host=DOMAIN, detail="SERVFAIL"),))
        literal = Exchanger(preference=1, host="192.0.2.1", state="address")
        known.learn(outcome="found", hosts=(literal,), omitted=3)
        await dane.learn(ctx, asking, DOMAIN, notes)
        assert notes.facts.dane == DaneFacts(omitted=3)
        await asking.aclose()


async def test_records_against_the_certificates_of_each_key_type() -> None:
    records = (TlsaRecord(usage=3, selector=1, matching=1, data="EC-key"),)
    other = OtherCertificate(chain=chain("RSA").chain, key_type="RSA")
    unnamed = OtherCertificate(chain=chain("DSA").chain, key_type="DSA", sent_to="no-name")
    hosts = [DaneHost(host=host, name=f"_25._tcp.{host}", records=records) for host in ("a", "b")]
    async with context({}) as (ctx, notes):
        notes.learn(dane=DaneFacts(hosts=tuple(hosts)))
        ctx.parts += [
            part(chain(other_certificates=(other, unnamed)), host="a", differs="certificate"),
            part(host="b"),
            part(chain("RSA"), host="b", scheme="imaps", differs="certificate"),
        ]  # fmt: skip
        await dane.match(ctx, notes)
    assert notes.facts.dane is not None
    assert [host.differs for host in notes.facts.dane.hosts] == [True, False]
    assert [host.keys for host in notes.facts.dane.hosts] == [
        (
            ServedKey(key_type="EC", key_sha256="EC-key", fit="match"),
            ServedKey(key_type="RSA", key_sha256="RSA-key", fit="mismatch"),
        ),
        (),
    ]


@pytest.mark.parametrize(
    ("options", "addresses", "questions"),
    [
        ({}, None, 0),
        ({"sender_ip": "192.0.2.9"}, None, 0),
        ({"dnsbl": ("bl.test",)}, ("198.41.0.4", "2001:503:ba3e::2:30"), 4),
        ({"dnsbl": ("bl.test", "b.test"), "sender_ip": "192.0.2.9"},
         ("192.0.2.9", "198.41.0.4", "2001:503:ba3e::2:30"), 8),
    ],
)  # fmt: skip
async def test_only_public_addresses_are_shown_to_block_lists(
    options: dict[str, Any], addresses: tuple[str, ...] | None, questions: int
) -> None:
    """And the sender's own, and nothing without ``--dnsbl``; here no list has its test point."""
    ips = ("198.41.0.4", "10.0.0.1", "127.0.0.1", "2001:503:ba3e::2:30", "fd00::1")
    exchanger = Exchanger(
        preference=1, host="a", state="ok",
        addresses=tuple(ExchangerAddress(ip=ip, reach=reach(ip)) for ip in ips),
    )  # fmt: skip
    async with context({}, **options) as (ctx, notes):
        ctx.notes(ExchangersFacts).learn(hosts=(exchanger,))
        asking = questions_of(ctx)
        await dnsbl.learn(ctx, asking, DOMAIN, notes)
        assert asking.asked == questions
        await asking.aclose()
    found = notes.facts.dnsbl
    assert (found.addresses if found is not None else None) == addresses
    if found is not None:
        assert {each.state for each in found.lists} == {"lists-nothing"}


@pytest.mark.parametrize(("count", "omitted"), [(16, 0), (17, 1)])
async def test_sixteen_addresses_are_looked_up(count: int, omitted: int) -> None:
    addresses = tuple(
        ExchangerAddress(ip=f"198.41.0.{number}", reach="public") for number in range(count)
    )
    exchanger = Exchanger(preference=1, host="a", state="ok", addresses=addresses)
    zone = {"2.0.0.127.bl.test": HERE, "15.0.41.198.bl.test": HERE, "16.0.41.198.bl.test": HERE}
    async with context(zone, dnsbl=("bl.test",)) as (ctx, notes):
        ctx.notes(ExchangersFacts).learn(hosts=(exchanger,))
        asking = questions_of(ctx)
        await dnsbl.learn(ctx, asking, DOMAIN, notes)
        await asking.aclose()
    found = notes.facts.dnsbl
    assert found is not None
    listed = [each.address for each in found.listings if each.state == "listed"]
    assert (len(found.addresses), found.omitted, listed) == (16, omitted, ["198.41.0.15"])

"""Domains in BIND's zones, through a resolver that validates: unbound."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, NamedTuple

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from seventh.engine.check import check_one
from seventh.lab import start
from seventh.labkit.serve import Kit
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.dane import DnssecFacts
from seventh.protocols.mail.facts.dnsbl import BlockList, DnsblFacts, Listing
from seventh.protocols.mail.lab.policy import PolicySetup, policy_server
from tests.options import options_with
from tests.peers.named import Named, Zone, named, unbound, validating_named
from tests.reports import facts, found

pytestmark = [pytest.mark.peer, pytest.mark.asyncio(loop_scope="module")]

NEXT = "ab" * 32
SENDERS = {"192.0.2.25": "25.2.0.192", "2001:db8::25": f"5.2.{'0.' * 22}8.b.d.0.1.0.0.2"}
POINTS = {"127.0.0.2": "2.0.0.127", "::ffff:127.0.0.2": f"2.0.0.0.0.0.f.7.f.f.f.f.{'0.' * 19}0"}


VALIDATED = {
    (".", "SOA"): (dns.rcode.NOERROR, True),
    ("plain.test", "MX"): (dns.rcode.NOERROR, False),
    ("none.plain.test", "TXT"): (dns.rcode.NXDOMAIN, False),
    ("rolls.test", "MX"): (dns.rcode.NOERROR, True),
    ("none.rolls.test", "TXT"): (dns.rcode.NXDOMAIN, True),
    ("bogus.test", "TXT"): (dns.rcode.SERVFAIL, False),
    ("none.other.test", "TXT"): (dns.rcode.NXDOMAIN, True),
}


class Mail(NamedTuple):
    """The SMTP server of all domains here."""

    port: int
    key: str
    """The SHA-256 of its public key."""
    options: Mapping[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mail(kit: Kit) -> AsyncIterator[Mail]:
    async with start.serving("smtp", None, kit) as served:
        assert kit.authority.latest is not None
        key = kit.authority.latest.certificate.public_key()
        info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        port = int(served.target.rpartition(":")[2])
        options = {"ca_file": served.options["ca_file"], "internal": True, "timeout_seconds": 20.0}
        yield Mail(port, hashlib.sha256(info).hexdigest(), {**options, "mx_port": port})


def exchanger(*records: str, kind: str = "TLSA") -> str:
    """A zone whose exchanger is ``mx``, with records for DANE."""
    lines = (f"_25._tcp.mx {kind} {record}" for record in records)
    return "\n".join(["@ MX 10 mx", "mx A 127.0.0.1", *lines])


@pytest.fixture(scope="module")
def server(mail: Mail) -> Iterator[Named]:
    right, following = f"3 1 1 {mail.key}", f"3 1 1 {NEXT}"
    old = f"@ MX 10 @\n@ A 127.0.0.1\n_25._tcp TLSA {following}"
    many = (f"3 1 1 {number:064x}" for number in range(800))
    in_list = [f"{name} A 127.0.0.2" for name in (*POINTS.values(), SENDERS["2001:db8::25"])]
    zones = {
        "lab.test": Zone(old, signed=True),
        "rolls.test": Zone(exchanger(right, following), signed=True),
        "plain.test": Zone(exchanger(right, following)),
        "hosted.test": Zone("@ MX 10 mx.rolls.test."),
        "alias.test": Zone("@ MX 10 mx\nmx CNAME mx.rolls.test.", signed=True),
        "chained.test": Zone(exchanger("_25._tcp.mx.rolls.test.", kind="CNAME"), signed=True),
        "many.test": Zone(exchanger(right, *many), signed=True),
        "parked.test": Zone('@ MX 0 .\n@ TXT "v=spf1 -all"', signed=True),
        "looped.test": Zone(exchanger("_25._tcp.mx", kind="CNAME"), signed=True),
        "bogus.test": Zone(
            f"{exchanger(right, following)}\n@ TXT v=spf1",
            signed=True,
            tampered=('"v=spf1"', '"v=spf2"'),
        ),
        "lost.test": Zone(exchanger(right, following), signed=True, tampered=("10 mx.", "11 mx.")),
        "bl.test": Zone("\n".join([*in_list, f'{SENDERS["2001:db8::25"]} TXT "spam trap"'])),
    }
    with named(zones) as running:
        yield running


@pytest.fixture(scope="module")
def resolver(server: Named) -> Iterator[str]:
    with unbound(server) as address:
        yield address


@pytest.fixture(scope="module")
def other_resolver(server: Named) -> Iterator[str]:
    with validating_named(server) as address:
        yield address


async def test_unbound_and_bind_validate(resolver: str, other_resolver: str) -> None:
    """The other tests need only one of them."""
    for host, _, port in (resolver.partition(":"), other_resolver.partition(":")):
        found = {}
        for name, kind in VALIDATED:
            query = dns.message.make_query(name, kind)
            query.flags |= dns.flags.AD
            reply = await dns.asyncquery.udp(query, host, timeout=10, port=int(port))
            found[name, kind] = reply.rcode(), bool(reply.flags & dns.flags.AD)
        assert found == VALIDATED


async def check(domain: str, resolver: str, mail: Mail, **options: Any) -> Report:
    given = options_with(**{**mail.options, "resolver": resolver, **options})
    return await check_one(Target(scheme="mail", host=domain, port=0), given)


DANE = ("DANE-MISMATCH", "DANE-UNUSABLE", "DNSSEC-BOGUS")
NOT_APPLICABLE = {"DANE-MISMATCH": "the TLSA records are not signed",
                  "DNSSEC-BOGUS": "the domain is not signed"}  # fmt: skip
FAILED = "the look-up of TLSA records failed"


@pytest.mark.parametrize(
    ("domain", "fires", "skipped"),
    [
        ("rolls.test", set(), {}),
        ("plain.test", {"DANE-UNUSABLE"}, NOT_APPLICABLE),
        ("hosted.test", set(), {"DNSSEC-BOGUS": "the domain is not signed"}),
        ("alias.test", set(), {}),
        ("chained.test", set(), {}),
        ("many.test", set(), {}),
        ("parked.test", set(), dict.fromkeys(DANE[:2], "no exchanger has TLSA records")),
        ("looped.test", set(), {"DANE-MISMATCH": FAILED, "DANE-UNUSABLE": FAILED}),
        ("bogus.test", {"DNSSEC-BOGUS"}, {}),
        ("lost.test", {"DNSSEC-BOGUS"},
         dict.fromkeys(DANE[:2], "the TLSA records were not looked up")),
    ],
)  # fmt: skip
async def test_tlsa_records(
    domain: str, fires: set[str], skipped: dict[str, str], resolver: str, mail: Mail
) -> None:
    report = await check(domain, resolver, mail)
    assert found(report) & set(DANE) == fires
    assert {each.id: each.reason for each in report.skipped if each.id in DANE} == skipped


async def test_a_parked_domain_needs_no_policy(resolver: str, mail: Mail) -> None:
    report = await check("parked.test", resolver, mail)
    reasons = {each.id: each.reason for each in report.skipped if each.id.startswith("MTASTS")}
    assert reasons == dict.fromkeys(
        ("MTASTS-NONE", "MTASTS-TESTING", "MTASTS-BROKEN"), "the domain takes no mail"
    )


async def test_what_is_learnt_of_a_roll_over(resolver: str, mail: Mail) -> None:
    domain = facts(await check("rolls.test", resolver, mail), DomainFacts)
    assert domain.dnssec == DnssecFacts(validates=True, security="secure")
    assert domain.dane is not None
    (host,) = domain.dane.hosts
    assert (host.host, host.name, host.outcome, host.security, domain.dane.bogus) == (
        "mx.rolls.test", "_25._tcp.mx.rolls.test", "found", "secure", (),
    )  # fmt: skip
    assert sorted(record.data for record in host.usable) == sorted([mail.key, NEXT])
    assert [(key.key_sha256, key.fit) for key in host.keys] == [(mail.key, "match")]


async def test_hundreds_of_records_come_over_tcp(resolver: str, mail: Mail) -> None:
    domain = facts(await check("many.test", resolver, mail), DomainFacts)
    assert domain.dane is not None
    (host,) = domain.dane.hosts
    assert (host.outcome, len(host.records), host.keys[0].fit) == ("found", 801, "match")


async def test_a_resolver_that_does_not_validate_decides_nothing(server: Named, mail: Mail) -> None:
    for domain in ("rolls.test", "lost.test"):
        report = await check(domain, server.address, mail)
        assert found(report) & set(DANE) == set()
        assert {each.id for each in report.skipped} >= {"DANE-MISMATCH", "DNSSEC-BOGUS"}
        assert facts(report, DomainFacts).dnssec == DnssecFacts()


async def test_block_lists_of_both_versions(resolver: str, mail: Mail) -> None:
    made = {}
    for address in SENDERS:
        report = await check("rolls.test", resolver, mail, dnsbl=("bl.test",), sender_ip=address)
        made[address] = facts(report, DomainFacts).dnsbl
        assert ("DNSBL-LISTED" in found(report)) == (address == "2001:db8::25")
        assert "DNSBL-REFUSED" not in found(report)
    assert made == {
        "192.0.2.25": DnsblFacts(
            addresses=("192.0.2.25",),
            lists=(BlockList(zone="bl.test", version=4, state="usable"),),
            listings=(Listing(address="192.0.2.25", zone="bl.test", state="clear"),),
        ),
        "2001:db8::25": DnsblFacts(
            addresses=("2001:db8::25",),
            lists=(BlockList(zone="bl.test", version=6, state="usable"),),
            listings=(
                Listing(
                    address="2001:db8::25", zone="bl.test", state="listed", codes=("127.0.0.2",),
                    reason="spam trap",
                ),
            ),
        ),
    }  # fmt: skip


async def test_what_is_printed_to_publish_is_right(resolver: str, mail: Mail, kit: Kit) -> None:
    """BIND loads the records as they are printed, and the next check finds nothing of it."""
    before = await check("lab.test", resolver, mail)
    fixes = {finding.id: finding.fixes for finding in before.findings}
    dane, sts = fixes["DANE-MISMATCH"]["dns"], fixes["MTASTS-NONE"]
    assert dane == fixes["DANE-UNUSABLE"]["dns"]
    lines = [line.replace("SHA256-OF-THE-NEXT-PUBLIC-KEY", NEXT) for line in (*dane, *sts["dns"])]
    zone = "\n".join(["@ MX 10 @", "@ A 127.0.0.1", "mta-sts A 127.0.0.1", *lines])
    served = PolicySetup(text="\n".join(sts["mta-sts.txt"]).replace("testing", "enforce"))
    async with policy_server(served, kit) as port:
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(named({"lab.test": Zone(zone, signed=True)}))
            validating = stack.enter_context(unbound(server))
            after = await check("lab.test", validating, mail, policy_port=port)
    ours = {*DANE, "MTASTS-NONE", "MTASTS-TESTING", "MTASTS-BROKEN"}
    assert found(after) & ours == set()
    assert {each.id for each in after.skipped} & ours == set()

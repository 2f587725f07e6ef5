"""Domains that are unusual and right: a look at the whole domain finds nothing that is wrong.

All have their exchanger, the policy's host and the signed zone in common; BIND serves it, and
unbound validates.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from seventh.engine.check import check_one
from seventh.lab import start
from seventh.labkit.dkim import RSA_2048, record
from seventh.labkit.serve import Kit
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.lab.policy import PolicySetup, policy_server
from tests.options import changed, options_with
from tests.peers.named import Zone, named, unbound
from tests.reports import facts, found

pytestmark = [pytest.mark.peer, pytest.mark.asyncio(loop_scope="module")]

SENDER = "192.0.2.25"
NEXT = "ab" * 32
RSA = record("v=DKIM1; k=rsa;", RSA_2048)
ED = '"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="'
SPF = f'"v=spf1 ip4:{SENDER} -all"'


def domain(
    name: str, spf: str = SPF, *more: str, mx: str = "10 lab.test.", dmarc: str | None = None,
    keys: tuple[str, ...] = (f"s1 TXT {ED}", f"s2 TXT {RSA}"),
) -> str:  # fmt: skip
    """The records of a domain that has everything; ``more`` are further ones."""
    dmarc = f'"v=DMARC1; p=reject; rua=mailto:d@{name}.test"' if dmarc is None else dmarc
    signs = (key.partition(" ") for key in keys)
    lines = (
        f"{name} MX {mx}", f"{name} TXT {spf}", *([f"_dmarc.{name} TXT {dmarc}"] if dmarc else []),
        f'_smtp._tls.{name} TXT "v=TLSRPTv1; rua=mailto:t@{name}.test"',
        f'_mta-sts.{name} TXT "v=STSv1; id=1"', f"mta-sts.{name} CNAME web",
        f"_imaps._tcp.{name} SRV 0 1 993 lab", f"_submissions._tcp.{name} SRV 0 1 465 lab",
        *(f"{selector}._domainkey.{name} {rest}" for selector, _, rest in signs), *more,
    )  # fmt: skip
    return "\n".join(lines)


DEEP = "a.b.c.d.e.f.g.walk"
DOMAINS = {
    "ten": domain(
        "ten", '"v=spf1 a mx include:a.ten.test include:b.ten.test -all"',
        'a.ten TXT "v=spf1 a:lab.test mx:lab.test a:web.test ~all"',
        'b.ten TXT "v=spf1 a:out.test a:lab.test ip4:192.0.2.0/24 redirect=c.ten.test"',
        'c.ten TXT "v=spf1 ip4:198.51.100.1 ?all"', "ten A 192.0.2.26",
    ),
    "macros": domain(
        "macros", '"v=spf1 exists:%{ir}.%{v}._spf.%{d} include:_%{l1r-}.%{o} -all"',
        "25.2.0.192.in-addr._spf.macros A 127.0.0.2",
    ),
    "redirect": domain(
        "redirect", '"v=spf1 redirect=_spf.redirect.test"', f"_spf.redirect TXT {SPF}"
    ),
    "split": domain(
        "split", f'"v=spf1 ip4:{SENDER[:6]}" "{SENDER[6:]} -" "all"',
        dmarc='"v=DMARC1; p=re" "ject; rua=mailto:" "d@split.test"',
    ),
    "alias": domain(
        "alias", SPF, f"s1.provider TXT {ED}", "s2.provider CNAME s3.provider",
        f"s3.provider TXT {RSA}", keys=("s1 CNAME s1.provider", "s2 CNAME s2.provider"),
    ),
    "null": domain("null", mx="0 ."),
    "org": domain("org", dmarc='"v=DMARC1; p=reject; sp=reject; np=reject; rua=mailto:d@org.test"'),
    "sub.under": domain(
        "sub.under", SPF, '_dmarc.under TXT "v=DMARC1; p=none; sp=reject; rua=mailto:d@under.test"',
        dmarc="",
    ),
    "walk": domain("walk"),
    DEEP: domain(DEEP, dmarc=""),
    "parked": 'parked MX 0 .\nparked TXT "v=spf1 -all"\n_dmarc.parked TXT "v=DMARC1; p=reject"',
    "wild": 'wild MX 0 .\nwild TXT "v=spf1 -all"\n_dmarc.wild TXT "v=DMARC1; p=reject;"\n'
            '*._domainkey.wild TXT "v=DKIM1; p="',
}  # fmt: skip
OTHERS = f"""
lab A 127.0.0.1
out A {SENDER}
web A 127.0.0.1
lab MX 10 lab
_25._tcp.lab TLSA 3 1 1 {NEXT}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def options(kit: Kit) -> AsyncIterator[Options]:
    names = tuple(f"mta-sts.{name}.test" for name in DOMAINS)
    async with start.serving("smtp", None, kit) as smtp:
        assert kit.authority.latest is not None
        key = kit.authority.latest.certificate.public_key()
        info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        shown = f"_25._tcp.lab TLSA 3 1 1 {hashlib.sha256(info).hexdigest()}\n"
        zones = {
            "test": Zone("\n".join([OTHERS, shown, *DOMAINS.values()]), signed=True),
            "127.in-addr.arpa": Zone("1.0.0 PTR lab.test.\n"),
            "2.0.192.in-addr.arpa": Zone("25 PTR out.test.\n"),
        }
        async with policy_server(PolicySetup(names=names), kit) as port:
            with named(zones) as server, unbound(server) as resolver:
                yield options_with(
                    resolver=resolver, ca_file=smtp.options["ca_file"], internal=True,
                    mx_port=int(smtp.target.rpartition(":")[2]), policy_port=port,
                    timeout_seconds=20.0, sender_ip=SENDER,
                )  # fmt: skip


async def look(name: str, options: Options) -> Report:
    if name in {"parked", "wild"}:
        options = changed(options, sender_ip=None)  # they have none
    return await check_one(Target(scheme="mail", host=f"{name}.test", port=0), options)


@pytest.mark.parametrize("name", DOMAINS)
async def test_nothing_is_wrong(name: str, options: Options) -> None:
    report = await look(name, options)
    assert report.failure is None
    parts = [(part.target.rpartition(":")[0], part.failure) for part in report.parts]
    assert parts == [("smtp://lab.test", None)] * ("MX 0 ." not in DOMAINS[name])
    assert {each.target: found(each) for each in (report, *report.parts)} == {
        each.target: set() for each in (report, *report.parts)
    }


RULES = ("SPF-", "DKIM-", "DMARC-", "MTASTS-", "DANE-", "SMTP-MX", "SMTP-PTR", "TLSRPT", "MAIL-SRV")
SIGNER = {"DKIM-REVOKED": "which selectors are in use is not known: give --selector"}
DEPENDS = "include:_%{l1r-}.%{o} depends on the sender"
NO_MAIL = "the domain takes no mail"


@pytest.mark.parametrize(
    ("name", "skipped"),
    [
        ("ten", SIGNER),
        (
            "macros",
            {
                **SIGNER,
                **dict.fromkeys(
                    ("SPF-SYNTAX", "SPF-LOOP", "SPF-PTR", "SPF-LOOKUPS", "SPF-VOID"), DEPENDS
                ),
                "SPF-WIDE": "which addresses pass depends on the sender, or on look-ups that "
                "failed",
            },
        ),
        ("alias", SIGNER),
        (DEEP, SIGNER),
    ],
)
async def test_what_is_not_judged_says_why(
    name: str, skipped: dict[str, str], options: Options
) -> None:
    report = await look(name, options)
    found = {each.id: each.reason for each in report.skipped if each.cause == "no-evidence"}
    assert {rule: why for rule, why in found.items() if rule.startswith(RULES)} == skipped


async def test_what_is_learnt(options: Options) -> None:
    made = {name: facts(await look(name, options), DomainFacts) for name in DOMAINS}
    spf = {name: each.spf for name, each in made.items() if each.spf is not None}
    assert {
        name: (each.record.lookups, each.verdict.result if each.verdict is not None else None)
        for name, each in spf.items()
        if each.record is not None
    } == {
        **dict.fromkeys(DOMAINS, (0, "pass")), "ten": (10, "pass"), "macros": (2, "pass"),
        "redirect": (1, "pass"), "parked": (0, None), "wild": (0, None),
    }  # fmt: skip
    applied = {name: each.dmarc.applied for name, each in made.items() if each.dmarc is not None}
    assert applied == dict.fromkeys(DOMAINS, "reject")
    dmarc = made[DEEP].dmarc
    assert dmarc is not None
    assert dmarc.record is not None
    assert (dmarc.record.at, dmarc.organizational, len(dmarc.walk)) == ("walk.test", "walk.test", 8)
    dkim = made["alias"].dkim
    assert dkim is not None
    assert [(key.kind, key.bits, key.state, key.alias) for key in dkim.keys] == [
        ("ed25519", 256, "usable", "s1.provider.test"), ("rsa", 2048, "usable", "s3.provider.test"),
    ]  # fmt: skip
    dane = made["ten"].dane
    assert dane is not None
    assert [(len(h.records), h.security, {k.fit for k in h.keys}) for h in dane.hosts] == [
        (2, "secure", {"match"})
    ]

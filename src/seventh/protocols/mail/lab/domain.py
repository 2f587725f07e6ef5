"""A mail domain: its signed zone, the SMTP server that is its exchanger, and its policy's server.

A fault changes records of the zone. Each part of a domain declares its own faults here.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from seventh.labkit import dkim
from seventh.labkit import serve as labkit
from seventh.labkit.ca import Issued
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit, Served
from seventh.labkit.signed import SignedZone
from seventh.protocols.mail.lab.policy import POLICY_HOST, PolicySetup, policy_server

DOMAIN = "lab.test"
"""Its exchanger has the same name, as the certificate of the lab's SMTP server is for that."""
Records = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By name and type, in presentation form; none removes what the correct zone has."""
KEY, CERTIFICATE, ISSUER_KEY = "@KEY@", "@CERTIFICATE@", "@ISSUER-KEY@"
"""In a record: SHA-256 of the exchanger's public key, of its certificate, of its issuer's key."""
NEXT_KEY = "ab" * 32
"""That of a key which the exchanger does not have."""
SENDER = "192.0.2.25"
"""The address that sends the domain's mail."""
REVERSE = "1.0.0.127.in-addr.arpa"
DMARC, TLSRPT = f"_dmarc.{DOMAIN}", f"_smtp._tls.{DOMAIN}"
ZONE: Records = {
    DOMAIN: {
        "MX": (f"10 {DOMAIN}.",),
        "A": ("127.0.0.1",),
        "CAA": ('0 issue "lab.test"',),
        "TXT": (f'"v=spf1 a ip4:{SENDER} -all"',),
    },
    **{f"{name}.{DOMAIN}": {"TXT": (text,)} for name, text in dkim.GOOD.items()},
    REVERSE: {"PTR": (f"{DOMAIN}.",)},
    f"out.{DOMAIN}": {"A": (SENDER,)},
    "25.2.0.192.in-addr.arpa": {"PTR": (f"out.{DOMAIN}.",)},
    DMARC: {"TXT": (f'"v=DMARC1; p=reject; rua=mailto:dmarc@{DOMAIN}"',)},
    TLSRPT: {"TXT": (f'"v=TLSRPTv1; rua=mailto:tls@{DOMAIN}"',)},
    f"_imaps._tcp.{DOMAIN}": {"SRV": (f"0 1 993 {DOMAIN}.",)},
    f"_submissions._tcp.{DOMAIN}": {"SRV": (f"0 1 465 {DOMAIN}.",)},
    f"_25._tcp.{DOMAIN}": {"TLSA": (f"3 1 1 {KEY}", f"3 1 1 {NEXT_KEY}")},
    f"_mta-sts.{DOMAIN}": {"TXT": ('"v=STSv1; id=20261130"',)},
    POLICY_HOST: {"A": ("127.0.0.1",)},
    # A block list: its test point, and not the domain's address.
    "2.0.0.127.bl.test": {"A": ("127.0.0.2",), "TXT": ('"Test point"',)},
}


class DomainFault(labkit.Fault, frozen=True, kw_only=True):
    """A fault, and the records that make it."""

    records: Records = msgspec.field(default_factory=dict)
    servfail: tuple[str, ...] = ()
    """The types that are answered with SERVFAIL."""
    signed: bool = True
    bogus: frozenset[tuple[str, str]] = frozenset()
    """The (name, type) whose signatures do not verify."""
    policy: PolicySetup = PolicySetup()
    options: Mapping[str, Any] = msgspec.field(default_factory=dict)


EXCHANGERS = (
    DomainFault(
        name="mx-alias", meaning="has an exchanger whose name is an alias",
        triggers=("SMTP-MX",),
        records={
            DOMAIN: {"MX": ("10 alias.lab.test.",)}, "alias.lab.test": {"CNAME": ("lab.test.",)},
        },
    ),
    DomainFault(
        name="mx-without-address", meaning="has an exchanger without an address",
        triggers=("SMTP-MX",), records={DOMAIN: {"MX": ("10 gone.lab.test.",)}},
    ),
    DomainFault(
        name="mx-null-beside", meaning="has a null MX beside an exchanger",
        triggers=("SMTP-MX",), records={DOMAIN: {"MX": ("0 .", f"10 {DOMAIN}.")}},
    ),
    DomainFault(
        name="mx-private", meaning="has an exchanger at a loopback address",
        triggers=("SMTP-MX",), options={"internal": False},
    ),
    DomainFault(
        name="no-ptr", meaning="sends from an address without a reverse name",
        triggers=("SMTP-PTR",), options={"sender_ip": "192.0.2.9"},
    ),
    DomainFault(
        name="other-ptr", meaning="sends from an address whose name has another address",
        triggers=("SMTP-PTR",), options={"sender_ip": "192.0.2.9"},
        records={"9.2.0.192.in-addr.arpa": {"PTR": (f"{DOMAIN}.",)}},
    ),
    DomainFault(
        name="generic-ptr", meaning="sends from an address of an access network",
        triggers=("SMTP-PTR-GENERIC",), options={"sender_ip": "192.0.2.9"},
        records={
            "9.2.0.192.in-addr.arpa": {"PTR": ("192-0-2-9.dyn.lab.test.",)},
            "192-0-2-9.dyn.lab.test": {"A": ("192.0.2.9",)},
        },
    ),
)  # fmt: skip
POLICY = (
    DomainFault(
        name="no-dmarc", meaning="has no DMARC record", triggers=("DMARC-NONE",),
        records={DMARC: {"TXT": ()}},
    ),
    DomainFault(
        name="two-dmarc", meaning="has two DMARC records", triggers=("DMARC-MULTI",),
        records={DMARC: {"TXT": ('"v=DMARC1; p=none"', '"v=DMARC1; p=reject"')}},
    ),
    DomainFault(
        name="dmarc-at-apex", meaning="has its DMARC record at the domain itself",
        triggers=("DMARC-MISPLACED",),
        records={DMARC: {"TXT": ()}, DOMAIN: {"TXT": ('"v=DMARC1; p=reject"',)}},
    ),
    DomainFault(
        name="dmarc-none", meaning="has a DMARC policy of none", triggers=("DMARC-WEAK",),
        records={DMARC: {"TXT": (f'"v=DMARC1; p=none; rua=mailto:dmarc@{DOMAIN}"',)}},
    ),
    DomainFault(
        name="dmarc-testing", meaning="has a DMARC policy in test mode", triggers=("DMARC-WEAK",),
        records={DMARC: {"TXT": (f'"v=DMARC1; p=reject; t=y; rua=mailto:dmarc@{DOMAIN}"',)}},
    ),
    DomainFault(
        name="no-rua", meaning="asks for no DMARC reports", triggers=("DMARC-RUA",),
        records={DMARC: {"TXT": ('"v=DMARC1; p=reject"',)}},
    ),
    DomainFault(
        name="foreign-rua", meaning="has DMARC reports sent to a domain that does not take them",
        triggers=("DMARC-RUA",),
        records={DMARC: {"TXT": ('"v=DMARC1; p=reject; rua=mailto:d@reports.test"',)}},
    ),
    DomainFault(
        name="dmarc-pct", meaning="has a DMARC tag that was removed", triggers=("DMARC-LEGACY",),
        records={DMARC: {"TXT": (f'"v=DMARC1; p=reject; pct=50; rua=mailto:dmarc@{DOMAIN}"',)}},
    ),
    DomainFault(
        name="no-tlsrpt", meaning="asks for no TLS reports", triggers=("TLSRPT",),
        records={TLSRPT: {"TXT": ()}},
    ),
)  # fmt: skip
FAULTS: tuple[DomainFault, ...] = (*EXCHANGERS, *POLICY)


def zone_with(changes: Records) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the correct zone with ``changes``."""
    zone = {name: dict(records) for name, records in ZONE.items()}
    for name, records in changes.items():
        changed = {**zone.get(name, {}), **records}
        zone[name] = {kind: texts for kind, texts in changed.items() if texts}
    return {name: records for name, records in zone.items() if records}


@contextlib.asynccontextmanager
async def serve(fault: DomainFault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield the domain, or one with ``fault``."""
    fault = fault or DomainFault(name="", meaning="", triggers=())
    async with contextlib.AsyncExitStack() as stack:
        smtp = await stack.enter_async_context(kit.serve_correct("smtp"))
        assert kit.authority.latest is not None  # noqa: S101 - the server's, issued just now
        zone = _filled(zone_with(fault.records), kit.authority.latest, kit.authority.intermediate)
        own = {name: zone[name] for name in zone if f".{name}".endswith(f".{DOMAIN}")}
        signed = SignedZone(DOMAIN, own, fault.bogus) if fault.signed else None
        resolver = await stack.enter_async_context(
            name_server(
                zone,
                servfail=frozenset(fault.servfail),
                signed=signed,
                validates=True,
            )
        )
        options = {
            "ca_file": smtp.options["ca_file"], "resolver": resolver, "internal": True,
            "mx_port": int(smtp.target.rpartition(":")[2]), "timeout_seconds": 20.0,
            "policy_port": await stack.enter_async_context(policy_server(fault.policy, kit)),
            "dnsbl": ("bl.test",), "sender_ip": SENDER,
            **fault.options,
        }  # fmt: skip
        yield Served(target=f"mail:{DOMAIN}", options=options)


def _filled(zone: Records, issued: Issued, issuer: x509.Certificate) -> Records:
    """Return the zone with digests in place of the marks."""
    certificate = issued.certificate
    marks = {
        KEY: _public_key(certificate), ISSUER_KEY: _public_key(issuer),
        CERTIFICATE: certificate.public_bytes(Encoding.DER),
    }  # fmt: skip

    def fill(text: str) -> str:
        for mark, data in marks.items():
            text = text.replace(mark, hashlib.sha256(data).hexdigest())
        return text

    return {
        name: {kind: tuple(map(fill, texts)) for kind, texts in records.items()}
        for name, records in zone.items()
    }


def _public_key(certificate: x509.Certificate) -> bytes:
    key = certificate.public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

"""Chains with more in them than a client needs: judged by the path that is used."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from seventh.labkit.serve import Kit
from seventh.model.failure import Blame, Failed
from seventh.model.options import Options
from seventh.model.tlsfacts import TlsFacts
from seventh.net.tls import chain as tlschain
from seventh.protocols.tls.rules import certificate as rules
from seventh.rules.rule import Hit, Skip
from tests.reports import evidence

pytestmark = pytest.mark.field
DAY = dt.timedelta(days=1)
ECDSA_SHA256, P256 = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d030107")


class Chains:
    """A trusted root, what it has signed, and what stands beside."""

    def __init__(self, kit: Kit) -> None:
        self.ca = kit.authority
        self.root, self.mid = self.ca.root, self.ca.intermediate
        self.leaf = self.ca.issue("site.test").certificate
        self.old_key = ec.generate_private_key(ec.SECP256R1())

    def cross(self, *, ends_in: dt.timedelta) -> x509.Certificate:
        """The trusted root's key and name, signed by an old root."""
        return self.ca._sign(
            "Seventh throw-away root", self.ca.root_key, "Old root", self.old_key, ca=True,
            not_before=-900 * DAY, lifetime=900 * DAY + ends_in,
        )  # fmt: skip

    def again(self, *, ends_in: dt.timedelta) -> x509.Certificate:
        """The intermediate as it was issued another time."""
        return self.ca._sign(
            "Seventh throw-away intermediate", self.ca.intermediate_key,
            "Seventh throw-away root", self.ca.root_key, ca=True,
            not_before=-900 * DAY, lifetime=900 * DAY + ends_in,
        )  # fmt: skip

    def stranger(self) -> x509.Certificate:
        """A root of somebody else."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self.ca._sign("Stranger", key, "Stranger", key, ca=True)

    def facts(self, *certificates: x509.Certificate | bytes) -> TlsFacts:
        """What is learnt of a server that sends these."""
        sent = tuple(
            c if isinstance(c, bytes) else c.public_bytes(Encoding.DER) for c in certificates
        )
        options = Options(ca_file=str(self.ca.ca_file))
        return TlsFacts(**tlschain.certificate_facts(sent, "site.test", options))


@pytest.fixture
def chains(kit: Kit) -> Chains:
    return Chains(kit)


def said(facts: TlsFacts) -> str:
    """What TLS-CHAIN says; empty where it passes."""
    verdict = rules.chain(facts)
    return "" if verdict is None else evidence(rules.chain, verdict)


def test_an_expired_cross_certificate_beside_the_path_is_a_leftover(chains: Chains) -> None:
    facts = chains.facts(chains.leaf, chains.mid, chains.cross(ends_in=-20 * DAY))
    assert facts.chain_state == "trusted" and facts.certificate_reason is None
    assert rules.cert_expired(facts) is None
    assert facts.cert_expiry_timestamp_seconds is not None
    assert facts.cert_expiry_timestamp_seconds > chains.leaf.not_valid_before_utc.timestamp()
    assert "expired certificate sent that no path needs" in said(facts)
    verdict = rules.chain(facts)
    assert isinstance(verdict, Hit) and verdict.severity == "medium"


def test_a_cross_certificate_about_to_end_does_not_count_as_expiring(chains: Chains) -> None:
    facts = chains.facts(chains.leaf, chains.mid, chains.cross(ends_in=5 * DAY))
    assert rules.cert_expiring(facts) is None
    assert "expires soon" in said(facts)


@pytest.mark.parametrize("first", [True, False])
def test_of_two_issuers_of_one_name_the_expired_one_is_a_leftover(
    chains: Chains, first: bool
) -> None:
    old = chains.again(ends_in=-3 * DAY)
    sent = (old, chains.mid) if first else (chains.mid, old)
    facts = chains.facts(chains.leaf, *sent)
    assert facts.certificate_reason is None
    assert rules.cert_expired(facts) is None
    assert "expired certificate sent that no path needs" in said(facts)


def test_an_expired_issuer_without_another_is_needed(chains: Chains) -> None:
    facts = chains.facts(chains.leaf, chains.again(ends_in=-3 * DAY))
    assert facts.certificate_reason == "tls-certificate-expired"
    assert isinstance(rules.cert_expired(facts), Hit)


def test_a_date_is_told_of_the_certificate_that_has_it(chains: Chains) -> None:
    """The depth of an error counts along the path, whatever the order of what is sent."""
    old = chains.again(ends_in=-3 * DAY)
    facts = chains.facts(chains.leaf, chains.root, chains.stranger(), old)
    assert "throw-away intermediate) expired" in facts.certificate_detail
    assert "root" not in facts.certificate_detail


def test_strangers_and_duplicates_are_each_told_once(chains: Chains) -> None:
    facts = chains.facts(chains.leaf, chains.leaf, chains.mid, chains.stranger(), chains.mid)
    assert said(facts).split("; ") == [
        "unrelated certificate sent: CN=Stranger",
        "sent twice: CN=site.test, CN=Seventh throw-away intermediate",
    ]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("leaf mid root", "root sent, clients do not need it: CN=Seventh throw-away root"),
        (
            "leaf root mid",
            (
                "wrong order; send CN=Seventh throw-away intermediate → CN=Seventh throw-away "
                "root; root sent, clients do not need it: CN=Seventh throw-away root"
            ),
        ),
        ("leaf mid", ""),
    ],
)
def test_an_order_is_judged_by_who_signed_whom(chains: Chains, order: str, words: str) -> None:
    assert said(chains.facts(*(getattr(chains, name) for name in order.split()))) == words


def test_a_private_root_is_told_with_the_option_that_trusts_it(chains: Chains) -> None:
    sent = tuple(c.public_bytes(Encoding.DER) for c in (chains.leaf,))
    facts = TlsFacts(**tlschain.certificate_facts(sent, "site.test", Options()))
    assert "neither sent nor trusted" in said(facts)
    assert "--ca FILE" in facts.certificate_detail
    assert rules.chain.words.fix["any"].startswith("Private CA: check with --ca FILE")


@pytest.mark.parametrize("known", [ECDSA_SHA256, P256], ids=["signature", "key"])
def test_what_cannot_be_computed_here_is_neither_good_nor_bad(chains: Chains, known: bytes) -> None:
    """OpenSSL itself says that the issuer is missing, though it was sent."""
    unknown = chains.mid.public_bytes(Encoding.DER).replace(known, known[:-1] + b"\x7f")
    facts = chains.facts(chains.leaf, unknown)
    assert facts.chain_state == "unverified"
    assert "could not be verified here" in facts.certificate_detail
    assert "not sent" not in facts.certificate_detail
    assert isinstance(rules.chain(facts), Skip)
    sent = (chains.leaf.public_bytes(Encoding.DER), unknown)
    setting = tlschain.tlscontext.setting(Options(ca_file=str(chains.ca.ca_file)), "modern")
    with pytest.raises(Failed) as raised:
        tlschain.verify_again(sent, setting, "site.test", 2e9)
    assert raised.value.blame is Blame.LOCAL


def test_extensions_that_cannot_be_read_demand_nothing_and_excuse_nothing(chains: Chains) -> None:
    feature, other = bytes.fromhex("06082b06010505070118"), bytes.fromhex("06082b06010505070117")
    staple = chains.ca.issue("site.test", must_staple=True).certificate
    assert feature in staple.public_bytes(Encoding.DER)
    twice = chains.leaf.public_bytes(Encoding.DER)
    san, key_use = bytes.fromhex("0603551d11"), bytes.fromhex("0603551d25")
    assert isinstance(rules.staple(chains.facts(twice.replace(key_use, san))), Skip)
    assert (
        rules.staple(chains.facts(staple.public_bytes(Encoding.DER).replace(feature, other)))
        is None
    )


def test_what_cannot_be_read_is_not_judged(chains: Chains) -> None:
    facts = chains.facts(b"\x30\x03\x02\x01\x00")
    for rule in (rules.cert_expiring, rules.cert_long, rules.staple):
        assert isinstance(rule(facts), Skip)

"""SSH's rules beyond the good and bad example that each declaration carries."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from seventh import protocols
from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import GroupAnswer, SshFacts, Sshfp, Topic
from seventh.protocols.ssh.rules import names
from seventh.protocols.ssh.rules.examples import MODERN, key, offering
from seventh.rules.rule import AnyRule, Hit, Skip
from seventh.rules.words import filled

RULES = protocols.rules("ssh")
CHACHA = ("chacha20-poly1305@openssh.com",)


def named(rule_id: str) -> AnyRule:
    return next(rule for rule in RULES if rule.id == rule_id)


def fires(rule_id: str, facts: SshFacts) -> Hit:
    verdict = named(rule_id)(facts)
    assert isinstance(verdict, Hit), verdict
    return verdict


@pytest.mark.parametrize(
    "rule", [each for each in RULES if each.facts_type is SshFacts], ids=lambda rule: rule.id
)
def test_missing_evidence_is_a_skip_never_a_pass(rule: AnyRule) -> None:
    assert isinstance(rule(SshFacts()), Skip)


@pytest.mark.parametrize(
    ("name", "weak"),
    [
        ("diffie-hellman-group1-sha1", True), ("diffie-hellman-group14-sha1", True),
        ("diffie-hellman-group-exchange-sha1", True), ("rsa1024-sha1", True),
        ("gss-group14-sha1-toWM5Slw5Ew8Mqkay+al2g==", True),
        ("gss-gex-sha1-toWM5Slw5Ew8Mqkay+al2g==", True),
        ("gss-group14-sha256-toWM5Slw5Ew8Mqkay+al2g==", False),
        ("diffie-hellman-group14-sha256", False), ("curve25519-sha256", False),
        ("ecdh-sha2-nistp256", False), ("rsa2048-sha256", False), ("ext-info-s", False),
    ],
)  # fmt: skip
def test_key_exchange_methods(name: str, weak: bool) -> None:
    verdict = named("SSH-KEX-WEAK")(offering(kex_algorithms=(name,)))
    assert isinstance(verdict, Hit) is weak


@pytest.mark.parametrize(
    ("name", "weak"),
    [
        ("none", True), ("des-cbc", True), ("3des-cbc", True), ("arcfour", True),
        ("arcfour256", True), ("blowfish-cbc", True), ("cast128-cbc", True), ("aes256-cbc", True),
        ("rijndael-cbc@lysator.liu.se", True), ("aes128-ctr", False), (CHACHA[0], False),
        ("aes128-gcm@openssh.com", False),
    ],
)  # fmt: skip
def test_ciphers(name: str, weak: bool) -> None:
    facts = offering(encryption_algorithms_client_to_server=(name,))
    assert isinstance(named("SSH-CIPHER-WEAK")(facts), Hit) is weak


@pytest.mark.parametrize(
    ("name", "weak"),
    [
        ("hmac-md5", True), ("hmac-md5-etm@openssh.com", True), ("hmac-sha1", True),
        ("hmac-sha1-96", True), ("hmac-sha1-etm@openssh.com", True), ("hmac-sha2-256-96", True),
        ("umac-64@openssh.com", True), ("umac-64-etm@openssh.com", True), ("hmac-sha2-256", True),
        ("umac-128@openssh.com", True), ("hmac-ripemd160", True),
        ("hmac-sha2-256-etm@openssh.com", False), ("umac-128-etm@openssh.com", False),
    ],
)  # fmt: skip
def test_macs(name: str, weak: bool) -> None:
    facts = offering(mac_algorithms_client_to_server=(name,))
    assert isinstance(named("SSH-MAC-WEAK")(facts), Hit) is weak


@pytest.mark.parametrize(
    ("ident", "level"),
    [
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3", "Debian-2+deb12u3"),
        ("SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.10", "Ubuntu-3ubuntu0.10"),
        ("SSH-2.0-OpenSSH_9.6 FreeBSD-20240104", "FreeBSD-20240104"),
        ("SSH-2.0-OpenSSH_7.9p1 Raspbian-10+deb10u2", "Raspbian-10+deb10u2"),
        ("SSH-2.0-OpenSSH_9.9", None), ("SSH-2.0-dropbear_2022.83", None),
        ("SSH-2.0-AsyncSSH_2.24.1", None), ("SSH-2.0-Cisco-1.25", None),
    ],
)  # fmt: skip
def test_patch_levels(ident: str, level: str | None) -> None:
    assert names.patch_level(ident) == level


@pytest.mark.field
@pytest.mark.parametrize(
    ("further", "severity"),
    [((), None), ((5.0, 4.9), None), ((0.1, 5.0), None), ((0.1, 0.1, 5.0), Severity.LOW)],
)
def test_one_slow_greeting_among_quick_ones_is_low(
    further: tuple[float, ...], severity: Severity | None
) -> None:
    facts = SshFacts(banner_seconds=5.0, rtt_seconds=0.1, further_banner_seconds=further)
    hit = fires("SSH-BANNER-SLOW", facts)
    assert hit.severity is severity
    evidence = filled(named("SSH-BANNER-SLOW").words, hit.params).evidence
    assert ("; on later connections" in evidence) == bool(further)
    assert hit.params["further"] == tuple(f"{seconds:.2f} s" for seconds in further)
    quick = SshFacts(banner_seconds=0.2, rtt_seconds=0.1, further_banner_seconds=(9.0,) * 3)
    assert named("SSH-BANNER-SLOW")(quick) is None


@pytest.mark.field
def test_a_fix_keeps_what_is_good_and_nothing_that_is_no_name() -> None:
    """What a server lists goes into a line to paste: only whole names, no markers, none weak."""
    facts = offering(
        kex_algorithms=(
            "ext-info-s", "curve25519-sha256", "diffie-hellman-group1-sha1", "a b", "$(id)", "-x",
            "gss-curve25519-sha256-toWM5Slw5Ew8Mqkay+al2g==", "kex-strict-s-v00@openssh.com",
        )
    )  # fmt: skip
    assert fires("SSH-KEX-WEAK", facts).fixes["openssh"] == ("KexAlgorithms curve25519-sha256",)
    words = filled(named("SSH-KEX-NOPQ").words, fires("SSH-KEX-NOPQ", facts).params)
    assert words.fix["openssh"].split("\n")[0] == (
        "KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,"
        "diffie-hellman-group1-sha1"
    )
    facts = offering(mac_algorithms_client_to_server=("hmac-md5",),
                     mac_algorithms_server_to_client=("hmac-md5",))  # fmt: skip
    assert fires("SSH-MAC-WEAK", facts).fixes["openssh"] == (
        "MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com",
    )


def test_every_name_that_is_recommended_is_good_by_the_tables() -> None:
    for fix in (text for rule in RULES for text in rule.words.fix.values()):
        for name in ("curve25519-sha256", "mlkem768x25519-sha256", "hmac-sha2-256-etm@openssh.com"):
            if name in fix:
                assert names.remark("kex", "weak", name) is None
                assert names.remark("mac", "weak", name) is None
    assert names.terrapin_exposed(MODERN.ciphers, MODERN.macs) == CHACHA


@pytest.mark.field
def test_a_key_that_is_not_proven_matches_nothing() -> None:
    """Anybody can show a public key: only its signature makes it the host's."""
    records = (Sshfp(algorithm=4, fingerprint_type=2, fingerprint=key().sha256_hex),)
    facts = SshFacts(host_keys=(key(),), sshfp=records, sshfp_authenticated=True)
    verdict = named("SSH-SSHFP")(facts)
    assert isinstance(verdict, Skip)
    assert "could not be verified" in verdict.reason
    assert named("SSH-HOSTKEY-CHANGED")(facts) == verdict
    wrong = replace(records[0], fingerprint="00" * 32)
    assert isinstance(named("SSH-SSHFP")(replace(facts, sshfp=(wrong,))), Hit)


def answer(low: int, high: int, bits: int | None, group: int | None = None) -> GroupAnswer:
    return GroupAnswer(minimum=low, preferred=low, maximum=high, bits=bits, group=group)


@pytest.mark.field
@pytest.mark.parametrize(
    ("answers", "bits", "asked"),
    [
        ([answer(1024, 8192, 2048), answer(1024, 1024, 1024)], 1024, "exact"),
        ([answer(1024, 8192, 4096), answer(2048, 2048, 2048)], 2048, "exact"),
        ([answer(1024, 8192, 2048, 14), answer(1024, 1024, None)], 2048, "range"),
        ([answer(1024, 8192, 3072), answer(2048, 2048, 2048, 14)], None, ""),
        ([answer(2048, 2048, 2048, 14)], 2048, "exact"),
        ([answer(1024, 8192, 3072), answer(2048, 2048, None)], None, ""),
    ],
)
def test_the_smallest_group_of_all_answers_is_judged(
    answers: list[GroupAnswer], bits: int | None, asked: str
) -> None:
    facts = replace(offering(kex_algorithms=(GEX,)), gex_answers=tuple(answers), gex_bits=1)
    verdict = named("SSH-GEX-SMALL")(facts)
    if bits is None:
        assert verdict is None
        return
    assert isinstance(verdict, Hit)
    assert (verdict.params["bits"], verdict.params["asked"]) == (bits, asked)
    evidence = filled(named("SSH-GEX-SMALL").words, verdict.params).evidence
    request = {"exact": f"exactly {bits} bits", "range": "1024 bits, at most 8192"}[asked]
    assert evidence == f"the server gives {bits} bits for a request of {request}"


@pytest.mark.field
def test_a_size_that_was_not_answered_is_no_pass() -> None:
    facts = replace(
        offering(kex_algorithms=(GEX,)), gex_answers=(answer(1024, 8192, 3072),),
        unknown={Topic.SMALLEST_GROUP: "the server is full"},
    )  # fmt: skip
    assert named("SSH-GEX-SMALL")(facts) == Skip("the server is full")


GEX = "diffie-hellman-group-exchange-sha256"

"""The whole verdict on an offer of algorithms, with the line that fixes it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.protocols.ssh.facts import Names, SshFacts, Topic
from seventh.protocols.ssh.facts.config import SshConfigFacts, WrittenList
from seventh.protocols.ssh.rules import algorithms as rules
from seventh.protocols.ssh.rules import hostkeys, transport
from seventh.protocols.ssh.rules.examples import MODERN, offering
from seventh.rules.rule import AnyRule
from tests.verdicts import fixed, hit, told

NO_KEXINIT = "skip: no KEXINIT was received"
NOT_IN_FILE = "skip: this file does not set it"
DIRECTIVES = (
    (rules.kex_weak, "KexAlgorithms"), (rules.kex_nopq, "KexAlgorithms"),
    (transport.gex_small, "KexAlgorithms"), (rules.terrapin, "Ciphers"),
    (rules.cipher_weak, "Ciphers"), (rules.mac_weak, "MACs"),
    (hostkeys.hostkey_weak, "HostKeyAlgorithms"),
    (hostkeys.hostkey_noed25519, "HostKeyAlgorithms"),
    (hostkeys.hostsig_sha1, "HostKeyAlgorithms"), (rules.comp_preauth, ""),
)  # fmt: skip
OF_SERVERS = {
    rules.comp_preauth, hostkeys.hostkey_weak, hostkeys.hostkey_noed25519, hostkeys.hostsig_sha1,
}  # fmt: skip
CTR = ("aes256-ctr",)


def ciphers(*names: str, strict: bool | None = True, **more: Names) -> SshFacts:
    """A server that offers these ciphers in both directions."""
    both = dict.fromkeys(
        ("encryption_algorithms_client_to_server", "encryption_algorithms_server_to_client"), names
    )
    return replace(offering(**both, **more), strict_kex=strict)


def macs(*names: str) -> SshFacts:
    both = dict.fromkeys(
        ("mac_algorithms_client_to_server", "mac_algorithms_server_to_client"), names
    )
    return ciphers(*CTR, **both)


def kex(*names: str) -> SshFacts:
    return offering(kex_algorithms=names)


def in_file(facts: SshFacts, side: Any = "server", **config: Any) -> SshFacts:
    return replace(facts, config=SshConfigFacts(side=side, **config))


@pytest.mark.parametrize(("rule", "directive"), DIRECTIVES)
def test_an_offer_that_is_not_there(rule: AnyRule, directive: str) -> None:
    assert told(rule, SshFacts()) == NO_KEXINIT
    assert told(rule, in_file(SshFacts())) == NOT_IN_FILE
    ed25519 = offering(server_host_key_algorithms=("ssh-ed25519",))
    others = tuple({name for _, name in DIRECTIVES} - {directive, ""})
    assert told(rule, in_file(ed25519, left_to_others=others)) == "pass"
    if directive:
        assert told(rule, in_file(ed25519, left_to_others=(directive,))) == NOT_IN_FILE
    client = told(rule, in_file(ed25519, "client"))
    assert client == (
        "skip: an ssh_config configures a client, not the server"
        if rule in OF_SERVERS else "pass"
    )  # fmt: skip


# Every name that RFC 9142 or a published attack speaks against, and the nearest that are good.
KEX_REMARKS = {
    "diffie-hellman-group1-sha1": "1024-bit group, SHA-1",
    "diffie-hellman-group1-sha256": "1024-bit group",
    "diffie-hellman-group14-sha1": "SHA-1",
    "diffie-hellman-group-exchange-sha1": "SHA-1",
    "rsa1024-sha1": "1024-bit RSA, SHA-1",
    "gss-gex-sha1-toWM5Slw5Ew8Mqkay+al2g==": "SHA-1",
    "gss-group1-sha1-toWM5Slw5Ew8Mqkay+al2g==": "SHA-1",
}
CIPHER_REMARKS = {
    "none": "no encryption", "des-cbc": "56-bit key", "des-cbc@ssh.com": "56-bit key",
    "des": "56-bit key", "3des-cbc": "64-bit blocks, CBC", "3des-ctr": "64-bit blocks",
    "3des": "64-bit blocks", "arcfour": "RC4", "arcfour128": "RC4",
    "blowfish-ctr": "64-bit blocks", "cast128-cbc": "64-bit blocks", "idea-cbc": "64-bit blocks",
    "aes128-cbc": "CBC, CVE-2008-5161", "rijndael-cbc@lysator.liu.se": "CBC, CVE-2008-5161",
}  # fmt: skip
MAC_REMARKS = {
    "none": "no integrity", "hmac-md5-96": "MD5", "hmac-sha1-etm@openssh.com": "SHA-1",
    "hmac-ripemd160@openssh.com": "RIPEMD-160", "hmac-sha2-512-96": "96-bit tag",
    "umac-64-etm@openssh.com": "64-bit tag", "umac-32@openssh.com": "32-bit tag",
    "umac-96@openssh.com": "96-bit tag", "hmac-sha2-512": "not encrypt-then-MAC",
    "umac-128@openssh.com": "not encrypt-then-MAC",
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "make", "good", "remarks"),
    [
        (rules.kex_weak, kex, "diffie-hellman-group14-sha256", KEX_REMARKS),
        (rules.cipher_weak, ciphers, "aes128-gcm@openssh.com", CIPHER_REMARKS),
        (rules.mac_weak, macs, "hmac-sha2-512-etm@openssh.com", MAC_REMARKS),
    ],
)  # fmt: skip
def test_each_weak_name_has_its_reason(
    rule: AnyRule, make: Any, good: str, remarks: dict[str, str]
) -> None:
    severity = rule.severity.value
    for name, remark in remarks.items():
        assert told(rule, make(good, name)) == f"{severity}: the server offers {name} ({remark})"
    assert told(rule, in_file(make(good), "client")) == "pass"
    name, remark = next(iter(remarks.items()))
    client = in_file(make(good, name), "client")
    assert told(rule, client) == f"{severity}: the client offers {name} ({remark})"


@pytest.mark.parametrize(
    ("rule", "facts", "names", "line"),
    [
        (rules.kex_weak, kex("curve25519-sha256", "rsa1024-sha1", "diffie-hellman-group14-sha1"),
         "rsa1024-sha1,diffie-hellman-group14-sha1", "KexAlgorithms curve25519-sha256"),
        (rules.cipher_weak, ciphers("aes256-ctr", "3des-cbc", "arcfour"), "3des-cbc,arcfour",
         "Ciphers aes256-ctr"),
        (rules.mac_weak, macs("hmac-md5", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-256"),
         "hmac-md5,hmac-sha2-256", "MACs hmac-sha2-256-etm@openssh.com"),
    ],
)  # fmt: skip
def test_the_line_that_removes_weak_names(
    rule: AnyRule, facts: SshFacts, names: str, line: str
) -> None:
    found = hit(rule, facts)
    assert found.params["names"] == names
    assert found.fixes == {"openssh": (line,)}


def test_macs_matter_where_a_cipher_uses_one() -> None:
    md5 = {"mac_algorithms_client_to_server": ("hmac-md5",)}
    assert told(rules.mac_weak, ciphers("aes256-gcm@openssh.com", **md5)) == "pass"
    assert told(rules.mac_weak, ciphers(**md5)) == ("medium: the server offers hmac-md5 (MD5)")
    assert told(rules.mac_weak, ciphers("aes256-gcm@openssh.com", *CTR, **md5)) == (
        "medium: the server offers hmac-md5 (MD5)"
    )


# -- post-quantum ----------------------------------------------------------------------------------

AMONG = "low: no hybrid with ML-KEM or NTRU Prime among "


@pytest.mark.parametrize("name", [
    "mlkem768x25519-sha256", "mlkem768nistp256-sha256", "mlkem1024nistp384-sha384",
    "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com",
])  # fmt: skip
def test_each_hybrid_is_post_quantum(name: str) -> None:
    assert told(rules.kex_nopq, kex("curve25519-sha256", name)) == "pass"
    assert told(rules.kex_nopq, kex(f"{name}x")) == f"{AMONG}{name}x"


SNTRUP = "sntrup761x25519-sha512@openssh.com"


@pytest.mark.parametrize(
    ("offered", "shown", "kept"),
    [
        (("curve25519-sha256", "ext-info-s", "kex-strict-s-v00@openssh.com", "ecdh-sha2-nistp256"),
         "curve25519-sha256, ecdh-sha2-nistp256", "curve25519-sha256,ecdh-sha2-nistp256"),
        (("gss-x",), "gss-x", "curve25519-sha256"),
    ],
)  # fmt: skip
def test_no_hybrid(offered: Names, shown: str, kept: str) -> None:
    assert told(rules.kex_nopq, kex(*offered)) == f"{AMONG}{shown}"
    first, *rest = fixed(rules.kex_nopq, kex(*offered), "openssh").split("\n")
    assert first == f"KexAlgorithms {SNTRUP},{kept}"
    assert rest == ["# from OpenSSH 9.9 on, put mlkem768x25519-sha256 first; before 8.5, upgrade"]


def test_no_method_at_all() -> None:
    assert told(rules.kex_nopq, kex()) == "skip: no key exchange method remains"


@pytest.mark.parametrize(
    ("default", "line"),
    [
        (("mlkem768x25519-sha256", "curve25519-sha256"),
         "KexAlgorithms mlkem768x25519-sha256,ecdh-sha2-nistp256"),
        ((SNTRUP, "mlkem768x25519-sha256"),
         f"KexAlgorithms {SNTRUP},mlkem768x25519-sha256,ecdh-sha2-nistp256"),
        (("curve25519-sha256",), f"KexAlgorithms {SNTRUP},ecdh-sha2-nistp256"),
    ],
)  # fmt: skip
def test_the_versions_own_hybrids_come_first(default: Names, line: str) -> None:
    nist = ("ecdh-sha2-nistp256",)
    written = WrittenList(text=nist[0], effective=nist, default=default)
    facts = in_file(kex(*nist), lists={"KexAlgorithms": written})
    assert fixed(rules.kex_nopq, facts, "openssh").split("\n")[0] == line


# -- Terrapin --------------------------------------------------------------------------------------

CHACHA, CBC = "chacha20-poly1305@openssh.com", "aes128-cbc"
LOOSE = "high: strict key exchange not supported, "
TO_9_6 = "# until the server is OpenSSH 9.6 or a patched package"
ONLY_STRICT = (
    ": safe only with strict key exchange (OpenSSH 9.6, or a distribution's backport), which a "
    "file does not show; run `seventh check`"
)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (ciphers(CHACHA, CBC), "pass"),
        (ciphers(CHACHA, CBC, *CTR, strict=False), f"{LOOSE}{CHACHA}, {CBC} offered"),
        (ciphers("chacha20-poly1305", strict=False), f"{LOOSE}chacha20-poly1305 offered"),
        (ciphers("rijndael-cbc@lysator.liu.se", strict=False),
         f"{LOOSE}rijndael-cbc@lysator.liu.se offered"),
        (ciphers("aes256-cbcx", *CTR, "aes256-gcm@openssh.com", strict=False), "pass"),
        (ciphers(CBC, strict=False, mac_algorithms_client_to_server=("hmac-sha1",),
                 mac_algorithms_server_to_client=("hmac-sha1",)), "pass"),
        (ciphers(CBC, strict=False, mac_algorithms_client_to_server=("hmac-sha1",)),
         f"{LOOSE}{CBC} offered"),
        (ciphers(CHACHA, CBC, strict=None), f"skip: {CHACHA}, {CBC}{ONLY_STRICT}"),
        (ciphers(*CTR, strict=None), "pass"),
    ],
)  # fmt: skip
def test_terrapin(facts: SshFacts, line: str) -> None:
    assert told(rules.terrapin, facts) == line


def test_the_fix_of_terrapin_leaves_the_other_ciphers() -> None:
    found = hit(rules.terrapin, ciphers(CHACHA, *CTR, CBC, strict=False))
    assert found.params == {"algorithms": (CHACHA, CBC), "names": f"{CHACHA},{CBC}"}
    assert found.fixes == {"openssh": ("Ciphers aes256-ctr", TO_9_6)}


# -- signatures of users, compression --------------------------------------------------------------

BUILD = (
    "skip: OpenSSH before 9.6 sends the algorithms of its build, not those it accepts; run "
    "`sshd -T | grep -i pubkeyaccepted` on the server"
)


def users(*accepted: str, **more: Any) -> SshFacts:
    return SshFacts(server_sig_algs=accepted, **more)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (SshFacts(), "skip: the server did not send server-sig-algs"),
        (SshFacts(unknown={Topic.EXTENSIONS: "it closed"}), "skip: it closed"),
        (in_file(SshFacts()), NOT_IN_FILE),
        (users("rsa-sha2-256"), "pass"), (users("ssh-ed25519", "rsa-sha2-512"), "pass"),
        (users("rsa-sha2-256-cert-v01@openssh.com"), "pass"),
        (users("x509v3-rsa2048-sha256"), "pass"),
        (users("ssh-ed25519"), "info: server-sig-algs: ssh-ed25519"),
        (users("ssh-rsa"), "medium: server-sig-algs: ssh-rsa"),
        (users("ssh-rsa", "rsa-sha2-256"), "medium: server-sig-algs: ssh-rsa, rsa-sha2-256"),
        (users("x509v3-ssh-rsa"), "medium: server-sig-algs: x509v3-ssh-rsa"),
        (users("ssh-rsa", software="OpenSSH_9.5p1"), BUILD),
        (users("ssh-rsa", "rsa-sha2-256", software="OpenSSH_8.10"), BUILD),
        (users("ssh-rsa", software="OpenSSH_9.6"), "medium: server-sig-algs: ssh-rsa"),
        (users("ssh-ed25519", software="OpenSSH_8.0"), "info: server-sig-algs: ssh-ed25519"),
    ],
)  # fmt: skip
def test_signatures_of_users(facts: SshFacts, line: str) -> None:
    assert told(rules.usersig_sha1, facts) == line


GENERAL = "PubkeyAcceptedAlgorithms -ssh-rsa,ssh-rsa-cert-v01@openssh.com"
SHA2 = "rsa-sha2-512,rsa-sha2-256"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (users("ssh-rsa", "rsa-sha2-256"), GENERAL),
        (users("ssh-ed25519"), f"PubkeyAcceptedAlgorithms {SHA2},ssh-ed25519"),
        (in_file(users("ssh-rsa", "rsa-sha2-256"), version=(8, 5)),
         "PubkeyAcceptedAlgorithms -ssh-rsa"),
        (in_file(users("ssh-rsa", "rsa-sha2-256")), "PubkeyAcceptedAlgorithms -ssh-rsa"),
        (in_file(users("ssh-rsa", "rsa-sha2-256"), version=(8, 4)),
         "PubkeyAcceptedKeyTypes -ssh-rsa"),
        (in_file(users("ssh-rsa", "ssh-ed25519"), version=(9, 2)),
         f"PubkeyAcceptedAlgorithms {SHA2},ssh-ed25519"),
    ],
)  # fmt: skip
def test_the_line_for_signatures_of_users(facts: SshFacts, line: str) -> None:
    assert fixed(rules.usersig_sha1, facts, "openssh") == line


@pytest.mark.parametrize("way", ["client_to_server", "server_to_client"])
def test_compression_before_the_login(way: str) -> None:
    field = f"compression_algorithms_{way}"
    zlib = offering(**{field: ("none", "zlib@openssh.com", "zlib")})
    assert told(rules.comp_preauth, zlib) == "medium: the server offers zlib"
    assert told(rules.comp_preauth, in_file(zlib)) == "medium: the server offers zlib"
    delayed = offering(**{field: ("none", "zlib@openssh.com")})
    assert told(rules.comp_preauth, delayed) == "pass"
    assert told(rules.comp_preauth, SshFacts(kexinit=MODERN)) == "pass"

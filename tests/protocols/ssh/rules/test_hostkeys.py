"""The whole verdict on host keys, users' keys, known_hosts and SSHFP, at every boundary."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.protocols.ssh.facts import HostKey, Names, SshFacts, Sshfp, Topic
from seventh.protocols.ssh.facts.config import SshConfigFacts, UserKey, WrittenList
from seventh.protocols.ssh.facts.login import Trust
from seventh.protocols.ssh.rules import hostkeys as rules
from seventh.protocols.ssh.rules.examples import offering
from tests.verdicts import fixed, hit, told

RSA, ED25519, DSS = "rsa-sha2-512", "ssh-ed25519", "ssh-dss"


def key(kind: str, bits: int, **more: Any) -> HostKey:
    return HostKey(type=kind, bits=bits, sha256="SHA256:x", sha256_hex="2" * 64,
                   sha1_hex="1" * 40, **more)  # fmt: skip


def server(*offered: str, keys: tuple[HostKey, ...] = (), **more: Any) -> SshFacts:
    return replace(offering(server_host_key_algorithms=offered), host_keys=keys, **more)


def file(facts: SshFacts, written: WrittenList | None = None) -> SshFacts:
    lists = {"HostKeyAlgorithms": written} if written is not None else {}
    config = SshConfigFacts(side="server", version=(9, 2), lists=lists)
    return replace(facts, config=config)


NEW_KEY = (
    "ssh-keygen -t ed25519 -f /etc/ssh/ssh_host_ed25519_key -N ''\n"
    "# in sshd_config, in place of the weak key:\nHostKey /etc/ssh/ssh_host_ed25519_key\n"
    "# if RSA is required: ssh-keygen -t rsa -b 3072"
)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (server(ED25519), "pass"),
        (server(RSA, keys=(key("ssh-rsa", 3072),)), "pass"),
        (server(RSA, keys=(key("ssh-rsa", 3071),)), "medium: ssh-rsa 3071 bits SHA256:x"),
        (server(RSA, keys=(key("ssh-rsa", 2048),)), "medium: ssh-rsa 2048 bits SHA256:x"),
        (server(RSA, keys=(key("ssh-rsa", 2047),)), "high: ssh-rsa 2047 bits SHA256:x"),
        (server(RSA, keys=(key("ssh-rsa", 2048), key("ssh-rsa", 1024), key(ED25519, 256))),
         "high: ssh-rsa 2048 bits SHA256:x, ssh-rsa 1024 bits SHA256:x"),
        (server(DSS), "high: ssh-dss (1024-bit DSA, SHA-1)"),
        (server(DSS, RSA, keys=(key("ssh-rsa", 2048),)),
         "high: ssh-dss (1024-bit DSA, SHA-1), ssh-rsa 2048 bits SHA256:x"),
        # An RSA key that was not seen may be short.
        (server(RSA), "skip: the RSA host key was not seen"),
        (server("ssh-rsa"), "skip: the RSA host key was not seen"),
        (server(RSA, keys=(key(ED25519, 256),)), "skip: the RSA host key was not seen"),
        (server(RSA, unknown={Topic.RSA_KEY: "it closed"}), "skip: it closed"),
    ],
)  # fmt: skip
def test_weak_host_keys(facts: SshFacts, line: str) -> None:
    assert told(rules.hostkey_weak, facts) == line


@pytest.mark.parametrize(
    ("facts", "fix"),
    [
        (server(DSS), NEW_KEY),
        (file(server(DSS, ED25519)), "HostKeyAlgorithms -ssh-dss"),
        (file(server(DSS), WrittenList(text="ssh-dss,ssh-ed25519", effective=(DSS, ED25519),
                                       default=(ED25519,))),
         "HostKeyAlgorithms ssh-ed25519"),
        (file(server(DSS, keys=(key("ssh-rsa", 2048),))), NEW_KEY),
    ],
)  # fmt: skip
def test_the_fix_of_a_weak_host_key(facts: SshFacts, fix: str) -> None:
    assert fixed(rules.hostkey_weak, facts, "openssh") == fix


def user(kind: str, bits: int, line: int) -> UserKey:
    return UserKey(type=kind, bits=bits, sha256="SHA256:x", line=line, comment=f"u{line}")


@pytest.mark.parametrize(
    ("keys", "line", "settings"),
    [
        ((), "pass", ()),
        ((user("ssh-rsa", 3072, 1), user(ED25519, 256, 2)), "pass", ()),
        ((user("ssh-rsa", 3071, 1),), "medium: line 1: ssh-rsa 3071 bits u1", ("key 1",)),
        ((user("ssh-rsa", 2048, 1),), "medium: line 1: ssh-rsa 2048 bits u1", ("key 1",)),
        ((user("ssh-rsa", 2047, 4), user("ssh-rsa", 2048, 2)),
         "high: line 2: ssh-rsa 2048 bits u2, line 4: ssh-rsa 2047 bits u4", ("key 2", "key 4")),
        ((user(DSS, 1024, 3), user("ssh-rsa", 2048, 1)),
         "high: line 1: ssh-rsa 2048 bits u1, line 3: ssh-dss 1024 bits u3", ("key 1", "key 3")),
        ((user(DSS, 1024, 3),), "high: line 3: ssh-dss 1024 bits u3", ("key 3",)),
    ],
)  # fmt: skip
def test_weak_keys_of_users(keys: tuple[UserKey, ...], line: str, settings: Names) -> None:
    facts = SshFacts(config=SshConfigFacts(side="keys", user_keys=keys))
    assert told(rules.hostkey_weak, facts) == line
    if settings:
        found = hit(rules.hostkey_weak, facts)
        assert found.settings == settings
        assert found.fixes == {
            "openssh": (
                "# on the machine of the key's owner:", "ssh-keygen -t ed25519",
                "# then replace the line here with id_ed25519.pub",
            )
        }  # fmt: skip


ONLY_RSA = WrittenList(text=RSA, effective=(RSA, "rsa-sha2-256"), default=(ED25519,))
WITH_ED25519 = WrittenList(text="x", effective=(RSA, ED25519), default=(ED25519,))
ADD_KEY = "ssh-keygen -A\n# with the other HostKey lines\nHostKey /etc/ssh/ssh_host_ed25519_key"


@pytest.mark.parametrize(
    ("facts", "line", "fix"),
    [
        (server(RSA, ED25519), "pass", ""),
        (server(RSA, "ssh-ed25519-cert-v01@openssh.com"), "pass", ""),
        (server(RSA, "rsa-sha2-256"),
         "low: host key algorithms offered: rsa-sha2-512, rsa-sha2-256",
         ("ssh-keygen -A\n# if sshd_config has HostKey lines, add:\n"
          "HostKey /etc/ssh/ssh_host_ed25519_key")),
        (file(server(RSA)), f"low: host key algorithms offered: {RSA}", ADD_KEY),
        (file(server(RSA), WITH_ED25519), f"low: host key algorithms offered: {RSA}", ADD_KEY),
        (file(server(RSA), ONLY_RSA), f"low: host key algorithms offered: {RSA}",
         "HostKeyAlgorithms ssh-ed25519,rsa-sha2-512,rsa-sha2-256"),
    ],
)  # fmt: skip
def test_no_ed25519(facts: SshFacts, line: str, fix: str) -> None:
    assert told(rules.hostkey_noed25519, facts) == line
    if fix:
        assert fixed(rules.hostkey_noed25519, facts, "openssh") == fix


ONLY_SHA1 = "high: {} offered without rsa-sha2-256 or rsa-sha2-512"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (server(ED25519), "pass"), (server("ssh-rsa", "rsa-sha2-256"), "pass"),
        (server(ED25519, "ssh-rsa"), ONLY_SHA1.format("ssh-rsa")),
        (server("ssh-rsa-cert-v01@openssh.com", "x509v3-ssh-rsa"),
         ONLY_SHA1.format("ssh-rsa-cert-v01@openssh.com, x509v3-ssh-rsa")),
    ],
)  # fmt: skip
def test_rsa_with_sha1_only(facts: SshFacts, line: str) -> None:
    assert told(rules.hostsig_sha1, facts) == line


@pytest.mark.parametrize(
    ("facts", "fix"),
    [
        (server("ssh-rsa"), ("Upgrade to OpenSSH 7.2 or later, or remove the HostKeyAlgorithms "
         "line; the key itself can stay.")),
        (file(server("ssh-rsa")), "HostKeyAlgorithms rsa-sha2-512,rsa-sha2-256,ssh-rsa"),
        (file(server("ssh-rsa"),
              WrittenList(text="x", effective=("ssh-rsa", ED25519), default=())),
         "HostKeyAlgorithms rsa-sha2-512,rsa-sha2-256,ssh-rsa,ssh-ed25519"),
    ],
)  # fmt: skip
def test_the_fix_of_rsa_with_sha1_only(facts: SshFacts, fix: str) -> None:
    assert fixed(rules.hostsig_sha1, facts, "openssh") == fix


# -- known_hosts, addresses ------------------------------------------------------------------------

NO_PIN = "skip: known_hosts has no key of this host"
UNPROVEN = "skip: the host key's signature could not be verified"


def trusting(*statuses: Any, keys: tuple[HostKey, ...] = ()) -> SshFacts:
    trust = tuple(
        Trust(status=status, key=f"k{at}", file="kh", line=at, pinned=f"p{at}")
        for at, status in enumerate(statuses, start=1)
    )
    return SshFacts(trust=trust, host_keys=keys)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (trusting("known"), "pass"), (trusting("unknown", "known"), "pass"),
        (trusting("unknown"), NO_PIN), (trusting(), NO_PIN),
        (trusting("known", "changed"), "critical: the server presents k2; kh:2 has p2"),
        (trusting("unknown", "revoked", "changed"),
         "critical: the server presents k2; kh:2 has it as @revoked"),
        (trusting(keys=(key(ED25519, 256),)), UNPROVEN),
        (trusting(keys=(key(RSA, 1, signature_valid=True), key(ED25519, 256))), UNPROVEN),
        (trusting(keys=(key(ED25519, 256, signature_valid=True),)), NO_PIN),
        (trusting("unknown", keys=(key(ED25519, 256),)), NO_PIN),
        (trusting("known", keys=(key(ED25519, 256),)), "pass"),
    ],
)  # fmt: skip
def test_known_hosts(facts: SshFacts, line: str) -> None:
    assert told(rules.hostkey_changed, facts) == line


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        ({}, "skip: fewer than two addresses presented a host key"),
        ({"192.0.2.1": ("a",)}, "skip: fewer than two addresses presented a host key"),
        ({"192.0.2.1": ("a", "b"), "192.0.2.2": ("a", "b")}, "pass"),
        ({"192.0.2.1": ("a", "b"), "192.0.2.2": ("a", "b"), "192.0.2.3": ("a",)},
         "high: 192.0.2.1: a b, 192.0.2.2: a b, 192.0.2.3: a"),
    ],
)  # fmt: skip
def test_keys_by_address(seen: dict[str, Names], line: str) -> None:
    assert told(rules.hostkey_split, SshFacts(host_keys_by_address=seen)) == line


# -- SSHFP -----------------------------------------------------------------------------------------

PROVEN = key(ED25519, 256, signature_valid=True)
NO_AD = "the resolver did not validate the records by DNSSEC (no AD bit)"
MISMATCH = "no SSHFP record matches ssh-ed25519 SHA256:x"


def record(algorithm: int, kind: int, *, right: bool = True) -> Sshfp:
    fingerprint = {1: "1" * 40, 2: "2" * 64}[kind] if right else "0" * 64
    return Sshfp(algorithm=algorithm, fingerprint_type=kind, fingerprint=fingerprint)


def in_dns(*records: Sshfp, signed: bool | None = True, **more: Any) -> SshFacts:
    return SshFacts(
        **{"host_keys": (PROVEN,), "sshfp": records, "sshfp_authenticated": signed, **more}
    )


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (SshFacts(), "skip: SSHFP was not requested: the target is no name"),
        (SshFacts(unknown={Topic.SSHFP: "SERVFAIL"}), "skip: SERVFAIL"),
        (in_dns(), "not applicable: the name has no SSHFP record"),
        (in_dns(record(4, 2), host_keys=()), "skip: no host key was seen to compare with"),
        (in_dns(record(4, 2)), "pass"), (in_dns(record(4, 2), signed=None), "pass"),
        (in_dns(record(4, 2), record(4, 1)), "pass"),
        (in_dns(record(4, 2), record(4, 2, right=False)), "pass"),
        (in_dns(record(1, 2, right=False)), "pass"),  # of another type of key
        (in_dns(record(4, 1)), "medium: SHA-1 fingerprints only"),
        (in_dns(record(4, 2), signed=False), f"medium: {NO_AD}"),
        (in_dns(record(4, 1), signed=False), f"medium: SHA-1 fingerprints only; {NO_AD}"),
        (in_dns(record(4, 2, right=False)), f"high: {MISMATCH}"),
        (in_dns(record(4, 1, right=False), signed=False),
         f"high: {MISMATCH}; SHA-1 fingerprints only; {NO_AD}"),
        # A fingerprint of the other hash is none.
        (in_dns(Sshfp(algorithm=4, fingerprint_type=1, fingerprint="2" * 64), record(1, 2)),
         f"high: {MISMATCH}"),
        (in_dns(record(4, 2), host_keys=(key(ED25519, 256),)), UNPROVEN),
        (in_dns(record(4, 2), host_keys=(key(ED25519, 256, signature_valid=False),)), UNPROVEN),
        (in_dns(record(4, 2), record(1, 2, right=False),
                host_keys=(PROVEN, key("ssh-rsa", 3072, signature_valid=True))),
         "high: no SSHFP record matches ssh-rsa SHA256:x"),
    ],
)  # fmt: skip
def test_sshfp(facts: SshFacts, line: str) -> None:
    assert told(rules.sshfp, facts) == line


@pytest.mark.parametrize(
    ("kind", "number"),
    [("ssh-rsa", 1), ("ssh-dss", 2), ("ecdsa-sha2-nistp256", 3), ("ecdsa-sha2-nistp521", 3),
     ("ssh-ed25519", 4), ("ssh-ed448", 6)],
)  # fmt: skip
def test_the_numbers_of_iana(kind: str, number: int) -> None:
    seen = (key(kind, 256, signature_valid=True),)
    for asked in (1, 2, 3, 4, 6):
        facts = in_dns(record(asked, 2, right=False), host_keys=seen)
        wrong = f"high: no SSHFP record matches {kind} SHA256:x"
        assert told(rules.sshfp, facts) == (wrong if asked == number else "pass")

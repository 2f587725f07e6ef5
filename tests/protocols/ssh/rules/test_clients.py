"""Clients that cannot connect: the whole verdict, and the table."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from seventh.protocols.ssh.facts import Names, SshFacts
from seventh.protocols.ssh.rules.clients import clients, clients_cut
from seventh.protocols.ssh.rules.examples import offering, ssh_config
from tests.verdicts import fixed, told

ETM, GCM = "hmac-sha2-256-etm@openssh.com", "aes128-gcm@openssh.com"
CHACHA = "chacha20-poly1305@openssh.com"
BOTH = "OpenSSH 9.2, OpenSSH 9.9 and 10.0"
ALL = f"{BOTH}, Go (x/crypto/ssh), libssh 0.10, paramiko 5.1, PuTTY 0.78, JSch 2.28"
CUT = "high: unreachable with default settings: "


def with_ciphers(ciphers: Names, macs: Names, back: Names | None = None) -> SshFacts:
    return offering(
        encryption_algorithms_client_to_server=ciphers,
        encryption_algorithms_server_to_client=ciphers if back is None else back,
        mac_algorithms_client_to_server=macs, mac_algorithms_server_to_client=macs,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (SshFacts(), "skip: no KEXINIT was received"),
        (ssh_config(), "skip: this file does not set it"),
        (offering(), "pass"),
        (offering(kex_algorithms=("curve25519-sha256@libssh.org",)), "pass"),
        (offering(kex_algorithms=("curve25519-sha256",)),
         f"{CUT}paramiko 5.1 (no common key exchange method)"),
        (offering(kex_algorithms=("sntrup761x25519-sha512",)),
         (f"{CUT}Go (x/crypto/ssh), libssh 0.10, paramiko 5.1, PuTTY 0.78, JSch 2.28 (no common "
          "key exchange method)")),
        # What signals extensions is no method.
        (offering(kex_algorithms=("ext-info-s", "kex-strict-s-v00@openssh.com")),
         f"{CUT}{ALL} (no common key exchange method)"),
        (offering(server_host_key_algorithms=("ssh-rsa",)),
         f"{CUT}{BOTH}, libssh 0.10, paramiko 5.1, JSch 2.28 (no common host key algorithm)"),
        (with_ciphers((CHACHA,), ()), f"{CUT}paramiko 5.1, JSch 2.28 (no common cipher)"),
        (with_ciphers((GCM,), ()), "pass"),
        (with_ciphers((GCM,), (), back=(CHACHA,)),
         f"{CUT}paramiko 5.1, JSch 2.28 (no common cipher)"),
        (with_ciphers(("aes256-ctr",), (ETM,)), "pass"),
        # Each client's own first cipher decides whether it needs a MAC.
        (with_ciphers(("aes256-ctr", GCM), ("umac-64@openssh.com",)),
         f"{CUT}paramiko 5.1, PuTTY 0.78 (no common MAC)"),
        (offering(kex_algorithms=("curve25519-sha256",), server_host_key_algorithms=("ssh-rsa",)),
         (f"{CUT}{BOTH}, libssh 0.10, JSch 2.28 (no common host key algorithm); paramiko 5.1 (no "
          "common key exchange method)")),
    ],
)  # fmt: skip
def test_verdicts(facts: SshFacts, line: str) -> None:
    assert told(clients_cut, facts) == line


def test_the_fix_has_every_list_of_a_client() -> None:
    """Not only the first one that is at fault."""
    old = with_ciphers(("aes256-ctr",), ("hmac-sha1-96",))
    assert old.kexinit is not None
    old = replace(old, kexinit=replace(old.kexinit, kex_algorithms=("rsa2048-sha256",)))
    assert fixed(clients_cut, old, "openssh") == (
        f"KexAlgorithms rsa2048-sha256,{CURVES}\nMACs hmac-sha1-96,{ETM}"
    )


CURVES = "curve25519-sha256,curve25519-sha256@libssh.org"


@pytest.mark.parametrize(
    ("facts", "lines"),
    [
        (with_ciphers((CHACHA,), ()), f"Ciphers {CHACHA},aes256-gcm@openssh.com,{GCM}"),
        (offering(kex_algorithms=("sntrup761x25519-sha512", "kex-strict-s-v00@openssh.com")),
         f"KexAlgorithms sntrup761x25519-sha512,{CURVES}"),
        (offering(kex_algorithms=("curve25519-sha256",)), f"KexAlgorithms {CURVES}"),
        (offering(server_host_key_algorithms=("ssh-rsa",)),
         "HostKeyAlgorithms ssh-rsa,ssh-ed25519,rsa-sha2-512,rsa-sha2-256"),
        (with_ciphers(("aes256-ctr",), ("umac-64@openssh.com",)),
         f"MACs umac-64@openssh.com,{ETM}"),
    ],
)  # fmt: skip
def test_the_fix_adds_to_the_lists_that_are_at_fault(facts: SshFacts, lines: str) -> None:
    assert fixed(clients_cut, facts, "openssh") == lines


def test_the_table() -> None:
    """No name twice, no list empty, and nothing that only signals an extension."""
    assert len({client.name for client in clients()}) == len(clients())
    for client in clients():
        for names in (client.kex, client.host_keys, client.ciphers, client.macs):
            assert names and len(set(names)) == len(names)
        assert not [name for name in client.kex if name.startswith(("ext-info", "kex-strict"))]

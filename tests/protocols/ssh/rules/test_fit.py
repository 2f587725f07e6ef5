"""What a client negotiates: each list in its order, and what each side has to add."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from seventh.protocols.ssh.facts import Choice, Names, Proposal, SshFacts
from seventh.protocols.ssh.facts.clients import ClientFit, Kind
from seventh.protocols.ssh.rules.clients import clients_cut
from seventh.protocols.ssh.rules.examples import offering
from seventh.protocols.ssh.rules.fit import fit
from tests.verdicts import fixed, told

CHACHA, GCM, ETM = (
    "chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "hmac-sha2-256-etm@openssh.com",
)  # fmt: skip
ALL: Mapping[Kind, frozenset[str]] = {
    "kex": frozenset(["curve25519-sha256", "diffie-hellman-group1-sha1", "ecdh-sha2-nistp256"]),
    "host-key": frozenset(["ssh-ed25519", "ssh-rsa", "rsa-sha2-512"]),
    "cipher": frozenset([CHACHA, GCM, "aes128-ctr", "3des-cbc"]),
    "mac": frozenset([ETM, "hmac-sha1"]),
}


def proposal(
    kex: Names = ("curve25519-sha256",),
    keys: Names = ("ssh-ed25519",),
    ciphers: Names = ("aes128-ctr",),
    macs: Names = (ETM,),
    compressions: Names = ("none",),
    **changes: Names,
) -> Proposal:
    both = Proposal(
        kex_algorithms=kex,
        server_host_key_algorithms=keys,
        encryption_algorithms_client_to_server=ciphers,
        encryption_algorithms_server_to_client=ciphers,
        mac_algorithms_client_to_server=macs,
        mac_algorithms_server_to_client=macs,
        compression_algorithms_client_to_server=compressions,
        compression_algorithms_server_to_client=compressions,
    )
    return replace(both, **changes)


def fitted(client: Proposal, server: Proposal, *, openssh: bool = True) -> ClientFit:
    return fit(
        "it", client, server,
        server_supports=ALL.__getitem__, client_supports=ALL.__getitem__ if openssh else None,
    )  # fmt: skip


def test_the_clients_first_common_names_are_chosen() -> None:
    client = proposal(
        kex=("ext-info-c", "mlkem768x25519-sha256", "curve25519-sha256", "ecdh-sha2-nistp256"),
        ciphers=("aes128-ctr", GCM), compressions=("zlib@openssh.com", "none"),
    )  # fmt: skip
    server = proposal(
        kex=("ext-info-c", "ecdh-sha2-nistp256", "curve25519-sha256"),
        encryption_algorithms_server_to_client=(GCM,),
    )
    assert fitted(client, server) == ClientFit(
        client="it",
        lists_from="table",
        choice=Choice(
            kex="curve25519-sha256", host_key="ssh-ed25519",
            cipher_client_to_server="aes128-ctr", cipher_server_to_client=GCM,
            mac_client_to_server=ETM, mac_server_to_client="",
            compression_client_to_server="none", compression_server_to_client="none",
        ),
    )  # fmt: skip


def test_a_compression_that_is_not_known_is_not_stated() -> None:
    found = fitted(proposal(compressions=()), proposal(compressions=("zlib@openssh.com",)))
    assert found.choice is not None
    assert found.choice.compression_client_to_server == ""
    assert found.choice.compression_server_to_client == ""


@pytest.mark.parametrize(
    ("client", "server", "lacking", "direction", "server_adds", "client_adds"),
    [
        pytest.param(
            proposal(kex=("curve25519-sha256", "ext-info-c")),
            proposal(kex=("diffie-hellman-group1-sha1", "ext-info-s")), "kex", "",
            {"KexAlgorithms": ("curve25519-sha256",)},
            {"KexAlgorithms": ("diffie-hellman-group1-sha1",)}, id="kex",
        ),
        pytest.param(
            proposal(keys=("rsa-sha2-512", "ssh-ed25519")), proposal(keys=("ssh-rsa",)),
            "host-key", "", {"HostKeyAlgorithms": ("rsa-sha2-512",)},
            {"HostKeyAlgorithms": ("ssh-rsa",)}, id="host key",
        ),
        pytest.param(
            proposal(keys=("ssh-rsa", "ssh-ed25519")), proposal(keys=("ecdsa-sha2-nistp256",)),
            "host-key", "", {"HostKeyAlgorithms": ("ssh-ed25519",)}, {},
            id="not the weak one, and the client supports none",
        ),
        pytest.param(
            proposal(ciphers=("rot13",)), proposal(), "cipher", "client-to-server",
            {}, {"Ciphers": ("aes128-ctr",)}, id="the server supports none",
        ),
        pytest.param(
            proposal(ciphers=("aes128-ctr",)),
            proposal(encryption_algorithms_server_to_client=("3des-cbc",)),
            "cipher", "server-to-client", {"Ciphers": ("aes128-ctr",)},
            {"Ciphers": ("3des-cbc",)}, id="one direction",
        ),
        pytest.param(
            proposal(macs=("hmac-sha1",)), proposal(), "mac", "client-to-server",
            {"MACs": ("hmac-sha1",)}, {"MACs": (ETM,)}, id="a weak one where it is all",
        ),
        pytest.param(
            proposal(ciphers=("aes128-ctr",), macs=("hmac-sha1",)),
            proposal(ciphers=("3des-cbc",)), "cipher", "client-to-server",
            {"Ciphers": ("aes128-ctr",), "MACs": ("hmac-sha1",)},
            {"Ciphers": ("3des-cbc",), "MACs": (ETM,)}, id="two lists",
        ),
        pytest.param(
            proposal(), proposal(compressions=("zlib",)), "compression", "client-to-server",
            {}, {}, id="compression has no list",
        ),
    ],
)  # fmt: skip
def test_the_first_list_without_a_common_name(
    client: Proposal, server: Proposal, lacking: Kind, direction: str,
    server_adds: Mapping[str, Names], client_adds: Mapping[str, Names],
) -> None:  # fmt: skip
    found = fitted(client, server)
    assert (found.choice, found.lacking, found.direction) == (None, lacking, direction)
    assert (found.server_adds, found.client_adds) == (server_adds, client_adds)
    other = fitted(client, server, openssh=False)
    assert other == replace(found, client_adds=None)


def test_both_lists_are_those_that_do_not_meet() -> None:
    found = fitted(
        proposal(kex=("curve25519-sha256", "ext-info-c")),
        proposal(kex=("diffie-hellman-group1-sha1", "kex-strict-s-v00@openssh.com")),
    )
    assert found.client_list == ("curve25519-sha256",)
    assert found.server_list == ("diffie-hellman-group1-sha1",)


GIVEN = ClientFit(
    client="OpenSSH 7.4", lists_from="table", lacking="cipher", direction="client-to-server",
    client_list=("aes128-ctr", "aes128-cbc"), server_list=(GCM,),
    server_adds={"Ciphers": ("aes128-ctr",), "MACs": ("hmac-sha1",)},
    client_adds={"Ciphers": (GCM,)},
)  # fmt: skip
SERVER = offering(
    encryption_algorithms_client_to_server=(GCM,), encryption_algorithms_server_to_client=(GCM,)
)
EVIDENCE = f"OpenSSH 7.4 offers aes128-ctr, aes128-cbc, the server {GCM}"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (replace(SERVER, as_clients=(GIVEN,)),
         f"high: unreachable for --as: OpenSSH 7.4 (no common cipher); {EVIDENCE}"),
        (replace(SERVER, as_clients=(GIVEN, GIVEN)),
         f"high: unreachable for --as: OpenSSH 7.4 (no common cipher); {EVIDENCE}"),
        (replace(SERVER, as_clients=(ClientFit(client="it", lists_from="table"),)), "pass"),
        (replace(SERVER, as_clients=(replace(GIVEN, lacking="compression", server_list=()),)),
         ("high: unreachable for --as: OpenSSH 7.4 (no common compression); OpenSSH 7.4 offers "
          "aes128-ctr, aes128-cbc, the server nothing")),
        (replace(offering(kex_algorithms=("curve25519-sha256",)), as_clients=(GIVEN,)),
         ("high: unreachable with default settings, or for --as: paramiko 5.1 (no common key "
          f"exchange method); OpenSSH 7.4 (no common cipher); {EVIDENCE}")),
    ],
)  # fmt: skip
def test_the_finding(facts: SshFacts, line: str) -> None:
    assert told(clients_cut, facts) == line


@pytest.mark.parametrize(
    ("client_adds", "lines"),
    [
        ({"Ciphers": (GCM,)},
         (f"\n# or, on the client OpenSSH 7.4, first in ssh_config:\n#   Ciphers +{GCM}")),
        ({}, "\n# OpenSSH 7.4 supports nothing that the server offers"),
        (None, ""),
    ],
)  # fmt: skip
def test_the_lines_of_both_sides(client_adds: Mapping[str, Names] | None, lines: str) -> None:
    facts = replace(SERVER, as_clients=(replace(GIVEN, client_adds=client_adds),))
    server = f"Ciphers {GCM},aes128-ctr\nMACs {ETM},hmac-sha1"
    assert fixed(clients_cut, facts, "openssh") == server + lines

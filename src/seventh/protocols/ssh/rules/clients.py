"""The rule on clients that cannot connect; ``clients.toml`` has what each offers by default."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from typing import Literal

import msgspec

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import Names, Proposal, SshFacts
from seventh.protocols.ssh.rules import lists
from seventh.protocols.ssh.rules.algorithms import offer_of
from seventh.protocols.ssh.rules.examples import offering
from seventh.protocols.ssh.wire.ciphers import is_aead
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule
from seventh.wire.table import read_text

Kind = Literal["kex", "host-key", "cipher", "mac"]
_ADDED: Mapping[Kind, tuple[str, Names]] = {
    "kex": ("KexAlgorithms", ("curve25519-sha256", "curve25519-sha256@libssh.org")),
    "host-key": ("HostKeyAlgorithms", ("ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256")),
    "cipher": ("Ciphers", ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com")),
    "mac": ("MACs", ("hmac-sha2-256-etm@openssh.com",)),
}
"""By kind, the directive and what all the clients can use."""


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A client's default offer, its first choices first; the same in both directions."""

    name: str
    kex: Names
    host_keys: Names
    ciphers: Names
    macs: Names

    def lacks(self, offer: Proposal) -> Kind | None:
        """Return the first kind of algorithm that it has none of in common with a server."""
        if not set(self.kex) & set(offer.kex_algorithms):
            return "kex"
        if not set(self.host_keys) & set(offer.server_host_key_algorithms):
            return "host-key"
        directions = (
            (offer.encryption_algorithms_client_to_server, offer.mac_algorithms_client_to_server),
            (offer.encryption_algorithms_server_to_client, offer.mac_algorithms_server_to_client),
        )
        for ciphers, macs in directions:
            cipher = next((name for name in self.ciphers if name in ciphers), None)
            if cipher is None:
                return "cipher"
            if not is_aead(cipher) and not set(self.macs) & set(macs):
                return "mac"
        return None


@functools.cache
def clients() -> tuple[Client, ...]:
    """Return the table of ``clients.toml``."""
    table = tomllib.loads(read_text(__package__, "clients.toml"))
    return msgspec.convert(table["client"], tuple[Client, ...])


@rule(
    "SSH-CLIENTS-CUT",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Current clients have no algorithm in common with the server",
    evidence="unreachable with default settings: {what}",
    phrases={
        "what": {
            "kex": "{kex} (no common key exchange method)",
            "host-key": "{host_key} (no common host key algorithm)",
            "cipher": "{cipher} (no common cipher)",
            "mac": "{mac} (no common MAC)",
        }
    },
    why="Negotiation fails before the login (RFC 4253 §7.1). Users of these clients see only that "
    "no matching method was found, and often enable weak algorithms instead.",
    fix={
        "openssh": "# add to your own lists; `ssh-keygen -A` makes a missing host key\n"
        + "\n".join(f"{directive} {','.join(names)}" for directive, names in _ADDED.values()),
        "any": "Offer at least curve25519-sha256, an Ed25519 or RSA host key with rsa-sha2-512, "
        "aes128-gcm@openssh.com, and hmac-sha2-256-etm@openssh.com.",
    },
    references=("RFC 4253 §7.1",),
    seed=("12.2.2",),
    good=offering(),
    bad=offering(kex_algorithms=("sntrup761x25519-sha512", "kex-strict-s-v00@openssh.com")),
)
def clients_cut(ssh: SshFacts) -> Verdict:
    """Report the clients whose default offer has nothing in common with the server's."""
    offer = offer_of(ssh)
    if isinstance(offer, Skip):
        return offer
    cut: dict[Kind, list[str]] = {}
    for client in clients():
        if (kind := client.lacks(offer)) is not None:
            cut.setdefault(kind, []).append(client.name)
    if not cut:
        return None
    names = {kind.replace("-", "_"): tuple(of_kind) for kind, of_kind in cut.items()}
    lines = (_longer(kind, offer) for kind in cut)
    return Hit(what=tuple(cut), **names).fixed_by("openssh", *lines)


def _longer(kind: Kind, offer: Proposal) -> str:
    """Return the server's own list, and behind it what these clients can use."""
    own = {
        "kex": offer.kex_algorithms, "host-key": offer.server_host_key_algorithms,
        "cipher": offer.ciphers, "mac": offer.macs,
    }[kind]  # fmt: skip
    directive, added = _ADDED[kind]
    return f"{directive} {','.join(dict.fromkeys((*lists.writable(own), *added)))}"

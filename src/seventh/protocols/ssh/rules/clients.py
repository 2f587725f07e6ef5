"""The rule on clients that cannot connect; ``clients.toml`` has what each offers by default."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import Names, Proposal, SshFacts
from seventh.protocols.ssh.facts.clients import ClientFit, Kind
from seventh.protocols.ssh.rules import lists
from seventh.protocols.ssh.rules.algorithms import NOT_IN_FILE, offer_of
from seventh.protocols.ssh.rules.examples import offering
from seventh.protocols.ssh.rules.fit import fields_of
from seventh.protocols.ssh.wire.ciphers import is_aead
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule
from seventh.wire.table import read_text

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
    id: str = msgspec.field(default="", name="as")
    """What ``--as`` takes; empty for an OpenSSH, of which it takes any version."""
    current: bool = True
    """Whether it is judged without ``--as``."""
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
    title="Clients have no algorithm in common with the server",
    evidence="unreachable {settings}: {what}",
    phrases={
        "settings": {
            "default": "with default settings",
            "given": "for --as",
            "both": "with default settings, or for --as",
        },
        "what": {
            "kex": "{kex} (no common key exchange method)",
            "host-key": "{host_key} (no common host key algorithm)",
            "cipher": "{cipher} (no common cipher)",
            "mac": "{mac} (no common MAC)",
            "compression": "{compression} (no common compression)",
            "lists": "{client} offers {client_list}, the server {server_list}",
        },
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
    directives={"openssh": (*(directive for directive, _ in _ADDED.values()), "HostKey")},
    good=offering(),
    bad=offering(kex_algorithms=("sntrup761x25519-sha512", "kex-strict-s-v00@openssh.com")),
)
def clients_cut(ssh: SshFacts) -> Verdict:
    """Report the clients whose default offer has nothing in common with the server's.

    What a file leaves to another one is not judged: its own part may cut clients all the same.
    """
    offer = offer_of(ssh, server_only=True)
    if isinstance(offer, Skip):
        return offer
    others = ssh.config.left_to_others if ssh.config is not None else ()
    cut: dict[Kind, list[str]] = {}
    for client in clients():
        if client.current and (kind := _cut_by(client, offer, others)) is not None:
            cut.setdefault(kind, []).append(client.name)
    adds = _added(offer, others)
    settings = "both" if cut else "given"
    given = [each for each in ssh.as_clients if each.lacking is not None]
    for each in given:
        assert each.lacking is not None  # noqa: S101 - those alone are in the list
        names_cut = cut.setdefault(each.lacking, [])
        if each.client not in names_cut:
            names_cut.append(each.client)
        for directive, names in each.server_adds.items():
            adds[directive] = tuple(dict.fromkeys((*adds.get(directive, ()), *names)))
    if not cut:
        left = any(directive in others for directive, _ in _ADDED.values())
        return NOT_IN_FILE if left else None
    where = (*adds, *(["HostKey"] if "host-key" in cut else []))
    by_kind = {kind.replace("-", "_"): tuple(of_kind) for kind, of_kind in cut.items()}
    if not given:
        hit = Hit(settings="default", what=tuple(cut), **by_kind).at(*where)
        return _fixed(hit, offer, adds, given)
    first = given[0]
    hit = Hit(
        settings=settings, what=(*cut, "lists"), client=first.client,
        client_list=first.client_list, server_list=first.server_list or ("nothing",), **by_kind,
    )  # fmt: skip
    return _fixed(hit.at(*where), offer, adds, given)


def _cut_by(client: Client, offer: Proposal, others: Sequence[str]) -> Kind | None:
    """Return the first list without a common name, unless another file decides it."""
    kind = client.lacks(offer)
    return None if kind is None or _decided_by(kind) & set(others) else kind


def _decided_by(kind: Kind) -> set[str]:
    """Return the directives that decide it: a MAC is needed for some ciphers only."""
    return {_ADDED[kind][0], *(("Ciphers",) if kind == "mac" else ())}


def _added(offer: Proposal, others: Sequence[str]) -> dict[str, Names]:
    """Return by directive what the current clients need, in all lists that are at fault."""
    kinds: dict[Kind, None] = {}
    while new := _lacked(offer, others) - set(kinds):
        for kind in (each for each in _ADDED if each in new):
            kinds[kind] = None
            fields, added = fields_of(kind), _ADDED[kind][1]
            offer = replace(offer, **{each: (*getattr(offer, each), *added) for each in fields})
    return dict(_ADDED[kind] for kind in _ADDED if kind in kinds)


def _lacked(offer: Proposal, others: Sequence[str]) -> set[Kind]:
    found = (_cut_by(client, offer, others) for client in clients() if client.current)
    return {kind for kind in found if kind is not None}


def _fixed(hit: Hit, offer: Proposal, adds: Mapping[str, Names], given: Sequence[ClientFit]) -> Hit:
    """Add the server's lines, and for each client of ``--as`` those of its ssh_config."""
    lines = [_longer(directive, added, offer) for directive, added in adds.items()]
    for each in given:
        if each.client_adds:
            lines.append(f"# or, on the client {each.client}, first in ssh_config:")
            lines += [f"#   {name} +{','.join(add)}" for name, add in each.client_adds.items()]
        elif each.client_adds is not None:
            lines.append(f"# {each.client} supports nothing that the server offers")
    return hit.fixed_by("openssh", *lines)


def _longer(directive: str, added: Names, offer: Proposal) -> str:
    """Return the server's own list, and behind it what these clients can use."""
    own = {
        "KexAlgorithms": offer.kex_algorithms,
        "HostKeyAlgorithms": offer.server_host_key_algorithms,
        "Ciphers": offer.ciphers, "MACs": offer.macs,
    }[directive]  # fmt: skip
    return f"{directive} {','.join(dict.fromkeys((*lists.writable(own), *added)))}"

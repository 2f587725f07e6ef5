"""What a client negotiates with a server, and what each side has to add where it cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from seventh.protocols.ssh.facts import Names, Proposal
from seventh.protocols.ssh.facts.clients import ClientFit, Direction, Evaluator, Kind
from seventh.protocols.ssh.rules import names as algorithms
from seventh.protocols.ssh.wire.exchange import MARKERS, NoCommonError, negotiate

_FIELDS: Mapping[str, tuple[Kind, Direction]] = {
    "kex_algorithms": ("kex", ""),
    "server_host_key_algorithms": ("host-key", ""),
    "encryption_algorithms_client_to_server": ("cipher", "client-to-server"),
    "encryption_algorithms_server_to_client": ("cipher", "server-to-client"),
    "mac_algorithms_client_to_server": ("mac", "client-to-server"),
    "mac_algorithms_server_to_client": ("mac", "server-to-client"),
    "compression_algorithms_client_to_server": ("compression", "client-to-server"),
    "compression_algorithms_server_to_client": ("compression", "server-to-client"),
}
"""By name of a KEXINIT's list: what it lists, and the direction if each has its own."""
DIRECTIVES: Mapping[Kind, str] = {
    "kex": "KexAlgorithms", "host-key": "HostKeyAlgorithms", "cipher": "Ciphers", "mac": "MACs",
}  # fmt: skip
"""The directive of sshd_config and ssh_config for each kind of list."""
_WEAK: Mapping[Kind, tuple[tuple[str, str], ...]] = {
    "kex": (("kex", "weak"),), "cipher": (("cipher", "weak"),), "mac": (("mac", "weak"),),
    "host-key": (("host_key", "weak"), ("host_key", "sha1")),
}  # fmt: skip
Supports = Callable[[Kind], frozenset[str]]


def fit(
    name: str,
    client: Proposal,
    server: Proposal,
    *,
    server_supports: Supports,
    client_supports: Supports | None,
    lists_from: Evaluator = "table",
) -> ClientFit:
    """Negotiate as the client would.

    ``server_supports`` and ``client_supports`` are what each side's program can be told to use,
    None for a client that is not OpenSSH.
    """
    unstated = not client.compressions
    if unstated:
        client = replace(
            client,
            compression_algorithms_client_to_server=server.compression_algorithms_client_to_server,
            compression_algorithms_server_to_client=server.compression_algorithms_server_to_client,
        )
    lack = _lack(client, server)
    if lack is None:
        choice = negotiate(client, server)
        if unstated:
            choice = replace(
                choice, compression_client_to_server="", compression_server_to_client=""
            )
        return ClientFit(client=name, lists_from=lists_from, choice=choice)
    kind, direction = _FIELDS[lack.field]
    client_adds = None
    if client_supports is not None:
        client_adds = _additions(client, server, client_supports, to_server=False)
    return ClientFit(
        client=name,
        lists_from=lists_from,
        lacking=kind,
        direction=direction,
        client_list=tuple(each for each in lack.client if each not in MARKERS),
        server_list=tuple(each for each in lack.server if each not in MARKERS),
        server_adds=_additions(client, server, server_supports, to_server=True),
        client_adds=client_adds,
    )


def fields_of(kind: Kind) -> Names:
    """Return the names of the lists of a kind: both directions' have one directive."""
    return tuple(field for field, (other, _) in _FIELDS.items() if other == kind)


def _lack(client: Proposal, server: Proposal) -> NoCommonError | None:
    try:
        negotiate(client, server)
    except NoCommonError as error:
        return error
    return None


def _additions(
    client: Proposal, server: Proposal, supports: Supports, *, to_server: bool
) -> Mapping[str, Names]:
    """Return what one side has to add, by directive, until both agree; empty where it cannot."""
    adds: dict[str, Names] = {}
    while (lack := _lack(client, server)) is not None:
        kind, _ = _FIELDS[lack.field]
        name = _best(kind, lack.client if to_server else lack.server, supports)
        if name is None:
            return {}
        adds[DIRECTIVES[kind]] = (*adds.get(DIRECTIVES[kind], ()), name)
        side = server if to_server else client
        side = replace(side, **{each: (*getattr(side, each), name) for each in fields_of(kind)})
        client, server = (client, side) if to_server else (side, server)
    return adds


def _best(kind: Kind, wanted: Names, supports: Supports) -> str | None:
    """Return the first name that is supported and not weak, else the first that is supported."""
    usable = [name for name in wanted if kind in DIRECTIVES and name in supports(kind)]
    strong = [
        name for name in usable
        if not any(algorithms.remark(*table, name) for table in _WEAK[kind])
    ]  # fmt: skip
    return next(iter([*strong, *usable]), None)

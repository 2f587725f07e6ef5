"""The clients of ``--as``: their lists, and what they negotiate with the server's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from seventh.net.probe_context import ProbeContext
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.preferences import Preferences, read_preferences
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.clients import Kind
from seventh.protocols.ssh.rules.fit import fit

_KINDS = {"kex": "kex", "host-key": "key", "cipher": "cipher", "mac": "mac"}
"""The table of algorithms for each kind of list."""


async def read_clients(ctx: ProbeContext) -> Sequence[Preferences]:
    """Return what each client offers to this target. Raises UsageError."""
    given = dict.fromkeys(ctx.options.as_clients)
    return [await read_preferences(text, ctx.target, ctx.options) for text in given]


def judge_clients(ctx: ProbeContext, clients: Sequence[Preferences]) -> None:
    """Learn what each client negotiates, if the server's offer is known."""
    notes = ctx.notes(SshFacts)
    server = notes.facts.kexinit
    if server is None:
        return
    match = re.match(r"OpenSSH_(\d+)\.(\d+)", notes.facts.software or "")
    version = (int(match[1]), int(match[2])) if match else directives.newest().version
    notes.learn(
        as_clients=tuple(
            fit(
                client.name,
                client.offer,
                server,
                server_supports=partial(_supported, version),
                client_supports=partial(_supported, client.openssh) if client.openssh else None,
                lists_from=client.lists_from,
            )
            for client in clients
        )
    )


def _supported(version: directives.Version, kind: Kind) -> frozenset[str]:
    return directives.supported(_KINDS[kind], version)

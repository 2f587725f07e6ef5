"""What clients of ``--as`` negotiate with the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from seventh.protocols.ssh.facts.choice import Choice, Names

Kind = Literal["kex", "host-key", "cipher", "mac", "compression"]
Direction = Literal["", "client-to-server", "server-to-client"]
Evaluator = Literal["table", "ssh -G", "ssh_config"]
"""Where a client's lists are from: a table of defaults, ``ssh -G``, or Seventh's own reading of
ssh_config with the defaults of the newest OpenSSH."""


class ClientFit(msgspec.Struct, frozen=True, kw_only=True):
    """One client and what it negotiates, or the first list without a common name."""

    client: str
    lists_from: Evaluator
    choice: Choice | None = None
    """None where negotiation fails; without compression where that of the client is not known."""
    lacking: Kind | None = None
    """The first list in the order of RFC 4253 §7.1 that has no name in common."""
    direction: Direction = ""
    """The direction of a list that each direction has of its own."""
    client_list: Names = ()
    server_list: Names = ()
    server_adds: Mapping[str, Names] = {}
    """By directive of sshd_config: what the server has to offer besides, in all its lists; empty
    where OpenSSH supports nothing that the client offers."""
    client_adds: Mapping[str, Names] | None = None
    """By directive of ssh_config: what the client has to; None where it is not OpenSSH, empty where
    its version supports nothing that the server offers."""

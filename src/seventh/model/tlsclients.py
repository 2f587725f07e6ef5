"""What clients of ``--as`` negotiate with a TLS server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

TlsList = Literal["version", "suite", "group", "signature"]


class TlsChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What the server selects from a ClientHello."""

    version: str
    suite: str
    group: str = ""
    """Empty for a key exchange without one, and where the server did not show it."""


class TlsFit(msgspec.Struct, frozen=True, kw_only=True):
    """One client, and what the server selects from its ClientHello or why it refuses it."""

    client: str
    choice: TlsChoice | None = None
    lacking: TlsList | None = None
    """The list that has nothing in common; None also where the refusal has another cause."""
    client_list: tuple[str, ...] = ()
    server_list: tuple[str, ...] = ()
    """What is known of the server's."""
    client_sets: Mapping[str, str] = {}
    """The settings of the client's openssl.cnf that add what the server has; empty where there are
    none, or where the client has no such file."""
    detail: str = ""
    """The server's alert, or why nothing was learnt."""
    lists_from: Literal["table"] = "table"

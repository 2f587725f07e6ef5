"""The outcome of a negotiation."""

from __future__ import annotations

import msgspec

Names = tuple[str, ...]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The algorithms that two offers agree on: the client's first that the server has (§7.1).

    A MAC is empty if the cipher authenticates by itself.
    """

    kex: str
    host_key: str
    cipher_client_to_server: str
    cipher_server_to_client: str
    mac_client_to_server: str
    mac_server_to_client: str
    compression_client_to_server: str
    compression_server_to_client: str

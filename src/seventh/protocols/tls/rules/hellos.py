"""The ClientHellos of ``hellos.toml``, and the clients that ``--as`` takes."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from seventh.model.failure import UsageError
from seventh.model.near import unknown
from seventh.wire import tlshello
from seventh.wire import tlsnames as n
from seventh.wire.reader import vector
from seventh.wire.table import read_text

Codes = tuple[int, ...]
_ANY_SUITE = tuple(n.SUITES)
_ANY_GROUP = tuple(n.GROUPS)


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """A client's ClientHello, by the numbers of IANA's registries."""

    id: str
    """What ``--as`` takes."""
    name: str
    versions: Codes
    """Newest first."""
    least: int
    """The oldest version with which it completes a handshake."""
    suites: Codes
    groups: Codes
    signatures: Codes
    openssl_cnf: bool = False
    """Whether openssl.cnf sets its versions and suites."""

    def encode(self, random: bytes, server_name: str | None) -> bytes:
        """Return it as a record, without a key share: the server then names the group."""
        extensions = [tlshello.server_name(server_name)] if server_name is not None else []
        extensions += [
            tlshello.u16_list(n.SUPPORTED_GROUPS, self.groups),
            (n.EC_POINT_FORMATS, vector(1, b"\x00")),
            tlshello.u16_list(n.SIGNATURE_ALGORITHMS, self.signatures),
            (n.EXTENDED_MASTER_SECRET, b""),
            (n.SESSION_TICKET, b""),
        ]
        if n.TLS13 in self.versions:
            extensions += [
                tlshello.u16_list(n.SUPPORTED_VERSIONS, self.versions, width=1),
                (n.KEY_SHARE, vector(2, b"")),
            ]
        hello = tlshello.ClientHello(
            version=n.TLS12,
            random=random,
            session_id=random if n.TLS13 in self.versions else b"",
            suites=(*self.suites, n.RENEGOTIATION_SCSV),
            extensions=tuple(extensions),
        )
        return tlshello.record(n.HANDSHAKE, tlshello.encode_client_hello(hello))

    def wider(self, *lists: str) -> Hello:
        """Return a copy that offers everything in these lists, its own first."""
        every = {"suites": _ANY_SUITE, "groups": _ANY_GROUP,
                 "signatures": tlshello.SIGNATURE_SCHEMES}  # fmt: skip
        changes: dict[str, Any] = {
            name: tuple(dict.fromkeys((*getattr(self, name), *every[name]))) for name in lists
        }
        return replace(self, **changes)


@functools.cache
def hellos() -> tuple[Hello, ...]:
    """Return the rows of ``hellos.toml``."""
    rows = tomllib.loads(read_text(__package__, "hellos.toml"))["client"]
    return tuple(
        Hello(
            id=row["as"],
            name=row["name"],
            versions=_codes(row["versions"]),
            least=int(row.get("least", row["versions"].split()[-1]), 16),
            suites=_codes(row["suites"]),
            groups=_codes(row["groups"]),
            signatures=_codes(row["signatures"]),
            openssl_cnf=row.get("openssl_cnf", False),
        )
        for row in rows
    )


def _codes(text: str) -> Codes:
    return tuple(int(code, 16) for code in text.split())


def hello_of(text: str) -> Hello:
    """Return the client that ``--as`` names, with or without its version; UsageError for none.

    Without a version it is the newest one of the table.
    """
    every: Sequence[Hello] = hellos()
    wanted = text.lower()
    found = [row for row in every if wanted in {row.id, row.id.partition("=")[0]}]
    if not found:
        names = [row.id for row in every]
        raise UsageError(f"--as: {unknown('TLS client', text, names)}")
    return found[-1]

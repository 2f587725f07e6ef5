"""A TLS session, stored for another connection to resume (RFC 9846 §2.2)."""

from __future__ import annotations

import msgspec
from OpenSSL import SSL


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session to resume, with the certificates it was created with, as DER."""

    engine_session: SSL.Session
    context: SSL.Context
    certificates: tuple[bytes, ...]
    errors: tuple[tuple[int, int], ...] = ()
    """What was wrong with them; a resumed handshake does not verify again."""

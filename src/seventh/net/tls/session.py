"""A TLS session, stored for another connection to resume (RFC 9846 §2.2)."""

from __future__ import annotations

import functools

import msgspec
from OpenSSL import SSL

from seventh.wire import tlshello


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session to resume, with the certificates it was created with, as DER."""

    engine_session: SSL.Session
    context: SSL.Context
    certificates: tuple[bytes, ...]
    errors: tuple[tuple[int, int], ...] = ()
    """What was wrong with them; a resumed handshake does not verify again."""


@functools.lru_cache(maxsize=512)
def certificates_in(body: bytes, version: int) -> tuple[bytes, ...]:
    """Return the certificates of a Certificate message; recurring checks get the same one."""
    return tlshello.certificates(body, version)[0]

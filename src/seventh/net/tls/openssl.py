"""The OpenSSL calls without public names in pyOpenSSL. All private use is in this file.

They come through the binding that the ``cryptography`` wheel carries. Each is looked up with a
guard: where one is missing, the fact that it would have given stays "not learnt".
"""

from __future__ import annotations

import functools
import weakref
from typing import Any

from OpenSSL import SSL, _util

from seventh.wire import tlsnames as n

_lib: Any = _util.lib
_ffi: Any = _util.ffi
_MAX_TAPPED = 128 * 1024
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h."""
_NO_ANTI_REPLAY = 1 << 24
"""SSL_OP_NO_ANTI_REPLAY of OpenSSL's ssl.h."""
_anywhere: Any = _ffi.new("char **")
"""Where OpenSSL says that a memory BIO's bytes lie; only their number is asked for."""


class Tap:
    """The decrypted handshake messages and alerts of one connection."""

    __slots__ = ("__weakref__", "_room", "alerts_received", "alerts_sent", "messages")

    def __init__(self) -> None:
        self.messages: list[tuple[int, bytes]] = []
        """(type, body) of each handshake message received."""
        self.alerts_received: list[tuple[int, int]] = []
        self.alerts_sent: list[tuple[int, int]] = []
        self._room = _MAX_TAPPED

    def first(self, kind: int) -> bytes | None:
        """Return the body of the first message of that type."""
        return next((body for found, body in self.messages if found == kind), None)

    def every(self, kind: int) -> list[bytes]:
        """Return the bodies of all messages of that type."""
        return [body for found, body in self.messages if found == kind]

    def take(self, sent: bool, kind: int, data: bytes) -> None:
        """Store a message, up to a bound; the engine's callback."""
        if kind == n.ALERT and len(data) == 2:
            alerts = self.alerts_sent if sent else self.alerts_received
            if len(alerts) < 8:
                alerts.append((data[0], data[1]))
        elif kind == n.HANDSHAKE and not sent and len(data) >= 4 and len(data) <= self._room:
            self._room -= len(data)
            self.messages.append((data[0], data[4:]))


_taps: weakref.WeakValueDictionary[int, Tap] = weakref.WeakValueDictionary()


def _key(ssl: Any) -> int:
    return int(_ffi.cast("uintptr_t", ssl))


def _on_message(
    sent: int, _version: int, kind: int, data: Any, length: int, ssl: Any, _arg: Any
) -> None:
    if kind in {n.ALERT, n.HANDSHAKE}:
        tap = _taps.get(_key(ssl))
        if tap is not None:
            tap.take(bool(sent), kind, _ffi.buffer(data, length)[:])


# Kept for the life of the process: OpenSSL calls it as long as any context lives.
_callback = _ffi.callback("void(int, int, int, void *, size_t, SSL *, void *)", _on_message)


def let_tap(context: SSL.Context) -> None:
    """Make the context's connections report their messages to a :class:`Tap`."""
    _lib.SSL_CTX_set_msg_callback(context._context, _callback)


def tap(engine: SSL.Connection) -> Tap:
    """Return a tap on ``engine``; it works as long as the caller keeps it."""
    made = Tap()
    _taps[_key(engine._ssl)] = made
    return made


def resumed(engine: SSL.Connection) -> bool:
    """Return whether the handshake resumed an earlier session."""
    return bool(_lib.SSL_session_reused(engine._ssl))


def verify_result(engine: SSL.Connection) -> int:
    """Return the X509_V_ code of the chain's first error; 0 when it verified."""
    return int(_lib.SSL_get_verify_result(engine._ssl))


def verify_text(code: int) -> str:
    """Return OpenSSL's text for an X509_V_ code."""
    text: bytes = _ffi.string(_lib.X509_verify_cert_error_string(code))
    return text.decode("ascii", "replace")


def verify_servers(context: SSL.Context, *, at_any_time: bool) -> None:
    """Make the context's store judge a chain as a client's handshake does, without a handshake."""
    store = _lib.SSL_CTX_get_cert_store(context._context)
    _lib.X509_STORE_set_purpose(store, _lib.X509_PURPOSE_SSL_SERVER)
    if at_any_time:
        _lib.X509_STORE_set_flags(store, _NO_CHECK_TIME)


def set_groups(context: SSL.Context, groups: str) -> bool:
    """Prefer these key-exchange groups (``A:B``); False where the engine lacks one of them."""
    return _succeeded(_lib.SSL_CTX_set1_curves_list(context._context, groups.encode()))


def set_signatures(context: SSL.Context, algorithms: str) -> bool:
    """Accept these signature algorithms only (``A:B``); False where the engine cannot."""
    choose = getattr(_lib, "SSL_CTX_set1_sigalgs_list", None)
    return choose is not None and _succeeded(choose(context._context, algorithms.encode()))


def _succeeded(done: int) -> bool:
    """Return whether a call gave 1; the error that another result leaves is cleared."""
    if done != 1:
        _lib.ERR_clear_error()
    return bool(done == 1)


def has_output(engine: SSL.Connection) -> bool:
    """Return whether the engine has output; reading without any would raise an exception."""
    return bool(_lib.BIO_get_mem_data(engine._from_ssl, _anywhere) > 0)


def has_input(engine: SSL.Connection) -> bool:
    """Return whether the engine has unread input."""
    return bool(_lib.BIO_get_mem_data(engine._into_ssl, _anywhere) > 0)


def offer_protocols(engine: SSL.Connection, names: tuple[str, ...]) -> None:
    """Offer these application protocols (ALPN, RFC 7301)."""
    listed = _protocols(names)
    _lib.SSL_set_alpn_protos(engine._ssl, listed, len(listed))


@functools.lru_cache(maxsize=64)
def _protocols(names: tuple[str, ...]) -> bytes:
    return b"".join(bytes([len(name)]) + name.encode("ascii") for name in names)


def offer_early_data(engine: SSL.Connection, data: bytes = b"") -> bool:
    """Offer early data with the session that ``engine`` was given, and send ``data`` in it.

    The server answers the offer in EncryptedExtensions, so nothing needs to be sent in it.
    """
    write = getattr(_lib, "SSL_write_early_data", None)
    if write is None:
        return False
    return _succeeded(write(engine._ssl, data, len(data), _ffi.new("size_t *")))


def allow_early_data(context: SSL.Context, size: int) -> None:
    """Allow ``size`` bytes of early data in the tickets of a server's context."""
    _lib.SSL_CTX_set_max_early_data(context._context, size)


def allow_replays(context: SSL.Context) -> None:
    """Accept the same early data again: tickets of a server's context are not single-use."""
    context.set_options(_NO_ANTI_REPLAY)


def take_early_data(engine: SSL.Connection) -> tuple[bool, bytes]:
    """Read early data as a server; return whether that was all, and the data."""
    room = _ffi.new("char[]", 4096)
    read = _ffi.new("size_t *")
    done = _lib.SSL_read_early_data(engine._ssl, room, 4096, read)
    if done == 0:
        _lib.ERR_clear_error()
    # SSL_READ_EARLY_DATA_SUCCESS is 1, SSL_READ_EARLY_DATA_FINISH is 2.
    return bool(done == 2), bytes(_ffi.buffer(room, read[0])) if done else b""

"""Who is logged in: tokens, cookies, and the proof that a form is of our own page.

A cookie is all that a browser keeps; what it stands for is kept here, so that a restart or a logout
ends it. Where no login is needed a cookie only ties forms to the browser that got them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection
from http.cookies import CookieError, SimpleCookie

from seventh.serve.limits import Rates

COOKIE = "seventh_session"
LIFE_SECONDS = 12 * 3600
_MOST = 1000
"""Sessions at once; the oldest ends."""
_WRONG = 0.2, 10.0
"""Wrong tokens a second of one client, and at once."""
_SALT = 8


class TooManyError(Exception):
    """A client that gave too many wrong tokens."""


def token_hash(token: str) -> str:
    """Return what is kept of a token: its SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def is_among(tokens: Collection[str], token: str) -> bool:
    """Return whether the hash of a token is one of ``tokens``."""
    digest = token_hash(token)
    # Every hash is compared, so that the time tells nothing.
    matches = [hmac.compare_digest(digest, each.lower()) for each in tokens]
    return any(matches)


def cookie_of(header: str) -> str:
    """Return the value of our cookie in a Cookie field; empty without it."""
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel is not None else ""


class Sessions:
    """The tokens that are accepted, and who has given one; ``now`` returns seconds."""

    def __init__(self, tokens: Collection[str], now: Callable[[], float]) -> None:
        """Accept ``tokens``, given as hashes."""
        self._tokens = [*tokens]
        self._now = now
        self._wrong = Rates(*_WRONG)
        self._open: OrderedDict[str, float] = OrderedDict()
        """Until when each session lasts, by the hash of its cookie."""
        self._key = secrets.token_bytes(32)

    @property
    def has_tokens(self) -> bool:
        """Whether there is a token at all."""
        return bool(self._tokens)

    def accept(self, tokens: Collection[str]) -> None:
        """Accept other tokens from now on; the sessions of others end."""
        if {*tokens} != {*self._tokens}:
            self._tokens = [*tokens]
            self._open.clear()

    def knows(self, token: str, client: str, also: Collection[str] = ()) -> bool:
        """Return whether a token is accepted, or is one of ``also``; raises TooManyError."""
        now = self._now()
        if self._wrong.left(client, now) < 1:
            raise TooManyError
        known = is_among([*self._tokens, *also], token)
        if not known:
            self._wrong.take(client, now)
        return known

    def begin(self) -> str:
        """Return the cookie of a new session."""
        cookie = secrets.token_urlsafe(32)
        self._open[token_hash(cookie)] = self._now() + LIFE_SECONDS
        if len(self._open) > _MOST:
            self._open.popitem(last=False)
        return cookie

    def end(self, cookie: str) -> None:
        """End a session."""
        self._open.pop(token_hash(cookie), None)

    def is_open(self, cookie: str) -> bool:
        """Return whether a cookie is that of a session that lasts."""
        return bool(cookie) and self._open.get(token_hash(cookie), 0.0) > self._now()

    def proof(self, cookie: str) -> str:
        """Return what a form for this browser contains; it differs each time.

        A secret that is always the same could be guessed from the length of compressed pages.
        """
        salt = secrets.token_hex(_SALT)
        return salt + self._signed(salt, cookie)

    def is_proof(self, cookie: str, proof: str) -> bool:
        """Return whether a form was made for the browser that sends it."""
        salt, signed = proof[: 2 * _SALT], proof[2 * _SALT :]
        return bool(cookie) and hmac.compare_digest(
            signed.encode("utf-8", "replace"), self._signed(salt, cookie).encode()
        )

    def _signed(self, salt: str, cookie: str) -> str:
        text = f"{salt}\0{cookie}".encode("utf-8", "replace")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()

"""The opening handshake (RFC 6455 §4.1, RFC 8441 §5, RFC 9220 §3): its request, and the judgement.

Every word of the response is held against the standard here; nothing is left to a library's taste.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from typing import Literal
from urllib.parse import quote

import msgspec
from websockets.exceptions import InvalidHeader
from websockets.headers import parse_extension, parse_subprotocol

from seventh.model.target import Target
from seventh.protocols.websocket.wire.deflate import OFFER, Deflate, agreed
from seventh.web.message import Fields, Request, Response
from seventh.wire.text import printable

VERSION = 13
DEFLATE = "permessage-deflate"
MAX_EXTENSIONS = 8
"""As many are looked at; nobody agrees on more."""
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEPT = "/?:@!$&'()*+,;=-._~%[]"
_PORTS = {"ws": 80, "wss": 443}
_SITES = {"ws": "http", "wss": "https"}

Accept = Literal["right", "wrong", "missing", "not-used"]


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a handshake offers."""

    key: str
    subprotocols: tuple[str, ...] = ()
    deflate: bool = False


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A response that switches protocols, held against the standard."""

    accept: Accept
    subprotocol: str | None
    extensions: tuple[str, ...]
    """As they stand in the response, each with its parameters."""
    foreign_subprotocol: str | None
    """One that was not offered."""
    foreign_extensions: tuple[str, ...]
    """Extensions, or parameters of them, that were not offered or are wrong."""
    problems: tuple[str, ...]
    """Whatever else breaks the letter, one sentence each."""
    oddities: tuple[str, ...]
    """What the standard forbids or browsers refuse, though a client may go on."""
    deflate: Deflate | None
    """Ready to be used by the frames, where it was agreed on."""
    no_context_takeover: bool | None
    """Whether the server forgets its compression window after each message; None without one."""

    @property
    def sound(self) -> bool:
        """Whether a client may go on (§4.1: otherwise it must fail the connection)."""
        return (
            self.accept in {"right", "not-used"}
            and self.foreign_subprotocol is None
            and not self.foreign_extensions
            and not self.problems
        )


def authority(target: Target) -> str:
    """Host and port as they stand in Host and Origin: without the scheme's own port."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == _PORTS.get(target.scheme) else f"{host}:{target.port}"


def own_origin(target: Target) -> str:
    """Return the origin of a page on the target's own site (RFC 6454 §6.2)."""
    return f"{_SITES[target.scheme]}://{authority(target)}"


def resource(target: Target) -> str:
    """The request's path and query (§3): never empty, without a fragment, percent-encoded."""
    path = target.path.partition("#")[0]
    if not path.startswith("/"):
        path = f"/{path}"
    return quote(path, safe=_KEPT)


def new_key() -> str:
    """Sixteen random bytes in base64 (§4.1 item 7)."""
    return base64.b64encode(os.urandom(16)).decode("ascii")


def accept_of(key: str) -> str:
    """Return the Sec-WebSocket-Accept that ``key`` must be answered with (§4.2.2 item 5.4)."""
    digest = hashlib.sha1(key.encode("ascii") + _GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


def key_is_sound(key: str) -> bool:
    """Return whether a request's Sec-WebSocket-Key is sixteen bytes in base64 (§4.2.1 item 5)."""
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def opening(
    target: Target,
    offer: Offer,
    *,
    over: Literal["1.1", "2", "3"] = "1.1",
    origin: str | None = None,
    fields: Fields = (),
    version: int = VERSION,
) -> Request:
    """Return the handshake's request; of HTTP/2 and HTTP/3 an extended CONNECT without a key."""
    own: list[tuple[str, str]] = []
    if over == "1.1":
        own.append(("Sec-WebSocket-Key", offer.key))
    own.append(("Sec-WebSocket-Version", str(version)))
    if origin is not None:
        own.append(("Origin", origin))
    if offer.subprotocols:
        own.append(("Sec-WebSocket-Protocol", ", ".join(offer.subprotocols)))
    if offer.deflate:
        own.append(("Sec-WebSocket-Extensions", OFFER))
    return Request(
        method="GET" if over == "1.1" else "CONNECT",
        scheme="https" if target.scheme == "wss" else "http",
        authority=authority(target),
        path=resource(target),
        headers=(*own, *fields),
        protocol="websocket",
    )


def judge(response: Response, offer: Offer) -> Judged:
    """Hold a 101, or a 2xx to an extended CONNECT, against §4.1 and RFC 8441 §5."""
    problems: list[str] = []
    if response.version in {"2", "3"}:
        accept: Accept = "not-used"
    else:
        accept = _accept(response, offer)
        problems += _switching(response)
    subprotocol, foreign = _subprotocol(response, offer, problems)
    extensions, strangers, deflate, forgets = _extensions(response, offer)
    return Judged(
        accept=accept,
        subprotocol=subprotocol,
        extensions=extensions,
        foreign_subprotocol=foreign,
        foreign_extensions=strangers,
        problems=tuple(problems),
        oddities=_oddities(response, offer),
        deflate=deflate,
        no_context_takeover=forgets,
    )


def _accept(response: Response, offer: Offer) -> Accept:
    said = response.every("sec-websocket-accept")
    if not said:
        return "missing"
    return "right" if [value.strip() for value in said] == [accept_of(offer.key)] else "wrong"


def _switching(response: Response) -> list[str]:
    """Return what a 101 must say besides the key's answer (§4.1 items 2 and 3, RFC 9110 §7.8)."""
    problems: list[str] = []
    if response.version != "1.1":
        problems.append(f"the 101 is HTTP/{response.version}, which cannot upgrade")
    upgrade = response.listed("upgrade")
    if upgrade != ("websocket",):
        said = printable(", ".join(upgrade), 60) or "nothing"
        problems.append(f"Upgrade says {said}, not websocket (RFC 6455 §4.1)")
    if "upgrade" not in response.listed("connection"):
        said = printable(", ".join(response.listed("connection")), 60) or "nothing"
        problems.append(f"Connection says {said}, not Upgrade (RFC 6455 §4.1)")
    return problems


def _oddities(response: Response, offer: Offer) -> tuple[str, ...]:
    """Return what a client may overlook, and others on the way may not."""
    odd: list[str] = []
    if response.version in {"1.0", "1.1"}:
        odd += [
            f"the 101 has {name}, which no 1xx response may"
            for name in ("Content-Length", "Transfer-Encoding")
            if response.get(name.lower()) is not None
        ]
        if "close" in response.listed("connection"):
            odd.append("Connection says close beside Upgrade")
        raw = response.raw_head
        if b"\n " in raw or b"\n\t" in raw:
            odd.append("a field is folded over two lines (RFC 9112 §5.2)")
        if raw.count(b"\n") != raw.count(b"\r\n"):
            odd.append("a line ends with LF alone (RFC 9112 §2.2)")
    if offer.subprotocols and response.get("sec-websocket-protocol") is None:
        odd.append("none of the offered subprotocols is chosen: browsers fail the connection")
    return tuple(odd)


def _subprotocol(
    response: Response, offer: Offer, problems: list[str]
) -> tuple[str | None, str | None]:
    """Return the chosen subprotocol, and the one that was not offered (§4.1 item 6)."""
    said = response.every("sec-websocket-protocol")
    if not said:
        return None, None
    try:
        chosen = [str(name) for value in said for name in parse_subprotocol(value)]
    except InvalidHeader:
        problems.append("Sec-WebSocket-Protocol is no token (RFC 6455 §4.2.2)")
        return None, None
    if len(chosen) != 1:
        problems.append(f"{len(chosen)} subprotocols are chosen, not one (RFC 6455 §4.2.2)")
        return None, None
    name = printable(chosen[0], 80)
    return name, None if chosen[0] in offer.subprotocols else name


def _extensions(
    response: Response, offer: Offer
) -> tuple[tuple[str, ...], tuple[str, ...], Deflate | None, bool | None]:
    """What was agreed on: its texts, what is foreign, deflate, whether the server forgets."""
    shown: list[str] = []
    foreign: list[str] = []
    deflate: Deflate | None = None
    forgets: bool | None = None
    for value in response.every("sec-websocket-extensions"):
        try:
            chosen = parse_extension(value)
        except InvalidHeader:
            foreign.append(f"{printable(value, 80) or 'an empty list'} (cannot be read)")
            continue
        for name, params in chosen:
            if len(shown) >= MAX_EXTENSIONS:
                foreign.append("…")
                return tuple(shown), tuple(foreign), deflate, forgets
            parts = (p if v is None else f"{p}={v}" for p, v in params)
            text = printable("; ".join([name, *parts]), 200)
            shown.append(text)
            if not offer.deflate or name != DEFLATE or deflate is not None:
                foreign.append(text)
                continue
            try:
                deflate = agreed(params)
            except ValueError as error:
                foreign.append(f"{text} ({printable(str(error), 80)})")
                continue
            forgets = deflate.remote_no_context_takeover
    return tuple(shown), tuple(foreign), deflate, forgets

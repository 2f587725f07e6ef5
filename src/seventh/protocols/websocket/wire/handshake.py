"""The opening handshake (RFC 6455 §4.1, RFC 8441 §5, RFC 9220 §3): its request and its response.

The response is checked against the standard here, without a library's leniency.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from websockets.exceptions import InvalidHeader
from websockets.headers import parse_extension, parse_subprotocol

from seventh.model.target import Target
from seventh.protocols.websocket.facts import Handshake
from seventh.protocols.websocket.wire.deflate import OFFER, Deflate, negotiated
from seventh.web.message import Fields, Request, Response
from seventh.wire.text import printable
from seventh.wire.websocket_key import VERSION, accept_of

DEFLATE = "permessage-deflate"
MAX_EXTENSIONS = 8
"""The most extensions of a response that are read."""
_KEPT = "/?:@!$&'()*+,;=-._~%[]"
_PORTS = {"ws": 80, "wss": 443}
_SITES = {"ws": "http", "wss": "https"}
_PROXY_FIELDS = ("via", "cf-ray", "x-amz-cf-id", "x-cache", "x-served-by", "x-varnish",
                 "fly-request-id", "x-azure-ref", "x-envoy-upstream-service-time")  # fmt: skip


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a handshake offers."""

    key: str
    subprotocols: tuple[str, ...] = ()
    deflate: bool = False


def authority(target: Target) -> str:
    """Return host and port as in Host and Origin: without the scheme's default port."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return host if target.port == _PORTS.get(target.scheme) else f"{host}:{target.port}"


def own_origin(target: Target) -> str:
    """Return the origin of a page on the target's own site (RFC 6454 §6.2)."""
    return f"{_SITES[target.scheme]}://{authority(target)}"


def resource(target: Target) -> str:
    """Return the request's path and query (§3): never empty, without fragment, percent-encoded."""
    path = target.path.partition("#")[0]
    if not path.startswith("/"):
        path = f"/{path}"
    return quote(path, safe=_KEPT)


def handshake_request(
    target: Target,
    offer: Offer,
    *,
    over: Literal["1.1", "2", "3"] = "1.1",
    origin: str | None = None,
    fields: Fields = (),
    version: int = VERSION,
) -> Request:
    """Return the handshake's request: over HTTP/2 and HTTP/3 an extended CONNECT, without a key."""
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


def handshake_response(response: Response, offer: Offer) -> tuple[Handshake, Deflate | None]:
    """Check a 101, or a 2xx to extended CONNECT, against §4.1 and RFC 8441 §5.

    Returns the compression in use as well.
    """
    later = response.version in {"2", "3"}
    problems = [] if later else _switching(response)
    subprotocol = _subprotocol(response, problems)
    extensions, foreign, deflate = _extensions(response, offer, problems)
    accept = response.every("sec-websocket-accept")
    valid = [value.strip() for value in accept] == [accept_of(offer.key)]
    handshake = Handshake(
        outcome="open",
        accept="not-used" if later else "right" if valid else "wrong" if accept else "missing",
        subprotocol=subprotocol,
        foreign_subprotocol=None if subprotocol in offer.subprotocols else subprotocol,
        extensions=extensions,
        foreign_extensions=foreign,
        problems=tuple(problems),
        oddities=_oddities(response, offer),
        **_head(response),
    )
    return handshake, deflate


def refusal(response: Response, hide: Callable[[str], str] = str) -> Handshake:
    """Return an HTTP response that does not switch; ``hide`` removes our secrets from its text."""
    # Hidden before the text is shortened: half of a secret is still a secret.
    body = printable(hide(response.body.decode("utf-8", "backslashreplace")).strip(), 160)
    return Handshake(
        outcome="refused",
        asks_upgrade="websocket" in response.listed("upgrade"),
        location=hide(_site(response.get("location"))),
        wants=_schemes(response),
        retry_after=printable(response.get("retry-after") or "", 40),
        detail=body if "text/html" not in (response.get("content-type") or "") else "",
        **_head(response),
    )


def _head(response: Response) -> dict[str, Any]:
    """Return the fields of Handshake that every response has."""
    via = (
        f"{name}: {printable(value, 60)}" if name == "via" else name
        for name in _PROXY_FIELDS
        if (value := response.get(name))
    )
    return {
        "status": response.status,
        "version": response.version,
        "seconds": response.first.since(response.sent),
        "server": printable(response.get("server") or "", 120),
        "via": ", ".join(via),
        "versions": tuple(printable(v, 20) for v in response.listed("sec-websocket-version")[:8]),
    }


def _schemes(response: Response) -> str:
    """Return the names of the authentication schemes that a refusal accepts."""
    asked = (*response.every("www-authenticate"), *response.every("proxy-authenticate"))
    names = (value.split(maxsplit=1)[0].rstrip(",") for value in asked[:4] if value.strip())
    return ", ".join(dict.fromkeys(printable(name, 20) for name in names))


def _site(location: str | None) -> str:
    """Return a redirect's scheme and host, or its path: the rest may hold secrets."""
    if not location:
        return ""
    scheme, colon, rest = location.partition("://")
    if not colon:
        return printable(location.partition("?")[0].partition("#")[0], 120) or "another query"
    return printable(f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}", 120)


def _switching(response: Response) -> list[str]:
    """Return what is wrong with a 101's own fields (§4.1 items 2 and 3, RFC 9110 §7.8)."""
    problems: list[str] = []
    if response.version != "1.1":
        problems.append(f"the 101 is HTTP/{response.version}, which has no Upgrade")
    upgrade, connection = response.listed("upgrade"), response.listed("connection")
    if upgrade != ("websocket",):
        value = printable(", ".join(upgrade), 60) or "missing"
        problems.append(f"Upgrade is {value}, not websocket (RFC 6455 §4.1)")
    if "upgrade" not in connection:
        value = printable(", ".join(connection), 60) or "missing"
        problems.append(f"Connection is {value}, not Upgrade (RFC 6455 §4.1)")
    return problems


def _oddities(response: Response, offer: Offer) -> tuple[str, ...]:
    """Return violations after which a client may continue, and what browsers refuse."""
    odd: list[str] = []
    if response.version in {"1.0", "1.1"}:
        odd += [
            f"the 101 has {name}, which is not allowed in 1xx responses"
            for name in ("Content-Length", "Transfer-Encoding")
            if response.get(name.lower()) is not None
        ]
        if "close" in response.listed("connection"):
            odd.append("Connection has close next to Upgrade")
        raw = response.raw_head
        if b"\n " in raw or b"\n\t" in raw:
            odd.append("a field is folded over two lines (RFC 9112 §5.2)")
        if raw.count(b"\n") != raw.count(b"\r\n"):
            odd.append("a line ends with LF alone (RFC 9112 §2.2)")
    if offer.subprotocols and response.get("sec-websocket-protocol") is None:
        odd.append("none of the offered subprotocols is chosen: browsers fail the connection")
    return tuple(odd)


def _subprotocol(response: Response, problems: list[str]) -> str | None:
    """Return the chosen subprotocol (§4.1 item 6)."""
    values = response.every("sec-websocket-protocol")
    try:
        chosen = [str(name) for value in values for name in parse_subprotocol(value)]
    except InvalidHeader:
        problems.append("Sec-WebSocket-Protocol is not a token (RFC 6455 §4.2.2)")
        return None
    if len(chosen) > 1:
        problems.append(f"{len(chosen)} subprotocols are chosen, not one (RFC 6455 §4.2.2)")
        return None
    return printable(chosen[0], 80) if chosen else None


def _extensions(
    response: Response, offer: Offer, problems: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...], Deflate | None]:
    """Return the extensions, those of them that were not offered, and compression."""
    shown: list[str] = []
    foreign: list[str] = []
    deflate: Deflate | None = None
    for value in response.every("sec-websocket-extensions"):
        try:
            chosen = parse_extension(value)
        except InvalidHeader:
            text = printable(value, 80) or "(empty)"
            foreign.append(text)
            problems.append(f"Sec-WebSocket-Extensions is malformed: {text} (RFC 6455 §9.1)")
            continue
        for name, params in chosen:
            if len(shown) >= MAX_EXTENSIONS:
                foreign.append("…")
                return tuple(shown), tuple(foreign), deflate
            parts = (p if v is None else f"{p}={v}" for p, v in params)
            text = printable("; ".join([name, *parts]), 200)
            shown.append(text)
            if not offer.deflate or name != DEFLATE or deflate is not None:
                foreign.append(text)
                continue
            try:
                deflate = negotiated(params)
            except ValueError as error:
                foreign.append(text)
                problems.append(f"{DEFLATE}: {printable(str(error), 80)} (RFC 7692 §7.1)")
    return tuple(shown), tuple(foreign), deflate

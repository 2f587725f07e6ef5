"""What the person wants in the handshake: fields, credentials, an origin, and the message to say.

Files and the environment are read once, before the first packet. Secrets stay in here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msgspec

from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.model.target import CREDENTIAL_PARAMETERS, Target
from seventh.protocols.websocket import WebSocketOptions
from seventh.protocols.websocket.wire.handshake import own_origin
from seventh.web.given import FRAMING, TOKEN, checked_value, first_line, header_field
from seventh.web.message import Fields
from seventh.wire.text import printable

MAX_TEMPLATE = 65536
MAX_JWT = 16384
MIN_SECRET = 4
"""Shorter values are not looked for in what a server says: they would hide half of it."""
_SECRET_FIELDS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
_WRITTEN_HERE = FRAMING | {
    "origin", "sec-websocket-extensions", "sec-websocket-key", "sec-websocket-protocol",
    "sec-websocket-version",
}  # fmt: skip
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*")


_AMBIENT = frozenset({"basic", "digest", "negotiate", "ntlm"})
"""Schemes whose credentials a browser sends again without being asked (RFC 7617 §2.2)."""


class HandshakeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to ask. Holds secrets: it is never shown."""

    origin: str
    fields: Fields
    """User-Agent, the person's fields and the bearer token."""
    subprotocols: tuple[str, ...]
    parameters: tuple[str, ...]
    """Names of the URL's parameters that carry a credential."""
    jwt: str | None
    jwt_source: str
    first_lines: tuple[str, ...]
    """What every socket says first, before something is published."""
    template: str | None
    """What is published."""
    secrets: tuple[str, ...] = ()
    """Values that a server may say back, and that nobody may see."""

    def hide(self, text: str) -> str:
        """Return ``text`` of the server without the secrets that we told it."""
        for secret in self.secrets:
            text = text.replace(secret, "…")
        return text

    def credential(self) -> str:
        """Return what goes along to say who we are, in words; empty where nothing does."""
        names = [name for name, _ in self.fields if name.lower() in _SECRET_FIELDS]
        if self.jwt is not None:
            end = expiry_of(self.jwt)
            ago = time.time() - end if end is not None else 0.0  # its clock is the wall clock
            if ago > 0:
                return f"the token of {self.jwt_source}, which ended {ago:.0f} s ago"
            return f"the token of {self.jwt_source}"
        if self.parameters:
            return f"the parameter {self.parameters[0]}"
        return f"the field {printable(names[0], 40)}" if names else ""

    def __repr__(self) -> str:
        return "Asking(…)"

    @property
    def authenticates(self) -> bool:
        """Whether HTTP authentication goes along of a scheme that browsers repeat by themselves."""
        values = (value for name, value in self.fields if name.lower() == "authorization")
        return any(v.partition(" ")[0].lower() in _AMBIENT for v in values)

    @property
    def sends_cookie(self) -> bool:
        """Whether a cookie goes along."""
        return any(name.lower() == "cookie" for name, _ in self.fields)


def handshake_options_of(target: Target, options: Options) -> HandshakeOptions:
    """Read what ``options`` and the URL say. UsageError for what cannot be meant."""
    given = [header_field(text, _WRITTEN_HERE) for text in options.headers]
    fields = [("User-Agent", "seventh"), *given]
    if any(name.lower() == "user-agent" for name, _ in fields[1:]):
        del fields[0]
    token = first_line(options.token_file) if options.token_file is not None else None
    if token is not None:
        fields.append(("Authorization", f"Bearer {token}"))
    own = options.of(WebSocketOptions)
    for name in own.subprotocols:
        if not TOKEN.fullmatch(name):
            raise UsageError(f"--subprotocol {name!r} is no token (RFC 6455 §4.1)")
    parameters, in_url = credentials_in(target.path)
    query = parse_qsl(target.path.partition("?")[2])
    known = [value for name, value in query if name[:60] in parameters]
    known += [value for name, value in fields if name.lower() in _SECRET_FIELDS]
    known += [part for value in known for part in value.split() if len(part) >= MIN_SECRET]
    jwt, source = None, ""
    if token is not None and _JWT.fullmatch(token):
        jwt, source = token, "--token-file"
    elif in_url is not None:
        jwt, source = in_url[1], in_url[0]
    *first, last = _lines(own.message_template)
    return HandshakeOptions(
        origin=_origin(own.origin) if own.origin is not None else own_origin(target),
        fields=tuple(fields),
        subprotocols=own.subprotocols,
        parameters=parameters,
        jwt=jwt,
        jwt_source=source,
        first_lines=tuple(filter(None, first)),
        template=last,
        secrets=tuple(sorted({s for s in known if len(s) >= MIN_SECRET}, key=len, reverse=True)),
    )


def credentials_in(path: str) -> tuple[tuple[str, ...], tuple[str, str] | None]:
    """Names of a URL's parameters that carry a credential, and a JWT among them with its name."""
    names: list[str] = []
    found: tuple[str, str] | None = None
    before, _, query = path.partition("#")[0].partition("?")
    for name, value in parse_qsl(query, keep_blank_values=True):
        jwt = _JWT.search(value)
        if value and (jwt or name.lower().replace("-", "_") in CREDENTIAL_PARAMETERS):
            names.append(name[:60])
        if jwt and found is None:
            found = name[:60], jwt.group()
    jwt = _JWT.search(before)
    if jwt:
        names.append("(in the path)")
        found = found or ("(in the path)", jwt.group())
    return tuple(dict.fromkeys(names)), found


def expiry_of(jwt: str) -> float | None:
    """When a JWT ends (RFC 7519 §4.1.4), as Unix time; None where it does not say, or is no JWT.

    Only read: nobody's signature is checked.
    """
    parts = jwt.split(".")
    if len(jwt) > MAX_JWT or len(parts) < 2:
        return None
    body = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        claims = json.loads(base64.urlsafe_b64decode(body))
    except (binascii.Error, ValueError, RecursionError):
        return None
    said = claims.get("exp") if isinstance(claims, dict) else None
    if isinstance(said, bool) or not isinstance(said, int | float) or abs(said) > 1e11:
        return None
    return float(said)


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if text != "null" and not (parts.scheme and parts.netloc and parts.path in {"", "/"}):
        raise UsageError(f"--origin {text!r}: write it as https://host[:port]")
    return checked_value(text.rstrip("/"), "--origin")


def _text_of(name: str, limit: int) -> str:
    try:
        with Path(name).expanduser().open("rb") as file:
            return file.read(limit + 1)[:limit].decode()
    except (OSError, ValueError, RuntimeError) as error:
        said = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{name} cannot be read: {said}") from None


def _lines(template: str | None) -> list[str | None]:
    """Return the template's lines; the last is what is published."""
    if template is None:
        return [None]
    if template.startswith("file:"):
        template = _text_of(template.removeprefix("file:"), MAX_TEMPLATE)
    lines: list[str | None] = [line for line in template.splitlines() if line]
    if not lines:
        raise UsageError("--message-template is empty: write what is to be published")
    if "{id}" not in (lines[-1] or ""):
        raise UsageError(
            "--message-template: put {id} where a word may stand that is another each time, so "
            "that a receiver's message can be told from others"
        )
    return lines

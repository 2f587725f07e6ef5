"""The handshake's options: fields, credentials, the origin, and the message to publish.

Files and the environment are read once, before the first packet.
"""

from __future__ import annotations

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
from seventh.wire.jwt import expiry_of
from seventh.wire.text import printable

MAX_TEMPLATE = 65536
MIN_SECRET = 4
"""The shortest secret that is hidden: shorter ones would hide much of a server's text."""
_SECRET_FIELDS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
_WRITTEN_HERE = FRAMING | {
    "origin", "sec-websocket-extensions", "sec-websocket-key", "sec-websocket-protocol",
    "sec-websocket-version",
}  # fmt: skip
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*")


_AMBIENT = frozenset({"basic", "digest", "negotiate", "ntlm"})
"""Schemes whose credentials browsers repeat by themselves (RFC 7617 §2.2)."""


class HandshakeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a handshake sends. It holds secrets and is never shown."""

    origin: str
    fields: Fields
    """User-Agent, the fields of --header, and the bearer token."""
    subprotocols: tuple[str, ...]
    parameters: tuple[str, ...]
    """The names of URL parameters that hold a credential."""
    jwt: str | None
    jwt_source: str
    first_lines: tuple[str, ...]
    """The messages that every socket sends first."""
    template: str | None
    """The message to publish, with ``{id}``."""
    secrets: tuple[str, ...] = ()
    """Values to hide in a server's text."""

    def hide(self, text: str) -> str:
        """Return the server's ``text`` without our secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "…")
        return text

    def credential(self) -> str:
        """Return a phrase for the credential in the request; empty if there is none."""
        names = [name for name, _ in self.fields if name.lower() in _SECRET_FIELDS]
        if self.jwt is not None:
            end = expiry_of(self.jwt)
            ago = time.time() - end if end is not None else 0.0  # its clock is the wall clock
            if ago > 0:
                return f"the token of {self.jwt_source}, which expired {ago:.0f} s ago,"
            return f"the token of {self.jwt_source}"
        if self.parameters:
            return f"the parameter {self.parameters[0]}"
        return f"the field {printable(names[0], 40)}" if names else ""

    def __repr__(self) -> str:
        return "HandshakeOptions(…)"

    @property
    def authenticates(self) -> bool:
        """Whether the request has HTTP authentication that browsers repeat by themselves."""
        values = (value for name, value in self.fields if name.lower() == "authorization")
        return any(v.partition(" ")[0].lower() in _AMBIENT for v in values)

    @property
    def sends_cookie(self) -> bool:
        """Whether the request has a cookie."""
        return any(name.lower() == "cookie" for name, _ in self.fields)


def handshake_options_of(target: Target, options: Options) -> HandshakeOptions:
    """Read the options and the URL. Raises UsageError."""
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
            raise UsageError(
                f"--subprotocol {name!r} is not valid: use letters, digits and !#$%&'*+-.^_`|~"
            )
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
    """Return the URL parameters that hold a credential, and the first JWT with its name."""
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


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if text != "null" and not (parts.scheme and parts.netloc and parts.path in {"", "/"}):
        raise UsageError(f"--origin {text!r} is not valid: write it as https://host[:port]")
    return checked_value(text.rstrip("/"), "--origin")


def text_of(name: str, limit: int, option: str) -> str:
    """Return the text of a file, up to ``limit`` bytes; raises UsageError."""
    try:
        with Path(name).expanduser().open("rb") as file:
            return file.read(limit + 1)[:limit].decode()
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UsageError(f"{option}: {name} cannot be read: {why}") from None


def _lines(template: str | None) -> list[str | None]:
    """Return the template's lines, of which the last is published."""
    if template is None:
        return [None]
    if template.startswith("file:"):
        template = text_of(template.removeprefix("file:"), MAX_TEMPLATE, "--message-template")
    lines: list[str | None] = [line for line in template.splitlines() if line]
    if not lines:
        raise UsageError("--message-template is empty: write the text to publish")
    if "{id}" not in (lines[-1] or ""):
        raise UsageError(
            "--message-template: the last line needs {id}, which becomes a unique token in each "
            "message, for example: publish {id}"
        )
    return lines

"""The user's request: its method, header fields, credential and body, and what is expected of it.

Where files or the environment hold a part of it they are read once, before the first packet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from seventh.model.failure import Failed, ProtocolViolation, Reason, UsageError
from seventh.model.options import Options
from seventh.protocols.http import HttpOptions
from seventh.web.given import (
    FRAMING,
    Statuses,
    compiled,
    first_line,
    header_field,
    method_named,
    statuses,
)
from seventh.web.message import Fields, Response
from seventh.wire.text import printable

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
IDEMPOTENT = SAFE | {"PUT", "DELETE", "TRACE"}
AGENT = ("User-Agent", "seventh")
ACCEPT = ("Accept", "*/*")
MAX_BODY_FILE = 16 * 1024 * 1024
SECRETS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
"""Fields that carry a credential: never shown, and sent to the target's own origin alone."""
_BODILESS = frozenset({"GET", "HEAD"})
_JSON = (type(None), bool, int, float, str, list, dict)


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What the person wants to be asked and answered."""

    method: str = "GET"
    fields: Fields = (AGENT, ACCEPT)
    """For requests to the target's own origin; may hold secrets."""
    plain: Fields = (AGENT, ACCEPT)
    """For other origins, and for an origin that is not to be trusted."""
    body: bytes = b""
    status: Statuses | None = None
    json: str | None = None

    @property
    def safe(self) -> bool:
        """Whether the method changes nothing (RFC 9110 §9.2.1)."""
        return self.method in SAFE

    @property
    def idempotent(self) -> bool:
        """Whether it may be repeated (RFC 9110 §9.2.2)."""
        return self.method in IDEMPOTENT

    @property
    def secret(self) -> bool:
        """Whether it carries a credential."""
        return any(name.lower() in SECRETS for name, _ in self.fields)

    def __repr__(self) -> str:
        return f"Shape({self.method}, …)"


_PLAIN = Shape()


def shape_of(options: Options) -> Shape:
    """The request that ``options`` describe; UsageError for what cannot be meant."""
    own = options.of(HttpOptions)
    if own.method == "GET" and not (
        options.headers
        or options.token_file
        or own.body_file
        or own.expect_status is not None
        or own.expect_json is not None
    ):
        return _PLAIN
    method = method_named(own.method)
    if own.body_file is not None and method in _BODILESS:
        raise UsageError(f"--body needs a --method that has one, such as POST: {method} has none")
    given = [header_field(text, FRAMING) for text in options.headers]
    if options.token_file is not None:
        given.append(("Authorization", f"Bearer {first_line(options.token_file)}"))
    if own.expect_json is not None:
        compiled(own.expect_json)
    return Shape(
        method=method,
        fields=_with_defaults(given),
        body=_body(own.body_file) if own.body_file is not None else b"",
        status=statuses(own.expect_status) if own.expect_status is not None else None,
        json=own.expect_json,
    )


def _with_defaults(given: list[tuple[str, str]]) -> Fields:
    named = {name.lower() for name, _ in given}
    return (*(f for f in (AGENT, ACCEPT) if f[0].lower() not in named), *given)


def _body(name: str) -> bytes:
    try:
        with Path(name).expanduser().open("rb") as file:
            data = file.read(MAX_BODY_FILE + 1)
    except (OSError, RuntimeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"--body {name}: cannot be read: {said}") from None
    if len(data) > MAX_BODY_FILE:
        raise UsageError(f"--body {name}: longer than {MAX_BODY_FILE} bytes")
    return data


# -- what is expected ------------------------------------------------------------------------------


def disappointment(shape: Shape, response: Response) -> Failed | None:
    """What ``response`` lacks of what was expected; None when it is as it should be.

    Without an expectation only a server's own error (5xx) is one.
    """
    status = response.status
    if shape.status is not None:
        if status not in shape.status:
            return _unexpected(f"the status is {status}, not {shape.status}")
    elif status >= 500:
        said = f" {printable(response.reason, 60)}" if response.reason else ""
        return _unexpected(f"the server answers {status}{said}")
    if shape.json is None:
        return None
    try:
        found = look_up(shape.json, response)
    except ProtocolViolation as violation:
        return _unexpected(f"no JSON to look into: {violation.detail}")
    if found:  # null, false, 0 and what is empty do not hold
        return None
    shown = printable(msgspec.json.encode(found), 80)
    return _unexpected(f"{printable(shape.json, 120)} gives {shown}")


def _unexpected(detail: str) -> Failed:
    return Failed(Reason.UNEXPECTED_ANSWER, detail, phase="http.download")


def look_up(expression: str, response: Response) -> Any:
    """What a JMESPath expression finds in the answer's JSON. Raises ProtocolViolation."""
    import jmespath.exceptions  # type: ignore[import-untyped]

    from seventh.web.content import undo

    if response.truncated:
        raise ProtocolViolation(f"the body is longer than {len(response.body)} bytes (--max-body)")
    data = undo(response.get("content-encoding") or "", response.body)
    try:
        content = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ProtocolViolation(f"the body is no JSON: {printable(str(error), 120)}") from None
    try:
        found = compiled(expression).search(content)
        if not isinstance(found, _JSON):
            raise ProtocolViolation("the expression gives no value, but another expression")
        return found
    except (jmespath.exceptions.JMESPathError, RecursionError, ArithmeticError) as error:
        raise ProtocolViolation(printable(str(error).splitlines()[0], 160)) from None

"""The user's request: its method, header fields, credential and body, and what is expected of it.

It is read from the options once, before the first packet. Where files or the environment hold a
part of it, they are read then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from seventh.model.failure import Failed, ProtocolViolation, Reason, UsageError
from seventh.model.options import Options
from seventh.protocols.http import HttpOptions
from seventh.protocols.http.wire.url import Url
from seventh.web.given import (
    FRAMING,
    Expression,
    Statuses,
    compiled,
    first_line,
    header_field,
    method_named,
    statuses,
)
from seventh.web.message import Fields, Request, Response
from seventh.wire.text import printable

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110 §9.2.1)."""
DEFAULT_FIELDS: Fields = (("User-Agent", "seventh"), ("Accept", "*/*"))
"""What every request has unless the user gives another value."""
MAX_BODY_FILE = 16 * 1024 * 1024
MAX_PREPARED = 256
"""How many requests are kept prepared; more are read when they are needed."""
SECRETS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
"""Fields that carry a credential: never shown, and sent to the target's own origin alone."""
_BODILESS = frozenset({"GET", "HEAD"})
_JSON = (type(None), bool, int, float, str, list, dict)


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer must be."""

    status: Statuses | None = None
    """None: any but the server's own errors (5xx)."""
    json: Expression | None = None
    """What must hold of the answer's JSON."""

    def failing(self, response: Response) -> Failed | None:
        """Return a server error (5xx) as a failure; None for any other status."""
        if response.status < 500:
            return None
        words = f" {printable(response.reason, 60)}" if response.reason else ""
        means = _GATEWAY.get(response.status, "")
        return _unexpected(f"the server answers {response.status}{words}{means}")

    def unmet(self, response: Response) -> Failed | None:
        """Return how ``response`` differs from the expectation (unexpected-answer), else None.

        An expression does not hold where it gives null, false, 0 or something empty.
        """
        status = response.status
        if self.status is not None:
            if status not in self.status:
                return _unexpected(f"status {status}, expected {self.status}")
        elif (failing := self.failing(response)) is not None:
            return failing
        if self.json is None:
            return None
        try:
            found = _search(self.json, response)
        except ProtocolViolation as violation:
            return _unexpected(f"--expect-json: {violation.detail}")
        if found:
            return None
        shown = printable(msgspec.json.encode(found), 80)
        return _unexpected(f"{printable(self.json.expression, 120)} yields {shown}")


_GATEWAY = {
    502: ": a proxy got an invalid response from its backend",
    503: ": the service is unavailable",
    504: ": a proxy got no response from its backend in time",
}


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """The request to make of a target. It may hold secrets, and its text form shows none."""

    method: str = "GET"
    fields: Fields = DEFAULT_FIELDS
    """For the target's own origin; all others get :data:`DEFAULT_FIELDS`."""
    body: bytes = b""
    expectation: Expectation = Expectation()

    @property
    def safe(self) -> bool:
        """Whether the method changes nothing."""
        return self.method in SAFE

    @property
    def secret(self) -> bool:
        """Whether it carries a credential."""
        return any(name.lower() in SECRETS for name, _ in self.fields)

    def request(
        self, url: Url, method: str, headers: Fields, body: bytes, version: str, *, own: bool
    ) -> Request:
        """Return a request for ``url``, with the user's fields where it is the target's ``own``."""
        fields = self.fields if own else DEFAULT_FIELDS
        named = {name.lower() for name, _ in headers}
        fields = (*(f for f in fields if f[0].lower() not in named), *headers)
        if not own:
            fields = tuple(f for f in fields if f[0].lower() not in SECRETS)
        if version == "1.1":
            # As browsers do: some servers tell only then for how long they keep it (Apache).
            fields = (*fields, ("Connection", "keep-alive"))
        else:
            fields = tuple((name.lower(), value) for name, value in fields)
        return Request(
            method=method, scheme=url.origin.scheme, authority=url.origin.authority, path=url.path,
            headers=fields, body=body,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"Template({self.method}, …)"


_DEFAULT = Template()
_prepared: dict[Options, Template] = {}


def prepare(options: Options) -> None:
    """Read the request that ``options`` describe, for all targets that share them.

    Called before a run; called again, it reads files and the environment again, so that a
    credential that was replaced counts from the next run on. Raises UsageError for what cannot be
    used.
    """
    template = _read(options)
    if len(_prepared) >= MAX_PREPARED:
        _prepared.clear()
    _prepared[options] = template


def described(options: Options) -> Template:
    """Return the request that ``options`` describe: the prepared one, else read now.

    Raises UsageError for what cannot be used.
    """
    own = options.of(HttpOptions)
    if own.method == "GET" and not (
        options.headers
        or options.token_file
        or own.body_file
        or own.expect_status is not None
        or own.expect_json is not None
    ):
        return _DEFAULT
    return _prepared.get(options) or _read(options)


def _read(options: Options) -> Template:
    own = options.of(HttpOptions)
    method = method_named(own.method)
    if own.body_file is not None and method in _BODILESS:
        raise UsageError(
            f"--body: {method} has no body; give a --method that has one, such as POST"
        )
    given = [header_field(text, FRAMING) for text in options.headers]
    if options.token_file is not None:
        given.append(("Authorization", f"Bearer {first_line(options.token_file)}"))
    expected, expression = own.expect_status, own.expect_json
    return Template(
        method=method,
        fields=_with_defaults(given),
        expectation=Expectation(
            json=compiled(expression) if expression is not None else None,
            status=statuses(expected) if expected is not None else None,
        ),
        body=_body(own.body_file) if own.body_file is not None else b"",
    )


def _with_defaults(given: list[tuple[str, str]]) -> Fields:
    named = {name.lower() for name, _ in given}
    return (*(f for f in DEFAULT_FIELDS if f[0].lower() not in named), *given)


def _body(name: str) -> bytes:
    try:
        with Path(name).expanduser().open("rb") as file:
            data = file.read(MAX_BODY_FILE + 1)
    except (OSError, RuntimeError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"--body {name}: {words}") from None
    if len(data) > MAX_BODY_FILE:
        raise UsageError(f"--body {name}: file is longer than {MAX_BODY_FILE} bytes")
    return data


def _unexpected(detail: str) -> Failed:
    return Failed(Reason.UNEXPECTED_ANSWER, detail, phase="http.download")


def _search(expression: Expression, response: Response) -> Any:
    """Return what a JMESPath expression finds in the JSON. Raises ProtocolViolation."""
    import jmespath.exceptions  # type: ignore[import-untyped]

    from seventh.web.content import undo

    if response.truncated:
        raise ProtocolViolation(f"the body is longer than {len(response.body)} bytes (--max-body)")
    data = undo(response.get("content-encoding") or "", response.body)
    try:
        content = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise ProtocolViolation("the body is not valid JSON") from None
    try:
        found = expression.search(content)
        if not isinstance(found, _JSON):
            raise ProtocolViolation("the expression yields an expression, not a value")
        return found
    except (jmespath.exceptions.JMESPathError, RecursionError, ArithmeticError):
        raise ProtocolViolation("the expression does not apply to this response") from None

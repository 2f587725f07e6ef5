"""The user's request: its method, header fields, credential and body, and what is expected of it.

It is read from the options once, before the first packet. Where files or the environment hold a
part of it, they are read then.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.protocols.http import HttpOptions
from seventh.protocols.http.client import expectation
from seventh.protocols.http.client.expectation import Expectation
from seventh.protocols.http.wire.url import Url
from seventh.web.given import (
    FRAMING,
    first_line,
    header_field,
    method_named,
)
from seventh.web.message import Fields, Request

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
        or own.expect_headers
        or own.expect_body is not None
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
    return Template(
        method=method,
        fields=_with_defaults(given),
        expectation=expectation.read(own),
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

"""What the user expects of the response to the request: its status, fields, body and JSON."""

from __future__ import annotations

import codecs
from typing import Any

import msgspec

from seventh.model.failure import OURS, Failed, ProtocolViolation, Reason, UsageError
from seventh.protocols.http import HttpOptions
from seventh.protocols.http.facts import versions as facts
from seventh.web.content import ContentDecoder, undo
from seventh.web.given import TOKEN, Expression, Statuses, compiled, statuses
from seventh.web.message import Response
from seventh.web.search import first_match, pattern_of
from seventh.wire.text import printable, quoted

_JSON = (type(None), bool, int, float, str, list, dict)
_SECRETS = frozenset({"set-cookie", "set-cookie2"})
"""Response fields whose values are never shown."""
_CHARSETS = (
    "utf-8", "utf-16", "utf-32", "ascii", "iso8859", "cp", "koi8", "gb", "big5", "euc_",
    "shift_jis", "iso2022",
)  # fmt: skip
"""How the names of Python's codecs begin that are charsets of the web; others are not for peers."""
_WHOLE = ("(?!", "$", r"\Z")
"""What makes an expression a statement about all of the body."""


class ExpectedField(msgspec.Struct, frozen=True, kw_only=True):
    """A field that the response must have."""

    name: str
    pattern: str = ""
    """What one of its lines, or all of them joined by commas, must contain; empty: anything."""

    def __str__(self) -> str:
        return f"{self.name}: {self.pattern}" if self.pattern else self.name


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What a response must be."""

    status: Statuses | None = None
    """None: any but the server's own errors (5xx)."""
    fields: tuple[ExpectedField, ...] = ()
    body: str = ""
    """A regular expression that the decoded body must contain; empty: none."""
    json: Expression | None = None
    """What must hold of the JSON."""

    def failing(self, response: Response) -> Failed | None:
        """Return a server error (5xx) as a failure; None for any other status."""
        if response.status < 500:
            return None
        words = f" {printable(response.reason, 60)}" if response.reason else ""
        means = _GATEWAY.get(response.status, "")
        return _unexpected(f"the server answers {response.status}{words}{means}")

    async def unmet(self, response: Response, deadline_ns: int) -> Failed | None:
        """Return how ``response`` differs from the expectation, else None.

        The reason is unexpected-answer, or one of this machine's where it could not be found out.
        """
        try:
            self._compare_status(response)
            for field in self.fields:
                await _compare_field(field, response, deadline_ns)
            if self.body:
                await self._compare_body(response, deadline_ns)
            if self.json is not None:
                _compare_json(self.json, response)
        except Failed as failed:
            failed.phase = failed.phase or "http.download"
            return failed
        return None

    def compared(self, method: str, response: Response, unmet: Failed | None) -> facts.Expectation:
        """Return the facts of the comparison; ``unmet`` is its result."""
        undecided = unmet is not None and unmet.reason in OURS
        return facts.Expectation(
            method=method,
            status=self.status.written if self.status is not None else None,
            json=printable(self.json.expression, 200) if self.json is not None else "",
            headers=tuple(printable(str(field), 200) for field in self.fields),
            body=printable(self.body, 200),
            met=None if undecided else unmet is None,
            detail=unmet.detail if unmet is not None else "",
            got=response.status,
        )

    def _compare_status(self, response: Response) -> None:
        if self.status is not None:
            if response.status not in self.status:
                raise _unexpected(f"status {response.status}, expected {self.status}")
        elif (failing := self.failing(response)) is not None:
            raise failing

    async def _compare_body(self, response: Response, deadline_ns: int) -> None:
        try:
            body = _decoded(response)
        except ProtocolViolation as violation:
            raise _unexpected(f"--expect-body: {violation.detail}") from None
        charset, named = _charset(response)
        found = await first_match(self.body, (body,), deadline_ns, charset) is not None
        wanted = quoted(self.body, 120)
        if response.truncated and (not found or any(part in self.body for part in _WHOLE)):
            raise Failed(
                Reason.OPTIONS_UNUSABLE,
                f"{wanted} {'was not found' if not found else 'is undecided'} in the first "
                f"{len(body)} bytes of the body, and the rest was not read: give --max-body",
            )
        if not found:
            read = f", read as {charset} ({'its charset' if named else 'no charset is named'})"
            raise _unexpected(f"{wanted} was not found in {_described(response, body, read)}")


_GATEWAY = {
    502: ": a proxy got an invalid response from its backend",
    503: ": the service is unavailable",
    504: ": a proxy got no response from its backend in time",
}


def read(own: HttpOptions) -> Expectation:
    """Return what the options expect; raises UsageError."""
    if own.expect_body and own.method.upper() == "HEAD":
        raise UsageError("--expect-body: a response to HEAD has no body")
    return Expectation(
        status=statuses(own.expect_status) if own.expect_status is not None else None,
        fields=tuple(map(_field, own.expect_headers)),
        body=pattern_of(own.expect_body, "--expect-body") if own.expect_body is not None else "",
        json=compiled(own.expect_json) if own.expect_json is not None else None,
    )


def _field(text: str) -> ExpectedField:
    name, _, pattern = text.partition(":")
    name, pattern = name.strip(), pattern.strip()
    if not TOKEN.fullmatch(name):
        raise UsageError(
            f"--expect-header {quoted(text, 60)}: write 'NAME: REGEX', or NAME for any value"
        )
    return ExpectedField(name=name, pattern=pattern_of(pattern, f"--expect-header {name}:"))


async def _compare_field(field: ExpectedField, response: Response, deadline_ns: int) -> None:
    lines = response.every(field.name.lower())
    if not lines:
        raise _unexpected(f"the response has no field {field.name}{_redirect(response)}")
    texts = [*lines, ", ".join(lines)] if len(lines) > 1 else lines
    encoded = [text.encode("latin-1", "replace") for text in texts]
    if field.pattern and await first_match(field.pattern, encoded, deadline_ns) is None:
        wanted = quoted(field.pattern, 120)
        if field.name.lower() in _SECRETS:
            raise _unexpected(f"no {field.name} line matches {wanted}{_redirect(response)}")
        shown = "; ".join(quoted(line, 80) for line in lines[:3])
        more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
        raise _unexpected(f"{field.name} is {shown}{more}, expected {wanted}{_redirect(response)}")


def _compare_json(expression: Expression, response: Response) -> None:
    """Raise Failed unless ``expression`` holds: null, false, 0 and empty values do not."""
    try:
        found = _search(expression, response)
    except ProtocolViolation as violation:
        raise _unexpected(f"--expect-json: {violation.detail}") from None
    if not found:
        shown = printable(msgspec.json.encode(found), 80)
        raise _unexpected(f"{printable(expression.expression, 120)} yields {shown}")


def _search(expression: Expression, response: Response) -> Any:
    """Return what a JMESPath expression finds in the JSON. Raises ProtocolViolation."""
    import jmespath.exceptions  # type: ignore[import-untyped]

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


def _decoded(response: Response) -> bytes:
    """Return the body without its content codings, as far as it was read."""
    coding = response.get("content-encoding") or ""
    if not response.truncated:
        return undo(coding, response.body)
    return ContentDecoder(coding).feed(response.body)


def _charset(response: Response) -> tuple[str, bool]:
    """Return the charset of the body as Python calls it, and whether the response names it."""
    for parameter in (response.get("content-type") or "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            try:
                found = codecs.lookup(value.strip().strip("\"'")).name
            except (LookupError, ValueError):
                break
            if found.startswith(_CHARSETS):
                return found, True
    return "utf-8", False


def _described(response: Response, body: bytes, read: str) -> str:
    """Describe a body for a person who expects another one."""
    if not body:
        return f"the body, which is empty{_redirect(response)}"
    begins = quoted(body[:60].decode("utf-8", "replace"), 60)
    return f"the {len(body)} bytes of the body{read}; it begins {begins}{_redirect(response)}"


def _redirect(response: Response) -> str:
    """Return a hint for a response that only leads to the one that was meant."""
    where = response.get("location")
    if where is None or response.status not in {301, 302, 303, 307, 308}:
        return ""
    return f"; this is a redirect ({response.status}): check {printable(where, 200)} instead"


def _unexpected(detail: str) -> Failed:
    return Failed(Reason.UNEXPECTED_ANSWER, detail, phase="http.download")

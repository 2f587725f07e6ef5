"""MTA-STS: the record, the policy and its comparison with exchangers (RFC 8461 §3 and §4.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seventh.protocols.mail.facts.mta_sts import (
    Mode,
    Policy,
    PolicyError,
    RecordError,
    RecordState,
)
from seventh.wire.text import printable

PATH = "/.well-known/mta-sts.txt"
MAX_BYTES = 64 * 1024
"""Larger policies are refused, as §3.3 suggests."""
MAX_AGE_SECONDS = 31_557_600
_MAX_LINES = 1000
_MAX_ERRORS = 20
_SHOWN = 80
_VERSION = re.compile(rb"v=STSv1[ \t]*;")
_MEANT = re.compile(rb"\s*v\s*=\s*sts", re.IGNORECASE)
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_VALUE = re.compile(r"[!-:<>-~]+")
"""Visible ASCII without ``=`` and ``;``."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_KNOWN = frozenset({"version", "mode", "max_age", "mx"})
"""The fields whose lack of a value is an error of its own."""
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MX = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")
_MODES: dict[str, Mode] = {"enforce": "enforce", "testing": "testing", "none": "none"}


def read_record(
    texts: tuple[bytes, ...],
) -> tuple[RecordState, str, tuple[RecordError, ...]]:
    """Return the state of the TXT records at ``_mta-sts``, the policy's id, and what is wrong.

    Other records at the name are ignored; more than one of this kind counts as none (§3.1).
    """
    records = [text for text in texts if _VERSION.match(text)]
    if len(records) > 1:
        return "several", "", ()
    if not records:
        meant = [text for text in texts if _MEANT.match(text)]
        if not meant:
            return "none", "", ()
        return "invalid", "", (RecordError("version", printable(meant[0], _SHOWN)),)
    fields = records[0].decode("ascii", "backslashreplace").split(";")
    if not fields[-1].strip(" \t"):
        fields.pop()
    found: dict[str, str] = {}
    errors = []
    for field in fields:
        name, equals, value = (part.strip(" \t") for part in field.partition("="))
        if not equals or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            errors.append(RecordError("field", printable(field.strip(), _SHOWN)))
        else:
            found.setdefault(name, value)
    if "id" not in found:
        errors.append(RecordError("id-missing"))
    elif not _ID.fullmatch(found["id"]):
        errors.append(RecordError("id", printable(found["id"], _SHOWN)))
    return "invalid" if errors else "found", found.get("id", "")[:32], tuple(errors[:_MAX_ERRORS])


def read_policy(body: bytes, media_type: str) -> Policy:
    """Read a policy with everything that is wrong with it; never raises.

    Of a field that stands twice, all but ``mx``, the first counts; unknown fields are ignored
    (§3.2).
    """
    errors: list[PolicyError] = []
    if media_type.partition(";")[0].strip().lower() != "text/plain":
        errors.append(PolicyError("media-type", printable(media_type, _SHOWN)))
    fields: dict[str, str] = {}
    patterns: list[str] = []
    for name, value in _lines(body, errors):
        if name == "mx":
            if _MX.fullmatch(value):
                patterns.append(value.lower())
            else:
                errors.append(PolicyError("mx", printable(value, _SHOWN)))
        else:
            fields.setdefault(name, value)
    if fields.get("version") != "STSv1":
        errors.append(PolicyError("version", printable(fields.get("version", ""), _SHOWN)))
    mode = _MODES.get(fields.get("mode", ""))
    if mode is None:
        errors.append(PolicyError("mode", printable(fields.get("mode", ""), _SHOWN)))
    age = fields.get("max_age", "")
    seconds = int(age) if re.fullmatch(r"[0-9]{1,10}", age) else None
    if seconds is None or seconds > MAX_AGE_SECONDS:
        errors.append(PolicyError("max-age", printable(age, _SHOWN)))
    if not patterns and mode != "none":
        errors.append(PolicyError("no-mx"))
    return Policy(
        mode=mode, mx=tuple(dict.fromkeys(patterns)), max_age_seconds=seconds,
        errors=tuple(errors[:_MAX_ERRORS]),
    )  # fmt: skip


def _lines(body: bytes, errors: list[PolicyError]) -> Iterator[tuple[str, str]]:
    """Yield each field of a policy; ``errors`` gets the lines that are none."""
    for line in body.decode("utf-8", "backslashreplace").split("\n")[:_MAX_LINES]:
        name, colon, value = line.removesuffix("\r").partition(":")
        value = value.strip(" \t")
        field = colon and _NAME.fullmatch(name) and not _CONTROL.search(value)
        if field and (value or name in _KNOWN):
            yield name, value
        elif line.strip():
            errors.append(PolicyError("line", printable(line.strip(), _SHOWN)))


def matches(policy: Policy, host: str) -> bool:
    """Return whether a policy allows an exchanger; ``*`` stands for one label (§4.1)."""
    host = host.lower().removesuffix(".")
    parent = host.partition(".")[2]
    return any(
        pattern == host or (pattern.startswith("*.") and pattern[2:] == parent)
        for pattern in policy.mx
    )


def record_line(domain: str, identifier: str) -> str:
    """Return the record to publish."""
    return f'_mta-sts.{domain}. IN TXT "v=STSv1; id={identifier}"'


def policy_lines(hosts: tuple[str, ...], mode: Mode = "testing") -> tuple[str, ...]:
    """Return a policy for these exchangers."""
    names = (f"mx: {host}" for host in hosts)
    return ("version: STSv1", f"mode: {mode}", *names, "max_age: 604800")

"""TLS reports (RFC 8460 §4.4), JSON: piece by piece, so that a long one costs little memory."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from seventh.protocols.mail.facts.tls_report import TlsFailure, TlsPolicy, TlsReport
from seventh.protocols.mail.wire.malformed import MalformedError
from seventh.wire.text import printable

MAX_BYTES = 32 << 20
MAX_POLICIES = 200
MAX_SHOWN = 50
_MAX_KINDS = 2000
_Count = Annotated[int, Meta(ge=0, le=1 << 53)]


class _Range(msgspec.Struct, rename="kebab"):
    start_datetime: str = ""
    end_datetime: str = ""


class _Document(msgspec.Struct, rename="kebab"):
    policies: list[Raw]
    organization_name: str = ""
    report_id: str = ""
    date_range: _Range = msgspec.field(default_factory=_Range)


class _Policy(msgspec.Struct, rename="kebab"):
    policy_type: str = ""
    policy_domain: str = ""


class _Summary(msgspec.Struct, rename="kebab"):
    total_successful_session_count: _Count = 0
    total_failure_session_count: _Count = 0


class _Entry(msgspec.Struct, rename="kebab"):
    policy: _Policy = msgspec.field(default_factory=_Policy)
    summary: _Summary = msgspec.field(default_factory=_Summary)
    failure_details: list[Raw] = []


class _Detail(msgspec.Struct, rename="kebab"):
    result_type: str = ""
    receiving_mx_hostname: str = ""
    failed_session_count: _Count = 0
    failure_reason_code: str = ""


def read_report(data: bytes) -> TlsReport:
    """Read a report. Raises MalformedError."""
    try:
        document = msgspec.json.decode(data, type=_Document, strict=False)
        policies = tuple(_policy(each) for each in document.policies[:MAX_POLICIES])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"not a TLS report: {printable(str(error), 200)}") from None
    if not policies:
        raise MalformedError("a TLS report without any policy")
    return TlsReport(
        organisation=printable(document.organization_name, 255),
        report_id=printable(document.report_id, 255),
        begin=printable(document.date_range.start_datetime, 40),
        end=printable(document.date_range.end_datetime, 40),
        sessions=sum(each.successful + each.failed for each in policies),
        failed=sum(each.failed for each in policies),
        policies=policies,
    )


def _policy(raw: Raw) -> TlsPolicy:
    entry = msgspec.json.decode(raw, type=_Entry, strict=False)
    counted: Counter[tuple[str, str, str]] = Counter()
    for each in entry.failure_details:
        detail = msgspec.json.decode(each, type=_Detail, strict=False)
        key = (
            printable(detail.result_type, 64), printable(detail.receiving_mx_hostname, 253),
            printable(detail.failure_reason_code, 255),
        )  # fmt: skip
        if key in counted or len(counted) < _MAX_KINDS:
            counted[key] += detail.failed_session_count
    return TlsPolicy(
        kind=printable(entry.policy.policy_type, 32),
        domain=printable(entry.policy.policy_domain, 253),
        successful=entry.summary.total_successful_session_count,
        failed=entry.summary.total_failure_session_count,
        failures=tuple(
            TlsFailure(kind=kind, sessions=sessions, host=host, reason=reason)
            for (kind, host, reason), sessions in counted.most_common(MAX_SHOWN)
        ),
        more_failures=max(0, len(counted) - MAX_SHOWN),
    )

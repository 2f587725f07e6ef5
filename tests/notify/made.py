"""Notifications made for tests."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from seventh.model.checklist import LineVerdict
from seventh.model.failure import Blame, Failure, Reason
from seventh.model.phase import Phase
from seventh.model.report import Finding
from seventh.model.severity import Severity
from seventh.notify.receiver import Receiver, receiver_of
from seventh.watch.evidence import Evidence, Line, common_of
from seventh.watch.grouping import Member, Notification
from seventh.watch.keys import NotifyKeys
from seventh.watch.outbox import Due
from seventh.watch.samples import Cause
from seventh.watch.verdict import Condition

SECOND = 10**9
SINCE = 1_790_000_000 * SECOND
EXPIRED = Cause(Reason.TLS_CERTIFICATE_EXPIRED, "tls", Blame.PEER)
EVIDENCE = Evidence(
    at_ns=SINCE + SECOND, address="192.0.2.1", issuer="CN=Lab",
    failure=Failure(
        reason=Reason.TLS_CERTIFICATE_EXPIRED, phase="tls", blame=Blame.PEER,
        detail="expired 2 days ago",
    ),
    phases=(Phase(name="tls", start_seconds=0.1, seconds=0.2, clock="kernel", outcome="failed"),),
    findings=(
        Finding(
            id="NET-PORT-STATE", room="net", severity=Severity.HIGH, tier=0,
            params={"port": 1, "states": ("192.0.2.1 \x1b[31mrefused",)}, references=("RFC 9293",),
            seed=(),
        ),
    ),
    lines=(
        Line(room="net", text="The name resolves", verdict=LineVerdict.PASS),
        Line(room="tls", text="The certificate is valid", verdict=LineVerdict.FAIL, found=("X",)),
        Line(room="tls", text="TLS 1.3 is supported", verdict=LineVerdict.NOT_LOOKED_AT),
    ),
)  # fmt: skip


def member(number: int, **labels: str) -> Member:
    return Member(
        name=f"web{number}", url=f"https://web{number}:443", labels=labels, since_ns=SINCE,
        cause=EXPIRED,
    )  # fmt: skip


def due(
    *members: Member, kind: Condition = Condition.DOWN, phase: str = "",
    cause: Cause | None = EXPIRED, evidence: Evidence | None = EVIDENCE,
) -> Due:  # fmt: skip
    several = members or (member(1, team="web"),)
    return Due(
        id=1, key="seventh-store-7-firing", number=7, receiver="ops", resolved=False, tries=1,
        queued_ns=SINCE, at_ns=SINCE + 5 * SECOND, resolved_ns=None, given_up=False,
        notification=Notification(
            common=common_of(kind, phase, cause, "web1", evidence), since_ns=SINCE,
            members=several, targets=tuple(range(len(several))), evidence=evidence,
        ),
    )  # fmt: skip


def ended(begun: Due, *, given_up: bool = False) -> Due:
    return replace(
        begun, resolved=True, resolved_ns=SINCE + 60 * SECOND, given_up=given_up,
        key=begun.key.replace("firing", "resolved"),
    )  # fmt: skip


def receiver(
    folder: Path, kind: str, url: str, token: str | None = None, **more: object
) -> Receiver:
    """A receiver whose secrets are in files."""
    (folder / "url").write_text(url)
    if token is not None:
        (folder / "token").write_text(token)
    return receiver_of(NotifyKeys(
        kind=kind, name="ops", url=f"file:{folder}/url",
        token=f"file:{folder}/token" if token is not None else None, **more,
    ))  # fmt: skip

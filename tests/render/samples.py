"""Reports of all shapes, made up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from seventh.model.facts import Facts
from seventh.model.failure import Blame, Failure, Reason
from seventh.model.phase import Phase
from seventh.model.report import Finding, Report, Skipped
from seventh.model.sample import Sample
from seventh.model.severity import Severity
from seventh.render.view import Document


class Item(msgspec.Struct, frozen=True, kw_only=True):
    subject: str = ""
    bits: int | None = None
    days_left: float | None = None


class SampleFacts(Facts, frozen=True, kw_only=True):
    host: str = ""
    software: str = ""
    strict: bool | None = None
    banner_seconds: float | None = None
    key_bits: int | None = None
    drift: float | None = None
    algorithms: tuple[str, ...] = ()
    chain: tuple[Item, ...] = ()
    table: Mapping[str, int] = msgspec.field(default_factory=dict)
    nested: Item | None = None


FACTS = SampleFacts(
    host="127.0.0.1",
    software="OpenSSH_9.2p1 Debian-2+deb12u7",
    strict=True,
    banner_seconds=0.0221,
    key_bits=3072,
    algorithms=("curve25519-sha256", "ecdh-sha2-nistp256", "diffie-hellman-group14-sha1", "x"),
    chain=(Item(subject="CN=leaf", bits=256), Item(subject="CN=middle"), Item(subject="CN=root")),
    table={"b": 2, "a": 1},
    nested=Item(subject="CN=one", days_left=12.5),
)

PHASES = (
    Phase(name="connect", start_seconds=0.0002, seconds=0.0012, clock="kernel", outcome="ok",
          address="127.0.0.1"),
    Phase(name="ssh.banner", start_seconds=0.0014, seconds=0.0221, clock="kernel", outcome="ok",
          address="127.0.0.1"),
    Phase(name="ssh.kexinit", start_seconds=0.0235, seconds=0.0031, clock="user",
          outcome="failed", address="127.0.0.1"),
)  # fmt: skip

WEAK = Finding(
    id="DEMO-WEAK", room="demo", severity=Severity.HIGH, tier=1,
    params={"algorithms": ("weak", "weaker")}, references=("RFC 9999 §1",), seed=("12.2.2",),
)  # fmt: skip
SLOW = Finding(
    id="DEMO-SLOW", room="demo", severity=Severity.LOW, tier=0, params={"wait": 4.25},
    references=(), seed=(),
)  # fmt: skip
FAILURE = Failure(
    reason=Reason.TLS_CERTIFICATE_EXPIRED, phase="tls", blame=Blame.PEER,
    detail="the certificate ended 3 days ago, on 2026-11-19",
)  # fmt: skip


def report(**changes: Any) -> Report:
    """A report in good order, but for ``changes``."""
    fields: dict[str, Any] = {
        "target": "demo://127.0.0.1:2222", "protocol": "demo", "vantage": "here",
        "started_seconds": 1795327200.0, "duration_seconds": 0.0412, "failure": None,
        "phases": PHASES[:2], "facts": {"demo": FACTS},
        "metrics": (Sample("seventh_rtt_seconds", (), 0.0001),),
        "findings": (), "skipped": (), "passed": ("DEMO-FINE",), "transcript": (),
    }  # fmt: skip
    return Report(**{**fields, **changes})


def document(*reports: Report) -> Document:
    return Document(generated_at="2026-11-22T06:00:01Z", version="0.1.0", reports=reports)


CLEAN = report()
FOUND = report(
    target="demo://weak.example:7",
    findings=(SLOW, WEAK),
    skipped=(Skipped(id="DEMO-TOLD", reason="nothing was told"),),
    transcript=("> hello", "< hi there"),
)
BROKEN = report(
    target="demo://broken.example:7", phases=PHASES, failure=FAILURE, findings=(SLOW,),
    metrics=(
        Sample("seventh_rtt_seconds", (), float("nan")),
        Sample("seventh_cert_expiry_timestamp_seconds", (), 1.8e9),
    ),
)  # fmt: skip
EMPTY = report(
    target="demo://nowhere.example:7", phases=(), facts={}, metrics=(), passed=(),
    failure=Failure(reason=Reason.INTERNAL, phase="-", blame=Blame.SEVENTH, detail="a defect"),
)  # fmt: skip
SHAPES = (CLEAN, FOUND, BROKEN, EMPTY)

"""Reports that have something of everything that a format shows."""

from __future__ import annotations

import msgspec

from seventh.model.drawing import Drawing, Span
from seventh.model.facts import Facts
from seventh.model.failure import Blame, Failure, Reason
from seventh.model.host import Host, Port, PortState
from seventh.model.lintfacts import LintFacts
from seventh.model.phase import Phase
from seventh.model.place import Aspect, Comparison, Difference, Place
from seventh.model.report import Finding, Report, SkipCause, Skipped
from seventh.model.sample import Sample
from seventh.model.severity import Severity
from seventh.model.source import Line
from seventh.render.view import Document
from tests.render.samples import FACTS, SLOW, WEAK, document, report

replace = msgspec.structs.replace


class Drawn(Facts, frozen=True, kw_only=True):
    """Facts that are shown as bars, too."""

    kernel_seconds: float = 0.0
    labels: tuple[str, ...] = ()

    def drawings(self) -> tuple[Drawing, ...]:
        return (
            Drawing(
                title="Clock offsets",
                spans=(
                    Span(label="192.0.2.1", low=-0.002, high=0.004, value="+1.00 ms"),
                    Span(label="192.0.2.2", low=2.0, high=2.5, value="+2.25 s", typical=False),
                    Span(label="a-name-that-is-longer.pool.example", low=0.0, high=0.0,
                         value="no reply within two seconds", empty=True),
                ),
            ),
            Drawing(
                title="One request",
                spans=(
                    Span(label="GET /", low=0.0, high=4.0, value="4.00 s",
                         steps=(("wait", 3.0), ("body", 1.0))),
                ),
            ),
        )  # fmt: skip


def numbered(count: int) -> Facts:
    """Facts with so many fields to show."""
    fields = [(f"field_{number}", int, 0) for number in range(count)]
    kind = msgspec.defstruct(f"Numbered{count}", fields, bases=(Facts,), frozen=True)
    made: Facts = kind(**{f"field_{number}": number + 1 for number in range(count)})
    return made


def _phase(name: str, start: float, seconds: float, address: str | None, **other: str) -> Phase:
    made = Phase(
        name=name, start_seconds=start, seconds=seconds, clock="kernel", outcome="ok",
        address=address,
    )  # fmt: skip
    return replace(made, **other)


PHASES = (
    _phase("resolve", 0.001, 0.004, None, clock="user"),
    _phase("connect", 0.005, 0.010, "2001:db8::7", outcome="failed"),
    _phase("connect", 0.015, 0.005, "192.0.2.7"),
    _phase("demo.hello", 0.020, 0.002, "192.0.2.7"),
    _phase("demo.hello", 0.030, 0.004, "192.0.2.7"),
    _phase("tls", 0.034, 0.007, "192.0.2.7", clock="user", outcome="failed"),
)

IN_FILES = replace(
    WEAK,
    fixes={
        "nginx": ("ssl_protocols TLSv1.3;",),
        "apache": ("SSLProtocol TLSv1.3",),
        "caddy": ("tls { protocols tls1.3 }",),
    },
    place="in the server block",
    product="nginx",
    references=("RFC 9999 §1", "a|manual"),
)
BLOCKS = replace(
    SLOW,
    severity=Severity.MEDIUM,
    view="server a.example",
    also=("server b.example",),
    more=2,
    source=(
        Line(file="/etc/demo.conf", line=12, text="wait 4"),
        Line(file="/etc/demo.conf", line=None, text="answer late  # default of demod 1.0"),
    ),
)
GONE = Finding(
    id="DEMO-GONE-LONG-AGO", room="demo", severity=Severity.CRITICAL, tier=0,
    params={"count": 3, "names": ("a", "b")}, references=(), seed=(),
)  # fmt: skip
TOLD = Finding(
    id="DEMO-TOLD", room="demo", severity=Severity.INFO, tier=0, params={}, references=(), seed=()
)

RICH = report(
    target="demo://rich.example:7",
    duration_seconds=0.0432,
    phases=PHASES,
    facts={
        "demo": FACTS,
        "lint": LintFacts(
            kind="demo.conf",
            files=("/etc/demo.conf",),
            notes=(Line(file="/etc/demo.conf", line=3, text="include *.more matches no file"),),
        ),
        "drawn": Drawn(kernel_seconds=0.004, labels=("one", "two")),
        "ten-letter": numbered(12),
        "room-of-thirteen": numbered(13),
    },
    metrics=(
        Sample("seventh_phase_seconds", (("phase", "tls"),), 0.007),
        Sample("seventh_loss_ratio", (), 0.125),
        Sample("seventh_sent_bytes", (), 512.0),
    ),
    findings=(TOLD, SLOW, BLOCKS, IN_FILES, GONE),
    skipped=(
        Skipped(
            id="DEMO-DENIED", cause=SkipCause.NOT_PERMITTED,
            reason="tier 3 needs --allow-write, which this check was not given by anybody so far",
        ),
        Skipped(id="DEMO-LATE", reason="no answer was timed"),
    ),
    passed=("DEMO-FINE", "DEMO-GOOD"),
    transcript=("> hello", "< hi there, this is a line of " + "many words " * 8),
)  # fmt: skip

FAILED = report(
    target="demo://failed.example:7",
    phases=(_phase("connect", 0.0, 2.0, "192.0.2.8", outcome="failed"),),
    facts={},
    metrics=(),
    passed=(),
    duration_seconds=2.0,
    failure=Failure(
        reason=Reason.CONNECT_TIMEOUT, phase="connect", blame=Blame.NETWORK,
        detail="192.0.2.8 port 7 did not answer within 2 s",
    ),
)  # fmt: skip
CRASHED = report(
    target="demo://crashed.example:7", phases=(), facts={}, metrics=(), passed=(),
    failure=Failure(reason=Reason.INTERNAL, phase="-", blame=Blame.SEVENTH, detail="a defect"),
)  # fmt: skip
GOOD = report(target="demo://good.example:7/a/path/that/does/not/fit/into/the/summary")


def _port(number: int, scheme: str, state: PortState, made: Report, transport: str = "tcp") -> Port:
    target = f"{scheme}://host.example:{number}"
    return Port(
        number=number, transport=transport, state=state, report=replace(made, target=target)
    )


class Claimed(Facts, frozen=True, kw_only=True):
    """Facts of a peer that says what it is."""

    @property
    def product(self) -> str:
        return "openssh"


_CLOSED = replace(
    FAILED,
    duration_seconds=0.0003,
    findings=(WEAK,),
    failure=replace(FAILED.failure, reason=Reason.CONNECT_REFUSED, detail="refused"),
)
PORTS = (
    _port(22, "ssh", PortState.OPEN, replace(GOOD, findings=(SLOW, WEAK),
                                             facts={"ssh": Claimed()})),
    _port(80, "http", PortState.CLOSED, _CLOSED),
    _port(123, "ntp", PortState.NO_ANSWER, FAILED, "udp"),
    _port(443, "tls", PortState.OTHER, replace(
        FAILED, failure=replace(FAILED.failure, reason=Reason.TLS_NOT_TLS, detail="not TLS"),
    )),
    _port(4460, "nts", PortState.UNKNOWN, CRASHED),
    _port(8883, "demo", PortState.OPEN, GOOD),
)  # fmt: skip
HOST = Host(name="host.example", ports=PORTS)
UNRESOLVED = Host(name="no.example", ports=(_port(22, "ssh", PortState.UNRESOLVED, FAILED),))


KNOWN = report(
    target="demo://known.example:7",
    facts={},
    findings=(
        SLOW, replace(WEAK, known="in the baseline"),
        replace(BLOCKS, known="demo.conf:12: the old clients go in May"),
    ),
    passed=(),
)  # fmt: skip

_LATE = Skipped(id="DEMO-SLOW", reason="no answer was timed")
_DENIED = Skipped(id="DEMO-WEAK", reason="tier 1 denied", cause=SkipCause.NOT_PERMITTED)
_IDLE = Skipped(id="DEMO-SLOW", reason="nothing is asked", cause=SkipCause.NOT_APPLICABLE)
CHECKED = (
    report(findings=(WEAK,), skipped=(_LATE,)),
    report(passed=("DEMO-WEAK",), skipped=(_IDLE,)),
    report(passed=("DEMO-WEAK",), skipped=(_LATE,), facts={"demo": FACTS.learn(software="")}),
    report(passed=("DEMO-WEAK", "DEMO-SLOW"), facts={"demo": FACTS.learn(software="x" * 60)}),
    report(
        skipped=(_LATE, _DENIED),
        facts={"demo": FACTS.learn(algorithms=())},
        failure=replace(FAILED.failure, phase="demo.hello.more"),
    ),
    report(passed=("DEMO-WEAK",), skipped=(_LATE,), failure=CRASHED.failure),
)


def _with(reports: tuple[Report, ...], hosts: tuple[Host, ...] = ()) -> Document:
    return replace(document(*reports), hosts=hosts)


_PLACED = tuple(
    report(target="demo://far.example:7", place=place, vantage=vantage, findings=findings, facts={})
    for place, vantage, findings in (("local", "desk", ()), ("ssh://a", "web1", (SLOW,)))
)
PLACES = replace(
    _with(_PLACED),
    places=(
        Place(name="local", vantage="desk", seconds=0.5),
        Place(name="ssh://a", vantage="web1", python="3.11.2", installed=True, seconds=2.0),
        Place(name="ssh://b", missing=1, failure="python3 not found there"),
    ),
)
_DIFFERS = Comparison(
    target="demo://far.example:7",
    differences=(
        Difference(
            aspect=Aspect.FINDINGS, values={"local": (), "ssh://a": ("DEMO-SLOW", "DEMO-WEAK")}
        ),
    ),
)


DOCUMENTS = {
    "known": _with((KNOWN,)),
    "fine": _with((GOOD, report(findings=(replace(WEAK, known="in the baseline"),), facts={}))),
    "alike": PLACES,
    "places": replace(PLACES, comparisons=(_DIFFERS,)),
    "one": _with((RICH,)),
    "several": _with((GOOD, replace(RICH, findings=(BLOCKS,)), FAILED, CRASHED)),
    "host": _with(tuple(PORTS[at].report for at in (0, 3, 4, 5)), (HOST,)),
    "checked": _with(CHECKED),
    "unresolved": _with((FAILED,), (UNRESOLVED,)),
}

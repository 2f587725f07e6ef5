"""A host's table: its columns, and where the worst finding of a port stands."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from seventh.model.failure import Reason
from seventh.model.host import Host, PortState
from seventh.model.severity import Severity, Status
from seventh.render.entries import HostEntry
from seventh.render.host_lines import lines
from seventh.render.hosts import headline, host_entries, is_untried, shows_all
from seventh.render.view import View
from tests.render.rich import FAILED, GOOD, HOST, PORTS
from tests.render.samples import WEAK, document

pytestmark = pytest.mark.usefixtures("demo_room")


def entry(host: Host = HOST, view: View | None = None) -> HostEntry:
    (made,) = host_entries(replace(document(), hosts=(host,)), view or View())
    return made


def table(width: int, host: Host = HOST) -> list[str]:
    return [line.plain.rstrip() for line in lines(entry(host), dict.fromkeys(Status, ""), width)]


@pytest.mark.parametrize(
    ("width", "shape"),
    [(59, "narrow"), (60, "below"), (86, "below"), (87, "beside"), (200, "beside")],
)
def test_the_worst_is_beside_its_port_if_all_fit(width: int, shape: str) -> None:
    _, head, first, second, *_ = table(width)
    heads = "  PORT      PROTOCOL       STATE"
    port = "  22/tcp    ssh (openssh)  open"
    if shape == "narrow":
        assert (head, first) == (heads, port)
        assert second == "      critical · 41.2 ms · DEMO-WEAK Weak algorithms"
    elif shape == "below":
        assert head == f"{heads}           VERDICT      TIME"
        assert first == f"{port}            critical  41.2 ms"
        assert second == "      DEMO-WEAK Weak algorithms"
    else:
        assert head == f"{heads}           VERDICT      TIME  WORST"
        assert first == f"{port}            critical  41.2 ms  DEMO-WEAK Weak algorithms"


def test_without_findings_there_is_no_column_for_them() -> None:
    good = Host(name="h", ports=(PORTS[5],))
    assert table(200, good) == [
        "  1 of 1 well-known ports open",
        "  PORT      PROTOCOL  STATE  VERDICT     TIME",
        "  8883/tcp  demo      open   ok       41.2 ms",
    ]


def _host(*states: PortState, reason: Reason = Reason.CONNECT_TIMEOUT) -> HostEntry:
    failure = replace(FAILED.failure, reason=reason)  # type: ignore[type-var]
    failed = replace(FAILED, failure=failure)
    ports = tuple(
        replace(PORTS[0], number=number, state=state,
                report=GOOD if state is PortState.OPEN else failed)
        for number, state in enumerate(states)
    )  # fmt: skip
    return entry(Host(name="h", ports=ports))


@pytest.mark.parametrize(
    ("states", "text", "untried"),
    [
        ((PortState.UNRESOLVED,) * 2, "the host name has no address", True),
        ((PortState.UNKNOWN,) * 2, "no port could be tried", True),
        ((PortState.UNKNOWN, PortState.CLOSED), "0 of 2 well-known ports open; 1 closed, 1 unknown",
         False),
        ((PortState.UNRESOLVED, PortState.CLOSED),
         "0 of 2 well-known ports open; 1 closed, 1 unresolved", False),
        ((PortState.OPEN, PortState.OTHER), "2 of 2 well-known ports open", False),
        ((PortState.OPEN, PortState.FILTERED, PortState.NO_ANSWER, PortState.UNREACHABLE),
         "1 of 4 well-known ports open; 1 filtered, 1 no answer, 1 unreachable", False),
    ],
)  # fmt: skip
def test_a_headline_counts_the_ports(
    states: tuple[PortState, ...], text: str, untried: bool
) -> None:
    made = _host(*states)
    assert (headline(made), is_untried(made)) == (text, untried)


def test_ports_that_failed_for_different_reasons_are_shown() -> None:
    one, other = _host(PortState.UNKNOWN), _host(PortState.UNKNOWN, reason=Reason.INTERNAL)
    both = replace(one, ports=(*one.ports, *other.ports))
    assert is_untried(one)
    assert not is_untried(both)


@pytest.mark.parametrize(
    ("targets", "all_"),
    [
        ([], True), (["host.example"], True), (["ssh://host.example:22"], True),
        (["ssh://host.example:22", "host.example", "demo://host.example:8883"], True),
        (["ssh://host.example:22", "ssh://other"], False),
    ],
)  # fmt: skip
def test_a_table_shows_its_own_targets(targets: list[str], all_: bool) -> None:
    assert shows_all(entry(), targets) is all_


def test_a_hosts_status_is_that_of_its_ports_by_the_views_bar() -> None:
    weak = Host(name="h", ports=(replace(PORTS[5], report=replace(GOOD, findings=(WEAK,))),))
    assert entry(weak).status is Status.CRITICAL
    assert entry(weak, View(bar=Severity.CRITICAL)).status is Status.OK
    assert entry(Host(name="h", ports=PORTS[1:3])).status is Status.CRITICAL, "none is open"
    assert entry(weak, View(lang="ko")).ports[0].said == "약한 알고리즘"

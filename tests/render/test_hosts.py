"""A host's table of ports in every format."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from seventh.engine.hosts import sift
from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.model.target import parse_target
from seventh.protocols import schemes
from seventh.render import FORMATS, View, render
from seventh.render.view import Document
from tests.render.samples import SLOW, WEAK, report

pytestmark = [pytest.mark.field, pytest.mark.usefixtures("demo_room")]


def well_known() -> int:
    return len(parse_target("host.example", schemes()))


def host(open_schemes: tuple[str, ...], reason: Reason = Reason.CONNECT_REFUSED) -> Document:
    jobs = [(target, Options()) for target in parse_target("host.example", schemes())]
    failure = Failed(reason, "port: refused", phase="connect").failure()
    reports = {
        index: report(target=str(target), findings=(SLOW, WEAK), facts={})
        if target.scheme in open_schemes
        else report(target=str(target), failure=failure, facts={}, findings=(WEAK,))
        for index, (target, _) in enumerate(jobs)
    }
    hosts, kept = sift(jobs, reports)
    return Document(
        generated_at="2026-11-22T06:00:01Z", version="0", reports=tuple(kept), hosts=hosts
    )


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_shows_the_ports_and_details_of_the_open_ones_alone(name: str) -> None:
    text = render(name, host(("ssh",)), View())
    assert "host.example" in text
    assert "closed" in text
    assert text.count("offers weak, weaker") >= 1
    assert "port: refused" not in text
    assert "connect-refused" not in text


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_that_nothing_is_open(name: str) -> None:
    text = " ".join(render(name, host(()), View()).split())
    assert "connect-refused" in text
    assert f"{well_known()} closed" in text


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = render("terminal", host(("ssh", "https")), View(width=width))
    table = text.split("\n\n")[0].splitlines()
    assert all(len(line) <= width for line in table)
    assert any("22/tcp" in line and "open" in line for line in table)
    assert any("80/tcp" in line and "closed" in line for line in table)


def test_the_terminal_has_one_table_and_no_second_summary() -> None:
    text = render("terminal", host(("ssh", "https")), View())
    assert f"2 of {well_known()} well-known ports open; {well_known() - 2} closed" in text
    assert "2 targets:" not in text


def test_a_name_without_an_address_is_one_line_and_no_table() -> None:
    text = render("terminal", host((), Reason.RESOLVE_NXDOMAIN), View())
    assert "the host name has no address" in text
    assert "80/tcp" not in text


def test_json_has_each_port_and_no_verdict_on_a_closed_one() -> None:
    made = json.loads(render("json", host(("ssh",)), View()))
    (entry,) = made["hosts"]
    assert (entry["host"], entry["open"], entry["status"]) == ("host.example", 1, "critical")
    by_port = {(port["port"], port["transport"]): port for port in entry["ports"]}
    assert by_port[22, "tcp"]["state"] == "open"
    assert by_port[22, "tcp"]["finding"] == "DEMO-WEAK"
    assert by_port[80, "tcp"]["status"] is None
    assert by_port[123, "udp"]["state"] == "closed"
    assert [one["target"] for one in made["reports"]] == ["ssh://host.example:22"]


def test_junit_skips_closed_ports() -> None:
    root = ET.fromstring(render("junit", host(("ssh",)), View()))  # noqa: S314 - our own
    suite = next(each for each in root if each.get("name") == "host.example")
    assert int(suite.get("tests", "")) == well_known()
    assert int(suite.get("skipped", "")) == well_known() - 1
    assert suite.get("failures") == "0"


@pytest.mark.field
@pytest.mark.parametrize("name", sorted({*FORMATS} - {"json", "jsonl"}))
def test_a_name_that_does_not_exist_is_not_blamed_on_anyone(name: str) -> None:
    text = render(name, host((), Reason.RESOLVE_NXDOMAIN), View())
    assert "the name does not exist; check the spelling" in " ".join(text.split())

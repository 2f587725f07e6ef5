"""A look as a report: its areas, its rules, its numbers, and the way to another machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from seventh import protocols
from seventh.engine import remote
from seventh.engine.elsewhere import look as look_errand
from seventh.engine.local import Wanted, areas_named, look, rooms_of
from seventh.engine.remote import report_of
from seventh.localkit.machine import Machine
from seventh.model.failure import UsageError
from seventh.model.localfacts import Cause, LocalFacts
from seventh.model.report import SkipCause
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.local import TimeOptions
from seventh.rules.rule import Source
from seventh.rules.run import Selection
from tests.localkit.test_processes import process

AREAS = tuple(protocols.areas())


@pytest.fixture
def bare(tmp_path: Path) -> Machine:
    """A container in which nothing is: no program, no /sys, no daemon."""
    process(tmp_path, 1, "app")
    (tmp_path / ".dockerenv").touch()
    return Machine(root=tmp_path, path=(str(tmp_path),))


async def test_a_bare_container_is_skips_with_reasons(bare: Machine) -> None:
    report = await look(Wanted(areas=AREAS), bare, host="web1")
    assert (report.target, report.protocol, report.failure) == ("local://web1", "local", None)
    assert report.findings == ()
    assert all(each.reason for each in report.skipped)
    local = report.facts["local"]
    assert isinstance(local, LocalFacts)
    assert (local.areas, local.container) == (AREAS, "docker")
    commands = {command.name for _, area in protocols.areas().values() for command in area.commands}
    assert commands <= {each.name for each in local.absent}
    assert {each.cause for each in local.absent} <= {
        Cause.NOT_INSTALLED, Cause.NOT_RUNNING, Cause.NOT_FOUND,
    }  # fmt: skip


async def test_a_look_judges_the_rules_of_its_areas(bare: Machine) -> None:
    report = await look(Wanted(areas=("time",)), bare)
    judged = {each.id for each in report.skipped} | {*report.passed}
    assert judged == {each.id for each in protocols.rules("ntp") if each.source is Source.LOCAL}


async def test_a_selection(bare: Machine) -> None:
    selection = Selection(only=frozenset({"NTP-DUAL-DAEMON"}))
    report = await look(Wanted(areas=("time",), selection=selection), bare)
    assert report.passed == ("NTP-DUAL-DAEMON",)
    assert report.skipped == ()


def test_rules_of_another_source_are_skipped_elsewhere() -> None:
    for rule in protocols.rules("ntp"):
        if rule.source is Source.LOCAL:
            skip = rule(NtpFacts())
            assert getattr(skip, "cause", None) is SkipCause.NO_EVIDENCE
            assert "seventh local time" in getattr(skip, "reason", "")


def test_areas_are_named() -> None:
    assert areas_named(()) == AREAS
    assert areas_named(("time", "time")) == ("time",)
    assert rooms_of(("time",)) == {"ntp"}
    with pytest.raises(UsageError, match=r"unknown area 'tine'.*time.*`seventh explain local`"):
        areas_named(("tine",))


async def test_an_order_of_a_look_comes_back_with_its_facts(
    bare: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def there(wanted: Wanted) -> object:
        return await look(wanted, bare)

    monkeypatch.setattr(remote, "look", there)
    options = {"time": TimeOptions(accuracy_seconds=1e-5)}
    selection = Selection(skip=frozenset({"NTP-REACH"}))
    errand = look_errand(Wanted(areas=("time",), options=options, selection=selection), "web1")
    assert (errand.targets, errand.rooms) == (("local://web1",), {"ntp"})
    sent: list[tuple[bytes, bytes]] = []

    def send(kind: bytes, data: bytes) -> None:
        sent.append((kind, data))

    await asyncio.to_thread(remote.serve, errand.order, send)
    assert [kind for kind, _ in sent] == [remote.REPORT, remote.END]
    index, report = report_of(sent[0][1])
    assert index == 0
    assert isinstance(report.facts["local"], LocalFacts)
    ntp = report.facts["ntp"]
    assert isinstance(ntp, NtpFacts)
    assert ntp.local is not None
    assert ntp.local.accuracy_seconds == 1e-5
    ids = {each.id for each in report.skipped} | {*report.passed}
    ids |= {each.id for each in report.findings}
    assert "NTP-PTP-HINT" in ids
    assert "NTP-REACH" not in ids


def test_an_order_of_an_area_that_is_not_there() -> None:
    errand = look_errand(Wanted(areas=("time",)), "web1")
    changed = msgspec.msgpack.decode(errand.order, type=remote.Order)
    order = msgspec.structs.replace(changed, areas=("nothing",))
    sent: list[tuple[bytes, bytes]] = []
    remote.serve(msgspec.msgpack.encode(order), lambda kind, data: sent.append((kind, data)))
    ((kind, said),) = sent
    assert kind == remote.ERROR
    assert b"unknown area 'nothing'" in said

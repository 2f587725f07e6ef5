"""Starting the lab."""

from __future__ import annotations

import shlex

import pytest

from seventh import given, protocols
from seventh.cli.arguments import parse
from seventh.cli.lab import command
from seventh.lab import start
from seventh.labkit import serve
from seventh.labkit.serve import Fault, Kit, Served
from seventh.model.failure import UsageError
from seventh.model.options import HostPort, Options


def test_every_room_has_a_lab() -> None:
    assert set(start.labs()) == set(protocols.rooms())


def test_an_unknown_fault_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="unknown net fault 'nope': write closed-port"):
        start.find_fault("net", "nope")


def test_served_options_reach_the_check() -> None:
    target, options = start.job(
        Served(target="tcp://127.0.0.1:9", options={"resolver": "127.0.0.1:53"}), Options()
    )
    assert (target.port, options.resolver) == (9, HostPort("127.0.0.1", 53))


def test_what_a_fault_needs_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Fault(name="x", meaning="x", triggers=(), needs=("root", "ip"))
    monkeypatch.setitem(serve._HERE, "root", lambda: True)
    monkeypatch.setitem(serve._HERE, "ip", lambda: False)
    assert fault.lacks() == "needs the program ip (iproute2)"
    assert Fault(name="x", meaning="x", triggers=()).lacks() is None


def test_the_kit_leaves_nothing_behind() -> None:
    with start.kit() as kit:
        folder = kit.folder
        assert kit.authority.ca_file.exists()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("room", "fault"),
    [(room, fault) for room in start.labs() for fault in (None, *start.faults(room))],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "name", "clean"),
)
async def test_the_command_of_a_lab_can_be_typed(room: str, fault: Fault | None, kit: Kit) -> None:
    if fault is not None and (why := fault.lacks()):
        pytest.skip(f"{fault.name} {why}")
    async with start.serving(room, fault, kit) as served:
        words = shlex.split(command(served))
        parsed = parse(words[1:])
        options, wanted = given.make(given.among(vars(parsed))), given.make(served.options)
    assert words[2] == served.target
    assert options == wanted

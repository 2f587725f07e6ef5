"""Starting the lab."""

from __future__ import annotations

import pytest

from seventh.lab import start
from seventh.labkit import serve
from seventh.labkit.serve import Fault, Served
from seventh.model.failure import UsageError
from seventh.model.options import Options


def test_every_room_has_a_lab() -> None:
    assert {"net", "ntp", "ssh", "tls"} <= set(start.labs())


def test_an_unknown_fault_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="it has: closed-port"):
        start.find_fault("net", "nope")


def test_served_options_reach_the_check() -> None:
    target, options = start.job(
        Served(target="tcp://127.0.0.1:9", options={"resolver": "127.0.0.1:53"}), Options()
    )
    assert (target.port, options.resolver) == (9, "127.0.0.1:53")


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

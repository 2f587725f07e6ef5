"""``seventh lab``: the list of faults, and the command that checks a server."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator

import pytest

from seventh.cli import signals
from seventh.cli.lab import command
from seventh.cli.main import main
from seventh.lab import start
from seventh.labkit.serve import Fault, NotInstalledError, Served
from seventh.model.failure import UsageError

FAULTS = (
    Fault(name="weak", meaning="offers weak algorithms", triggers=("A-WEAK", "A-OLD")),
    Fault(name="closed", meaning="is closed", triggers=(), reason="connect-refused"),
    Fault(name="odd", meaning="does something", triggers=()),
)


def test_the_list_has_each_fault_with_its_rules_or_its_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(start, "faults", lambda room: FAULTS if room == "ssh" else FAULTS[:1])
    monkeypatch.setattr(start, "labs", lambda: ("net", "ssh"))
    ssh = (
        "ssh    weak                   A-WEAK, A-OLD\n"
        "                              offers weak algorithms\n"
        "ssh    closed                 connect-refused\n"
        "                              is closed\n"
        "ssh    odd                    \n"
        "                              does something\n"
    )
    assert main(["lab", "ssh", "--list"]) == 0
    assert capsys.readouterr() == (ssh, "")
    assert main(["lab", "--list"]) == 0
    net = "net    weak                   A-WEAK, A-OLD\n" + " " * 30 + "offers weak algorithms\n"
    assert capsys.readouterr() == (net + ssh, "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ""),
        ({"timeout_seconds": 3}, " --timeout 3"),
        ({"ca_file": "a b"}, " --ca 'a b'"),
        ({"family": "ipv4"}, " -4"),
        ({"family": "ipv6"}, " -6"),
        ({"family": "any"}, ""),
        ({"intrusive": True}, " --intrusive"),
        ({"intrusive": False}, ""),
        ({"headers": ("A: 1", "B: 2")}, " --header 'A: 1' --header 'B: 2'"),
        ({"samples": 4, "user": "x"}, " --samples 4 --user x"),
    ],
)
def test_a_command_has_the_options_that_the_check_needs(
    options: dict[str, object], words: str
) -> None:
    served = Served(target="ssh://127.0.0.1:22", options=options)  # type: ignore[arg-type]
    assert command(served) == f"seventh check ssh://127.0.0.1:22{words}"


def test_a_fault_needs_its_protocol_and_what_it_lacks_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lab", "--fault", "weak"]) == 3
    assert capsys.readouterr().err == (
        "seventh: --fault needs a protocol: `seventh lab PROTOCOL --fault weak`\n"
    )
    monkeypatch.setattr(Fault, "lacks", lambda self: "needs root")
    name = start.faults("ssh")[0].name
    assert main(["lab", "ssh", "--fault", name]) == 3
    assert capsys.readouterr().err == f"seventh: --fault {name}: needs root\n"


def test_faults_and_labs_are_found_by_name_and_scheme() -> None:
    assert start.find_lab("https") == "http"
    assert start.find_lab("ssh") == "ssh"
    with pytest.raises(UsageError, match="unknown lab 'zz': write "):
        start.find_lab("zz")
    with pytest.raises(UsageError, match="`seventh lab ssh --list` lists them"):
        start.find_fault("ssh", "zz")


@pytest.fixture
def handlers() -> Iterator[None]:
    """The signals' handlers are put back; a command leaves the system's after a signal."""
    before = {each: signal.getsignal(each) for each in signals.ENDING}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three rooms: "b" lacks a package, and a signal comes when "c" is started; what has ended."""
    ended: list[str] = []

    @contextlib.asynccontextmanager
    async def serving(room: str, fault: Fault | None, kit: object) -> AsyncIterator[Served]:
        if room == "b":
            raise NotInstalledError("package-b")
        if room == "c":
            asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGTERM)
        try:
            yield Served(target=f"tcp://{room}:{fault.name if fault else 1}")
        finally:
            ended.append(room)

    monkeypatch.setattr(start, "labs", lambda: ("a", "b", "c"))
    monkeypatch.setattr(start, "faults", lambda room: FAULTS)
    monkeypatch.setattr(start, "together", lambda room: ())
    monkeypatch.setattr(start, "serving", serving)
    return ended


@pytest.mark.usefixtures("handlers")
def test_servers_run_until_a_signal_without_those_that_lack_something(
    stopped: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lab"]) == 0
    out, err = capsys.readouterr()
    assert out == "seventh check tcp://a:1\nseventh check tcp://c:1\nCtrl-C stops them.\n"
    assert err == f"seventh: b server skipped: {NotInstalledError('package-b')}\n"
    assert stopped == ["c", "a"]


@pytest.mark.usefixtures("handlers")
def test_one_server_runs_with_its_fault_or_says_what_it_lacks(
    stopped: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lab", "c", "--fault", "closed"]) == 0
    assert capsys.readouterr() == ("seventh check tcp://c:closed\nCtrl-C stops them.\n", "")
    assert main(["lab", "b"]) == 3
    assert capsys.readouterr() == ("", f"seventh: {NotInstalledError('package-b')}\n")

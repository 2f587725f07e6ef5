"""Several chronyd at once: correct, wrong, with keys, and one that synchronises to the others."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from seventh.engine.check import check_many, check_one
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.sources import SourcesFacts
from seventh.protocols.ntp.together import together
from seventh.protocols.ntp.wire.keys import find_key
from tests.options import changed, options_with
from tests.peers import need_binary
from tests.peers.test_ntp import chronyd, facts_of, ids, target_of, user_name

pytestmark = [pytest.mark.peer, pytest.mark.asyncio(loop_scope="module")]

LOOK = options_with(timeout_seconds=8.0, samples=4, interval_seconds=0.2)
FOLLOWING_SECONDS = 20.0
LATENESS_SECONDS = 0.01
"""How late two busy cores may let a daemon run, beyond what its own error bound says."""


async def checked(targets: list[Target], look: Options = LOOK) -> list[Report]:
    reports = {i: report async for i, report in check_many([(t, look) for t in targets])}
    return [reports[i] for i in range(len(targets))]


def sources_of(facts: NtpFacts | None) -> SourcesFacts:
    assert facts is not None
    assert facts.sources is not None
    return facts.sources


@contextlib.asynccontextmanager
async def servers(folder: Path) -> AsyncIterator[list[Target]]:
    """Three good servers, one 37 s ahead, and one that has no time.

    Each has an address of its own: to chronyd a source is an address.
    """
    kinds = [("local stratum 2", None)] * 3 + [("local stratum 2", "+37s"), ("", None)]
    async with contextlib.AsyncExitStack() as stack:
        made: list[Target] = []
        for last, (line, shift) in enumerate(kinds, 1):
            host = f"127.0.0.{last}"
            server = chronyd(folder, line, host=host, shift=shift)
            made.append(target_of(host, await stack.enter_async_context(server)))
        yield made


Five = tuple[list[Target], list[Report]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def five(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Five]:
    """The five servers, and the report of each."""
    async with servers(tmp_path_factory.mktemp("five")) as targets:
        yield targets, await checked(targets)


def lines_for(targets: list[Target]) -> list[str]:
    return [f"server {t.host} port {t.port} iburst minpoll 0 maxpoll 1" for t in targets]


@contextlib.asynccontextmanager
async def follower(folder: Path, targets: list[Target]) -> AsyncIterator[dict[str, str]]:
    """A chronyd that follows the servers; gives what ``chronyc sources`` says of each."""
    chronyc = need_binary("chronyc")
    private = folder / "command"
    private.mkdir(mode=0o700)
    socket_path = private / "chronyd.sock"

    async def states() -> dict[str, str]:
        process = await asyncio.create_subprocess_exec(
            chronyc, "-h", str(socket_path), "-c", "-N", "sources",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 10)
        rows = [row for row in csv.reader(output.decode().splitlines()) if len(row) > 5]
        return {row[2]: row[1] for row in rows}

    lines = [f"bindcmdaddress {socket_path}", *lines_for(targets)]
    async with chronyd(folder, *lines, host="127.0.0.9", ready=None):
        deadline = time.monotonic() + FOLLOWING_SECONDS
        said: dict[str, str] = {}
        # It has judged once one source is selected and none is still being waited for.
        while time.monotonic() < deadline:
            said = await states()
            if "*" in said.values() and "x" in said.values():
                break
            await asyncio.sleep(0.1)
        yield said


async def test_the_selection_agrees_with_chronyds(tmp_path: Path, five: Five) -> None:
    targets, reports = five
    async with follower(tmp_path, targets) as chrony:
        pass
    sources = sources_of(together(reports))
    ours = {source.address: source.verdict for source in sources.sources}
    assert list(ours.values()) == ["truechimer"] * 3 + ["falseticker", "unusable"]
    # *, + and - agree, the first is followed; x is a falseticker, ? has no time.
    meaning = {"*": "truechimer", "+": "truechimer", "-": "truechimer", "x": "falseticker"}
    assert {host: meaning.get(state, "unusable") for host, state in chrony.items()} == ours


async def test_our_own_clocks_error_is_the_majoritys(tmp_path: Path, five: Five) -> None:
    targets, reports = five
    process = await asyncio.create_subprocess_exec(
        need_binary("chronyd"), "-Q", "-U", "-u", user_name(),
        "-f", "/dev/null", "-t", "15", "cmdport 0", "bindcmdaddress /",
        f"pidfile {tmp_path}/query.pid",
        *(f"server {t.host} port {t.port} iburst" for t in targets),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    said = next(line for line in output.decode().splitlines() if "System clock wrong by" in line)
    oracle = float(said.split("wrong by ")[1].split()[0])
    sources = sources_of(together(reports))
    assert sources.own_offset_seconds is not None
    assert sources.own_offset_error_seconds is not None
    bound = sources.own_offset_error_seconds + LATENESS_SECONDS
    # The good servers read this machine's own clock: it is off by nothing.
    assert abs(sources.own_offset_seconds) <= bound
    assert abs(sources.own_offset_seconds - oracle) <= bound
    finding = {f.id for report in reports for f in report.findings}
    assert "NTP-OFFSET" in finding, "the one that is 37 s ahead says so in its own report"


async def test_a_name_of_three_chronyd_one_of_them_wrong(tmp_path: Path) -> None:
    from seventh.labkit.names import name_server
    from seventh.labkit.serve import free_port

    hosts = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
    async with contextlib.AsyncExitStack() as stack:
        port = free_port()
        for host, shift in zip(hosts, (None, None, "-2s"), strict=True):
            (tmp_path / host).mkdir()
            await stack.enter_async_context(
                chronyd(tmp_path / host, "local stratum 2", host=host, port=port, shift=shift)
            )
        resolver = await stack.enter_async_context(name_server({"pool.test": {"A": hosts}}))
        report = await check_one(target_of("pool.test", port), changed(LOOK, resolver=resolver))
    verdicts = {s.address: s.verdict for s in sources_of(facts_of(report)).sources}
    assert verdicts == dict.fromkeys(hosts[:2], "truechimer") | {hosts[2]: "falseticker"}
    assert {"NTP-FALSETICKER", "NTP-FEW"} <= ids(report)


# -- keys ------------------------------------------------------------------------------------------

LINES = {
    1: "1 MD5 ASCII:laboratory",
    2: "2 SHA1 HEX:1dc764e0791b11fa67efc7ecbc4b0d73f68a070c",
    3: "3 SHA256 HEX:f6d7b6f1a2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5",
    4: "4 SHA512 ASCII:a-longer-one-of-letters",
    5: "5 AES128 HEX:000102030405060708090a0b0c0d0e0f",
    6: "6 AES256 HEX:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    7: "7 of-no-type",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def keyed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[int, str]]:
    """A chronyd with all the keys: its port and the key file."""
    folder = tmp_path_factory.mktemp("keyed")
    file = folder / "chrony.keys"
    file.write_text("\n".join(LINES.values()) + "\n")
    file.chmod(0o600)
    async with chronyd(folder, "local stratum 2", f"keyfile {file}") as port:
        yield port, str(file)


@pytest.mark.parametrize("number", LINES)
async def test_every_kind_of_key_authenticates_with_chronyd(
    number: int, keyed: tuple[int, str]
) -> None:
    port, file = keyed
    look = changed(LOOK, samples=1, ntp_keys=file, ntp_key=number)
    report = await check_one(target_of("127.0.0.1", port), look)
    key = facts_of(report).key
    assert key is not None
    assert (key.key_id, key.outcome) == (number, "authenticated"), report.failure
    assert key.algorithm == find_key("\n".join(LINES.values()), number).algorithm
    assert ("NTP-MAC-MD5" in ids(report)) == (number in {1, 7})
    assert report.failure is None


@pytest.mark.parametrize("line", ["1 MD5 ASCII:another", "99 SHA1 ASCII:unknown"])
async def test_chronyd_is_silent_to_keys_that_it_does_not_have(
    line: str, tmp_path: Path, keyed: tuple[int, str]
) -> None:
    ours = tmp_path / "ours.keys"
    ours.write_text(line + "\n")
    look = changed(LOOK, samples=1, ntp_keys=str(ours))
    report = await check_one(target_of("127.0.0.1", keyed[0]), look)
    key = facts_of(report).key
    assert key is not None
    assert key.authenticated is False
    assert report.failure is not None
    assert report.failure.reason is Reason.AUTH_REJECTED
    assert facts_of(report).offset_seconds is not None


async def test_chronyd_answers_neither_monlist_nor_by_port(tmp_path: Path) -> None:
    from seventh.protocols.ntp.lab.pool import exclusive_port_123

    async with exclusive_port_123(), chronyd(tmp_path, "local stratum 2") as port:
        report = await check_one(
            target_of("127.0.0.1", port), changed(LOOK, samples=1, intrusive=True)
        )
    facts = facts_of(report)
    assert facts.monlist is not None
    assert facts.monlist.factor == 0.0
    assert facts.source_port is not None
    if not facts.source_port.untried:
        assert facts.source_port.privileged_answered is True
    assert ids(report) == {"NTP-LOCALCLOCK"}

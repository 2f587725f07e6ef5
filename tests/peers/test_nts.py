"""NTS with chronyd at either end: as the server that is checked, and as the client of our lab."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.ca import Issued
from seventh.labkit.serve import Kit, free_port
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.target import Target
from seventh.protocols.ntp.facts.nts import NtsFacts
from seventh.protocols.ntp.lab.nts import serve_nts
from seventh.protocols.ntp.lab.nts_faults import FAULTS
from seventh.protocols.ntp.lab.setup import NtsSetup
from tests.options import options_with
from tests.peers import need_binary
from tests.peers.test_ntp import READY_SECONDS, chronyd, facts_of, follows, ids, user_name

pytestmark = pytest.mark.peer

SETUPS = {fault.name: fault.setup for fault in FAULTS}
HOUR = dt.timedelta(hours=1)
MONTH = dt.timedelta(days=30)
CLIENT_SECONDS = 8
"""How long chronyd tries before it gives a server up."""


def options_of(kit: Kit, **changes: object) -> Options:
    usual = {"timeout_seconds": 5.0, "samples": 4, "interval_seconds": 0.2,
             "ca_file": str(kit.authority.ca_file)}  # fmt: skip
    return options_with(**usual | changes)


def target_of(port: int, scheme: str = "nts") -> Target:
    return Target(scheme=scheme, host="127.0.0.1", port=port)


def nts_of(report: Report) -> NtsFacts:
    facts = facts_of(report).nts
    assert facts is not None
    return facts


@contextlib.asynccontextmanager
async def nts_server(
    folder: Path, kit: Kit, *lines: str, issued: Issued | None = None, shift: str | None = None
) -> AsyncIterator[int]:
    """chronyd with NTS; gives the port of its key establishment when that answers."""
    issued = issued or kit.authority.issue("localhost", "127.0.0.1")
    port = free_port()
    nts = (
        f"ntsport {port}",
        f"ntsserverkey {issued.key_file}",
        f"ntsservercert {issued.cert_file}",
        "ntsprocesses 1",
        f"ntsdumpdir {folder}",
    )
    async with chronyd(folder, *nts, *lines, shift=shift, ready=lambda _: True):
        deadline = time.monotonic() + READY_SECONDS
        said = "nothing asked"
        while time.monotonic() < deadline:
            report = await pulse_one(target_of(port), options_of(kit, timeout_seconds=1.0))
            if nts_of(report).port_state == "open":
                yield port
                return
            said = str(report.failure)
            await asyncio.sleep(0.05)
        raise AssertionError(f"no key establishment after {READY_SECONDS} s: {said}")


# -- chronyd as the server -------------------------------------------------------------------------


async def test_a_good_server_has_no_finding(tmp_path: Path, kit: Kit) -> None:
    async with chronyd(tmp_path, "local stratum 2", host="127.0.0.2") as upstream:
        source = f"server 127.0.0.2 port {upstream} iburst minpoll 0 maxpoll 2"
        async with nts_server(tmp_path, kit, source) as port:
            deadline = time.monotonic() + READY_SECONDS
            while time.monotonic() < deadline:
                report = await pulse_one(target_of(port), options_of(kit))
                if follows(facts_of(report)):
                    break
                await asyncio.sleep(0.1)
            report = await check_one(target_of(port), options_of(kit, intrusive=True))
    facts = nts_of(report)
    assert report.failure is None
    assert report.findings == ()
    assert (facts.established, facts.aead, facts.cookies) == (True, 15, 8)
    assert (facts.requests, facts.authenticated, facts.naks) == (4, 4, 0)
    assert facts.cookies_returned == facts.cookies_asked == 4
    assert facts.bad_cookie == "nak", "a cookie that it did not make"
    assert facts.certificate_valid_here
    assert facts.certificate_valid_there
    assert facts_of(report).stratum == 3
    names = [phase.name for phase in report.phases if phase.outcome == "ok"]
    assert names[:4] == ["connect", "nts.ke_tls", "nts.ke_records", "nts.rtt"]
    assert report.facts["tls"].version == "TLSv1.3"  # type: ignore[attr-defined]


async def test_both_algorithms_are_tried_and_what_chrony_has_is_known(
    tmp_path: Path, kit: Kit
) -> None:
    """Debian's chrony 4.3 has algorithm 15 only: 30 is refused, which is no finding."""
    async with nts_server(tmp_path, kit, "local stratum 2") as port:
        report = await check_one(target_of(port), options_of(kit))
    tried = {one.number: one.outcome for one in nts_of(report).aeads}
    assert tried[15] == "works"
    assert tried.get(30, "not-chosen") in {"works", "not-chosen"}
    assert "NTS-AEAD-INTEROP" not in ids(report)


async def test_an_expired_certificate_fails_and_the_rest_is_learnt(
    tmp_path: Path, kit: Kit
) -> None:
    issued = kit.authority.issue("127.0.0.1", not_before=-2 * MONTH, lifetime=MONTH)
    async with nts_server(tmp_path, kit, "local stratum 2", issued=issued) as port:
        report = await check_one(target_of(port), options_of(kit))
        pulse = await pulse_one(target_of(port), options_of(kit))
    for failed in (report.failure, pulse.failure):
        assert failed is not None
        assert failed.reason is Reason.TLS_CERTIFICATE_EXPIRED
        assert failed.phase == "nts.ke_tls"
    assert ids(report) >= {"NTS-KE-FAIL", "TLS-CERT-EXPIRED"}
    assert nts_of(report).authenticated == 4
    assert nts_of(report).certificate_valid_there is False
    assert "not valid by the server's clock either" in report.failure.detail  # type: ignore[union-attr]
    assert nts_of(pulse).requests == 0, "a pulse stops where a client would"


async def test_a_clock_is_found_to_be_why_a_certificate_looks_expired(
    tmp_path: Path, kit: Kit
) -> None:
    # The authority itself is an hour old, and its certificates must be valid by both clocks.
    issued = kit.authority.issue("127.0.0.1", not_before=-2 * HOUR, lifetime=1.5 * HOUR)
    async with nts_server(tmp_path, kit, "local stratum 2", issued=issued, shift="-40m") as port:
        report = await check_one(target_of(port), options_of(kit))
    assert nts_of(report).certificate_valid_here is False
    assert nts_of(report).certificate_valid_there is True
    assert report.failure is not None
    assert "(difference: -40.0 min)" in report.failure.detail
    assert ids(report) >= {"NTS-KE-FAIL", "NTP-OFFSET"}


async def test_an_unsynchronised_server_says_so_authenticated(tmp_path: Path, kit: Kit) -> None:
    async with nts_server(tmp_path, kit) as port:
        report = await check_one(target_of(port), options_of(kit))
    assert report.failure is None
    assert ids(report) == {"NTP-UNSYNC"}
    assert nts_of(report).authenticated == 4


async def test_authenticated_time_can_be_wrong(tmp_path: Path, kit: Kit) -> None:
    async with nts_server(tmp_path, kit, "local stratum 3", shift="+37s") as port:
        report = await check_one(target_of(port), options_of(kit))
    facts = facts_of(report)
    assert facts.offset_seconds is not None
    assert facts.offset_error_seconds is not None
    assert abs(facts.offset_seconds - 37) <= facts.offset_error_seconds + 1e-3
    offset = next(finding for finding in report.findings if finding.id == "NTP-OFFSET")
    assert offset.severity is Severity.HIGH


async def test_a_name_that_the_certificate_lacks(tmp_path: Path, kit: Kit) -> None:
    async with nts_server(tmp_path, kit, "local stratum 2") as port:
        report = await check_one(target_of(port), options_of(kit, server_name="other.example.net"))
    assert report.failure is not None
    assert report.failure.reason is Reason.TLS_CERTIFICATE_HOST_MISMATCH
    assert "NTS-KE-FAIL" in ids(report)


async def test_padded_plain_requests_are_answered_by_chrony(tmp_path: Path, kit: Kit) -> None:
    """What the diagnosis of a size filter rests on: servers look past a field they do not know."""
    from seventh.net.address import Address
    from seventh.net.probe_context import ProbeContext
    from seventh.protocols.ntp.client.nts import Padded

    async with chronyd(tmp_path, "local stratum 2") as port:
        ctx = ProbeContext(target_of(port, "ntp"), options_of(kit))
        conversation = Padded(ctx, Address(ip="127.0.0.1", port=port), 228)
        await conversation.exchange(ctx.budget.within(2.0))
        ctx.close()
    assert conversation.answered


# -- chronyd as the client -------------------------------------------------------------------------


async def chronyd_follows(folder: Path, kit: Kit, port: int) -> tuple[float | None, str]:
    """What ``chronyd -Q`` measures at an NTS server, or None; and all that it says."""
    folder.mkdir()  # noqa: ASYNC240 - nothing else runs
    conf = folder / "client.conf"
    conf.write_text(
        f"server 127.0.0.1 nts ntsport {port} iburst maxsamples 1 minpoll 0\n"
        f"ntstrustedcerts {kit.authority.ca_file}\nnosystemcert\n"
        f"cmdport 0\nbindcmdaddress /\npidfile {folder}/client.pid\n"
    )
    process = await asyncio.create_subprocess_exec(
        need_binary("chronyd"), "-Q", "-U", "-u", user_name(), "-t", str(CLIENT_SECONDS),
        "-f", str(conf),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    found = re.search(rb"System clock wrong by (-?[\d.]+) seconds", output)
    return (float(found.group(1)) if found else None), output.decode()


@pytest.mark.parametrize(
    ("name", "setup", "offset"),
    [
        ("clean", NtsSetup(), 0.0),
        ("wrong-time", SETUPS["nts-wrong-time"], 37.0),
        ("forged-kiss", SETUPS["nts-forged-kiss"], 0.0),
        ("few-cookies", SETUPS["nts-few-cookies"], 0.0),
        ("names-itself", NtsSetup(server="127.0.0.1"), 0.0),
    ],
)
async def test_chronyd_follows_the_lab(
    name: str, setup: NtsSetup, offset: float, tmp_path: Path, kit: Kit
) -> None:
    async with serve_nts(setup, kit) as served:
        port = int(served.target.rpartition(":")[2])
        measured, said = await chronyd_follows(tmp_path / name, kit, port)
        report = await check_one(target_of(port), options_of(kit))
    assert measured is not None, said
    ours = facts_of(report).offset_seconds
    assert ours is not None
    assert measured == pytest.approx(offset, abs=0.005)
    assert ours == pytest.approx(measured, abs=0.005)


async def test_chronyd_refuses_what_we_call_a_failure(tmp_path: Path, kit: Kit) -> None:
    names = [
        "nts-expired", "nts-tls12", "nts-no-alpn", "nts-error", "nts-flood", "nts-nak",
        "nts-forged", "nts-size-filter", "nts-aead-30-only",
    ]  # fmt: skip
    async with contextlib.AsyncExitStack() as servers:
        ports = [
            int(
                (await servers.enter_async_context(serve_nts(SETUPS[name], kit)))
                .target.rpartition(":")[2]
            )
            for name in names
        ]  # fmt: skip
        results = await asyncio.gather(
            *(
                chronyd_follows(tmp_path / name, kit, port)
                for name, port in zip(names, ports, strict=True)
            )
        )
    for name, (measured, said) in zip(names, results, strict=True):
        if name == "nts-aead-30-only" and measured is not None:
            continue  # a chronyd that has algorithm 30 follows it, and rightly
        assert measured is None, f"{name}: {said}"

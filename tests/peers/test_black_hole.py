"""A hop that drops large packets and sends no ICMP, in front of a real server."""

from __future__ import annotations

from pathlib import Path as Folder

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.labkit.web.h3 import H3Setup, serve_h3
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.quicserver import QuicSetup
from seventh.model.failure import Blame, Reason
from seventh.model.netfacts import NetFacts
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.web.message import Request
from tests import path
from tests.options import options_with
from tests.path import FAR, NEAR, Path
from tests.peers.test_http import nginx
from tests.peers.test_quic import caddy
from tests.reports import found

pytestmark = [pytest.mark.peer, path.NEEDED]


def checked(hop: Path, folder: Folder, kit: Kit, *names: str, mtu: int = 1500) -> Report:
    issued = kit.authority.issue(*names, FAR)

    async def work() -> Report:
        async with nginx(folder, issued, more=f"listen {NEAR}:8443 ssl http2;"):
            target = Target(scheme="tls", host=FAR, port=8443)
            options = options_with(ca_file=str(kit.authority.ca_file), timeout_seconds=12.0)
            return await check_one(target, options)

    return path.inside(hop, work(), mtu=mtu)


def hole_of(report: Report) -> str | None:
    facts = report.facts["net"]
    assert isinstance(facts, NetFacts)
    (attempt,) = facts.attempts
    return attempt.black_hole


def test_a_large_hello_is_lost_on_the_path(tmp_path: Folder, kit: Kit) -> None:
    """It is no fault of the server, nor of what it does with large hellos."""
    hop = Path(mtu=1400)
    report = checked(hop, tmp_path, kit)
    assert hop.too_long >= 3
    assert report.failure is not None
    assert (report.failure.reason, report.failure.blame) == (Reason.PEER_SILENT, Blame.NETWORK)
    assert hole_of(report) == "sent"
    assert "NET-PMTU" in found(report)
    assert "TLS-BIG-HELLO" not in found(report)


def test_the_servers_certificate_is_lost_on_the_path(tmp_path: Folder, kit: Kit) -> None:
    hop = Path(mtu=1400, only="received")
    names = [f"{number}.a-long-certificate.lab.test" for number in range(40)]
    report = checked(hop, tmp_path, kit, *names)
    assert hop.too_long >= 3
    assert hole_of(report) == "received"
    assert report.failure is not None
    assert report.failure.blame is Blame.NETWORK
    assert "NET-PMTU" in found(report)


def over_quic(hop: Path, kit: Kit, setup: QuicSetup | None = None, *, mtu: int = 1500) -> Report:
    issued = kit.authority.issue(FAR)

    async def answer(_: Request) -> Answer:
        return Answer(body=b"ok")

    async def work() -> Report:
        site = H3Setup(quic=setup or QuicSetup())
        async with serve_h3(answer, issued, site, host=NEAR, port=8443):
            target = Target(scheme="https", host=FAR, port=8443)
            options = options_with(
                ca_file=str(kit.authority.ca_file), http_version="3", timeout_seconds=12.0
            )
            return await check_one(target, options)

    return path.inside(hop, work(), mtu=mtu)


@pytest.mark.parametrize("mtu", [1400, 1499])
def test_full_size_datagrams_are_lost_on_the_path(kit: Kit, mtu: int) -> None:
    """QUIC itself works: its first datagrams are of the smallest size that it needs."""
    hop = Path(mtu=mtu)
    report = over_quic(hop, kit)
    assert hop.too_long == 3
    assert report.failure is None
    assert hole_of(report) == "sent"
    assert "NET-PMTU" in found(report)


def test_full_size_datagrams_to_caddy_are_lost(tmp_path: Folder, kit: Kit) -> None:
    async def work() -> Report:
        issued = kit.authority.issue("localhost", "127.0.0.1", FAR)
        async with caddy(tmp_path, issued, kit, bind=NEAR) as port:
            target = Target(scheme="https", host=FAR, port=port)
            options = options_with(
                ca_file=str(kit.authority.ca_file), http_version="3", timeout_seconds=12.0,
                server_name="localhost",
            )  # fmt: skip
            return await check_one(target, options)

    report = path.inside(Path(mtu=1400), work())
    assert report.failure is None
    assert hole_of(report) == "sent"


@pytest.mark.parametrize(
    ("hop", "setup", "mtu"),
    [
        (Path(mtu=1500), QuicSetup(), 1500),
        (Path(mtu=1400), QuicSetup(max_udp_payload=1372), 1500),
        (Path(mtu=1400), QuicSetup(), 1400),
    ],
)
def test_datagrams_as_large_as_allowed_arrive(
    kit: Kit, hop: Path, setup: QuicSetup, mtu: int
) -> None:
    report = over_quic(hop, kit, setup, mtu=mtu)
    assert hop.too_long == 0
    assert report.failure is None
    assert hole_of(report) is None
    assert "NET-PMTU" not in found(report)


def test_a_path_without_loss(tmp_path: Folder, kit: Kit) -> None:
    report = checked(Path(mtu=1500), tmp_path, kit)
    assert hole_of(report) is None
    assert "NET-PMTU" in report.passed


def test_a_small_mtu_that_is_known_is_no_black_hole(tmp_path: Folder, kit: Kit) -> None:
    """With the clamped MSS of a small interface all segments arrive."""
    report = checked(Path(mtu=1400), tmp_path, kit, mtu=1400)
    assert report.failure is None
    assert hole_of(report) is None
    assert "NET-PMTU" in found(report)

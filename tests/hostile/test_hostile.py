"""Every protocol against every hostile peer: typed, in time, bounded, and safe to show.

A new room is here by existing; a new hostile server is one entry in servers.py.
"""

from __future__ import annotations

import unicodedata

import pytest

from seventh import protocols
from seventh.cli.show import document
from seventh.engine.check import check_one, pulse_one
from seventh.model.failure import Reason
from seventh.model.report import Report
from seventh.model.target import Scheme, Target
from seventh.render import FORMATS, View, render
from tests.hostile import servers
from tests.hostile.bounds import bounded
from tests.options import options_with

TIMEOUT_SECONDS = 2.0
OPTIONS = options_with(timeout_seconds=TIMEOUT_SECONDS, samples=2, interval_seconds=0.05)
MAX_MEBIBYTES = 64


def schemes(transport: str) -> list[Scheme]:
    # A domain has no port of its own: test_hostile_domain has its peers, name servers.
    known = protocols.schemes().values()
    return [s for s in known if s.transport == transport and not s.domain]


def case_ids(transport: str, peers: dict[str, object]) -> list[tuple[str, str]]:
    return [(scheme.name, peer) for scheme in schemes(transport) for peer in peers]


def looks_sound(report: Report) -> None:
    if report.failure is not None:
        assert report.failure.reason is not Reason.INTERNAL, report.failure.detail
        assert report.failure.phase != "-", report.failure
        assert "\n" not in report.failure.detail
    assert report.facts["net"].attempts, "what was learnt on the way is kept"  # type: ignore[attr-defined]
    made = document([report])
    for name in FORMATS:
        shown = render(name, made, View(lang="en", verbose=True, color=False, width=80))
        bad = {c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs"} and c != "\n"}
        assert not bad, f"{name} shows {bad!r}"
        if name in {"html", "junit"}:
            assert "<script>" not in shown


@pytest.mark.parametrize(("scheme", "peer"), case_ids("tcp", dict(servers.TCP)))
@pytest.mark.parametrize("verb", ["check", "pulse"])
async def test_a_stream_protocol_survives(scheme: str, peer: str, verb: str) -> None:
    async with servers.tcp(peer) as port:
        target = Target(scheme=scheme, host="127.0.0.1", port=port)
        look = check_one if verb == "check" else pulse_one
        with bounded(TIMEOUT_SECONDS, MAX_MEBIBYTES):
            report = await look(target, OPTIONS)
    looks_sound(report)


@pytest.mark.parametrize(("scheme", "peer"), case_ids("udp", dict(servers.UDP)))
@pytest.mark.parametrize("verb", ["check", "pulse"])
async def test_a_datagram_protocol_survives(scheme: str, peer: str, verb: str) -> None:
    async with servers.udp(peer) as port:
        target = Target(scheme=scheme, host="127.0.0.1", port=port)
        look = check_one if verb == "check" else pulse_one
        with bounded(TIMEOUT_SECONDS, MAX_MEBIBYTES):
            report = await look(target, OPTIONS)
    looks_sound(report)
    # Nothing a hostile peer does here is a good answer of any protocol.
    assert report.failure is not None


STRANGERS = [
    (scheme.name, peer)
    for scheme in schemes("tcp")
    for peer in ("http", "smtp")
    if scheme.name not in {"tcp", peer} and (scheme.name, peer) != ("submission", "smtp")
]


@pytest.mark.parametrize(("scheme", "peer"), STRANGERS)
async def test_another_protocol_on_the_port_is_named(scheme: str, peer: str) -> None:
    async with servers.tcp(peer) as port:
        report = await check_one(Target(scheme=scheme, host="127.0.0.1", port=port), OPTIONS)
    assert report.failure is not None
    assert peer.upper() in report.failure.detail, report.failure
    assert report.failure.reason in {Reason.PROTOCOL_MISMATCH, Reason.TLS_NOT_TLS}

"""An Initial with a token that the server never issued."""

from __future__ import annotations

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.labkit.web.h3 import H3Setup
from seventh.labkit.web.quicserver import QuicSetup
from seventh.model.report import Report
from seventh.protocols.http import lab
from seventh.protocols.http.facts.quic import H3Facts
from seventh.protocols.http.lab.setup import Setup
from tests.protocols.http.rules.looks import job
from tests.reports import found, http_facts


async def look(quic: QuicSetup, kit: Kit, **options: object) -> tuple[Report, H3Facts]:
    async with lab.site(Setup(h3=H3Setup(quic=quic)), kit) as served:
        report = await check_one(*job(served, **options))
    h3 = http_facts(report).h3
    assert h3 is not None
    return report, h3


@pytest.mark.parametrize(
    ("quic", "answered", "instead"),
    [
        (QuicSetup(), True, False),
        (QuicSetup(retry=True), False, False),
        (QuicSetup(retry=True, any_token=True), True, True),
        (QuicSetup(any_token=True), True, False),
    ],
)
async def test_what_a_server_makes_of_it(
    kit: Kit, quic: QuicSetup, answered: bool, instead: bool
) -> None:
    report, h3 = await look(quic, kit, intrusive=True)
    assert h3.forged_token is not None
    assert h3.forged_token.shook is answered
    assert h3.forged_instead_of_retry is instead
    assert ("QUIC-AMPLIFY" in found(report)) is instead


async def test_it_is_sent_by_permission_only(kit: Kit) -> None:
    _, h3 = await look(QuicSetup(), kit)
    assert h3.forged_token is None

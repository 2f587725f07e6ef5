"""Hostile and broken HTTP/1.1 and HTTP/2 servers: typed, bounded, within the deadline."""

from __future__ import annotations

import pytest

from seventh.labkit.web import h1 as h1lab
from seventh.labkit.web import h2faults as h2lab
from seventh.labkit.web.peer import H1Setup
from seventh.model.failure import Failed, Reason
from seventh.web import limits
from seventh.web.connection import HttpConnection
from seventh.web.h1lenient import Deviation
from seventh.web.message import Response, Unfinished
from tests.web.support import ask, h1, h2

R = Reason
SECONDS = 1.0
"""The deadline where a server is silent on purpose."""

H1_ENDS: dict[str, Reason | int] = {
    "greets": R.PROTOCOL_MISMATCH,
    "closes-at-once": R.PEER_CLOSED,
    "raw": R.PROTOCOL_MISMATCH,
    "silent": R.PEER_SILENT,
    "no-answer": R.PEER_CLOSED,
    "slow-head": R.PEER_SILENT,
    "slow-body": R.PEER_SILENT,
    "cut-head": R.PEER_CLOSED,
    "cut-body": R.PEER_CLOSED,
    "cut-chunk": R.PEER_CLOSED,
    "endless-body": 200,
    "endless-chunks": 200,
    "tiny-chunks": R.PROTOCOL_VIOLATION,
    "chunk-extensions": R.PROTOCOL_VIOLATION,
    "chunk-garbage": R.PROTOCOL_VIOLATION,
    "header-flood": R.PROTOCOL_VIOLATION,
    "long-header": R.PROTOCOL_VIOLATION,
    "informational-flood": R.PROTOCOL_VIOLATION,
    "trailer-flood": R.PROTOCOL_VIOLATION,
    "two-lengths": R.PROTOCOL_VIOLATION,
    "bad-length": R.PROTOCOL_VIOLATION,
    "unsolicited": 200,
    "folded": 200,
    "bare-lf": 200,
    "http-1.0": 200,
    "unasked-101": R.PROTOCOL_VIOLATION,
    "http2-frames": R.PROTOCOL_MISMATCH,
}
H2_ENDS: dict[str, Reason | int] = {
    "silent": R.PEER_SILENT,
    "no-answer": R.PEER_CLOSED,
    "slow-head": R.PEER_SILENT,
    "cut-body": R.PEER_CLOSED,
    "goaway": R.PEER_CLOSED,
    "reset": R.PEER_RESET,
    "reset-body": R.PEER_RESET,
    "settings-flood": R.PROTOCOL_VIOLATION,
    "ping-flood": R.PROTOCOL_VIOLATION,
    "window-flood": R.PROTOCOL_VIOLATION,
    "priority-flood": R.PROTOCOL_VIOLATION,
    "reset-flood": R.PEER_RESET,
    "unknown-flood": R.PROTOCOL_VIOLATION,
    "empty-data-flood": R.PROTOCOL_VIOLATION,
    "tiny-data-flood": R.PROTOCOL_VIOLATION,
    "endless-body": 200,
    "continuation-flood": R.PROTOCOL_VIOLATION,
    "informational-flood": R.PROTOCOL_VIOLATION,
    "hpack-bomb": R.PROTOCOL_VIOLATION,
    "hpack-garbage": R.PROTOCOL_VIOLATION,
    "header-flood": R.PROTOCOL_VIOLATION,
    "long-frame": R.PROTOCOL_VIOLATION,
    "data-first": R.PROTOCOL_VIOLATION,
    "stream-zero": R.PROTOCOL_VIOLATION,
    "wrong-length": R.PROTOCOL_VIOLATION,
    "upper-case": R.PROTOCOL_VIOLATION,
    "push": R.PROTOCOL_VIOLATION,
    "zero-window": R.PROTOCOL_VIOLATION,
    "status-101": R.PROTOCOL_VIOLATION,
    "status-letters": R.PROTOCOL_VIOLATION,
}


def test_every_fault_is_tried() -> None:
    assert H1_ENDS.keys() == h1lab.FAULTS.keys()
    assert H2_ENDS.keys() == h2lab.FAULTS.keys()


async def end_of(connection: HttpConnection) -> tuple[Reason | int, Response | None]:
    """How a request ends: its status or its reason, and what there was of the response."""
    try:
        response = await connection.request(ask())
    except Unfinished as failed:
        return failed.reason, failed.response
    except Failed as failed:
        return failed.reason, None
    return response.status, response


@pytest.mark.parametrize("fault", H1_ENDS)
async def test_http_1(fault: str) -> None:
    setup = H1Setup(fault=fault, raw=b"SSH-2.0-OpenSSH_9.9\r\n")
    async with h1(setup, SECONDS) as connection:
        ended, response = await end_of(connection)
        # A server that closes with our request unread resets.
        ended = R.PEER_CLOSED if ended is R.PEER_RESET else ended
        assert ended == H1_ENDS[fault]
        if response is not None:
            assert len(response.body) <= limits.BODY_CAP
            assert response.status == 200
        if fault not in {"folded", "bare-lf"}:
            assert not connection.reusable


@pytest.mark.parametrize("fault", H2_ENDS)
async def test_http_2(fault: str) -> None:
    async with h2(H1Setup(fault=fault), SECONDS) as connection:
        ended, response = await end_of(connection)
        assert ended == H2_ENDS[fault]
        if response is not None:
            assert len(response.body) <= limits.BODY_CAP
            assert response.status == 200


async def test_what_h1_noticed_besides() -> None:
    async with h1(H1Setup(fault="folded")) as connection:
        await connection.request(ask())
        assert connection.stats.deviations == {Deviation.FOLDED}
    async with h1(H1Setup(fault="bare-lf")) as connection:
        await connection.request(ask())
        assert Deviation.BARE_LF in connection.stats.deviations
    async with h1(H1Setup(fault="unsolicited")) as connection:
        await connection.request(ask())
        assert connection.stats.unsolicited_bytes > 0


async def test_an_http_1_server_on_an_http_2_port() -> None:
    bad = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
    async with h2(H1Setup(fault="raw", raw=bad)) as connection:
        ended, _ = await end_of(connection)
        assert ended is Reason.PROTOCOL_MISMATCH


async def test_an_endless_body_is_left_at_the_cap() -> None:
    for opened in (h1, h2):
        async with opened(H1Setup(fault="endless-body")) as connection:
            response = await connection.request(ask(), body_cap=5000)
            assert response.truncated and len(response.body) == 5000

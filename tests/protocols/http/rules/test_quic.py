"""HTTP/2's settings, QUIC and early data: each rule's whole verdict."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.quicfacts import Amplification, Migration, QuicFacts, TransportParameters
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.quic import H2Facts, H3Facts
from seventh.protocols.http.facts.write import EarlyPost, WriteFacts
from seventh.protocols.http.rules import quic
from tests.verdicts import said

NO_SETTINGS = "skip: no HTTP/2 connection sent its settings"
WINDOW = (
    "the initial window of {} bytes limits an upload to {} Mbit/s at a round trip of {} ms until "
    "the server enlarges it"
)


@pytest.mark.parametrize(
    ("h2", "line"),
    [
        (None, NO_SETTINGS),
        (H2Facts(), NO_SETTINGS),
        (H2Facts(ping_seconds=0.1), "pass"),
        (H2Facts(settings={"MAX_CONCURRENT_STREAMS": 100}), "pass"),
        (H2Facts(settings={"MAX_CONCURRENT_STREAMS": 99}),
         "low: the limit of concurrent streams is 99, less than 100"),
        (H2Facts(settings={"MAX_CONCURRENT_STREAMS": 0}),
         "low: the limit of concurrent streams is 0, less than 100"),
        # The default of RFC 9113 §6.5.2 is 65535 bytes: 5.2 Mbit/s in 100 ms.
        (H2Facts(settings={"MAX_CONCURRENT_STREAMS": 100}, rtt_seconds=0.1),
         f"info: {WINDOW.format(65535, '5.2', 100)}"),
        (H2Facts(settings={"INITIAL_WINDOW_SIZE": 125_000}, rtt_seconds=0.1), "pass"),  # 10 Mbit/s
        (H2Facts(settings={"INITIAL_WINDOW_SIZE": 124_999}, rtt_seconds=0.1),
         f"info: {WINDOW.format(124_999, '10.0', 100)}"),
        (H2Facts(settings={"MAX_CONCURRENT_STREAMS": 1}, rtt_seconds=0.25),
         (f"low: the limit of concurrent streams is 1, less than 100; "
         f"{WINDOW.format(65535, '2.1', 250)}")),
    ],
)  # fmt: skip
def test_settings(h2: H2Facts | None, line: str) -> None:
    assert said(quic.h2_settings, HttpFacts(h2=h2)) == line


def test_the_numbers_of_settings() -> None:
    verdict = quic.h2_settings(HttpFacts(h2=H2Facts(ping_seconds=0.1, rtt_seconds=0.4)))
    assert getattr(verdict, "params", None) == {
        "what": ("window",), "streams": 0, "least": 100, "window_bytes": 65535, "mbits": "1.3",
        "rtt_ms": "400",
    }  # fmt: skip
    verdict = quic.h2_settings(HttpFacts(h2=H2Facts(settings={"MAX_CONCURRENT_STREAMS": 7})))
    assert getattr(verdict, "params", None) == {
        "what": ("streams",), "streams": 7, "least": 100, "window_bytes": 65535, "mbits": "0.0",
        "rtt_ms": "0",
    }  # fmt: skip


def h3(**fields: Any) -> HttpFacts:
    return HttpFacts(h3=H3Facts(**fields))


def declares(**fields: Any) -> QuicFacts:
    return QuicFacts(parameters=TransportParameters(**fields))


@pytest.mark.parametrize(
    ("received", "largest", "severity", "factor"),
    [
        (3600, 1200, None, ""),
        (3601, 1200, "low", "3.0"),
        (4800, 1200, "low", "4.0"),
        (4801, 1200, "high", "4.0"),
        (14400, 1200, "high", "12.0"),
    ],
)
def test_amplification(received: int, largest: int, severity: str | None, factor: str) -> None:
    counted = Amplification(
        sent_bytes=1200, received_bytes=received, datagrams=4, largest_bytes=largest
    )
    expected = (
        f"{severity}: one Initial of 1200 bytes, never acknowledged, got {received} bytes in 4 "
        f"datagrams: {factor} times as many"
    )
    line = said(quic.quic_amplify, h3(amplification=counted))
    assert line == ("pass" if severity is None else expected)


def reply(received: int, **more: Any) -> Amplification:
    return Amplification(
        sent_bytes=1200, received_bytes=received, datagrams=4, largest_bytes=1200, **more
    )


@pytest.mark.parametrize(
    ("plain", "forged", "instead", "line"),
    [
        (3000, 3600, False, "pass"),
        (3000, 3601, False, ("low: one Initial of 1200 bytes with a forged token, never "
                            "acknowledged, got 3601 bytes in 4 datagrams: 3.0 times as many")),
        (3000, 4801, False, ("high: one Initial of 1200 bytes with a forged token, never "
                            "acknowledged, got 4801 bytes in 4 datagrams: 4.0 times as many")),
        (3601, 4800, False, ("low: one Initial of 1200 bytes, never acknowledged, got 3601 bytes "
                            "in 4 datagrams: 3.0 times as many")),
        (4801, 9600, False, ("high: one Initial of 1200 bytes, never acknowledged, got 4801 bytes "
                            "in 4 datagrams: 4.0 times as many")),
        (100, 4800, True, ("medium: an Initial without a token gets a Retry; one with a forged "
                          "token was accepted and got 4800 bytes")),
        (100, 4801, True, ("high: one Initial of 1200 bytes with a forged token, never "
                          "acknowledged, got 4801 bytes in 4 datagrams: 4.0 times as many")),
        (100, 100, False, "pass"),
    ],
)  # fmt: skip
def test_a_forged_token(plain: int, forged: int, instead: bool, line: str) -> None:
    facts = h3(
        amplification=reply(plain, retry=plain == 100),
        forged_token=reply(forged),
        forged_instead_of_retry=instead,
    )
    assert said(quic.quic_amplify, facts) == line


def test_no_quic_server() -> None:
    for facts in (HttpFacts(), h3()):
        assert said(quic.quic_amplify, facts) == "skip: no QUIC server answered an Initial"
        none = "skip: no migration of a QUIC connection was tried"
        assert said(quic.quic_migrate, facts) == none
    none = "skip: no QUIC handshake showed the server's transport parameters"
    for facts in (HttpFacts(), h3(), h3(quic=QuicFacts())):
        assert said(quic.quic_idle, facts) == none
        assert said(quic.quic_pmtu, facts) == none


ON = "the connection continued, but"


@pytest.mark.parametrize(
    ("challenged", "validated", "continued", "declared", "line"),
    [
        (True, True, False, True,
         "medium: the connection stalled after the client's port changed"),
        (False, True, True, True,
         f"low: {ON} the server sent no PATH_CHALLENGE: it accepts any new address"),
        (True, False, True, True, f"low: {ON} the server did not answer our PATH_CHALLENGE"),
        (True, True, True, True, f"low: {ON} the server declares disable_active_migration"),
        (True, True, True, False, "pass"),
        (True, True, True, None, "pass"),
    ],
)  # fmt: skip
def test_migration(
    challenged: bool, validated: bool, continued: bool, declared: bool | None, line: str
) -> None:
    moved = Migration(
        new_connection_id=True, challenged=challenged, validated=validated, continued=continued
    )
    known = None if declared is None else declares(disable_active_migration=declared)
    assert said(quic.quic_migrate, h3(migration=moved, quic=known)) == line


@pytest.mark.parametrize(
    ("fields", "idle", "size"),
    [
        ({"max_idle_timeout_seconds": 29.9}, "low: max_idle_timeout is 29.9 s", "pass"),
        ({"max_idle_timeout_seconds": 29.96}, "low: max_idle_timeout is 29.96 s", "pass"),
        ({"max_idle_timeout_seconds": 30.0}, "pass", "pass"),
        ({"max_idle_timeout_seconds": 0.0}, "pass", "pass"),  # no limit (RFC 9000 §18.2)
        ({"max_idle_timeout_seconds": None}, "pass", "pass"),
        ({"max_udp_payload_bytes": 1349}, "pass", "low: max_udp_payload_size is 1349 bytes"),
        ({"max_udp_payload_bytes": 1350}, "pass", "pass"),
        ({}, "pass", "pass"),
    ],
)
def test_parameters(fields: dict[str, Any], idle: str, size: str) -> None:
    facts = h3(quic=declares(**fields))
    assert (said(quic.quic_idle, facts), said(quic.quic_pmtu, facts)) == (idle, size)


SERVED = "high: POST in HTTP/3 early data got {} before the handshake completed"
REJECTED = "skip: POST was rejected with {}, so it had no effect"
SLOW = "skip: the server answers as slowly as it waits"


@pytest.mark.parametrize(
    ("fields", "think", "line"),
    [
        ({"status": 200}, None, SERVED.format(200)),
        ({"status": 399}, None, SERVED.format(399)),
        ({"status": 400}, None, REJECTED.format(400)),
        ({"status": 499}, None, REJECTED.format(499)),
        ({"status": 500}, None, SERVED.format(500)),
        ({}, None, SERVED.format(0)),
        ({"status": 425}, None, "pass"),  # Too Early (RFC 8470 §5.2)
        ({"status": 424}, None, REJECTED.format(424)),
        ({"status": 200, "accepted": False}, None, "pass"),
        ({"status": 200, "failed": "reset"}, None, "skip: reset"),
        ({"status": 200, "before_handshake": False}, None, "pass"),
        ({"status": 200, "before_handshake": None, "silent_seconds": 1.0}, None, "pass"),
        ({"status": 200, "before_handshake": False, "silent_seconds": 1.0}, 0.5, "pass"),
        ({"status": 200, "before_handshake": False, "silent_seconds": 1.0}, 0.51, SLOW),
        ({"status": 200, "before_handshake": False}, 9.0, "pass"),
    ],
)
def test_early_data(fields: dict[str, Any], think: float | None, line: str) -> None:
    known = {"method": "POST", "version": "3", "accepted": True, "before_handshake": True}
    post = EarlyPost(**(known | fields))
    facts = HttpFacts(write=WriteFacts(early_post=post), think_seconds=think)
    assert said(quic.early_unsafe, facts) == line


def test_no_early_data() -> None:
    for facts in (HttpFacts(), HttpFacts(write=WriteFacts())):
        none = "skip: no unsafe request was sent as early data"
        assert said(quic.early_unsafe, facts) == none

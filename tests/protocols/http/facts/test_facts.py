"""What is derived of a site's facts: shares, labels, drawings."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.drawing import Drawing, Span
from seventh.model.quicfacts import Amplification
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.alternatives import (
    Advertised,
    Alternative,
    AltService,
    ServiceRecord,
)
from seventh.protocols.http.facts.content import Asset, Coding, ContentFacts, Variant
from seventh.protocols.http.facts.quic import H2Facts
from seventh.protocols.http.facts.versions import Cell, Rung, TlsUpgrade

H3 = Rung(version="3", state="works")
H2 = Rung(version="2", state="broken")
H1 = Rung(version="1.1", state="works")


@pytest.mark.parametrize(
    ("fields", "counted"),
    [
        ({"secure": True, "version": "2", "ladder": (H3, H2, H1)}, {"3": 1, "1.1": 1}),
        ({"secure": True, "version": "2"}, {"2": 1}),
        ({"secure": True, "version": "1.0"}, {"1.1": 1}),
        ({"secure": True}, {}),
        ({"secure": False, "version": "1.1"}, {}),
        ({"version": "1.1"}, {}),
    ],
)
def test_the_versions_that_a_check_counts(fields: dict[str, Any], counted: dict[str, int]) -> None:
    assert HttpFacts(**fields).negotiated == counted


def test_the_ladder() -> None:
    site = HttpFacts(ladder=(H3, H2, H1), server="nginx/1.29.3")
    assert (site.working, site.product) == (("3", "1.1"), "nginx")
    assert (site.rung("2"), site.rung("1.0")) == (H2, None)
    assert (HttpFacts().working, HttpFacts().product) == ((), "")


COLD = Cell(
    version="2", temperature="cold", connect_seconds=0.01, tls_seconds=0.02,
    request_seconds=0.00001, ttfb_seconds=0.03, download_seconds=0.0004,
).summed()  # fmt: skip


def test_the_steps_of_an_exchange() -> None:
    assert COLD.steps == (
        ("connect", 0.01), ("handshake", 0.02), ("request", 0.00001), ("ttfb", 0.03),
        ("download", 0.0004),
    )  # fmt: skip
    assert COLD.total_seconds == pytest.approx(0.06041)
    assert COLD.parts == "connect 10.0, handshake 20.0, ttfb 30.0, download 0.4"
    quic = Cell(version="3", temperature="resumed", quic_seconds=0.02, tls_seconds=None)
    assert quic.steps == (("handshake", 0.02),)
    early = Cell(version="3", temperature="0-rtt", quic_seconds=0.02, ttfb_seconds=0.03)
    assert early.steps == (("ttfb", 0.03),)
    both = Cell(version="2", temperature="cold", tls_seconds=0.0, quic_seconds=0.5)
    assert both.steps == (("handshake", 0.0),)


def test_the_matrix_drawn() -> None:
    failed = Cell(version="3", temperature="0-rtt", outcome="failed", why="no reply")
    untried = Cell(version="2", temperature="0-rtt", outcome="untried", why="no ticket")
    warm = Cell(version="2", temperature="warm", ttfb_seconds=0.03).summed()
    (drawing,) = HttpFacts(cells=(failed, untried, warm, COLD)).drawings()
    assert drawing == Drawing(
        title="one exchange, from its start to the last byte",
        spans=(
            Span(
                label="HTTP/2 cold", low=0.0, high=COLD.total_seconds or 0.0, steps=COLD.steps,
                value="60.4 ms (connect 10.0, handshake 20.0, ttfb 30.0, download 0.4)",
            ),
            Span(
                label="HTTP/2 warm", low=0.0, high=0.03, steps=(("ttfb", 0.03),),
                value="30.0 ms (ttfb 30.0)",
            ),
            Span(
                label="HTTP/2 0-RTT", low=0.0, high=0.0, value="none: no ticket", empty=True,
            ),
            Span(
                label="HTTP/3 0-RTT", low=0.0, high=0.0, value="failed: no reply", empty=True,
                typical=False,
            ),
        ),
    )  # fmt: skip
    assert HttpFacts(cells=(failed, untried, warm)).drawings() == ()
    assert HttpFacts().drawings() == ()


@pytest.mark.parametrize(
    ("status", "upgrade", "offered"),
    [
        (101, "", True), (200, "TLS/1.0", True), (426, "h2c, tls/1.2", True), (200, "", False),
        (200, "h2c", False), (200, "xtls/1.0", False), (100, "h2c", False),
    ],
)  # fmt: skip
def test_tls_inside_http(status: int, upgrade: str, offered: bool) -> None:
    assert TlsUpgrade(url="http://a/", status=status, upgrade=upgrade).offered is offered


@pytest.mark.parametrize(
    ("record", "protocols"),
    [
        ({"alpn": ("h3", "h2")}, ("h3", "h2", "http/1.1")),
        ({"alpn": ("http/1.1", "h2")}, ("http/1.1", "h2")),
        ({"alpn": ("h2",), "no_default_alpn": True}, ("h2",)),
        ({}, ("http/1.1",)),
    ],
)
def test_the_protocols_of_a_record(record: dict[str, Any], protocols: tuple[str, ...]) -> None:
    """A record without no-default-alpn means http/1.1, too (RFC 9460 §7.1.2)."""
    assert ServiceRecord(priority=1, target="", **record).protocols == protocols


def test_what_announces_http_3() -> None:
    service = (AltService(protocol="h2", port=1), AltService(protocol="h3", port=2))
    assert Advertised(alt_svc=service, https_alpn=("h2", "h3")).h3 == ("Alt-Svc", "HTTPS record")
    assert Advertised(alt_svc=service).h3 == ("Alt-Svc",)
    assert Advertised(alt_svc=service[:1], https_alpn=("h3",)).h3 == ("HTTPS record",)
    assert Advertised(alt_svc=service[:1], https_alpn=("h2",)).h3 == Advertised().h3 == ()


@pytest.mark.parametrize(
    ("host", "address", "place"),
    [
        ("", "", "port 443"),
        ("", "192.0.2.1", "port 443 at 192.0.2.1"),
        ("alt.example", "", "alt.example:443"),
        ("alt.example", "192.0.2.1", "alt.example:443 at 192.0.2.1"),
        ("192.0.2.1", "192.0.2.1", "192.0.2.1:443"),
        ("2001:db8::1", "2001:db8::1", "[2001:db8::1]:443"),
    ],
)
def test_an_announced_place(host: str, address: str, place: str) -> None:
    one = Alternative(
        by=("Alt-Svc", "HTTPS record"), protocol="h3", host=host, port=443, address=address
    )
    assert one.place == place
    assert one.label == f"h3 on {place} (Alt-Svc, HTTPS record)"


def test_the_settings_of_http_2() -> None:
    plain = H2Facts()
    assert plain.max_concurrent_streams is None
    assert plain.initial_window_bytes == 65535  # RFC 9113 §6.5.2
    assert plain.upload_bits_per_second is None
    assert H2Facts(rtt_seconds=0.0).upload_bits_per_second is None
    settings = {"MAX_CONCURRENT_STREAMS": 7, "INITIAL_WINDOW_SIZE": 1000}
    declared = H2Facts(settings=settings, rtt_seconds=0.5)
    assert (declared.max_concurrent_streams, declared.initial_window_bytes) == (7, 1000)
    assert declared.upload_bits_per_second == 16_000


def test_the_limit_of_amplification() -> None:
    def counted(received: int, sent: int = 1200) -> Amplification:
        return Amplification(sent_bytes=sent, received_bytes=received, datagrams=1)

    assert [counted(n).excess_bytes for n in (0, 3600, 3601, 4800)] == [0, 0, 1, 1200]
    assert [counted(n).factor for n in (0, 3600)] == [0.0, 3.0]
    assert counted(9, sent=0).factor == 0.0


def variant(offered: str, coding: str, **fields: Any) -> Variant:
    known: dict[str, Any] = {"status": 200, "wire_bytes": 100, "content_bytes": 400}
    return Variant(offered=offered, coding=coding, **(known | fields))


def asset(coding: str, **fields: Any) -> Asset:
    known: dict[str, Any] = {
        "status": 200, "compressible": True, "wire_bytes": 100, "content_bytes": 100
    }  # fmt: skip
    return Asset(path="/", coding=coding, **(known | fields))


PAGE = Coding(compressible=True, variants=(variant("gzip", "gzip"), variant("any", "br")))


@pytest.mark.parametrize(
    ("coding", "assets", "brotli", "ratio"),
    [
        (None, None, None, None),
        (PAGE, None, 1.0, 0.25),
        (Coding(compressible=True), (asset("gzip"),), 0.0, 1.0),
        (Coding(compressible=False, variants=PAGE.variants), None, None, None),
        (PAGE, (asset("gzip"), asset("br"), asset("")), 0.5, 400 / 700),
        (PAGE, (asset("br", status=404), asset("br", compressible=None)), 1.0, 0.25),
        (None, (asset("br", content_bytes=None),), 1.0, None),
        (None, (asset("br", content_bytes=0),), 1.0, None),
        (None, (asset("br", truncated=True, wire_bytes=1), asset("")), 0.5, 1.0),
    ],
)
def test_how_much_is_compressed(
    coding: Coding | None,
    assets: tuple[Asset, ...] | None,
    brotli: float | None,
    ratio: float | None,
) -> None:
    content = ContentFacts(coding=coding, assets=assets)
    assert (content.brotli_ratio, content.compression_ratio) == (brotli, ratio)


def test_the_complete_response_to_an_offer() -> None:
    part, whole = variant("br", "br", status=206), variant("br", "br")
    coding = Coding(variants=(variant("any", ""), part, whole))
    assert coding.variant("br") is whole
    assert coding.variant("gzip") is None

"""A site in perfect order, for the examples of rules."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.quicfacts import Amplification, Migration, QuicFacts, TransportParameters
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.alternatives import Advertised, Alternative, AltService
from seventh.protocols.http.facts.quic import H2Facts, H3Facts
from seventh.protocols.http.facts.versions import (
    Cell,
    Clear,
    Dated,
    Expectation,
    Hsts,
    Redirects,
    Reuse,
    Rung,
    TlsUpgrade,
)
from seventh.protocols.http.facts.write import Ambiguous, EarlyPost, Expected, WriteFacts

H1 = Rung(version="1.1", state="works", status=200, content_type="text/html")
H2 = Rung(version="2", state="works", status=200, content_type="text/html")
H3 = Rung(version="3", state="works", status=200, content_type="text/html")
NO_H3 = Rung(version="3", state="not-offered", detail="no QUIC packet came back")
DEAD_H3 = Rung(version="3", state="broken", detail="no QUIC packet came back in 3 s")


def cells(think_seconds: float) -> tuple[Cell, ...]:
    """Return a row for each version."""
    return tuple(
        Cell(version=version, temperature="warm", status=200, think_seconds=think_seconds)
        for version in ("1.1", "2", "3")
    )


GOOD = HttpFacts(
    url="https://www.example.org/",
    secure=True,
    version="2",
    status=200,
    cells=cells(0.02),
    ladder=(H3, H2, H1),
    advertised=Advertised(alt_svc=(AltService(protocol="h3", port=443),), https_alpn=("h3", "h2")),
    alternatives=(
        Alternative(
            by=("Alt-Svc", "HTTPS record"),
            protocol="h3",
            port=443,
            address="192.0.2.1",
            outcome="works",
            version="3",
            status=200,
            content_type="text/html",
        ),
    ),
    redirects=Redirects(final_url="https://www.example.org/", final_status=200),
    hsts=Hsts(value="max-age=31536000", max_age_seconds=31536000),
    clear=Clear(url="http://www.example.org/", outcome="redirects", status=301),
    tls_upgrade=TlsUpgrade(url="http://www.example.org/", status=301),
    reuse=Reuse(requests=2, keep_alive_seconds=65),
    date=Dated(value="Sun, 22 Nov 2026 10:00:00 GMT", skew_seconds=0.0),
    expectation=Expectation(method="GET", met=True),
    h2=H2Facts(
        settings={"MAX_CONCURRENT_STREAMS": 128, "INITIAL_WINDOW_SIZE": 1048576}, rtt_seconds=0.02
    ),
    h3=H3Facts(
        quic=QuicFacts(
            parameters=TransportParameters(
                max_idle_timeout_seconds=60.0, max_udp_payload_bytes=65527
            )
        ),
        amplification=Amplification(sent_bytes=1200, received_bytes=3600, datagrams=3),
        migration=Migration(
            new_connection_id=True, challenged=True, validated=True, continued=True
        ),
    ),
    write=WriteFacts(
        expect=Expected(method="POST", status=200, continued=True, continue_seconds=0.02),
        early_post=EarlyPost(
            method="POST", version="3", accepted=True, before_handshake=True, status=425
        ),
        ambiguous=Ambiguous(status=400, closed=True),
    ),
)


def with_h3(**changes: object) -> HttpFacts:
    """Return the site with other facts of HTTP/3."""
    return GOOD.learn(h3=replace(GOOD.h3 or H3Facts(), **changes))


def with_parameters(**changes: object) -> HttpFacts:
    """Return the site with these transport parameters of QUIC."""
    return with_h3(quic=QuicFacts(parameters=TransportParameters(**changes)))  # type: ignore[arg-type]

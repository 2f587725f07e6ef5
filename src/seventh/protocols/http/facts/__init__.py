"""What is learnt of a site: one struct, its parts in their own files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import msgspec

from seventh.model.drawing import Drawing, Span
from seventh.model.facts import Facts
from seventh.model.product import product_of
from seventh.protocols.http.facts.alternatives import Advertised, Alternative
from seventh.protocols.http.facts.config import HttpConfigFacts
from seventh.protocols.http.facts.content import ContentFacts
from seventh.protocols.http.facts.local import HttpLocalFacts
from seventh.protocols.http.facts.quic import H2Facts, H3Facts
from seventh.protocols.http.facts.versions import (
    TEMPERATURES,
    Cell,
    Clear,
    Dated,
    Expectation,
    Hsts,
    LeftOver,
    Redirects,
    Reuse,
    Rung,
    TlsUpgrade,
)
from seventh.protocols.http.facts.write import WriteFacts


class HttpFacts(Facts, frozen=True, kw_only=True):
    """What was learnt of a site."""

    ROOM: ClassVar[str] = "http"

    url: str = ""
    """The requested URL, without its query."""
    secure: bool | None = None
    """Whether the target is https."""
    method: str = ""
    version: str | None = None
    """What was negotiated when all versions over TCP were offered."""
    status: int | None = None
    reason: str = ""
    server: str = ""
    """The Server field."""
    software: Mapping[str, str] = {}
    """Further fields that name software, such as X-Powered-By."""
    content_type: str = ""
    rtt_seconds: float | None = None
    ttfb_seconds: float | None = None
    think_seconds: float | None = None
    """The time to the first byte without the round trip."""
    download_seconds: float | None = None
    body_bytes: int | None = None
    expectation: Expectation | None = None

    cells: tuple[Cell, ...] = ()
    """The matrix of versions and temperatures."""
    thinks_seconds: tuple[float, ...] = ()
    """The same of further full responses to the same request."""
    ladder: tuple[Rung, ...] = ()
    """From HTTP/3 down to HTTP/1.1."""
    advertised: Advertised | None = None
    alternatives: tuple[Alternative, ...] = ()
    """The advertised places, each address tried by itself."""
    only_version: str | None = None
    """The only version to use (--http-version)."""

    redirects: Redirects | None = None
    hsts: Hsts | None = None
    clear: Clear | None = None
    tls_upgrade: TlsUpgrade | None = None
    reuse: Reuse | None = None
    left_over: LeftOver | None = None
    deviations: tuple[str, ...] = ()
    """How HTTP/1.1's responses violate the grammar, by :class:`web.h1lenient.Deviation`."""
    transfer_codings: tuple[str, ...] = ()
    """Transfer codings other than ``chunked``, although no request offered any."""
    date: Dated | None = None

    h2: H2Facts | None = None
    h3: H3Facts | None = None

    content: ContentFacts | None = None
    write: WriteFacts | None = None
    config: HttpConfigFacts | None = None
    """What a configuration file decides, where that was linted."""
    local: HttpLocalFacts | None = None
    """The web servers of the machine itself, learnt on it (``seventh local web``)."""

    requests: int = 0
    """How many this check sent."""
    unknown: Mapping[str, str] = msgspec.field(default={}, name="unlearnt")
    """What was not learnt, and why."""

    @property
    def product(self) -> str:
        """The software that the Server field names."""
        return product_of(self.server)

    @property
    def negotiated(self) -> Mapping[str, int]:
        """The versions that were negotiated and that answered, each counted once.

        The sum over checks, divided by their number, is the share of checks that got the version.
        Without TLS nothing is negotiated. HTTP/1.0 in response to HTTP/1.1 counts as HTTP/1.1.
        """
        if not self.secure or self.version is None:
            return {}
        # A pulse tries one version only.
        alone = "1.1" if self.version == "1.0" else self.version
        return dict.fromkeys(self.working or (alone,), 1)

    @property
    def working(self) -> tuple[str, ...]:
        """The versions that answered, newest first."""
        return tuple(rung.version for rung in self.ladder if rung.state == "works")

    def drawings(self) -> tuple[Drawing, ...]:
        """Return the matrix: what an exchange of each version and temperature takes."""
        ordered = sorted(self.cells, key=lambda c: (c.version, TEMPERATURES.index(c.temperature)))
        drawing = Drawing(
            title="one exchange, from its start to the last byte", spans=tuple(map(_span, ordered))
        )
        exchanges = [span for span in drawing.spans if not span.empty]
        return (drawing,) if len(exchanges) > 1 else ()

    def rung(self, version: str) -> Rung | None:
        """Return what was found of one version; None where it was not tried."""
        return next((rung for rung in self.ladder if rung.version == version), None)


def _span(cell: Cell) -> Span:
    """Return a row of the matrix; one without an exchange shows the reason."""
    label = f"HTTP/{cell.version} {cell.temperature.replace('rtt', 'RTT')}"
    if cell.outcome != "ok" or cell.total_seconds is None:
        text = f"{'failed' if cell.outcome == 'failed' else 'none'}: {cell.why}"
        return Span(
            label=label, low=0.0, high=0.0, value=text, empty=True, typical=cell.outcome != "failed"
        )
    text = f"{cell.total_seconds * 1e3:.1f} ms ({cell.parts})"
    return Span(label=label, low=0.0, high=cell.total_seconds, value=text, steps=cell.steps)

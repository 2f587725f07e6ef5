"""The reference site, right or wrong in one way: HTTP/1.1, 2 and 3 on one port number.

A name server of its own announces it (HTTPS record), and so does its Alt-Svc field.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

import msgspec
from OpenSSL import SSL

from seventh.labkit.names import name_server
from seventh.labkit.serve import Fault, Kit, Served, free_port
from seventh.labkit.tlsserve import server_context
from seventh.labkit.web.h3 import H3Setup, serve_h3
from seventh.labkit.web.handler import Answer, Handler
from seventh.labkit.web.peer import H1Setup
from seventh.labkit.web.quicserver import QuicSetup
from seventh.labkit.web.serve import Spoken, web_server
from seventh.model.failure import Reason
from seventh.protocols.http.lab import alternatives
from seventh.protocols.http.lab import content as lab_content
from seventh.protocols.http.lab.alternatives import Beside
from seventh.protocols.http.lab.content import ContentSetup
from seventh.web.message import Request

NAME = "www.lab.test"
HSTS = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
MAX_STREAMS = 0x3
_WRITE: Mapping[str, bool] = {"allow_write": True}
_INTRUSIVE: Mapping[str, bool] = {"intrusive": True}
Change = Callable[[Request, Answer], Answer]
Before = Callable[[Request], Answer | None]
Option = str | float | int | tuple[str, ...]


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How the site is to be."""

    ways: ContentSetup = ContentSetup()
    """What the site's content is like."""
    before: Before | None = None
    """Answers in the place of the site's content, where it gives an answer."""
    change: Change | None = None
    """What is done to every answer."""
    heeds_early: bool = True
    """Whether what may be a replay is answered with 425."""
    heeds_lengths: bool = True
    """Whether a request with two lengths is refused."""
    secure: bool = True
    versions: tuple[Spoken, ...] = ("2", "1.1")
    h1: H1Setup = H1Setup()
    h2: H1Setup = H1Setup()
    h3: H3Setup | None = H3Setup()
    """None: there is no HTTP/3."""
    tcp: bool = True
    """Whether TCP is served at all."""
    beside: tuple[Beside, ...] = ()
    """Other places that Alt-Svc names after the origin's own."""
    early_data: int = 0
    """How much early data TLS over TCP allows."""
    announced: bool = True
    """Whether Alt-Svc and the HTTPS record say h3."""
    hsts: bool = True
    options: Mapping[str, Option] = {}
    path: str = "/"
    """What the target asks for."""


# -- handlers --------------------------------------------------------------------------------------


def _with(*fields: tuple[str, str]) -> Change:
    """Add fields to every answer."""

    def change(_: Request, answer: Answer) -> Answer:
        return msgspec.structs.replace(answer, headers=(*answer.headers, *fields))

    return change


def _walk(request: Request) -> Answer | None:
    """Four redirects, one after another."""
    step = {"/": 1, "/1": 2, "/2": 3, "/3": 4}.get(request.path)
    if step is None:
        return None
    where = f"/{step}" if step < 4 else "/things"
    return Answer(status=302, headers=(("Location", where), ("Cache-Control", "no-store")))


def _circle(request: Request) -> Answer | None:
    where = "/?again" if "again" not in request.path else "/"
    return Answer(status=302, headers=(("Location", where),))


def _upgrades(request: Request, answer: Answer) -> Answer:
    if not (request.protocol or "").lower().startswith("tls/"):
        return answer
    return _with(("Upgrade", "TLS/1.0, HTTP/1.1"), ("Connection", "Upgrade"))(request, answer)


def _differs_in_1_1(request: Request, answer: Answer) -> Answer:
    """HTTP/1.1's clients come to a virtual host that does not know the name."""
    if any(name.lower() == "host" for name, _ in request.headers):
        return Answer(status=404, body=b"no such host", headers=(("Content-Type", "text/plain"),))
    return answer


def _wrong_date(_: Request, answer: Answer) -> Answer:
    date = ("Date", "Thu, 01 Jan 2026 00:00:00 GMT")
    kept = tuple(field for field in answer.headers if field[0].lower() != "date")
    return msgspec.structs.replace(answer, headers=(*kept, date))


def _not_found(request: Request) -> Answer | None:
    return Answer(status=404, body=b"nothing here") if request.path == "/" else None


def _says_gzip(_: Request, answer: Answer) -> Answer:
    """Content-Encoding by hand, in the place of what compresses."""
    if answer.status != 200:
        return answer
    kept = tuple(f for f in answer.headers if f[0].lower() != "content-encoding")
    return msgspec.structs.replace(answer, headers=(*kept, ("Content-Encoding", "gzip")))


_CLEAR_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"


def _in_clear(raw: bytes) -> Setup:
    """Return a server of plain HTTP that answers everything with ``raw``."""
    return Setup(
        secure=False, announced=False, hsts=False, h3=None, h1=H1Setup(fault="raw", raw=raw)
    )  # fmt: skip


# -- the faults ------------------------------------------------------------------------------------


def _fault(
    name: str, meaning: str, *triggers: str, setup: Setup, reason: Reason | None = None
) -> tuple[Fault, Setup]:
    said = reason.value if reason is not None else None
    return Fault(name=name, meaning=meaning, triggers=triggers, reason=said), setup


_TABLE = (
    _fault(
        "no-h2", "TCP carries HTTP/1.1 alone", "HTTP-NO-H2", setup=Setup(versions=("1.1",))
    ),
    _fault(
        "no-h3", "nothing answers over QUIC, and nothing says so", "HTTP-NO-H3",
        setup=Setup(h3=None, announced=False),
    ),
    _fault(
        "h3-dead", "HTTP/3 is announced, and a firewall drops UDP", "HTTP-H3-DEAD",
        setup=Setup(h3=H3Setup(quic=QuicSetup(silent=True))),
    ),
    _fault(
        "alt-dead", "HTTP/3 works, and is announced for another host too that drops UDP",
        "HTTP-H3-DEAD", setup=Setup(beside=(Beside(protocol="h3", silent=True),)),
    ),
    _fault(
        "alt-stranger", "HTTP/2 is announced for a host with a certificate of its own name",
        "HTTP-FALLBACK",
        setup=Setup(beside=(Beside(protocol="h2", certificate=alternatives.NAME),)),
    ),
    _fault(
        "no-tcp", "the HTTPS record says h3, and nothing accepts TCP", "HTTP-FALLBACK",
        setup=Setup(tcp=False),
    ),
    _fault(
        "h3-hidden", "HTTP/3 answers and nothing announces it", "HTTP-H3-HIDDEN",
        setup=Setup(announced=False),
    ),
    _fault(
        "h2-broken", "HTTP/2 is negotiated and breaks off", "HTTP-FALLBACK",
        setup=Setup(h2=H1Setup(fault="goaway", code=2)),
    ),
    _fault(
        "h1-differs", "HTTP/1.1 comes to another virtual host", "HTTP-FALLBACK",
        setup=Setup(change=_differs_in_1_1),
    ),
    _fault(
        "closes", "each HTTP/1.1 connection is closed after one answer", "HTTP-NO-REUSE",
        setup=Setup(h1=H1Setup(keep_alive_requests=1)),
    ),
    _fault(
        "short-keep-alive", "idle connections are kept for two seconds", "HTTP-NO-REUSE",
        setup=Setup(h1=H1Setup(keep_alive_seconds=2)),
    ),
    _fault(
        "long-way", "four redirects lead to the page", "HTTP-REDIRECT",
        setup=Setup(before=_walk),
    ),
    _fault(
        "circle", "the redirects go in a circle", setup=Setup(before=_circle),
        reason=Reason.PROTOCOL_VIOLATION,
    ),
    _fault(
        "clear", "plain HTTP serves the page", "HTTP-NO-HTTPS",
        setup=Setup(secure=False, h3=None, announced=False, hsts=False),
    ),
    _fault(
        "upgrade-tls", "plain HTTP offers to begin TLS inside it", "HTTP-UPGRADE-TLS",
        setup=Setup(secure=False, h3=None, announced=False, hsts=False, change=_upgrades),
    ),
    _fault("no-hsts", "no answer has HSTS", "HTTP-HSTS", setup=Setup(hsts=False)),
    _fault(
        "short-hsts", "HSTS lasts for an hour", "HTTP-HSTS",
        setup=Setup(hsts=False, change=_with(("Strict-Transport-Security", "max-age=3600"))),
    ),
    _fault(
        "wrong-date", "the Date field is of another day", "HTTP-DATE-SKEW",
        setup=Setup(change=_wrong_date),
    ),
    _fault(
        "few-streams", "HTTP/2 allows ten streams", "H2-SETTINGS",
        setup=Setup(h2=H1Setup(settings=((MAX_STREAMS, 10),))),
    ),
    _fault(
        "amplifies", "one QUIC Initial draws its flight four times over", "QUIC-AMPLIFY",
        setup=Setup(h3=H3Setup(quic=QuicSetup(copies=4))),
    ),
    _fault(
        "quic-idle", "QUIC's idle connections end after ten seconds", "QUIC-IDLE",
        setup=Setup(h3=H3Setup(quic=QuicSetup(idle_seconds=10))),
    ),
    _fault(
        "quic-small", "QUIC takes no datagram above 1200 bytes", "QUIC-PMTU",
        setup=Setup(h3=H3Setup(quic=QuicSetup(max_udp_payload=1200))),
    ),
    _fault(
        "quic-stays", "QUIC drops what comes from another port", "QUIC-MIGRATE",
        setup=Setup(h3=H3Setup(quic=QuicSetup(migration="ignore")), options=_INTRUSIVE),
    ),
    _fault(
        "early-data", "TLS over TCP takes early data", "TLS-0RTT-ON",
        setup=Setup(early_data=16384),
    ),
    _fault(
        "early-post", "a POST in early data is carried out at once", "HTTP-0RTT-UNSAFE",
        setup=Setup(heeds_early=False, options=_WRITE),
    ),
    _fault(
        "expect-stalls", "a body that waits for a 100 waits in vain", "HTTP-100CONT",
        setup=Setup(h1=H1Setup(fault="expect-stall"), options=_WRITE),
    ),
    _fault(
        "not-found", "nothing is at the target's path", "HTTP-STATUS",
        setup=Setup(before=_not_found),
    ),
    _fault(
        "false-coding", "plain content is called gzip", "HTTP-CODING",
        setup=Setup(ways=ContentSetup(codings=()), change=_says_gzip),
    ),
    _fault(
        "surplus", "answers have more content than Content-Length says", "HTTP-LENGTH",
        setup=_in_clear(_CLEAR_ANSWER + b"\r\nhello, and more"),
    ),
    _fault(
        "odd-grammar", "a field has a blank before its colon", "HTTP-GRAMMAR",
        setup=_in_clear(_CLEAR_ANSWER + b"X-Odd : a\r\nConnection: close\r\n\r\nhello"),
    ),
    _fault(
        "two-lengths", "a request with two lengths is carried out", "HTTP-CLTE",
        setup=Setup(heeds_lengths=False, options=_INTRUSIVE),
    ),
)  # fmt: skip


_SETUPS = {fault.name: setup for fault, setup in _TABLE}
TOUR = ("cache-leak",)
"""The faults that `seventh tour` shows."""
FAULTS: tuple[Fault, ...] = (*(fault for fault, _ in _TABLE), *lab_content.FAULTS)


# -- serving ---------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield the reference site, with ``fault`` or without."""
    setup = _setup_of(fault.name if fault is not None else "")
    async with site(setup, kit) as served:
        yield served


def _setup_of(name: str) -> Setup:
    if name in _SETUPS:
        return _SETUPS[name]
    ways = lab_content.WAYS.get(name, lab_content.ContentSetup())
    return Setup(ways=ways, path=ways.path, options=ways.options)


@contextlib.asynccontextmanager
async def site(setup: Setup, kit: Kit) -> AsyncIterator[Served]:
    """Yield a site set up in any way, behind a name of its own."""
    async with contextlib.AsyncExitStack() as stack:
        port = await _listen(stack, setup, kit)
        zone: dict[str, tuple[str, ...]] = {"A": ("127.0.0.1",)}
        names: dict[str, dict[str, tuple[str, ...]]] = {
            NAME: zone, alternatives.NAME: {"A": (alternatives.ADDRESS,)},
        }  # fmt: skip
        if setup.announced and setup.secure:
            names[f"_{port}._https.{NAME}"] = {"HTTPS": (f'1 {NAME}. alpn="h3,h2" port="{port}"',)}
        resolver = await stack.enter_async_context(name_server(names))
        scheme = "https" if setup.secure else "http"
        trust = {"ca_file": str(kit.authority.ca_file)} if setup.secure else {}
        yield Served(
            target=f"{scheme}://{NAME}:{port}{setup.path}",
            options={"resolver": resolver, **trust, **setup.options},
        )


async def _listen(stack: contextlib.AsyncExitStack, setup: Setup, kit: Kit) -> int:
    handler = _dressed(setup)
    if not setup.secure:
        server = web_server(handler, versions=setup.versions, h1=setup.h1, h2=setup.h2)
        return await stack.enter_async_context(server)
    issued = kit.authority.issue(NAME)
    port = free_port()
    told = [f'h3=":{port}"; ma=3600'] if setup.announced else []
    if setup.beside:
        places = alternatives.serve(setup.beside, handler, NAME, kit)
        told.append(await stack.enter_async_context(places))
    announced = _announcing(handler, ", ".join(told)) if told else handler
    if setup.h3 is not None:
        await stack.enter_async_context(serve_h3(announced, issued, setup.h3, port=port))
    if not setup.tcp:
        return port
    alpn = tuple({"2": b"h2", "1.1": b"http/1.1"}[version] for version in setup.versions)
    context: SSL.Context = server_context(issued, alpn=alpn, early_data=setup.early_data)
    server = web_server(
        announced, versions=setup.versions, context=context, h1=setup.h1, h2=setup.h2, port=port,
        early_data=bool(setup.early_data),
    )  # fmt: skip
    return await stack.enter_async_context(server)


def _dressed(setup: Setup) -> Handler:
    """Return the site's content, and what every answer of a good server has and refuses."""
    content = lab_content.site(setup.ways)

    async def handle(request: Request) -> Answer:
        answer = _refusal(setup, request)
        if answer is None and setup.before is not None:
            answer = setup.before(request)
        if answer is None:
            answer = await content(request if setup.heeds_early else _not_early(request))
        if setup.hsts and setup.secure:
            answer = _with(HSTS)(request, answer)
        return setup.change(request, answer) if setup.change is not None else answer

    return handle


def _not_early(request: Request) -> Request:
    """Return the request as an application sees it that is not told of early data."""
    fields = tuple(f for f in request.headers if f[0].lower() != "early-data")
    return msgspec.structs.replace(request, headers=fields)


def _refusal(setup: Setup, request: Request) -> Answer | None:
    names = {name.lower() for name, _ in request.headers}
    if setup.heeds_lengths and {"content-length", "transfer-encoding"} <= names:
        return Answer(status=400, headers=(("Connection", "close"),))
    unsafe = request.method not in {"GET", "HEAD", "OPTIONS"}
    if setup.heeds_early and unsafe and "early-data" in names:
        return Answer(status=425, headers=(("Cache-Control", "no-store"),))
    return None


def _announcing(handler: Handler, services: str) -> Handler:
    async def handle(request: Request) -> Answer:
        return _with(("Alt-Svc", services))(request, await handler(request))

    return handle

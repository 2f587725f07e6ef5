"""WebSocket's reference server: a hub over HTTP/1.1, 2 and 3, right or wrong in one way."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import msgspec

from seventh.labkit.serve import Fault, Kit, Served, find_program
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.peer import H1Setup
from seventh.labkit.web.serve import Spoken, web_server
from seventh.model.failure import Reason
from seventh.protocols.websocket.lab import wrong
from seventh.protocols.websocket.lab.hub import PUBLISH, SUBPROTOCOL, Hub, Manners

HOST = "127.0.0.1"
ELSEWHERE = "198.18.77.1"
"""An address of this machine that is no loopback one (RFC 2544's range), while a fault needs it."""
Set = Mapping[str, str | float | int | tuple[str, ...]]
_VIOLATION = Reason.PROTOCOL_VIOLATION.value
_MISMATCH = Reason.PROTOCOL_MISMATCH.value
_INTRUSIVE: Set = {"intrusive": True, "timeout_seconds": 30.0}
_HOLD: Set = {"intrusive": True, "timeout_seconds": 30.0, "hold_seconds": 1.2}
_FANOUT: Set = {
    "allow_write": True, "message_template": f"{PUBLISH}{{id}}", "sockets": 6,
    "timeout_seconds": 30.0,
}  # fmt: skip
_EVERYTHING: Set = {
    **_FANOUT, **_HOLD, "subprotocols": (SUBPROTOCOL,), "timeout_seconds": 60.0,
}  # fmt: skip
_PAGE = Answer(
    headers=(("Content-Type", "text/html"), ("Server", "lab")), body=b"<h1>Welcome</h1>\n"
)
_EXTENDED_CONNECT = 8


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """A server as it is to be, and what a check of it is told."""

    manners: Manners = Manners()
    secure: bool = False
    versions: tuple[Spoken, ...] = ("2", "1.1")
    h2: H1Setup | None = None
    h3: bool = False
    path: str = "/hub"
    token_seconds: float | None = None
    """The lifetime of the token that the check is given."""
    proxy: bool = False
    """Whether a proxy stands before it that strips the upgrade; the hub is named as direct."""
    host: str = HOST
    options: Set = {}


def _fault(
    name: str,
    meaning: str,
    *triggers: str,
    setup: Setup | None = None,
    reason: str | None = None,
    **manners: object,
) -> tuple[Fault, Setup]:
    setup = setup or Setup()
    setup = msgspec.structs.replace(
        setup, manners=msgspec.structs.replace(setup.manners, **manners)
    )
    needs = ("root", "ip") if setup.host == ELSEWHERE else ()
    return (
        Fault(name=name, meaning=meaning, triggers=triggers, reason=reason, needs=needs),  # type: ignore[arg-type]
        setup,
    )


_TABLE = (
    _fault(
        "page", "a plain page where a WebSocket should be", reason=_MISMATCH, answers=_PAGE
    ),
    _fault(
        "stripped", "a proxy has dropped Upgrade, so the server asks for it", "WS-STRIPPED",
        reason=_MISMATCH,
        answers=Answer(
            status=426, headers=(("Via", "1.1 edge"), ("Upgrade", "websocket")),
            body=b"Upgrade Required\n",
        ),
    ),
    _fault(
        "stripped-direct", "refused through the proxy, and open behind it", "WS-STRIPPED",
        reason=_MISMATCH, setup=Setup(proxy=True),
    ),
    _fault("forbidden", "403 to everybody", reason=Reason.AUTH_REJECTED.value,
           answers=Answer(status=403)),
    _fault("unauthorized", "401 to everybody", reason=Reason.AUTH_REQUIRED.value,
           answers=Answer(status=401, headers=(("WWW-Authenticate", "Bearer"),))),
    _fault("redirects", "a redirect", reason=Reason.NEGOTIATION_FAILED.value,
           answers=Answer(status=302, headers=(("Location", "https://elsewhere.example/login"),))),
    _fault("wrong-accept", "Sec-WebSocket-Accept answers another key", "WS-ACCEPT",
           reason=_VIOLATION, accept="wrong"),
    _fault("missing-accept", "no Sec-WebSocket-Accept", "WS-ACCEPT",
           reason=_VIOLATION, accept="missing"),
    _fault("wrong-upgrade", "Upgrade names another protocol", reason=_VIOLATION, upgrade="h2c"),
    _fault("foreign-subprotocol", "chooses a subprotocol that nobody offered", "WS-SUBPROTO",
           reason=_VIOLATION, subprotocol="soap"),
    _fault("foreign-extension", "switches on an extension that nobody offered", "WS-EXT",
           reason=_VIOLATION, extension="x-webkit-deflate-frame"),
    _fault("deflate-parameter", "answers with a parameter that does not exist", "WS-EXT",
           reason=_VIOLATION, extension="permessage-deflate; server_max_window_bits=99"),
    _fault("any-version", "takes version 99", "WS-VERSION", version="any"),
    _fault("version-unlisted", "refuses version 99 and does not say what it knows", "WS-VERSION",
           version="unlisted"),
    _fault("clear", "in clear at an address that is no loopback one", "WS-CLEAR",
           setup=Setup(host=ELSEWHERE)),
    _fault("any-origin", "takes pages of any site", "WS-ORIGIN", origins="any"),
    _fault("any-origin-cookie", "takes pages of any site, and knows users by cookie", "WS-ORIGIN",
           origins="any", cookie=True),
    _fault("own-origin", "refuses pages of its own site", "WS-OWN-ORIGIN", origins="none"),
    _fault("old-version", "knows WebSocket as a draft had it",
           reason=Reason.NEGOTIATION_FAILED.value,
           answers=Answer(status=426, headers=(("Sec-WebSocket-Version", "8, 7"),))),
    _fault("token-in-url", "takes a token in the URL", "WS-TOKEN-URL",
           setup=Setup(path="/hub?access_token=c2V2ZW50aC1sYWI")),
    _fault("token-stale", "goes on when the token has ended", "WS-TOKEN-STALE",
           setup=Setup(token_seconds=1.0, options={"timeout_seconds": 20.0}), expires=False),
    _fault("no-pong", "answers no ping", "WS-NO-PONG",
           setup=Setup(options={"timeout_seconds": 3.0}), pongs=False),
    _fault("never-pings", "never pings", "WS-NO-SERVER-PING", setup=Setup(options=_HOLD),
           ping_seconds=None),
    _fault("idle-cut", "cuts what is idle for half a second", "WS-IDLE-CUT",
           setup=Setup(options=_HOLD), ping_seconds=None, idle_seconds=0.5),
    _fault("no-size-limit", "takes messages of any length", "WS-MSG-LIMIT",
           setup=Setup(options=_INTRUSIVE), max_bytes=None),
    _fault("drops-long", "just ends at a long message", "WS-MSG-LIMIT",
           setup=Setup(options=_INTRUSIVE), drops_long=True),
    _fault("no-rate-limit", "reads as fast as anybody writes", "WS-RATE",
           setup=Setup(options=_INTRUSIVE), max_per_second=None),
    _fault("limits-untold", "tells no limits", "WS-LIMITS-UNDECLARED", declares=False),
    _fault("lenient", "checks no frame", "WS-MASK", "WS-RSV", "WS-UTF8", "WS-FRAG",
           setup=Setup(options=_INTRUSIVE), tunnel=wrong.lenient),
    _fault("no-close", "ends without a close frame", "WS-CLOSE", closing="drop"),
    _fault("close-no-code", "answers a close frame with one that has no code", "WS-CLOSE",
           closing="no-code"),
    _fault("deflate-keeps", "keeps its compression window", "WS-DEFLATE", deflate="keeps"),
    _fault("fanout-slow", "broadcasts after 0.6 s", "WS-FANOUT-SLOW",
           setup=Setup(options=_FANOUT), broadcast_seconds=0.6),
    _fault("fanout-loss", "leaves out every third socket", "WS-FANOUT-LOSS",
           setup=Setup(options=_FANOUT), loses=3),
    _fault("no-backpressure", "piles up what a client does not read", "WS-BACKPRESSURE",
           setup=Setup(options=_INTRUSIVE), waits=False, max_per_second=None),
    _fault("only-h1", "speaks HTTP/1.1 alone", "WS-NO-H2", "WS-NO-H3",
           setup=Setup(secure=True, versions=("1.1",))),
    _fault("no-extended-connect", "speaks HTTP/2 without extended CONNECT", "WS-NO-H2",
           setup=Setup(secure=True, h2=H1Setup(settings=((_EXTENDED_CONNECT, 0),)))),
    _fault("injects-continue", "says 100 Continue unasked", "WS-100CONT", continues=True),
    _fault("expect-waits", "waits 1.5 s at an Expect", "WS-100CONT", expect_seconds=1.5),
    _fault("closes-at-once", "ends the connection after the handshake",
           reason=Reason.PEER_CLOSED.value, tunnel=wrong.closes),
    _fault("says-goodbye", "closes with 1013 after the handshake",
           reason=Reason.PEER_CLOSED.value, tunnel=wrong.says_goodbye),
    _fault("masks", "masks its frames", reason=_VIOLATION, tunnel=wrong.masks),
    _fault("declares-2^63", "declares 2^63 bytes", reason=_VIOLATION, tunnel=wrong.declares),
    _fault("ping-flood", "pings without end", reason=_VIOLATION, tunnel=wrong.pings),
    _fault("pong-flood", "pongs without end", reason=_VIOLATION, tunnel=wrong.pongs),
    _fault("bad-utf8", "says a text that is none", reason=_VIOLATION, tunnel=wrong.bad_utf8),
    _fault("endless-fragments", "empty pieces without end", reason=_VIOLATION,
           tunnel=wrong.endless_fragments),
    _fault("endless-message", "one message without end", reason=_VIOLATION,
           tunnel=wrong.endless_message),
    _fault("inflate-bomb", "60 KB that inflate to 64 MiB", reason=_VIOLATION,
           tunnel=wrong.inflates),
    _fault("reserved-bit", "uses a reserved bit", reason=_VIOLATION, tunnel=wrong.reserved),
    _fault("bad-close-code", "closes with 1006", reason=_VIOLATION, tunnel=wrong.bad_close),
)  # fmt: skip

TOUR = ("any-origin",)
"""The faults that `seventh tour` shows."""
FAULTS = tuple(fault for fault, _ in _TABLE)
SETUPS = {fault.name: setup for fault, setup in _TABLE}
CLEAN = Setup(secure=True, h3=True, token_seconds=4.0, options=_EVERYTHING)


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield the hub, or one with ``fault``."""
    async with serve_setup(SETUPS[fault.name] if fault else CLEAN, kit) as served:
        yield served


@contextlib.asynccontextmanager
async def serve_setup(setup: Setup, kit: Kit) -> AsyncIterator[Served]:
    """Yield a hub as ``setup`` says; also for tests that want one of their own."""
    hub = Hub(setup.manners)
    scheme, site = ("wss", "https") if setup.secure else ("ws", "http")
    options = dict(setup.options)
    async with contextlib.AsyncExitStack() as stack:
        if setup.host == ELSEWHERE:
            stack.enter_context(_elsewhere())
        issued = kit.authority.issue() if setup.secure else None
        if issued is not None:
            options["ca_file"] = str(kit.authority.ca_file)
        port = await stack.enter_async_context(
            web_server(
                hub.handle, versions=setup.versions, issued=issued, h2=setup.h2, host=setup.host
            )
        )
        if setup.h3 and issued is not None:
            from seventh.labkit.web.h3 import serve_h3

            await stack.enter_async_context(
                serve_h3(hub.handle, issued, host=setup.host, port=port)
            )
        hub.origins = (f"{site}://{setup.host}:{port}",)
        if setup.proxy:
            options["direct"] = f"{scheme}://{setup.host}:{port}"
            port = await stack.enter_async_context(
                web_server(_stripping, versions=("1.1",), host=setup.host)
            )
            hub.origins = (f"{site}://{setup.host}:{port}",)
        if setup.token_seconds is not None:
            token_file = kit.folder / f"token-{port}"
            _write_token(token_file, setup.token_seconds)
            options["token_file"] = str(token_file)
            renewing = asyncio.create_task(_renew(token_file, setup.token_seconds))
            stack.callback(renewing.cancel)
        yield Served(target=f"{scheme}://{setup.host}:{port}{setup.path}", options=options)


RENEWED_SECONDS = 0.5
"""How often the token is made anew: whoever starts a check by hand needs more time than a test."""


async def _renew(file: Path, seconds: float) -> None:
    while True:
        await asyncio.sleep(RENEWED_SECONDS)
        _write_token(file, seconds)


def _write_token(file: Path, seconds: float) -> None:
    """A token that lasts so long from now; nobody ever reads half of one."""
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{token(time.time() + seconds)}\n", "ascii")
    fresh.replace(file)


async def _stripping(_: object) -> Answer:
    """Return what a server says that sees a plain GET, by way of a proxy."""
    return Answer(status=400, headers=(("Server", "nginx"),), body=b"not a WebSocket request\n")


def token(expiry: float) -> str:
    """Return a JWT that ends at ``expiry``; nobody signed it, for nobody here asks."""
    parts = ({"alg": "none", "typ": "JWT"}, {"sub": "lab", "exp": expiry})
    encoded = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in parts]
    return b".".join([*encoded, b"none"]).decode("ascii")


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """Yield an address of this machine that is no loopback one, for as long as the block lasts."""
    ip = find_program("ip") or "ip"
    route = ["local", ELSEWHERE, "dev", "lo"]
    subprocess.run([ip, "route", "replace", *route], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run([ip, "route", "del", *route], check=False, capture_output=True)

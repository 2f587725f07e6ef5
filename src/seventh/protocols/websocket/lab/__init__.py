"""WebSocket's reference server: a hub over HTTP/1.1, 2 and 3, correct or with one fault."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from seventh.labkit import serve as labkit
from seventh.labkit.elsewhere import added
from seventh.labkit.serve import Kit, Served
from seventh.labkit.tokens import renewed
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.peer import H1Setup
from seventh.labkit.web.serve import web_server
from seventh.model.failure import Reason
from seventh.protocols.websocket.lab import wrong
from seventh.protocols.websocket.lab.hub import PUBLISH, SUBPROTOCOL, Hub
from seventh.protocols.websocket.lab.setup import OptionValues, Setup

ELSEWHERE = "198.18.77.1"
"""An address that a fault adds to this machine, from RFC 2544's range: not a loopback address."""
_VIOLATION = Reason.PROTOCOL_VIOLATION.value
_MISMATCH = Reason.PROTOCOL_MISMATCH.value
_NEGOTIATION = Reason.NEGOTIATION_FAILED.value
_CLOSED = Reason.PEER_CLOSED.value
_INTRUSIVE: OptionValues = {"intrusive": True, "timeout_seconds": 60.0}
_HOLD: OptionValues = {**_INTRUSIVE, "hold_seconds": 1.2}
_FANOUT: OptionValues = {
    "allow_write": True, "message_template": f"{PUBLISH}{{id}}", "sockets": 6,
    "timeout_seconds": 30.0,
}  # fmt: skip
_REPLY: OptionValues = {
    "allow_write": True, "send_text": "are you there?", "expect_message": "^are you (here|there)",
}  # fmt: skip
_EVERYTHING: OptionValues = {**_FANOUT, **_HOLD, **_REPLY, "subprotocols": (SUBPROTOCOL,)}
_PAGE = Answer(
    headers=(("Content-Type", "text/html"), ("Server", "lab")), body=b"<h1>Welcome</h1>\n"
)
_STRIPPED = Answer(
    status=426, headers=(("Via", "1.1 edge"), ("Upgrade", "websocket")), body=b"Upgrade Required\n"
)
_EXTENDED_CONNECT = 8


class Fault(labkit.Fault, frozen=True, kw_only=True):
    """A fault, and the server that has it."""

    setup: Setup


def _fault(
    name: str, meaning: str, *triggers: str, setup: Setup, reason: str | None = None
) -> Fault:
    return Fault(
        name=name, meaning=meaning, triggers=triggers, reason=reason, setup=setup,
        needs=("root", "ip") if setup.host == ELSEWHERE else (),
    )  # fmt: skip


FAULTS = (
    _fault("page", "answers with a page", reason=_MISMATCH, setup=Setup(answers=_PAGE)),
    _fault("stripped", "a proxy removes Upgrade, and the server answers 426", "WS-STRIPPED",
           reason=_MISMATCH, setup=Setup(answers=_STRIPPED)),
    _fault("stripped-direct", "a proxy refuses the handshake that its backend accepts",
           "WS-STRIPPED", reason=_MISMATCH, setup=Setup(proxy=True)),
    _fault("forbidden", "refuses every request with 403", reason=Reason.AUTH_REJECTED.value,
           setup=Setup(answers=Answer(status=403))),
    _fault("unauthorized", "refuses every request with 401", reason=Reason.AUTH_REQUIRED.value,
           setup=Setup(answers=Answer(status=401, headers=(("WWW-Authenticate", "Bearer"),)))),
    _fault("redirects", "redirects to a login page", reason=_NEGOTIATION,
           setup=Setup(answers=Answer(status=302, headers=(
               ("Location", "https://elsewhere.example/login"),)))),
    _fault("wrong-accept", "sends the Sec-WebSocket-Accept of another key", "WS-ACCEPT",
           reason=_VIOLATION, setup=Setup(accept="wrong")),
    _fault("missing-accept", "sends no Sec-WebSocket-Accept", "WS-ACCEPT",
           reason=_VIOLATION, setup=Setup(accept="missing")),
    _fault("wrong-upgrade", "names another protocol in Upgrade",
           reason=_VIOLATION, setup=Setup(upgrade="h2c")),
    _fault("foreign-subprotocol", "chooses a subprotocol that was not offered", "WS-SUBPROTO",
           reason=_VIOLATION, setup=Setup(subprotocol="soap")),
    _fault("foreign-extension", "enables an extension that was not offered", "WS-EXT",
           reason=_VIOLATION, setup=Setup(extension="x-webkit-deflate-frame")),
    _fault("deflate-parameter", "enables compression with an invalid parameter", "WS-EXT",
           reason=_VIOLATION,
           setup=Setup(extension="permessage-deflate; server_max_window_bits=99")),
    _fault("any-version", "accepts version 99", "WS-VERSION", setup=Setup(version="any")),
    _fault("version-unlisted", "refuses version 99 without a list of versions", "WS-VERSION",
           setup=Setup(version="unlisted")),
    _fault("clear", "serves ws:// beyond loopback", "WS-CLEAR", setup=Setup(host=ELSEWHERE)),
    _fault("any-origin", "accepts any origin", "WS-ORIGIN", setup=Setup(origins="any")),
    _fault("any-origin-cookie", "accepts any origin and identifies users by cookie", "WS-ORIGIN",
           setup=Setup(origins="any", cookie=True)),
    _fault("own-origin", "refuses its own origin", "WS-OWN-ORIGIN", setup=Setup(origins="none")),
    _fault("old-version", "supports only drafts of WebSocket", reason=_NEGOTIATION,
           setup=Setup(answers=Answer(status=426, headers=(("Sec-WebSocket-Version", "8, 7"),)))),
    _fault("token-in-url", "accepts a token in the URL", "WS-TOKEN-URL",
           setup=Setup(path="/hub?access_token=c2V2ZW50aC1sYWI")),
    _fault("token-stale", "keeps sockets open after their token expires", "WS-TOKEN-STALE",
           setup=Setup(token_seconds=4.0, options={"timeout_seconds": 20.0}, expires=False)),
    _fault("no-pong", "answers no ping", "WS-NO-PONG",
           setup=Setup(options={"timeout_seconds": 3.0}, pongs=False)),
    _fault("other-reply", "answers with another message than --expect requires",
           reason=Reason.UNEXPECTED_ANSWER.value,
           setup=Setup(options={**_REPLY, "expect_message": "^(yes|no)", "timeout_seconds": 4.0})),
    _fault("never-pings", "sends no pings", "WS-NO-SERVER-PING",
           setup=Setup(options=_HOLD, ping_seconds=None)),
    _fault("idle-cut", "cuts sockets that are idle for 0.5 s", "WS-IDLE-CUT",
           setup=Setup(options=_HOLD, ping_seconds=None, idle_seconds=0.5)),
    _fault("no-size-limit", "accepts messages of any length", "WS-MSG-LIMIT",
           setup=Setup(options=_INTRUSIVE, max_bytes=None)),
    _fault("drops-long", "ends the connection at a long message", "WS-MSG-LIMIT",
           setup=Setup(options=_INTRUSIVE, drops_long=True)),
    _fault("no-rate-limit", "accepts messages at any rate", "WS-RATE",
           setup=Setup(options=_INTRUSIVE, max_per_second=None)),
    _fault("limits-untold", "declares no limits", "WS-LIMITS-UNDECLARED",
           setup=Setup(declares=False)),
    _fault("lenient", "accepts invalid frames", "WS-MASK", "WS-RSV", "WS-UTF8", "WS-FRAG",
           setup=Setup(options=_INTRUSIVE, tunnel=wrong.lenient)),
    _fault("no-close", "ends the connection without a close frame", "WS-CLOSE",
           setup=Setup(closing="drop")),
    _fault("close-no-code", "answers a close frame with one without a code", "WS-CLOSE",
           setup=Setup(closing="no-code")),
    _fault("deflate-keeps", "keeps its compression context", "WS-DEFLATE",
           setup=Setup(deflate="keeps")),
    _fault("fanout-slow", "broadcasts after 0.6 s", "WS-FANOUT-SLOW",
           setup=Setup(options=_FANOUT, broadcast_seconds=0.6)),
    _fault("fanout-loss", "sends no broadcasts to every third socket", "WS-FANOUT-LOSS",
           setup=Setup(options=_FANOUT, loses=3)),
    _fault("no-backpressure", "buffers without limit for slow readers", "WS-BACKPRESSURE",
           setup=Setup(options=_INTRUSIVE, waits=False, max_per_second=None)),
    _fault("only-h1", "supports only HTTP/1.1", "WS-NO-H2", "WS-NO-H3",
           setup=Setup(secure=True, versions=("1.1",))),
    _fault("no-extended-connect", "supports HTTP/2 without extended CONNECT", "WS-NO-H2",
           setup=Setup(secure=True, h2=H1Setup(settings=((_EXTENDED_CONNECT, 0),)))),
    _fault("injects-continue", "sends an unsolicited 100 Continue", "WS-100CONT",
           setup=Setup(continues=True)),
    _fault("expect-waits", "delays requests with Expect by 1.5 s", "WS-100CONT",
           setup=Setup(expect_seconds=1.5)),
    _fault("closes-at-once", "ends the connection after the handshake",
           reason=_CLOSED, setup=Setup(tunnel=wrong.end)),
    _fault("says-goodbye", "closes with 1013 after the handshake",
           reason=_CLOSED, setup=Setup(tunnel=wrong.close)),
    _fault("masks", "masks its frames", reason=_VIOLATION, setup=Setup(tunnel=wrong.mask)),
    _fault("declares-2^63", "sends a frame with a length of 2^63 bytes", reason=_VIOLATION,
           setup=Setup(tunnel=wrong.declare)),
    _fault("ping-flood", "sends pings without end", reason=_VIOLATION,
           setup=Setup(tunnel=wrong.pings)),
    _fault("pong-flood", "sends pongs without end", reason=_VIOLATION,
           setup=Setup(tunnel=wrong.pongs)),
    _fault("bad-utf8", "sends a text that is not UTF-8", reason=_VIOLATION,
           setup=Setup(tunnel=wrong.bad_utf8)),
    _fault("endless-fragments", "sends empty fragments without end", reason=_VIOLATION,
           setup=Setup(tunnel=wrong.endless_fragments)),
    _fault("endless-message", "sends one message without end", reason=_VIOLATION,
           setup=Setup(tunnel=wrong.endless_message)),
    _fault("inflate-bomb", "sends 60 KB that inflate to 64 MiB", reason=_VIOLATION,
           setup=Setup(tunnel=wrong.inflate)),
    _fault("reserved-bit", "uses a reserved bit", reason=_VIOLATION,
           setup=Setup(tunnel=wrong.reserved)),
    _fault("bad-close-code", "closes with 1006", reason=_VIOLATION,
           setup=Setup(tunnel=wrong.bad_close)),
)  # fmt: skip

TOUR = ("any-origin",)
"""The faults that `seventh tour` shows."""
CLEAN = Setup(secure=True, h3=True, token_seconds=12.0, options=_EVERYTHING)


@contextlib.asynccontextmanager
async def serve(fault: Fault | None, kit: Kit) -> AsyncIterator[Served]:
    """Yield the hub, or one with ``fault``."""
    async with serve_setup(fault.setup if fault else CLEAN, kit) as served:
        yield served


@contextlib.asynccontextmanager
async def serve_setup(setup: Setup, kit: Kit) -> AsyncIterator[Served]:
    """Yield the server of ``setup``."""
    hub = Hub(setup)
    scheme, site = ("wss", "https") if setup.secure else ("ws", "http")
    options = dict(setup.options)
    async with contextlib.AsyncExitStack() as stack:
        if setup.host == ELSEWHERE:
            stack.enter_context(added(ELSEWHERE))
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
            await stack.enter_async_context(renewed(token_file, setup.token_seconds))
            options["token_file"] = str(token_file)
        yield Served(target=f"{scheme}://{setup.host}:{port}{setup.path}", options=options)


async def _stripping(_: object) -> Answer:
    """Answer as a backend behind a proxy that removed the upgrade."""
    return Answer(status=400, headers=(("Server", "nginx"),), body=b"not a WebSocket request\n")

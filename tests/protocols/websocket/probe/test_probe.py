"""The room's conversations, against its reference hub and servers made for one question."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from seventh.cli.show import document
from seventh.engine.check import check_one, pulse_one
from seventh.lab import start
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit, Served
from seventh.labkit.tokens import token
from seventh.labkit.web.handler import Answer, Pipe
from seventh.labkit.web.serve import web_server
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target, parse_target
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols import schemes
from seventh.protocols.websocket import SPEC, lab
from seventh.protocols.websocket.client.endpoint import Endpoint
from seventh.protocols.websocket.facts.live import LongMessage
from seventh.protocols.websocket.lab import serve_setup, wrong
from seventh.protocols.websocket.lab.hub import PUBLISH, SUBPROTOCOL, Hub
from seventh.protocols.websocket.lab.setup import Setup
from seventh.protocols.websocket.probe import limits, permitted, violations
from seventh.protocols.websocket.rules import limits as rules_limits
from seventh.protocols.websocket.rules import live
from seventh.render import FORMATS, View, render
from seventh.rules.rule import Hit
from seventh.web.message import Request
from seventh.wire.jwt import expiry_of
from tests.options import changed, options_with
from tests.reports import found, metrics
from tests.reports import websocket_facts as facts_of

SETUPS = {fault.name: fault.setup for fault in lab.FAULTS}


async def checked(setup: Setup, kit: Kit, verb: str = "check", **more: object) -> Report:
    look = check_one if verb == "check" else pulse_one
    async with serve_setup(setup, kit) as served:
        target, options = start.job(served, Options(timeout_seconds=20.0))
        return await look(target, changed(options, **more))


@contextlib.asynccontextmanager
async def opened(setup: Setup, kit: Kit) -> AsyncIterator[Endpoint]:
    """An endpoint for one step of a check."""
    async with serve_setup(setup, kit) as served:
        target, options = start.job(served, Options(timeout_seconds=20.0))
        ctx = ProbeContext(target, options, connections=SPEC.connections)
        endpoint = Endpoint(ctx)
        endpoint.use((await ctx.addresses())[0])
        yield endpoint
        ctx.close()


# -- the clean conversation ------------------------------------------------------------------------


@pytest.mark.parametrize("secure", [False, True])
async def test_a_pulse_is_one_socket_one_ping_and_a_close(kit: Kit, secure: bool) -> None:
    report = await checked(Setup(secure=secure), kit, "pulse")
    assert report.failure is None
    names = [phase.name for phase in report.phases]
    assert names == ["connect", *(["tls", "tls.hello", "tls.finish"] if secure else []),
                     "ws.upgrade", "ws.ping", "ws.close"]  # fmt: skip
    for phase in report.phases[-3:]:
        assert (phase.clock, phase.outcome) == ("kernel", "ok")
    facts = facts_of(report)
    assert facts.pings_sent == 1
    assert (facts.close_code, facts.close_frame, facts.close_ended) == (1000, True, True)
    assert metrics(report)["seventh_ttfb_seconds"] == facts.upgrade_seconds
    assert metrics(report)["seventh_ws_ping_seconds"] == facts.ping_seconds
    assert metrics(report)["seventh_ws_connections"] == 1


async def test_everything_about_a_hub_in_order(kit: Kit) -> None:
    report = await checked(msgspec.structs.replace(lab.CLEAN, token_seconds=None), kit)
    assert report.failure is None
    assert report.findings == ()
    facts = facts_of(report)
    assert facts.handshake is not None and facts.handshake.sound
    assert facts.handshake.subprotocol == SUBPROTOCOL
    assert facts.no_context_takeover is True
    assert len(facts.pings_seconds) == 5
    assert facts.foreign_origin is not None and facts.foreign_origin.status == 403
    assert facts.wrong_version is not None and facts.wrong_version.versions == ("13",)
    assert facts.no_upgrade is not None and facts.no_upgrade.asks_upgrade
    for inside, version in ((facts.h2, "2"), (facts.h3, "3")):
        assert inside is not None and inside.handshake is not None
        assert inside.handshake.sound
        assert inside.handshake.version == version
        assert inside.ping_seconds is not None
    fanout = facts.fanout
    assert fanout is not None
    assert (fanout.sockets, fanout.ratio) == (6, 1.0)
    assert facts.violations is not None
    assert {v.outcome for v in facts.violations} == {"refused"}
    assert facts.long_message is not None and facts.long_message.code == 1009
    assert facts.burst is not None and facts.burst.code == 1008
    # Whichever comes first: it reads no more, or its limit of messages a second is reached.
    assert facts.backpressure is not None
    assert facts.backpressure.outcome in {"stopped", "closed"}
    assert facts.hold is not None and facts.hold.pings > 1
    assert facts.open_sockets == 6
    values = metrics(report)
    assert (values["seventh_ws_connections"], values["seventh_ws_fanout_ratio"]) == (6, 1)
    assert values['seventh_ws_fanout_seconds{quantile="1"}'] == fanout.max_seconds
    assert values['seventh_ws_fanout_seconds{quantile="0.5"}'] == fanout.p50_seconds
    assert values["seventh_ws_ping_seconds"] == facts.ping_seconds
    assert values["seventh_ttfb_seconds"] == facts.upgrade_seconds
    assert report.facts["tls"].version == "TLSv1.3"  # type: ignore[attr-defined]


async def test_nothing_above_tier_1_happens_unasked(kit: Kit) -> None:
    hub = Hub(Setup())
    async with web_server(hub.handle) as port:
        hub.origins = (f"http://127.0.0.1:{port}",)
        target = Target(scheme="ws", host="127.0.0.1", port=port, path="/hub")
        report = await check_one(target, options_with(message_template=f"{PUBLISH}{{id}}"))
    facts = facts_of(report)
    assert [facts.fanout, facts.violations, facts.long_message, facts.hold] == [None] * 4
    # The socket itself, version 99, no upgrade, the foreign origin, Expect.
    assert hub.handshakes == 5
    skipped = {s.id for s in report.skipped}
    assert {"WS-MASK", "WS-RATE", "WS-FANOUT-LOSS", "WS-TOKEN-STALE"} <= skipped


async def test_refused_handshakes_share_a_connection(kit: Kit) -> None:
    report = await checked(Setup(), kit)
    # One for the conversation, one for three refusals, one for the Expect that opens.
    attempts = [p for p in report.phases if p.name == "connect"]
    assert len(attempts) == 1
    assert facts_of(report).unknown == {}


# -- facts survive, and secrets do not ------------------------------------------------------------


@pytest.mark.parametrize("name", ["wrong-accept", "foreign-subprotocol", "masks", "inflate-bomb"])
async def test_facts_survive_failure(kit: Kit, name: str) -> None:
    report = await checked(SETUPS[name], kit)
    assert report.failure is not None
    facts = facts_of(report)
    assert facts.handshake is not None and facts.handshake.status == 101
    assert facts.wrong_version is not None, "what needs a handshake only is still asked"


@pytest.mark.parametrize("secure", [False, True])
async def test_a_credential_reaches_nothing_that_is_shown(
    kit: Kit, tmp_path: Path, secure: bool
) -> None:
    query = "c2V2ZW50aC1xdWVyeQ"
    bearer = token(time.time() + 3600)
    file = tmp_path / "token"
    file.write_text(bearer)
    setup = Setup(secure=secure, path=f"/hub?room=7&access_token={query}")
    report = await checked(
        setup, kit, token_file=str(file), headers=("Cookie: sid=delicious",), transcript=True
    )
    assert report.failure is None
    assert "WS-TOKEN-URL" in found(report)
    assert "room=7" in report.target
    shown = [str(report), msgspec.json.encode(report).decode()]
    for name in FORMATS:
        view = View(lang="en", verbose=True, color=False, width=200)
        shown.append(render(name, document([report]), view))
    for secret in (query, bearer, bearer.split(".")[1], "delicious"):
        assert all(secret not in text for text in shown)


async def test_a_server_that_says_a_credential_back(kit: Kit) -> None:
    async def handle(request: Request) -> Answer:
        fields = dict(request.headers)
        said = f"{request.path} {fields.get('cookie')} {fields.get('Cookie')} no".encode()
        said = b"x" * 100 + said  # so that the cut falls into it
        return Answer(status=400, body=said)

    async with web_server(handle) as port:
        target = Target(scheme="ws", host="127.0.0.1", port=port, path="/x?a=1&token=delicious")
        options = Options(headers=("Cookie: sid=delicate",))
        report = await check_one(target, options)
    assert report.failure is not None and "a=1" in report.failure.detail, report.failure
    assert "delic" not in str(report)


# -- variants -------------------------------------------------------------------------------------


async def test_direct_tells_what_the_proxy_does(kit: Kit) -> None:
    report = await checked(SETUPS["stripped-direct"], kit)
    facts = facts_of(report)
    assert facts.handshake is not None and facts.handshake.status == 400
    assert facts.direct is not None and facts.direct.sound
    (hit,) = [f for f in report.findings if f.id == "WS-STRIPPED"]
    assert (hit.params["what"], hit.params["status"]) == ("status-here", 400)


async def test_a_page_alone_proves_no_proxy(kit: Kit) -> None:
    report = await checked(SETUPS["page"], kit)
    assert report.failure is not None and "HTTP, not WebSocket" in report.failure.detail
    reasons = {s.id: s.reason for s in report.skipped}
    assert "--direct" in reasons["WS-STRIPPED"]


async def test_the_origin_of_a_cookie_is_critical(kit: Kit) -> None:
    plain = await checked(SETUPS["any-origin"], kit)
    cookie = await checked(SETUPS["any-origin-cookie"], kit)
    severities = [
        next(f.severity for f in report.findings if f.id == "WS-ORIGIN")
        for report in (plain, cookie)
    ]
    assert severities == ["low", "critical"]


async def test_origins_that_a_person_names(kit: Kit) -> None:
    hub = Hub(Setup(), origins=("https://app.example",))
    async with web_server(hub.handle) as port:
        target = Target(scheme="ws", host="127.0.0.1", port=port)
        refused = await check_one(target, Options())
        opened = await check_one(target, options_with(origin="https://app.example"))
    assert refused.failure is None and opened.failure is None
    assert {f.id: f.severity for f in refused.findings}["WS-OWN-ORIGIN"] == "info"
    assert "WS-OWN-ORIGIN" in opened.passed


async def test_addresses_of_one_name_are_compared(kit: Kit) -> None:
    one, other = Hub(Setup(origins="any")), Hub(Setup(origins="any", deflate="keeps"))
    async with (
        web_server(one.handle) as port,
        web_server(other.handle, host="127.0.0.2", port=port),
        name_server({"lab.test": {"A": ("127.0.0.1", "127.0.0.2")}}) as resolver,
    ):
        (target,) = parse_target(f"ws://lab.test:{port}/", schemes())
        report = await check_one(target, options_with(resolver=resolver))
    net = report.facts["net"]
    assert isinstance(net, NetFacts)
    assert len(net.compared) == 2
    assert "extensions" in {difference.trait for difference in net.differences}


async def test_quic_that_nobody_speaks_is_no_failed_phase(kit: Kit) -> None:
    report = await checked(Setup(secure=True), kit)
    facts = facts_of(report)
    assert facts.h3 is not None and facts.h3.spoken is False
    assert all(phase.outcome == "ok" for phase in report.phases)
    assert not found(report) & {"NET-PORT-STATE"}


async def test_an_untrusted_certificate_fails_after_all_else_was_learnt(
    kit: Kit, tmp_path: Path
) -> None:
    report = await checked(Setup(secure=True), kit, ca_file=None)
    assert report.failure is not None
    assert report.failure.reason == "tls-certificate-untrusted"
    assert facts_of(report).ping_seconds is not None
    pulse = await checked(Setup(secure=True), kit, "pulse", ca_file=None)
    assert pulse.failure is not None
    assert pulse.failure.reason == "tls-certificate-untrusted"


# -- with permission ------------------------------------------------------------------------------


async def test_a_template_joins_first(kit: Kit) -> None:
    report = await checked(
        Setup(), kit, allow_write=True, sockets=3, message_template=f"hello\n{PUBLISH}{{id}}"
    )
    fanout = facts_of(report).fanout
    assert fanout is not None
    assert (fanout.sockets, fanout.rounds, fanout.delivered) == (3, 5, 10)
    assert [(each.k, each.rounds) for each in fanout.receivers] == [(1, 5), (2, 5)]
    first, last = fanout.receivers
    assert first.least_seconds <= first.median_seconds <= first.most_seconds
    assert last.most_seconds == fanout.max_seconds
    (drawing,) = facts_of(report).drawings()
    assert [span.label for span in drawing.spans] == ["k = 1", "k = 2"]
    assert fanout.p95_seconds is not None and fanout.max_seconds is not None
    assert (fanout.p50_seconds or 0) <= fanout.p95_seconds <= fanout.max_seconds


async def test_an_echo_is_no_broadcast(kit: Kit) -> None:
    report = await checked(
        Setup(), kit, allow_write=True, sockets=2, message_template="echo {id}", timeout_seconds=5.0
    )
    fanout = facts_of(report).fanout
    assert fanout is not None and fanout.delivered == 0
    reasons = {s.id: s.reason for s in report.skipped}
    assert "does not broadcast" in reasons["WS-FANOUT-LOSS"]


async def test_fifty_sockets(kit: Kit) -> None:
    report = await checked(
        Setup(), kit, allow_write=True, sockets=50, message_template=f"{PUBLISH}{{id}}"
    )
    facts = facts_of(report)
    assert facts.fanout is not None and facts.fanout.ratio == 1.0
    assert facts.open_sockets == 50


async def test_a_token_that_ends_in_time_closes(kit: Kit) -> None:
    report = await checked(Setup(token_seconds=1.0), kit)
    token = facts_of(report).token
    assert token is not None
    assert (token.outcome, token.close_code) == ("closed", 4401)
    assert token.after_seconds is not None and abs(token.after_seconds) < 0.5


async def test_a_token_that_lasts_is_not_waited_for(kit: Kit) -> None:
    report = await checked(Setup(token_seconds=3600.0), kit)
    token = facts_of(report).token
    assert token is not None and token.outcome == "not-reached"
    reasons = {s.id: s.reason for s in report.skipped}
    assert "expires in 3600 s" in reasons["WS-TOKEN-STALE"]


async def test_an_ended_token_that_opens_is_stale(kit: Kit) -> None:
    setup = Setup(token_seconds=-60.0, expires=False)
    report = await checked(setup, kit)
    (hit,) = [f for f in report.findings if f.id == "WS-TOKEN-STALE"]
    assert (hit.params["what"], hit.params["seconds"]) == ("expired", "60")


async def test_what_a_server_throws_away_is_not_piled_up(kit: Kit) -> None:
    """It takes all that we send; only what can be read afterwards tells where the answers went."""

    async def drops(pipe: Pipe) -> None:
        server = Protocol(SERVER, state=OPEN, max_size=None)
        answered = 0
        while data := await pipe.receive():
            server.receive_data(data)
            for frame in server.events_received():
                assert isinstance(frame, Frame)
                if frame.opcode is Opcode.TEXT and answered < 4:
                    answered += 1
                    server.send_text(bytes(frame.data))
            await pipe.send(b"".join(server.data_to_send()))

    async with opened(Setup(tunnel=drops), kit) as endpoint:
        await limits.slow_reader(endpoint)
    seen = endpoint.notes.facts.backpressure
    assert seen is not None and seen.sent_bytes >= limits.UNREAD_BYTES
    assert seen.outcome == "dropped"
    assert rules_limits.backpressure(endpoint.notes.facts) is None


async def test_the_labs_token_stays_fresh(kit: Kit) -> None:
    """A check that a person starts by hand comes seconds after the server."""

    def said(served: Served) -> float | None:
        return expiry_of(Path(str(served.options["token_file"])).read_text().strip())

    async with lab.serve(None, kit) as served, asyncio.timeout(10):
        first = said(served)
        while (later := said(served)) == first:  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.05)
    assert first is not None and later is not None and later > first


async def test_cuts_of_one_timer_come_at_one_age(kit: Kit) -> None:
    async with opened(SETUPS["idle-cut"], kit) as endpoint:
        await permitted.hold(endpoint)
    facts = endpoint.notes.facts
    assert facts.hold is not None and len(facts.hold.cuts_seconds) == 2
    hit = live.idle_cut(facts)
    assert isinstance(hit, Hit) and hit.params["what"] == "same-age"


async def test_the_lenient_server_lets_everything_through(kit: Kit) -> None:
    async with opened(SETUPS["lenient"], kit) as endpoint:
        await violations.send_violations(endpoint)
    facts = endpoint.notes.facts
    assert facts.violations is not None
    accepted = {v.name for v in facts.violations if v.outcome == "accepted"}
    assert accepted == set(violations.cases())
    for rule in (rules_limits.mask, rules_limits.rsv, rules_limits.utf8, rules_limits.frag):
        assert isinstance(rule(facts), Hit)


async def test_no_socket_is_held_without_an_option(kit: Kit) -> None:
    async with opened(Setup(tunnel=wrong.end), kit) as endpoint:
        ctx = endpoint.ctx
        ctx.options = changed(ctx.options, intrusive=True)
        await permitted.with_permission(endpoint)
        assert "hold" not in endpoint.notes.facts.unknown
        ctx.options = changed(ctx.options, hold_seconds=0.01)
        await permitted.with_permission(endpoint)
    assert endpoint.notes.facts.hold is not None


async def test_steps_are_skipped_when_no_time_is_left(kit: Kit) -> None:
    async with opened(Setup(), kit) as endpoint:
        ctx = endpoint.ctx
        ctx.options = changed(ctx.options, intrusive=True, hold_seconds=1.0)
        ctx.budget.deadline_ns = now_ns() + int(0.4e9)
        await permitted.with_permission(endpoint)
    facts = endpoint.notes.facts
    assert {"violations", "a long message", "many messages", "a slow reader"} <= set(facts.unknown)
    assert all("--timeout" in why for why in facts.unknown.values())
    assert facts.violations is None and facts.hold is not None  # its time is added


async def test_a_long_message_stays_whole_when_the_server_pings_amid_it(kit: Kit) -> None:
    setup = Setup(max_bytes=None, ping_seconds=0.005)
    async with opened(setup, kit) as endpoint:
        await limits.long_message(endpoint)
        assert endpoint.notes.facts.long_message == LongMessage(accepted_bytes=limits.SIZES[-1])

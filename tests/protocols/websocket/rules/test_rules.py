"""The borders of the rules' conditions."""

from __future__ import annotations

import msgspec
import pytest

from seventh.model.severity import Severity
from seventh.protocols.websocket.facts import Handshake, Tunnelled, WebSocketFacts
from seventh.protocols.websocket.facts.live import (
    Backpressure,
    Burst,
    Fanout,
    Hold,
    LongMessage,
    Token,
    Violation,
)
from seventh.protocols.websocket.rules import carried, handshake, limits, live
from seventh.protocols.websocket.rules.examples import GOOD, OPEN, REFUSED, answered, turned_away
from seventh.rules.rule import Hit, Rule, Skip, Verdict

MIB = 1024 * 1024


def severity_of(verdict: Verdict, default: Severity) -> Severity:
    assert isinstance(verdict, Hit), verdict
    return verdict.severity or default


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        (turned_away(426), Hit),
        (turned_away(426, versions=("13",)), Hit),
        (turned_away(426, versions=("8",)), Skip),  # it wants another version, not an upgrade
        (turned_away(400, via="via: 1.1 edge"), Hit),
        (turned_away(505), Hit),
        (turned_away(502), Skip),
        (turned_away(400), Skip),
        (turned_away(200), Skip),
        (turned_away(404), Skip),
        (turned_away(200).learn(direct=OPEN), Hit),
        (turned_away(404).learn(direct=OPEN), Hit),
        (turned_away(400).learn(direct=REFUSED), Skip),
        (GOOD.learn(direct=REFUSED), type(None)),
        (GOOD.learn(handshake=Handshake(outcome="failed")), Skip),
    ],
)
def test_stripped(seen: WebSocketFacts, kind: type) -> None:
    assert isinstance(handshake.stripped(seen), kind)


def test_clear_is_judged_by_reach() -> None:
    clear = GOOD.learn(secure=False)
    for reach, kind in (("loopback", type(None)), ("private", Hit), ("public", Hit), (None, Skip)):
        assert isinstance(handshake.clear(clear.learn(reach=reach)), kind)


def test_clear_needs_an_open_socket() -> None:
    assert isinstance(handshake.clear(turned_away(404).learn(secure=False)), Skip)


def test_accept_missing_is_as_bad_as_wrong() -> None:
    assert isinstance(handshake.accept(answered(accept="missing")), Hit)
    assert handshake.accept(answered(accept="not-used")) is None


def test_version_borders() -> None:
    unlisted = msgspec.structs.replace(REFUSED, status=426)
    assert isinstance(handshake.version(GOOD.learn(wrong_version=unlisted)), Hit)
    listed = msgspec.structs.replace(REFUSED, status=400, versions=("8", "13"))
    assert handshake.version(GOOD.learn(wrong_version=listed)) is None
    nothing = Handshake(outcome="failed", detail="closed")
    assert isinstance(handshake.version(GOOD.learn(wrong_version=nothing)), Skip)
    for status in (401, 429, 503):  # of the login, of a limit, of the server's state
        other = msgspec.structs.replace(REFUSED, status=status)
        assert isinstance(handshake.version(GOOD.learn(wrong_version=other)), Skip)


def test_origin_is_critical_with_cookies() -> None:
    base = GOOD.learn(foreign_origin=OPEN, sends_cookie=False, sets_cookie=False)
    assert severity_of(handshake.origin(base), Severity.HIGH) == "low"
    unknown = base.learn(sets_cookie=None)
    assert severity_of(handshake.origin(unknown), Severity.HIGH) == "low"
    named = base.learn(ambient=("http-authentication",))
    assert severity_of(handshake.origin(named), Severity.HIGH) == "high"
    for field in ("sends_cookie", "sets_cookie"):
        assert (
            severity_of(handshake.origin(base.learn(**{field: True})), Severity.HIGH) == "critical"
        )


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        (None, Skip),
        (Tunnelled(), Skip),
        (Tunnelled(spoken=False), Hit),
        (Tunnelled(spoken=True), Skip),
        (Tunnelled(spoken=True, enabled=False), Hit),
        (Tunnelled(spoken=True, enabled=True), Skip),
        (Tunnelled(spoken=True, enabled=True, handshake=REFUSED), Hit),
        (Tunnelled(spoken=True, enabled=True, handshake=OPEN), type(None)),
    ],
)
def test_later_versions(seen: Tunnelled | None, kind: type) -> None:
    assert isinstance(carried.no_h2(GOOD.learn(h2=seen)), kind)
    assert isinstance(carried.no_h3(GOOD.learn(h3=seen)), kind)


def test_expect_borders() -> None:
    slow = msgspec.structs.replace(OPEN, seconds=1.5)
    assert severity_of(carried.expect(GOOD.learn(expecting=slow)), Severity.LOW) == "info"
    assert severity_of(carried.expect(GOOD.learn(continued=1)), Severity.LOW) == "low"
    quick = msgspec.structs.replace(OPEN, seconds=0.9)
    assert carried.expect(GOOD.learn(expecting=quick)) is None
    for status, kind in ((417, Hit), (403, type(None))):
        refused = msgspec.structs.replace(REFUSED, status=status)
        assert isinstance(carried.expect(GOOD.learn(expecting=refused)), kind)
    gone = Handshake(outcome="failed", detail="it closed")
    assert isinstance(carried.expect(GOOD.learn(expecting=gone)), Hit)
    assert isinstance(carried.expect(GOOD.learn(expecting=None)), Skip)


def test_no_pong_needs_time_and_a_connection() -> None:
    none = GOOD.learn(pings_seconds=(), ping_seconds=None, closed_on_ping=False)
    assert isinstance(live.no_pong(none.learn(pong_wait_seconds=0.4)), Skip)
    assert isinstance(live.no_pong(none.learn(pong_wait_seconds=3.0)), Hit)
    gone = none.learn(pong_wait_seconds=3.0, closed_on_ping=True)
    assert isinstance(live.no_pong(gone), Skip)


def test_a_short_hold_is_only_a_hint() -> None:
    long, short = (GOOD.learn(hold=Hold(seconds=s)) for s in (60.0, 5.0))
    assert severity_of(live.no_server_ping(long), Severity.LOW) == "low"
    assert severity_of(live.no_server_ping(short), Severity.LOW) == "info"
    cut = GOOD.learn(hold=Hold(seconds=60.0, cuts_seconds=(3.0,)))
    assert isinstance(live.no_server_ping(cut), Skip)
    probing = GOOD.learn(hold=Hold(seconds=120.0, messages=2))
    assert isinstance(live.no_server_ping(probing), Skip)
    greeted = GOOD.learn(hold=Hold(seconds=120.0, messages=1))
    assert isinstance(live.no_server_ping(greeted), Hit)


def test_cuts_at_different_ages_are_no_timer() -> None:
    for cuts, same in (((30.0, 30.1), True), ((30.0, 12.0), False), ((30.0,), False)):
        hit = live.idle_cut(GOOD.learn(hold=Hold(seconds=60.0, cuts_seconds=cuts)))
        assert isinstance(hit, Hit)
        assert hit.params["what"] == ("same-age" if same else "ages")


def test_a_cut_behind_a_proxy_may_be_the_proxy_s() -> None:
    cut = Hold(seconds=60.0, cuts_seconds=(30.0, 30.0), carried=True)
    assert isinstance(live.idle_cut(GOOD.learn(hold=cut)), Skip)
    assert live.idle_cut(GOOD.learn(hold=Hold(seconds=60.0, carried=True))) is None


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        (Token(source="x"), Skip),
        (Token(source="x", lifetime_seconds=99.0, outcome="not-reached"), Skip),
        (Token(source="x", lifetime_seconds=1.0, outcome="closed"), type(None)),
        (Token(source="x", lifetime_seconds=-5.0, outcome="open"), Hit),
    ],
)
def test_tokens(token: Token, kind: type) -> None:
    assert isinstance(live.token_stale(GOOD.learn(token=token)), kind)


def test_close_without_a_code() -> None:
    hit = live.close(GOOD.learn(close_code=None))
    assert isinstance(hit, Hit) and hit.params["what"] == "no-code"
    assert hit.severity is Severity.INFO  # RFC 6455 §5.5.1: a close frame may have no body
    unanswered = live.close(GOOD.learn(close_frame=False, close_code=None))
    assert severity_of(unanswered, Severity.LOW) == "low"
    assert live.close(GOOD.learn(close_code=1001)) is None


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (LongMessage(accepted_bytes=16 * MIB), "high"),
        (LongMessage(accepted_bytes=MIB, refused_bytes=16 * MIB, code=1009), None),
        (LongMessage(accepted_bytes=MIB, refused_bytes=16 * MIB, ended=True), "low"),
        (LongMessage(refused_bytes=65536, code=1003), "skip"),
        (LongMessage(accepted_bytes=65536, detail="no pong came"), "skip"),
    ],
)
def test_message_limits(seen: LongMessage, verdict: str | None) -> None:
    judged = limits.msg_limit(GOOD.learn(long_message=seen))
    if verdict is None:
        assert judged is None
    elif verdict == "skip":
        assert isinstance(judged, Skip)
    else:
        assert severity_of(judged, Severity.HIGH) == verdict


@pytest.mark.parametrize("outcome", ["closed", "slowed"])
def test_rates_that_are_limited(outcome: str) -> None:
    seen = Burst(messages=200, seconds=1.0, outcome=outcome)  # type: ignore[arg-type]
    assert limits.rate(GOOD.learn(burst=seen)) is None
    told = Burst(messages=200, seconds=0.1, outcome="taken", hints=("rate",))
    assert limits.rate(GOOD.learn(burst=told)) is None


def test_backpressure_needs_an_echo() -> None:
    silent = GOOD.learn(backpressure=Backpressure(echoes=False))
    assert isinstance(limits.backpressure(silent), Skip)
    closed = Backpressure(echoes=True, sent_bytes=MIB, outcome="closed", code=1008)
    assert limits.backpressure(GOOD.learn(backpressure=closed)) is None


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("mask", limits.mask),
        ("rsv", limits.rsv),
        ("utf8", limits.utf8),
        ("frag", limits.frag),
    ],
)
def test_violations(kind: str, rule: Rule[WebSocketFacts]) -> None:
    def seen(*outcomes: str) -> Verdict:
        tried = tuple(
            Violation(kind=kind, name=str(n), outcome=o)  # type: ignore[arg-type]
            for n, o in enumerate(outcomes)
        )
        return rule(GOOD.learn(violations=tried))

    assert isinstance(seen("refused", "accepted"), Hit)
    assert seen("refused", "unclear") is None
    assert isinstance(seen("unclear"), Skip)
    assert isinstance(seen(), Skip)


@pytest.mark.parametrize(
    ("extension", "kib"),
    [
        ("permessage-deflate", 256),
        ("permessage-deflate; server_max_window_bits=12", 144),
        ("permessage-deflate; client_max_window_bits=9; server_max_window_bits=9", 130),
    ],
)
def test_what_a_compressor_keeps(extension: str, kib: int) -> None:
    agreed = msgspec.structs.replace(OPEN, extensions=(extension,))
    hit = carried.deflate(GOOD.learn(handshake=agreed, no_context_takeover=False))
    assert isinstance(hit, Hit) and hit.params["kib"] == kib


def fanned(**changes: object) -> WebSocketFacts:
    known = Fanout(sockets=10, rounds=5, expected=45, delivered=45, p95_seconds=0.1)
    return GOOD.learn(fanout=msgspec.structs.replace(known, **changes))


def test_fanout() -> None:
    assert live.fanout_slow(fanned(p95_seconds=0.5)) is None
    assert isinstance(live.fanout_slow(fanned(p95_seconds=0.51)), Hit)
    assert isinstance(live.fanout_loss(fanned(delivered=44)), Hit)
    for rule in (live.fanout_loss, live.fanout_slow):
        assert isinstance(rule(fanned(delivered=0, p95_seconds=None)), Skip)
        assert isinstance(rule(fanned(rounds=0, expected=0, delivered=0)), Skip)


def test_a_subprotocol_may_have_limits_of_its_own() -> None:
    assert isinstance(live.limits_undeclared(GOOD.learn(limits_declared=())), Skip)

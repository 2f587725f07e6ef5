"""Logins to servers of our own: what is learnt, what is sent, and what is not."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from seventh.engine.check import check_one
from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.target import Target
from seventh.net.address import Address
from seventh.net.budget import Budget
from seventh.net.connect import open_tcp
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import Stopwatch, now_ns
from seventh.protocols.ssh import SshOptions
from seventh.protocols.ssh.client.auth import UserAuth, log_in, read_pk_ok, read_prompts, responses
from seventh.protocols.ssh.client.authenticate_host import open_session
from seventh.protocols.ssh.client.credentials import Credentials, read_credentials
from seventh.protocols.ssh.client.identities import Identity
from seventh.protocols.ssh.client.known_hosts import read_known_hosts
from seventh.protocols.ssh.client.session import Session
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.login import Login
from seventh.protocols.ssh.lab.keys import USER, LoginKeys, make_login_keys
from seventh.protocols.ssh.lab.login import PASSWORD, LoginServer, LoginSetup, listening
from seventh.protocols.ssh.lab.server import good_offer
from seventh.protocols.ssh.probe import login as login_probe
from seventh.protocols.ssh.wire.auth_messages import AuthPacket
from seventh.protocols.ssh.wire.channel_messages import (
    ChannelOpen,
    GlobalRequest,
    OpenFailure,
    RequestFailure,
)
from seventh.protocols.ssh.wire.values import mpint
from seventh.wire.reader import Reader, vector
from tests.options import changed, options_with
from tests.reports import metrics, ssh_facts


class Lodge:
    """A server with a door, and the options that open it."""

    def __init__(
        self, login_keys: LoginKeys, port: int, server: LoginServer, password: Path
    ) -> None:
        self.login_keys, self.port, self.server = login_keys, port, server
        self.target = Target(scheme="ssh", host="127.0.0.1", port=port)
        self.with_key = options_with(timeout_seconds=5, **login_keys.options(port))  # type: ignore[arg-type]
        self.with_password = changed(self.with_key, identities=(), password_file=str(password))

    async def check(self, **changes: Any) -> Report:
        return await check_one(self.target, changed(self.with_key, **changes))


@contextlib.asynccontextmanager
async def lodge(folder: Path, **setup: Any) -> AsyncIterator[Lodge]:
    login_keys = make_login_keys(folder / "door")
    password = folder / "password"
    password.write_text(PASSWORD + "\n")
    async with listening(login_keys, LoginSetup(**setup)) as (port, server):
        yield Lodge(login_keys, port, server, password)


@contextlib.asynccontextmanager
async def session_with(lodge: Lodge, *, admitted: bool = True) -> AsyncIterator[Session]:
    """A session of this lodge's, logged in by the key."""
    connected = await open_tcp(
        Address(ip="127.0.0.1", port=lodge.port), Budget(5), now_ns() + 10**9
    )
    assert connected.stream is not None
    known = read_known_hosts(lodge.with_key.of(SshOptions).known_hosts)
    session, trust = await open_session(connected.stream, known, "127.0.0.1", lodge.port)
    assert trust.status == "known"
    if admitted:
        await log_in(session, await read_credentials(lodge.with_key, USER))
    try:
        yield session
    finally:
        await session.aclose()


def login_of(report: Report) -> Login:
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.login is not None
    return facts.login


def found(report: Report) -> dict[str, Severity]:
    return {finding.id: finding.severity for finding in report.findings}


# -- the whole way ---------------------------------------------------------------------------------


async def test_a_login_and_its_steps_are_learnt(tmp_path: Path) -> None:
    async with lodge(tmp_path, banners=(b"Mind the \x1b[2Jgap\n",)) as place:
        report = await place.check()
    assert report.failure is None, report.failure
    login = login_of(report)
    assert (login.outcome, login.method, login.user) == ("granted", "publickey", USER)
    assert login.methods == login.root_methods == ("publickey",)
    assert [(s.method, s.outcome) for s in login.steps] == [
        ("none", "refused"), ("publickey", "wanted"), ("publickey", "granted"),
    ]  # fmt: skip
    for seconds in (login.none_seconds, login.service_seconds, login.auth_seconds,
                    login.total_seconds, login.rekey_seconds, login.ping_seconds,
                    login.session_seconds):  # fmt: skip
        assert seconds is not None
        assert 0 <= seconds < 5
    assert login.rekeys == 1
    assert "\x1b" not in login.banner
    assert login.banner.startswith("Mind the")
    names = [phase.name for phase in report.phases if phase.outcome == "ok"]
    order = ["ssh.kex", "ssh.service", "ssh.auth_none", "ssh.auth", "ssh.ping", "ssh.rekey"]
    assert [name for name in names if name in order] == order
    assert metrics(report)["seventh_ssh_rekeys_total"] == 1
    assert "seventh_ssh_session_seconds" in metrics(report)
    # One login, and one question about root; nobody else was ever named.
    assert place.server.requests == [
        (USER, "none"), (USER, "publickey"), (USER, "publickey"), ("root", "none"),
    ]  # fmt: skip


async def test_no_user_is_guessed(tmp_path: Path) -> None:
    async with lodge(tmp_path) as place:
        report = await place.check(user=None, identities=(), ntp_keys="for another room")
        forgotten = await place.check(user=None)
        plain = await check_one(place.target, Options(timeout_seconds=5))
    assert place.server.requests == []
    assert "--user" in report.facts["ssh"].unknown["login"]  # type: ignore[attr-defined]
    assert forgotten.failure is not None
    assert forgotten.failure.reason is Reason.OPTIONS_UNUSABLE
    assert plain.facts["ssh"].login is None  # type: ignore[attr-defined]


async def test_a_user_alone_learns_the_methods(tmp_path: Path) -> None:
    async with lodge(tmp_path, methods=("publickey", "password")) as place:
        report = await place.check(identities=())
    login = login_of(report)
    assert report.failure is None
    assert (login.outcome, login.methods) == ("untried", ("publickey", "password"))
    assert found(report)["SSH-PASSWORD-ON"] is Severity.HIGH
    assert "no private key" in report.facts["ssh"].unknown["login"]  # type: ignore[attr-defined]


async def test_root_needs_one_connection_only(tmp_path: Path) -> None:
    async with lodge(tmp_path) as place:
        report = await place.check(user="root", identities=())
    assert place.server.requests == [("root", "none")]
    assert login_of(report).root_methods == ("publickey",)


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
async def test_a_password_opens_a_known_host(tmp_path: Path, method: str) -> None:
    async with lodge(tmp_path, methods=(method,)) as place:
        report = await check_one(place.target, place.with_password.replace(transcript=True))
    assert report.failure is None, report.failure
    assert login_of(report).method == method
    assert place.server.passwords == [PASSWORD]
    no_secret_in(report)


async def test_a_wrong_password_is_sent_once_and_never_shown(tmp_path: Path) -> None:
    methods = ("publickey", "password", "keyboard-interactive")
    async with lodge(tmp_path, methods=methods) as place:
        (tmp_path / "password").write_text("hunter2 but wrong\n")
        report = await check_one(place.target, place.with_password.replace(transcript=True))
    assert place.server.passwords == ["hunter2 but wrong"]
    assert report.failure is not None
    assert report.failure.reason is Reason.AUTH_REJECTED
    assert report.failure.phase == "ssh.auth"
    assert "still required: publickey, password, keyboard-interactive" in report.failure.detail
    login = login_of(report)
    assert (login.outcome, login.still_wanted) == ("rejected", methods)
    no_secret_in(report, "hunter2 but wrong")


def no_secret_in(report: Report, secret: str = PASSWORD) -> None:
    """Neither in words nor as bytes: the transcript shows packets, and those are sealed."""
    text = msgspec.json.encode(report).decode()
    for form in (secret, secret.encode().hex(), secret.encode().hex(" ", 2),
                 base64.b64encode(secret.encode()).decode(), json.dumps(secret)[1:-1]):  # fmt: skip
        assert form not in text
    assert report.transcript


async def test_an_unknown_host_is_not_shown_the_password(tmp_path: Path) -> None:
    async with lodge(tmp_path, methods=("publickey", "password")) as place:
        empty = tmp_path / "known"
        empty.touch()
        report = await check_one(place.target, changed(place.with_password, known_hosts=str(empty)))
        by_key = await place.check(known_hosts=str(empty))
    assert place.server.passwords == []
    assert report.failure is not None
    assert report.failure.reason is Reason.HOST_KEY_UNTRUSTED
    assert "ssh-keyscan" in report.failure.detail
    assert login_of(report).methods == ("publickey", "password")
    assert login_of(by_key).outcome == "granted"


@pytest.mark.parametrize("marker", ["", "@revoked "])
async def test_a_changed_or_revoked_host_key_gets_no_credential(
    tmp_path: Path, marker: str
) -> None:
    async with lodge(tmp_path, methods=("publickey", "password")) as place:
        make_login_keys(tmp_path / "other").options(place.port)
        file = tmp_path / ("door" if marker else "other") / "known_hosts"
        file.write_text(marker + file.read_text())
        for options in (place.with_key, place.with_password):
            report = await check_one(place.target, changed(options, known_hosts=str(file)))
            assert report.failure is not None
            assert report.failure.reason is Reason.HOST_KEY_UNTRUSTED
            assert found(report)["SSH-HOSTKEY-CHANGED"] is Severity.CRITICAL
    assert place.server.requests == []


async def test_a_changed_key_is_found_without_any_login(tmp_path: Path) -> None:
    async with lodge(tmp_path) as place:
        other = make_login_keys(tmp_path / "other").options(place.port)["known_hosts"]
        report = await check_one(
            place.target, options_with(timeout_seconds=5, known_hosts=str(other))
        )
    assert report.failure is None
    assert found(report)["SSH-HOSTKEY-CHANGED"] is Severity.CRITICAL


async def test_several_methods_are_taken_in_turn(tmp_path: Path) -> None:
    async with lodge(tmp_path, after_key=("keyboard-interactive",)) as place:
        both = place.with_key.replace(password_file=place.with_password.password_file)
        report = await check_one(place.target, both)
    login = login_of(report)
    assert (login.outcome, login.method) == ("granted", "publickey+keyboard-interactive")
    assert login.partial


async def test_a_second_factor_is_left_to_a_person(tmp_path: Path) -> None:
    setup = {"after_key": ("keyboard-interactive",), "prompts": (("Code: ", True),)}
    async with lodge(tmp_path, **setup) as place:
        both = place.with_key.replace(password_file=place.with_password.password_file)
        report = await check_one(place.target, both)
    assert place.server.passwords == []
    assert report.failure is not None
    assert "partial success: publickey" in report.failure.detail
    assert "'Code:'" in report.failure.detail


async def test_an_expired_password_is_reported(tmp_path: Path) -> None:
    async with lodge(tmp_path, methods=("password",), expired=True) as place:
        report = await check_one(place.target, place.with_password)
    assert report.failure is not None
    assert "has expired" in report.failure.detail


async def test_a_key_that_is_refused_is_named(tmp_path: Path) -> None:
    async with lodge(tmp_path) as place:
        stranger = make_login_keys(tmp_path / "stranger").identity
        report = await place.check(identities=(str(stranger),))
    assert report.failure is not None
    assert report.failure.reason is Reason.AUTH_REJECTED
    assert "publickey ssh-ed25519 SHA256:" in report.failure.detail
    assert str(stranger) in report.failure.detail


async def test_only_so_many_keys_are_shown(tmp_path: Path) -> None:
    strangers = tuple(str(make_login_keys(tmp_path / f"k{n}").identity) for n in range(7))
    async with lodge(tmp_path) as place:
        report = await place.check(identities=strangers)
    assert place.server.requests.count((USER, "publickey")) == 5
    assert report.failure is not None
    assert "2 more keys not offered" in report.failure.detail


async def test_unusable_credentials_are_the_persons_to_mend(tmp_path: Path) -> None:
    async with lodge(tmp_path) as place:
        report = await place.check(identities=(str(tmp_path / "none"),))
        unread = await place.check(known_hosts=str(tmp_path / "none"))
    assert report.failure is not None
    assert report.failure.reason is Reason.OPTIONS_UNUSABLE
    assert report.facts["ssh"].host_keys, "what was learnt before stands"  # type: ignore[attr-defined]
    assert unread.failure is not None
    assert unread.failure.reason is Reason.OPTIONS_UNUSABLE


# -- rules that need a server ----------------------------------------------------------------------


async def test_a_slow_none_is_reported_with_the_other_times(tmp_path: Path) -> None:
    async with lodge(tmp_path, none_delay_seconds=1.1) as place:
        report = await place.check()
    (finding,) = [f for f in report.findings if f.id == "SSH-AUTH-SLOW"]
    for part in ("ssh.banner", "ssh.kex", "ssh.service", "publickey"):
        assert part in str(finding.params["others"])


@pytest.mark.parametrize("how", ["closes_on_rekey", "ignores_rekey"])
async def test_a_failing_rekey_is_a_finding_and_no_failure(tmp_path: Path, how: str) -> None:
    async with lodge(tmp_path, **{how: True}) as place:
        report = await place.check(timeout_seconds=3)
    assert report.failure is None, report.failure
    assert found(report)["SSH-REKEY-FAIL"] is Severity.MEDIUM
    assert login_of(report).root_methods == ("publickey",)


async def test_keepalives_are_counted_in_a_hold(tmp_path: Path) -> None:
    async with lodge(tmp_path, keepalive_seconds=0.2) as place:
        report = await place.check(intrusive=True, hold_seconds=1.0)
        idle = await place.check(intrusive=True)
    login = login_of(report)
    assert login.keepalives is not None
    assert 2 <= login.keepalives <= 5
    assert place.server.keepalive_replies >= login.keepalives
    assert login.keepalive_seconds == pytest.approx(0.2, abs=0.1)
    assert metrics(report)["seventh_ssh_keepalive_seconds"] == login.keepalive_seconds
    assert "SSH-NO-KEEPALIVE" in report.passed
    assert "SSH-NO-KEEPALIVE" in {skip.id for skip in idle.skipped}


async def test_a_short_hold_without_keepalives_proves_little(tmp_path: Path) -> None:
    async with lodge(tmp_path) as place:
        report = await place.check(intrusive=True, hold_seconds=0.2)
        denied = await place.check(hold_seconds=0.2)
    assert found(report)["SSH-NO-KEEPALIVE"] is Severity.INFO
    assert "--intrusive" in denied.facts["ssh"].unknown["keepalives"]  # type: ignore[attr-defined]


class PublicHalf:
    """A signer with nothing but the public half of a DSA key of a size that no library takes."""

    type = "ssh-dss"
    blob = vector(4, b"ssh-dss") + b"".join(
        mpint(number) for number in ((1 << 1151) + 1, (1 << 159) + 1, 2, 3)
    )

    def sign(self, algorithm: str, data: bytes) -> bytes:
        return vector(4, algorithm.encode()) + vector(4, b"\1" * 40)


@pytest.mark.parametrize("pinned", [True, False])
async def test_who_has_only_the_public_half_of_a_known_key_is_offered_nothing(
    tmp_path: Path, pinned: bool
) -> None:
    """A signature that cannot be verified is no proof, however well the key is known."""
    offer = replace(good_offer(), server_host_key_algorithms=("ssh-dss",))
    known = tmp_path / "known"
    line = f"ssh-dss {base64.b64encode(PublicHalf.blob).decode()}\n"
    async with lodge(tmp_path, offer=offer) as place:
        place.server.signer = PublicHalf()  # type: ignore[assignment]
        known.write_text(f"[127.0.0.1]:{place.port} {line}" if pinned else "")
        options = changed(place.with_password, known_hosts=str(known))
        report = await check_one(place.target, options)
        by_key = await place.check(known_hosts=str(known))
    for each in (report, by_key):
        assert each.failure is not None
        assert each.failure.reason is Reason.HOST_KEY_UNTRUSTED
        assert "cannot be verified" in each.failure.detail
        assert ssh_facts(each).trust == ()
    assert place.server.passwords == []
    assert place.server.requests == []


async def test_a_login_without_a_credential_is_named(tmp_path: Path) -> None:
    async with lodge(tmp_path, none_accepted=("root",)) as place:
        report = await place.check()
    (finding,) = [f for f in report.findings if f.id == "SSH-NOAUTH"]
    assert finding.severity is Severity.CRITICAL
    assert finding.params == {"who": "users", "users": ("root",)}


@pytest.mark.parametrize(("connections", "asked"), [(2, False), (3, True)])
async def test_root_costs_one_connection_more(
    tmp_path: Path, connections: int, asked: bool
) -> None:
    async with lodge(tmp_path) as place:
        ctx = ProbeContext(place.target, place.with_key, connections=connections)
        try:
            await login_probe.check(ctx, await ctx.connect())
        finally:
            ctx.close()
    facts = ctx.notes(SshFacts).facts
    assert facts.login is not None
    assert facts.login.outcome == "granted"
    assert (facts.login.root_methods is not None) is asked
    limit = "connection limit for this target reached"
    assert facts.unknown.get(Topic.ROOT_METHODS) == (None if asked else limit)


# -- sessions --------------------------------------------------------------------------------------


async def test_many_tasks_share_one_session(tmp_path: Path) -> None:
    async with lodge(tmp_path, keepalive_seconds=0.05) as place, session_with(place) as session:
        await session.send(ChannelOpen(b"x", 1, 10, 10))
        reading = asyncio.create_task(session.next_message())
        first = await reading
        assert isinstance(first.message, OpenFailure)
        reading = asyncio.create_task(session.next_message())
        rekeys = [session.rekey(), session.ping(), session.rekey()]
        sends = [session.send(ChannelOpen(b"x", n, 10, 10)) for n in range(2, 12)]
        await asyncio.gather(*rekeys, *sends)
        got = [(await reading).message] + [(await session.next_message()).message for _ in range(9)]
        assert sorted(m.recipient for m in got if isinstance(m, OpenFailure)) == list(range(2, 12))
        assert session.rekeys >= 1
        with pytest.raises(Failed) as silence:
            await session.next_message(now_ns() + 120_000_000)
        assert silence.value.reason is Reason.PEER_SILENT
        assert session.keepalives
        assert await session.ping() is not None, "a deadline that passes ends nothing"


async def test_answers_to_global_requests_are_for_the_reader(tmp_path: Path) -> None:
    async with lodge(tmp_path) as place, session_with(place) as session:
        await session.send(GlobalRequest(b"hello", want_reply=True))
        assert (await session.next_message()).message == RequestFailure()


async def test_a_server_that_rekeys_is_followed(tmp_path: Path) -> None:
    async with lodge(tmp_path, rekeys=5) as place, session_with(place) as session:
        async with asyncio.timeout(10):
            while session.rekeys < 5:
                await session.send(ChannelOpen(b"x", session.rekeys, 10, 10))
                assert isinstance((await session.next_message()).message, OpenFailure)
        assert (session.peer_rekeys, session.rekeys) == (5, 5)


async def test_pings_only_where_they_are_answered(tmp_path: Path) -> None:
    async with lodge(tmp_path, pings=False) as place, session_with(place) as session:
        assert not session.can_ping
        assert await session.ping() is None


async def test_a_session_that_failed_stays_failed(tmp_path: Path) -> None:
    async with lodge(tmp_path, closes_on_rekey=True) as place, session_with(place) as session:
        for attempt in (session.rekey, session.next_message, session.ping):
            with pytest.raises(Failed):
                await attempt()
        with pytest.raises(Failed):
            await session.send(ChannelOpen(b"x", 1, 10, 10))


# -- servers that mean no good ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setup", "says"),
    [
        ({"banners": (b"x",) * 100}, "banners"),
        ({"banners": (b"x" * 30000,)}, "banners"),
        ({"failures": 3}, "rejected"),
        ({"failures": 5000}, "rejected"),
        ({"early_success": True}, "AuthFailure to a client"),
        ({"global_requests": 500}, "GLOBAL_REQUEST"),
        ({"after_key": ("publickey",)}, "rejected"),
    ],
)
async def test_a_server_that_floods_is_left(tmp_path: Path, setup: Any, says: str) -> None:
    async with lodge(tmp_path, **setup) as place:
        report = await place.check()
    assert report.failure is not None
    assert report.failure.reason in {Reason.PROTOCOL_VIOLATION, Reason.AUTH_REJECTED}
    assert says in report.failure.detail
    assert report.failure.phase != "-"


@pytest.mark.parametrize(
    ("how", "says"),
    [("swaps_key", "the host key changed"), ("forgets_ciphers", "no cipher")],
)
async def test_a_rekey_is_no_way_to_become_somebody_else(
    tmp_path: Path, how: str, says: str
) -> None:
    async with lodge(tmp_path, **{how: True}) as place:
        report = await place.check()
    assert says in login_of(report).rekey_error
    assert found(report)["SSH-REKEY-FAIL"] is Severity.MEDIUM


async def test_endless_questions_end(tmp_path: Path) -> None:
    setup = {"methods": ("keyboard-interactive",), "asks_for_ever": True}
    async with lodge(tmp_path, **setup) as place:
        report = await check_one(place.target, place.with_password)
    assert report.failure is not None
    assert "more than 8 rounds" in report.failure.detail


async def test_a_silent_service_ends_with_the_deadline(tmp_path: Path) -> None:
    async with lodge(tmp_path, silent_service=True) as place:
        report = await place.check(timeout_seconds=1.0)
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.PEER_SILENT, "ssh.service")
    assert report.duration_seconds < 2


async def test_a_login_has_a_number_of_steps(tmp_path: Path) -> None:
    async with lodge(tmp_path) as place, session_with(place, admitted=False) as session:
        auth = UserAuth(session, USER)
        await auth.begin()
        with pytest.raises(ProtocolViolation, match="more than"):
            while True:
                await auth.ask_methods()


async def test_a_login_without_credentials_reports_the_methods(tmp_path: Path) -> None:
    async with lodge(tmp_path) as place, session_with(place, admitted=False) as session:
        with pytest.raises(Failed) as refused:
            await log_in(session, Credentials(user=USER))
    assert refused.value.reason is Reason.AUTH_REQUIRED
    assert "publickey" in refused.value.detail


class SilentKey(Identity):
    """A key whose agent does not sign."""

    async def sign(self, algorithm: str, data: bytes) -> bytes:
        raise Failed(Reason.LOCAL_RESOURCE, "the agent refused the request")


async def test_a_key_that_cannot_sign_is_noted_and_the_password_follows(tmp_path: Path) -> None:
    async with (
        lodge(tmp_path, methods=("publickey", "password")) as place,
        session_with(place, admitted=False) as session,
    ):
        key = SilentKey(place.server.user_key, "agent: x")
        password = (await read_credentials(place.with_password, USER)).password
        auth = UserAuth(session, USER)
        admission = await auth.log_in(
            Credentials(user=USER, identities=(key,), password=password), Stopwatch()
        )
    assert admission.method == "password"
    assert [(step.method, step.outcome) for step in auth.steps] == [
        ("none", "refused"), ("publickey", "wanted"), ("publickey", "unfit"),
        ("password", "granted"),
    ]  # fmt: skip
    assert auth.steps[2].detail == "the agent refused the request"


# -- the method's own messages ---------------------------------------------------------------------


@given(st.integers(60, 79), st.binary(max_size=200))
def test_any_method_message_is_read_or_a_violation(number: int, fields: bytes) -> None:
    packet = AuthPacket(number, fields)
    with contextlib.suppress(ProtocolViolation):
        read_prompts(packet)
    with contextlib.suppress(ProtocolViolation):
        read_pk_ok(packet, b"blob")


def test_too_many_questions_are_a_violation() -> None:
    head = b"\0" * 12 + (2**32 - 1).to_bytes(4, "big")
    with pytest.raises(ProtocolViolation, match="declares 4294967295 prompts"):
        read_prompts(AuthPacket(60, head))


@given(st.lists(st.binary(max_size=30), max_size=5).map(tuple))
def test_answers_are_sent_as_the_standard_has_them(answers: tuple[bytes, ...]) -> None:
    reader = Reader(responses(answers).fields, "answers")
    assert tuple(reader.vector(4) for _ in range(reader.u32())) == answers
    reader.end()


def test_messages_that_carry_secrets_do_not_show_them() -> None:
    assert "hush" not in repr(responses((b"hush",)))

"""What is sent to another machine, and what is read from it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seventh import __version__
from seventh.engine import remote
from seventh.engine.bootstrap import HELLO
from seventh.engine.elsewhere import Elsewhere, Errand, order
from seventh.engine.remote import Order, Result, report_of
from seventh.model.failure import UsageError
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.place import Place
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.ssh import SshOptions, command
from seventh.rules.run import Selection
from tests.options import options_with

WEB = Target(scheme="https", host="a.example", port=443)
SSH = Target(scheme="ssh", host="a.example", port=22, user="ops")
SELECTION = Selection(only=frozenset({"A"}))


def sent(target: Target, options: Options) -> Order:
    return msgspec.msgpack.decode(order([(target, options)], SELECTION, 3), type=Order)


def test_the_order_has_targets_options_and_the_content_of_files(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"pem")
    options = options_with(ca_file=str(tmp_path / "ca.pem"), method="HEAD")
    made = sent(WEB, options)
    assert (made.parallel, made.selection) == (3, SELECTION)
    assert made.files == {str(tmp_path / "ca.pem"): b"pem"}
    (task,) = made.tasks
    assert task.target == WEB
    assert task.options == options.replace(rooms=())
    assert {room: msgspec.msgpack.decode(own)["method"] for room, own in task.rooms.items()} == {
        "http": "HEAD"
    }


def test_a_store_of_one_file_is_sent(tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_bytes(b"pem")
    made = sent(WEB, options_with(ca_store=str(tmp_path / "roots.pem")))
    assert made.files == {str(tmp_path / "roots.pem"): b"pem"}


def test_a_header_has_the_value_of_the_file_that_it_names_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("from a file\n")
    monkeypatch.setenv("SEVENTH_KEY", "from here")
    headers = (f"X-A: file:{tmp_path}/key", "X-B: env:SEVENTH_KEY", "X-C: profile:x")
    made = sent(WEB, Options(headers=headers))
    assert made.tasks[0].options.headers == ("X-A: from a file", "X-B: from here", "X-C: profile:x")


def test_no_login_of_ssh_leaves_this_machine(tmp_path: Path) -> None:
    for name in ("id", "password", "known"):
        (tmp_path / name).write_text(name)
    options = options_with(
        user="ops", password_file=str(tmp_path / "password"), identities=(str(tmp_path / "id"),),
        known_hosts=str(tmp_path / "known"), ssh_config="none",
    )  # fmt: skip
    made = sent(SSH, options)
    assert made.files == {str(tmp_path / "known"): b"known"}
    (task,) = made.tasks
    assert task.target.user is task.options.user is task.options.password_file is None
    own = msgspec.msgpack.decode(task.rooms["ssh"], type=SshOptions)
    assert own == SshOptions(agent=False, known_hosts=str(tmp_path / "known"), ssh_config="none")
    assert not task.options.has_credential


def test_an_alias_of_ssh_is_resolved_here(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "Host a.example\n  HostName b.example\n  Port 2222\n  User u\n  ProxyJump j\n"
    )
    target = Target(scheme="ssh", host="a.example", port=22, port_given=False)
    (task,) = sent(target, options_with(ssh_config=str(config))).tasks
    assert (task.target.host, task.target.port, task.target.user) == ("b.example", 2222, None)
    assert task.options.via == ()


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"via": "ssh://j"}, "--from: not with --via or --proxy; name jump hosts in ~/.ssh/config"),
        ({"proxy": "http://p:1"},
         "--from: not with --via or --proxy; name jump hosts in ~/.ssh/config"),
        (
            {"intrusive": True},
            "--from with --intrusive needs --i-own-this: tier 4 would come from another machine",
        ),
        ({"ca_store": "/"}, "--from: --ca-store / is a directory, which is not sent: name a file"),
        ({"ca_file": "/nowhere"}, "--ca /nowhere: No such file or directory"),
        ({"ca_file": "/"}, "--ca /: Is a directory"),
        ({"body_file": "/dev/zero"}, "--from: --body /dev/zero: larger than 8388608 bytes"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_a_usage_error(fields: dict[str, object], line: str) -> None:
    with pytest.raises(UsageError) as raised:
        sent(WEB, options_with(**fields))
    assert str(raised.value) == line


def test_tier_4_is_sent_with_the_permission() -> None:
    made = sent(WEB, Options(intrusive=True, i_own_this=True))
    assert made.tasks[0].options.intrusive


def test_a_report_comes_back_with_its_typed_facts() -> None:
    report = Report(
        target="t", protocol="net", vantage="v", started_seconds=1, duration_seconds=2, facts={}
    )
    net = NetFacts(addresses=("192.0.2.1",))
    facts = {"net": msgspec.Raw(msgspec.msgpack.encode(net))}
    data = msgspec.msgpack.encode(Result(index=4, report=report, facts=facts))
    assert report_of(data) == (4, msgspec.structs.replace(report, facts={"net": net}))


class There:
    """A command on another machine: what it writes, in pieces, and then its end."""

    class channel:  # noqa: N801 - an attribute of a stream
        exit_status = 0
        exit_signal = None
        stderr = ""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = iter(pieces)

    async def send(self, data: bytes) -> None:
        del data

    async def receive(self) -> tuple[bytes, None]:
        return next(self._pieces, b""), None

    async def ended(self) -> None:
        pass


SAME = HELLO + msgspec.json.encode(
    {"version": (3, 11, 2), "tag": "cpython-311", "platform": "linux", "seventh": __version__}
)
MADE: dict[str, Any] = {
    "target": "t", "protocol": "net", "vantage": "v", "started_seconds": 1, "duration_seconds": 2,
    "facts": {},
}  # fmt: skip
FINDING = {
    "id": "X", "room": "net", "severity": "low", "tier": 0, "params": {}, "references": (),
    "seed": (),
}  # fmt: skip
NESTED = b"\x91" * 1_000_000 + b"\xc0"


def frame(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(4, "big") + data


def result(index: Any = 0, facts: object = (), **changes: object) -> bytes:
    made = {"index": index, "report": MADE | changes, "facts": dict(facts or {})}  # type: ignore[call-overload]
    return frame(remote.REPORT, msgspec.msgpack.encode(made))


async def heard(
    monkeypatch: pytest.MonkeyPatch, *pieces: bytes, hello: bytes = SAME
) -> tuple[Place, dict[int, Report]]:
    """What is known of a place with two targets that sends these bytes."""

    @contextlib.asynccontextmanager
    async def run(ctx: object, line: str) -> AsyncIterator[There]:
        del ctx, line
        yield There(hello + b"\n", *pieces)

    monkeypatch.setattr(command, "run", run)
    kept: dict[int, Report] = {}
    errand = Errand(b"", (str(WEB), str(SSH)), frozenset({"http", "ssh"}), 10.0)
    place = await Elsewhere("ssh://a", SSH, Options()).check(errand, kept.__setitem__, print)
    return place, kept


END = frame(remote.END, b"far\x1b")


async def test_reports_arrive_in_any_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = result(1) + result(0, facts={"net": {"addresses": ["192.0.2.1"]}}) + END
    place, kept = await heard(monkeypatch, *(whole[n : n + 7] for n in range(0, len(whole), 7)))
    assert (place.failure, place.missing, place.vantage) == ("", 0, "far\\x1b")
    assert kept[0].facts == {"net": NetFacts(addresses=("192.0.2.1",))}
    assert [(kept[n].target, kept[n].place) for n in (0, 1)] == [
        (str(WEB), "ssh://a"), (str(SSH), "ssh://a"),
    ]  # fmt: skip


async def test_an_unexpected_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, shown in ((b"{\x1b", "{\\x1b"), (b'{"version":"x"}', '{"version":"x"}')):
        place, _ = await heard(monkeypatch, hello=HELLO + said)
        assert place.failure == f"unexpected first line there: {shown}"


async def test_a_strange_platform_is_shown_in_printable_characters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hello = msgspec.json.encode(
        {"version": (3, 11, 2), "tag": "x", "platform": "\x1b" + 99 * "y", "seventh": None}
    )
    place, _ = await heard(monkeypatch, hello=HELLO + hello)
    assert place.failure.startswith(f"Python 3.11.2 on \\x1b{63 * 'y'}… there, and ")


TOO_MANY = remote.MAX_ITEMS + 1


@pytest.mark.parametrize(
    ("sent", "failure"),
    [
        (b"no frame at all", "other output between the reports"),
        (b"Q\x00\x00\x00\x00", "other output between the reports"),
        (frame(remote.ERROR, b"no \x1b memory"), "cannot run there: no \\x1b memory"),
        (b"R\x3b\x9a\xca\x00", f"a report of 1000000005 bytes (maximum: {8 * 2**20})"),
        (b"R\x00\x7f\xff\xfc", f"a report of {8 * 2**20 + 1} bytes (maximum: {8 * 2**20})"),
        (frame(remote.REPORT, b"\xc1"), ("not a report of this version: MessagePack data is "
         "malformed: invalid opcode '\\xc1' (byte 0)")),
        (frame(remote.REPORT, b"\x81\xa1x" + NESTED), ("not a report of this version: maximum "
         "recursion depth exceeded while deserializing an object")),
        (result(facts={"net": msgspec.Raw(NESTED)}), ("not a report of this version: maximum "
         "recursion depth exceeded while deserializing an object")),
        (result(facts={"net": {"addresses": 5}}), ("not a report of this version: Expected "
         "`array`, got `int` - at `$.addresses`")),
        (result(facts={"\x1b": {}}),
         "not a report of this version: facts of the protocol '\\x1b'"),
        (result("1"), "not a report of this version: Expected `int`, got `str` - at `$.index`"),
        (result(2), "an unexpected report of target 2"),
        (result(-1), "an unexpected report of target -1"),
        (result(1), "an unexpected report of target 1"),
        (END, "the end came 1 reports early"),
        (result(findings=[FINDING] * TOO_MANY), "a report with 10001 findings (maximum: 10000)"),
        (result(passed=[""] * TOO_MANY), "a report with 10001 passed (maximum: 10000)"),
        (result(transcript=[""] * TOO_MANY), "a report with 10001 transcript (maximum: 10000)"),
        (result(metrics=[("", (), 0.0)] * TOO_MANY),
         "not a report of this version: Expected `object`, got `array` - at `$.report.metrics[0]`"),
        (b"", "the check there ended early: exit status 0"),
    ],
)  # fmt: skip
async def test_what_no_check_sends_is_one_line_and_earlier_reports_stay(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, failure: str
) -> None:
    place, kept = await heard(monkeypatch, result(1) + sent)
    assert (place.failure, place.missing) == (failure, 1)
    assert [*kept] == [1]


async def test_a_report_may_be_as_large_and_as_full_as_the_limits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = result(findings=[FINDING] * remote.MAX_ITEMS, vantage="")
    size = 8 * 2**20 - len(full)
    large = result(findings=[FINDING] * remote.MAX_ITEMS, vantage="x" * (size - 4))
    assert len(large) == 8 * 2**20
    place, kept = await heard(monkeypatch, large, result(1), END)
    assert (place.failure, place.missing) == ("", 0)
    assert len(kept[0].findings) == remote.MAX_ITEMS

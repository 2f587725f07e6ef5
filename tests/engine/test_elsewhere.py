"""What is sent to another machine, and what is read from it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from seventh.engine.elsewhere import order
from seventh.engine.remote import Order, Result, report_of
from seventh.model.failure import UsageError
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.ssh import SshOptions
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
    strange = msgspec.msgpack.encode(Result(index=4, report=report, facts={"x": facts["net"]}))
    with pytest.raises(UsageError, match=r"^facts of an unknown protocol 'x'$"):
        report_of(strange)
    with pytest.raises(msgspec.MsgspecError):
        report_of(b"\xc1")

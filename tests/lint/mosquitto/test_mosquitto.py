"""mosquitto.conf: what is read, what mosquitto refuses, what is judged, and every fix.

tests/peers/test_mosquitto_conf.py has mosquitto start with what comes out.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from seventh.engine.fix import fix_file
from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.lint.mosquitto.bridges import loops
from seventh.lint.mosquitto.conf import Conf, read
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import parse_software
from seventh.lintkit.patch import Why
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.protocols.mqtt.facts.config import Loop

GOOD = """# the broker
persistent_client_expiration 14d
max_packet_size 1048576
listener 1883 127.0.0.1
listener 8883
certfile /etc/mosquitto/certs/fullchain.pem
keyfile /etc/mosquitto/certs/private.pem
allow_anonymous false
password_file passwd
acl_file acl
"""
ACL = "user anna\ntopic readwrite berlin/pump-1/#\npattern write berlin/%u/status\n"
PASSWORDS = "anna:$7$101$c2FsdA==$aGFzaA==\n"
SOFTWARE = Wanted(kind="mosquitto.conf", software=(parse_software("mosquitto=2.0.11"),))


def written(folder: Path, text: str = GOOD, acl: str = ACL, passwords: str = PASSWORDS) -> Path:
    (folder / "acl").write_text(acl)
    (folder / "passwd").write_text(passwords)
    path = folder / "mosquitto.conf"
    path.write_text(text)
    return path


def conf(text: str) -> tuple[Conf, list[str]]:
    files = Files()
    made = read(Text("m.conf", tuple(text.splitlines())), files)
    return made, [f"{one.line}: {one.text}" for one in files.problems]


def test_a_good_file_has_no_finding(tmp_path: Path) -> None:
    report = lint_file(written(tmp_path), SOFTWARE)
    assert report.failure is None
    assert [finding.id for finding in report.findings] == []


class Case(NamedTuple):
    """A change of the good file, the rules that fire, and what the fix writes."""

    rules: tuple[str, ...]
    old: str
    new: str
    fixed: str = ""
    """Empty where a person has to complete it."""


CASES = {
    "clear": Case(("MQTT-PLAINTEXT",), "1883 127.0.0.1", "1883", "\nlistener 1883 127.0.0.1\n"),
    "clear-any": Case(
        ("MQTT-PLAINTEXT",), "1883 127.0.0.1", "1883 0.0.0.0", "\nlistener 1883 127.0.0.1\n"
    ),
    "clear-port": Case(
        ("MQTT-PLAINTEXT",), "listener 1883 127.0.0.1", "port 1883", "bind_address 127.0.0.1\n"
    ),
    "anonymous": Case(
        ("MQTT-ANON",), "allow_anonymous false", "allow_anonymous true", "\nallow_anonymous false\n"
    ),
    "anonymous-per-listener": Case(
        ("MQTT-ANON",), "allow_anonymous false",
        "allow_anonymous true\nper_listener_settings true", "\nallow_anonymous false\n",
    ),
    "sessions": Case(
        ("MQTT-EXPIRY-FOREVER",), "persistent_client_expiration 14d\n", "",
        "persistent_client_expiration 14d\n",
    ),
    "packets": Case(
        ("MQTT-PKT-UNLIMITED",), "max_packet_size 1048576\n", "", "max_packet_size 1048576\n"
    ),
    "packets-0": Case(
        ("MQTT-PKT-UNLIMITED",), "max_packet_size 1048576", "max_packet_size 0",
        "max_packet_size 1048576\n",
    ),
    "no-crl": Case(
        ("MQTT-CRL",), "allow_anonymous", "require_certificate true\ncafile x\nallow_anonymous"
    ),
    "loop": Case(
        ("MQTT-BRIDGE-LOOP",), "acl_file acl\n",
        "acl_file acl\nconnection hub\naddress hub.example\ntopic berlin/pump/# both 2\n"
        "try_private false\n",
        "\ntry_private true\n",
    ),
    "two-bridges": Case(
        ("MQTT-BRIDGE-LOOP",), "acl_file acl\n",
        "acl_file acl\nconnection a\naddress h:1883\ntopic berlin/pump/# out\n"
        "connection b\naddress h\ntopic berlin/+/+ in\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_fault_is_found_and_fixed(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    assert GOOD.count(case.old) == 1
    path = written(tmp_path, GOOD.replace(case.old, case.new))
    before = lint_file(path, SOFTWARE)
    assert tuple(finding.id for finding in before.findings) == case.rules
    assert before.failure is None
    made = fix_file(path, SOFTWARE, ())
    if not case.fixed:
        assert (made.changes, {one.why for one in made.unfixed}) == ((), {Why.CHOICE})
        return
    (change,) = made.changes
    assert case.fixed in change.after.decode()
    path.write_bytes(change.after)
    assert [finding.id for finding in lint_file(path, SOFTWARE).findings] == []


@pytest.mark.parametrize(
    ("acl", "fires"),
    [
        (ACL, False),
        ("user anna\ntopic readwrite #\n", True),
        ("topic read /berlin/pump-1/temperature\n", True),
        ("pattern readwrite berlin/%c/#\n", False),
        ("topic deny #\ntopic a/b/c\n", False),
        ("topic a b/c/d\n", True),
    ],
)
def test_topics_of_the_access_control_list(acl: str, fires: bool, tmp_path: Path) -> None:
    report = lint_file(written(tmp_path, acl=acl), SOFTWARE)
    assert [finding.id for finding in report.findings] == ["MQTT-TOPIC"] * fires


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("unknown 1\n", ["1: unknown setting unknown: mosquitto does not start"]),
        ("listener\n", ["1: listener has no value: mosquitto does not start"]),
        ("listener x\n",
         ["1: the port is not a number from 0 to 65535: mosquitto does not start"]),
        ("topic a/b\n", ["1: topic without a connection: mosquitto does not start"]),
        ("# x\n\n  \nauth_opt_host h\nplugin_opt_x y\nlistener 0 /run/m.sock\n", []),
    ],
    ids=["unknown", "empty", "port", "bridge", "good"],
)  # fmt: skip
def test_what_mosquitto_refuses(text: str, problems: list[str]) -> None:
    assert conf(text)[1] == problems


def test_the_files_beside_it_are_read(tmp_path: Path) -> None:
    path = written(
        tmp_path, GOOD + "include_dir parts\n", acl="user\ntopic a/#/b\n",
        passwords="anna:secret\nx\nbob:$7$1$a$b\n",
    )  # fmt: skip
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.conf").write_text("allow_anonymous true\n")
    (tmp_path / "parts" / "a.txt").write_text("nonsense\n")
    report = lint_file(path, SOFTWARE)
    assert [finding.id for finding in report.findings] == ["MQTT-ANON"]
    assert report.failure is not None
    lint = report.facts["lint"]
    assert [(Path(one.file).name, one.line, one.text) for one in lint.problems] == [  # type: ignore[attr-defined]
        ("passwd", 1, ("the password is not hashed, so that the user cannot log in: "
                       "`mosquitto_passwd -U FILE` hashes it")),
        ("passwd", 2, "not USER:HASH: mosquitto ignores the line"),
        ("acl", 1, "neither user, topic nor pattern with a value: mosquitto does not start"),
        ("acl", 2, "a/#/b is not a filter: + and # must be whole levels: mosquitto does not start"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "software", "fires"),
    [
        ("", "2.0.11", False),  # only this machine is served
        ("listener 1883\n", "2.0.11", False),
        ("listener 1883\n", "1.6.12", True),
        ("", "1.6.12", True),
        ("listener 1883\nallow_anonymous true\nrequire_certificate true\n", "2.0.11", False),
        ("listener 1883 127.0.0.1\nallow_anonymous true\n", "2.0.11", False),
        ("listener 0 /run/m.sock\nallow_anonymous true\n", "2.0.11", False),
        ("per_listener_settings true\nallow_anonymous true\nlistener 1883\n", "2.0.11", False),
        ("per_listener_settings true\nlistener 1883\nallow_anonymous true\n", "2.0.11", True),
        ("listener 1883\nlistener 1884 localhost\nallow_anonymous true\n", "2.0.11", True),
    ],
)
def test_who_is_anonymous(text: str, software: str, fires: bool) -> None:
    wanted = Wanted(kind="mosquitto.conf", software=(parse_software(f"mosquitto={software}"),))
    report = lint_text("m.conf", text.encode(), wanted)
    assert ("MQTT-ANON" in [finding.id for finding in report.findings]) is fires


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("connection a\naddress h\ntopic x/# both\n", ()),
        ("connection a\naddress h\ntopic x/# both\ntry_private false\n",
         (Loop(how="public", connection="a", topic="x/#"),)),
        ("connection a\naddress h\ntopic x out\ntopic y in\ntry_private false\n", ()),
        ("connection a\naddress h\ntry_private false\ntopic # out 0 l/ u/\ntopic # in 0 l/ d/\n",
         ()),
        ("connection a\naddress h\ntopic x\nconnection b\naddress g\ntopic x in\n", ()),
        ("connection a\naddress h\ntopic x/+\nconnection b\naddress H:1883\ntopic x/y in\n",
         (Loop(how="twice", connection="a", other="b", topic="x/+"),)),
    ],
    ids=["private", "public", "apart", "prefixes", "two-brokers", "one-broker"],
)  # fmt: skip
def test_loops(text: str, expected: tuple[Loop, ...]) -> None:
    assert loops(conf(text)[0].bridges) == expected


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    text = GOOD + "connection a\naddress h\ntopic a/b/c\nremote_password hunter2\n"
    made, problems = conf(text)
    assert problems == []
    assert "hunter2" not in "".join(one.at.text for one in made.bridges[0].settings)


def test_facts(tmp_path: Path) -> None:
    report = lint_file(written(tmp_path), SOFTWARE)
    mqtt = report.facts["mqtt"]
    assert isinstance(mqtt, MqttFacts)
    assert mqtt.config is not None
    assert (mqtt.config.sessions_end, mqtt.config.packets_limited) == (True, True)

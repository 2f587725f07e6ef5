"""The settings of a protocol: which block decides, and what a value means."""

from __future__ import annotations

import pytest

from seventh.lint.dovecot.conf import Reader
from seventh.lint.dovecot.effective import Effective, Listener, address_blocks
from seventh.lintkit.files import Files

OLD, NEW = (2, 3, 21), (2, 4, 1)


def effective(
    text: str, protocol: str = "imap", version: tuple[int, ...] = OLD, *, within: bool = False
) -> tuple[Effective, Files]:
    """The settings of a protocol; ``within``: in the first block of addresses."""
    files = Files()
    conf = Reader(files.take("d", text.encode()), files).read()
    block = next(address_blocks(conf.root)) if within else None
    return Effective(conf, version, files, protocol, block), files


BLOCKS = (
    "a = 1\nprotocol imap {\n a = 2\n}\nlocal 192.0.2.1 {\n a = 3\n protocol imap {\n  a = 4\n }\n"
    "}\nlocal_name x {\n a = 5\n}\na = 6\n"
)


@pytest.mark.parametrize(
    ("protocol", "within", "value"),
    [("imap", False, "2"), ("pop3", False, "6"), ("imap", True, "4"), ("pop3", True, "3")],
)
def test_the_most_specific_block_decides(protocol: str, within: bool, value: str) -> None:
    assert effective(BLOCKS, protocol, within=within)[0].value("a") == value


def test_blocks_of_addresses() -> None:
    text = "local a {\n remote b {\n}\n}\nremote c {\n}\nlocal_name d {\n}\nprotocol imap {\n}\n"
    made, _ = effective(text)
    assert [one.label for one in address_blocks(made.conf.root)] == [
        "local a", "remote c", "local_name d",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "defaults"),
    [
        (OLD, {"ssl": "yes", "disable_plaintext_auth": "yes", "ssl_cert": "",
               "imap_idle_notify_interval": "2 mins"}),
        (NEW, {"ssl": "yes", "auth_allow_cleartext": "no", "ssl_server_cert_file": "",
               "imap_idle_notify_interval": "2 mins"}),
    ],
)  # fmt: skip
def test_defaults(version: tuple[int, ...], defaults: dict[str, str]) -> None:
    made, _ = effective("", version=version)
    assert {key: made.value(key) for key in defaults} == defaults
    assert made.value("other") == ""
    assert made.is_new is (version == NEW)


def test_a_variable_is_not_known_but_a_file_s_name_is() -> None:
    made, _ = effective("a = $x\nssl_cert = <$x\n")
    assert (made.value("a"), made.value("ssl_cert")) == (None, "$x")


@pytest.mark.parametrize(
    ("value", "yes"),
    [("yes", True), ("Y", True), ("1", True), ("no", False), ("N", False), ("0", False),
     ("$x", None), ("true", None), ("", None)],
)  # fmt: skip
def test_yes_or_no(value: str, yes: bool | None) -> None:
    made, files = effective(f"a = {value}\n")
    assert made.yes("a") is yes
    refused = ["d:1: a: neither yes nor no: Dovecot does not start"]
    assert list(map(str, files.problems)) == (refused if value in {"true", ""} else [])


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7), ("7s", 7), ("7 sec", 7), ("7 secs", 7), ("7 second", 7), ("7 SECONDS", 7),
        ("2m", 120), ("2 min", 120), ("2 mins", 120), ("2 minute", 120), ("2 minutes", 120),
        ("2h", 7200), ("2 hour", 7200), ("2 hours", 7200), ("2d", 172800), ("2 day", 172800),
        ("2 days", 172800), ("2w", 1209600), ("2 week", 1209600), ("2 weeks", 1209600),
        ("$x", None), ("2 years", None), ("x", None), ("9" * 9, 999999999), ("9" * 10, None),
    ],
)  # fmt: skip
def test_times(value: str, seconds: int | None) -> None:
    made, files = effective(f"a = {value}\n")
    assert made.seconds("a") == seconds
    refused = ["d:1: a: not a time such as 2 mins: Dovecot does not start"]
    assert list(map(str, files.problems)) == (refused if seconds is None and value != "$x" else [])


def test_a_problem_is_noted_once_and_a_default_is_none() -> None:
    made, files = effective("a = x\n")
    for _ in range(2):
        made.yes("a"), made.seconds("a"), made.yes("b"), made.seconds("b")
    assert [one.text.split(":")[1] for one in files.problems] == [
        " neither yes nor no", " not a time such as 2 mins",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "version", "protocols"),
    [
        ("", OLD, None), ("", NEW, set()), ("protocols = imap pop3\n", OLD, {"imap", "pop3"}),
        ("protocols = $x\n", OLD, None), ("protocols = $x\n", NEW, None),
        ("protocols {\n imap = yes\n pop3 = no\n lmtp = Y\n}\n", NEW, {"imap", "lmtp"}),
        ("protocols = sieve\nprotocols {\n imap = yes\n}\n", NEW, {"imap", "sieve"}),
    ],
)  # fmt: skip
def test_protocols(text: str, version: tuple[int, ...], protocols: set[str] | None) -> None:
    assert effective(text, version=version)[0].protocols() == protocols


@pytest.mark.parametrize(
    ("text", "version", "certificate"),
    [
        ("", OLD, False), ("ssl_cert = </x\n", OLD, True), ("ssl_cert = $x\n", OLD, None),
        ("ssl_server_cert_file = /x\n", OLD, False), ("ssl_cert = </x\n", NEW, False),
        ("ssl_server_cert_file = /x\n", NEW, True), ("", NEW, False),
        ("ssl_server {\n cert_file = /x\n}\n", NEW, True),
        ("ssl_server {\n ssl_server_cert_file = /x\n}\n", NEW, True),
        ("protocol imap {\n ssl_server {\n  cert_file = /x\n }\n}\n", NEW, True),
        ("protocol pop3 {\n ssl_server {\n  cert_file = /x\n }\n}\n", NEW, False),
        ("ssl_server {\n key_file = /x\n}\n", NEW, False),
        ("ssl_server {\n cert_file =\n}\n", NEW, False),
        ("ssl_client {\n cert_file = /x\n}\n", NEW, False),
    ],
)  # fmt: skip
def test_certificates(text: str, version: tuple[int, ...], certificate: bool | None) -> None:
    assert effective(text, version=version)[0].certificate() is certificate


def listeners(text: str, protocol: str = "imap") -> dict[str, tuple[object, ...]]:
    made, _ = effective(text, protocol)
    return {
        name: (one.port, one.ssl, one.local, None if one.at is None else one.at.line)
        for name, one in made.listeners().items()
    }


def test_the_ports_by_default() -> None:
    assert listeners("") == {"imap": (143, False, False, None), "imaps": (993, True, False, None)}
    assert listeners("", "pop3") == {
        "pop3": (110, False, False, None), "pop3s": (995, True, False, None),
    }  # fmt: skip


def of_imap(name: str, lines: str, service: str = "imap-login") -> tuple[object, ...] | None:
    text = f"service {service} {{\n inet_listener {name} {{\n  {lines}\n }}\n}}\n"
    return listeners(text).get(name)


@pytest.mark.parametrize(
    ("name", "lines", "made"),
    [
        ("imap", "", (143, False, False, 2)), ("imap", "port = 0", (0, False, False, 2)),
        ("imap", "port = 99999", (99999, False, False, 2)),
        ("imap", "port = 123456", (None, False, False, 2)),
        ("imap", "port = x", (None, False, False, 2)),
        ("imap", "ssl = yes", (143, True, False, 2)), ("imaps", "ssl = no", (993, False, False, 2)),
        ("imaps", "ssl = x", (993, None, False, 2)),
        ("other", "", (0, False, False, 2)), ("other", "port = 1", (1, False, False, 2)),
        ("imap", "address = 127.0.0.1 ::1", (143, False, True, 2)),
        ("imap", "listen = [::1], localhost", (143, False, True, 2)),
        ("imap", "address = 127.0.0.1, 192.0.2.1", (143, False, False, 2)),
        ("imap", "address = 128.0.0.1", (143, False, False, 2)),
        ("imap", "reuse_port = yes", (143, False, False, 2)),
        ("imap", "name = localhost", (143, False, False, 2)),
    ],
)  # fmt: skip
def test_listeners(name: str, lines: str, made: tuple[object, ...]) -> None:
    assert of_imap(name, lines) == made


def test_listeners_of_another_service() -> None:
    assert of_imap("imap", "port = 0", "pop3-login") == (143, False, False, None)


@pytest.mark.parametrize(
    ("port", "local", "is_open"),
    [(143, False, True), (0, False, False), (0, None, False), (143, True, False),
     (None, True, False), (None, False, None), (143, None, None)],
)  # fmt: skip
def test_whether_a_listener_is_open(
    port: int | None, local: bool | None, is_open: bool | None
) -> None:
    assert Listener(port=port, ssl=False, local=local).is_open is is_open

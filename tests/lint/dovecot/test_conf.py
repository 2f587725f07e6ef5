"""dovecot.conf as a tree of blocks, its includes, and what Dovecot refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lint.dovecot.conf import (
    MAX_BLOCKS,
    MAX_DEPTH,
    MAX_INCLUDES,
    Conf,
    Reader,
    check_version,
    printed_version,
)
from seventh.lintkit.files import Files


def read(text: str, name: str = "dovecot.conf") -> tuple[Conf, list[str]]:
    files = Files(base=Path("/nonexistent"))
    conf = Reader(files.take(name, text.encode()), files).read()
    return conf, [str(problem) for problem in files.problems]


def value(conf: Conf, key: str) -> str:
    setting = conf.root.value(key)
    return "" if setting is None else setting.value


def test_the_last_setting_of_a_block_counts() -> None:
    conf, wrong = read("a = 1\nprotocol imap {\n a = 2\n b {\n  a = 3\n }\n a = 4\n}\na = 5\n")
    assert (value(conf, "a"), wrong) == ("5", [])
    (imap,) = conf.root.blocks
    inner = imap.value("a")
    assert inner is not None
    assert (inner.value, str(inner.at)) == ("4", "dovecot.conf:7: a = 4")
    (deepest,) = imap.within("b")
    assert (deepest.label, imap.label, str(imap.at)) == (
        "b", "protocol imap", "dovecot.conf:2: protocol imap",
    )  # fmt: skip
    assert [list(conf.root.within(*each)) for each in (("protocol", "imap"), ("protocol",))] == [
        [imap], [imap],
    ]  # fmt: skip
    assert [list(conf.root.within(*each)) for each in (("protocol", "pop3"), ("b",))] == [[], []]
    assert conf.root.value("c") is None


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a = x\na = $a y\n", "x y"), ("a = $a y\n", "y"), ("a = x\na = y $a  $a\n", "y x x"),
        ("b = x\na = $b y\n", "$b y"), ("a = x\na = $ab\n", "$ab"), ('a = x\na = "$a y"\n', "$a y"),
        ("a = x\na = <$a\n", "$a"),
    ],
)  # fmt: skip
def test_a_setting_added_to(text: str, made: str) -> None:
    assert value(read(text)[0], "a") == made


def test_a_setting_of_a_block_is_added_to_its_own_or_the_file_s() -> None:
    conf, _ = read("a = x\nprotocol imap {\n a = $a y\n a = $a z\n}\n")
    assert [one.value for one in conf.root.blocks[0].settings] == ["x y", "x y z"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("}\n", ["1: } without a block"]),
        ("a {\n}\n}\n", ["3: } without a block"]),
        ("a b {\nc {\n}\n", ["1: the block a b is not closed"]),
        ("a b c\n", ["1: expecting {"]), ("a {x\n}\nb = c\n", ["1: garbage after {"]),
        ("a {x\n}\n}\n", ["1: garbage after {", "3: } without a block"]),
        ("a b\n}\n", ["1: expecting {", "2: } without a block"]),
    ],
)  # fmt: skip
def test_what_dovecot_refuses(text: str, wrong: list[str]) -> None:
    files = Files()
    Reader(files.take("dovecot.conf", text.encode()), files).read()
    assert [f"{p.line}: {p.text}" for p in files.problems] == [
        f"{one}: Dovecot does not start" for one in wrong
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "version"),
    [
        ("# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf", (2, 3, 19, 1)),
        ("# 2.4.1-4 (7d8c0e5759)", None), ("# 2.4 (a)", (2, 4)), ("# 2 (a)", None),
        ("# 2.3.19.1", None), ("2.3.1 (a)", None), ("# 2.3.1.2.3 (a)", (2, 3, 1, 2)),
        ("# 2.1234567 (a)", (2, 123456)), ("", None),
    ],
)  # fmt: skip
def test_the_version_that_doveconf_prints(first: str, version: tuple[int, ...] | None) -> None:
    assert printed_version((first, "# 2.3.1 (a)")) == version
    conf, _ = read(f"{first}\n")
    assert (conf.written_for, conf.printed) == (version, version is not None)


def test_no_lines_have_no_version() -> None:
    assert printed_version(()) is None


@pytest.mark.parametrize(
    ("stated", "version"),
    [("2.4.1", (2, 4, 1)), ("2", (2,)), ("2.4.1.2", (2, 4, 1, 2)), ("2.4.1.2.3", None),
     ("2.4.x", None), ("", None)],
)  # fmt: skip
def test_the_version_that_a_file_states(stated: str, version: tuple[int, ...] | None) -> None:
    conf, _ = read(f"dovecot_config_version = {stated}\n")
    assert (conf.written_for, conf.printed) == (version, False)


NEW_FIRST = "dovecot_config_version = 2.4.1\n"
RENAMED = {
    # doc.dovecot.org/2.4.1: upgrading from 2.3 to 2.4
    "disable_plaintext_auth": "auth_allow_cleartext", "ssl_cert": "ssl_server_cert_file",
    "ssl_key": "ssl_server_key_file", "ssl_dh": "ssl_server_dh_file",
    "ssl_ca": "ssl_server_ca_file", "ssl_alt_cert": "ssl_server_alt_cert_file",
    "mail_location": "mail_driver and mail_path",
    "ssl_verify_client_cert": "ssl_server_request_client_cert",
    "auth_debug": "log_debug = category=auth", "default_idle_kill": "default_idle_kill_interval",
}  # fmt: skip


def checked(text: str, version: tuple[int, ...]) -> list[str]:
    files = Files()
    conf = Reader(files.take("d", text.encode()), files).read()
    check_version(conf, version, files, "main")
    return [str(problem) for problem in files.problems]


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_what_2_4_replaced(old: str, new: str) -> None:
    text = f"{NEW_FIRST}protocol imap {{\n {old} = x\n}}\nplugin {{\n {old} = x\n}}\n"
    assert checked(text, (2, 4)) == [
        f"d:3: {old} was replaced by {new} in 2.4: Dovecot does not start"
    ]
    assert checked(f"{old} = x\n", (2, 3, 21)) == []


def test_what_2_4_removed() -> None:
    says = ["d:2: login_access_sockets was removed in 2.4: Dovecot does not start"]
    assert checked(f"{NEW_FIRST}login_access_sockets = x\n", (2, 4)) == says
    assert checked("login_access_sockets = x\n", (2, 3, 21)) == []


@pytest.mark.parametrize(
    "name",
    ["auth_allow_cleartext", "dovecot_config_version", "dovecot_storage_version", "mail_driver",
     "mail_path", "ssl_server_cert_file", "ssl_server_dh_file", "ssl_server_key_file",
     "ssl_server_request_client_cert", "login_socket_path"],
)  # fmt: skip
def test_what_requires_2_4(name: str) -> None:
    says = [f"d:1: {name} requires Dovecot 2.4: Dovecot does not start"]
    assert checked(f"{name} = x\n", (2, 3, 21)) == says
    assert not [one for one in checked(f"{name} = x\n", (2, 4)) if "requires" in one]


@pytest.mark.parametrize(
    ("text", "version", "refused"),
    [
        ("", (2, 4), True), ("a = b\n", (2, 4), True), (NEW_FIRST, (2, 4), False),
        (f"a = b\n{NEW_FIRST}", (2, 4, 1), True), ("", (2, 3, 99), False),
        ("# 2.4.1 (a)\n", (2, 4, 1), False), (NEW_FIRST, (3,), False), ("", (3,), True),
    ],
)  # fmt: skip
def test_the_first_setting_of_2_4(text: str, version: tuple[int, ...], refused: bool) -> None:
    says = "main: the first setting must be dovecot_config_version: Dovecot 2.4 does not start"
    assert checked(text, version) == ([says] if refused else [])


def test_blocks_up_to_a_limit() -> None:
    for count, problems in (
        (MAX_BLOCKS, []), (MAX_BLOCKS + 2, ["dovecot.conf:5001: more than 5000 blocks"]),
    ):  # fmt: skip
        conf, wrong = read("a {\n" * count + "}\n" * count)
        assert wrong == problems
        depth, block = 0, conf.root
        while block.blocks:
            depth, block = depth + 1, block.blocks[0]
        assert depth == MAX_BLOCKS


def from_folder(folder: Path) -> tuple[Conf, list[str]]:
    files = Files(base=folder)
    text = files.read(folder / "dovecot.conf")
    assert text is not None
    conf = Reader(text, files).read()
    said = [f"{Path(p.file).name}:{p.line}: {p.text}" for p in files.problems]
    assert {p.text for p in files.unread} == {
        p.text for p in files.problems if "start" not in p.text
    }
    return conf, said


def test_includes_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a = $a x\n")
    for count in (MAX_INCLUDES, MAX_INCLUDES + 1):
        (tmp_path / "dovecot.conf").write_text("!include x\n" * count)
        conf, wrong = from_folder(tmp_path)
        assert value(conf, "a").count("x") == MAX_INCLUDES
        assert wrong == (
            ["dovecot.conf:257: more than 256 includes"] if count > MAX_INCLUDES else []
        )


def test_includes_nest_up_to_a_depth(tmp_path: Path) -> None:
    for n in range(1, MAX_DEPTH + 1):
        (tmp_path / f"{n}").write_text(f"a = {n}\n!include {n + 1}\n")
    (tmp_path / "dovecot.conf").write_text("!include 1\n")
    conf, wrong = from_folder(tmp_path)
    assert (value(conf, "a"), wrong) == ("20", ["20:2: includes nest more than 20 deep"])


def test_a_file_includes_itself(tmp_path: Path) -> None:
    (tmp_path / "dovecot.conf").write_text("!include x\na = 1\n!include x\n")
    (tmp_path / "x").write_text("!include dovecot.conf\n")
    _, wrong = from_folder(tmp_path)
    says = "x:1: dovecot.conf includes itself: Dovecot does not start"
    assert wrong == [says, says]


def test_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "dovecot.conf").write_text(
        "!include_try no\n!include_try no*\n!include no\n!include no*\n!include /etc/dovecot/no\n"
    )
    _, wrong = from_folder(tmp_path)
    assert [one.partition(": ")[2] for one in wrong] == [
        "!include no: no such file on this machine", "!include no*: no such file on this machine",
        "!include /etc/dovecot/no: no such file on this machine",
    ]  # fmt: skip


def test_absolute_names_are_those_of_the_copy(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "1.conf").write_text("a = 1\n")
    (tmp_path / "conf.d" / "2.conf").write_text("a = 2\n")
    (tmp_path / "dovecot.conf").write_text("!include /etc/dovecot/conf.d/*.conf\n")
    conf, wrong = from_folder(tmp_path)
    assert (value(conf, "a"), wrong) == ("2", [])

"""What dovecot.conf decides, with every value, and where a verdict turns."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.lint.dovecot import views
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Linted, Software
from seventh.model.mailconfig import MailboxConfig
from seventh.protocols.imap.facts import ImapFacts
from seventh.protocols.pop3.facts import Pop3Facts
from tests.lint.dovecot.test_fixes import GOOD_NEW, GOOD_OLD, OLD, wanted


def linted(folder: Path, text: str, version: str | None = OLD) -> Linted:
    path = folder / "dovecot.conf"
    path.write_text(text)
    files = Files(base=folder)
    read = files.read(path)
    assert read is not None
    software = None
    if version is not None:
        software = Software(product="dovecot", version=tuple(map(int, version.split("."))))
    return views.lint(read, files, software)


def config(folder: Path, text: str, version: str | None = OLD) -> MailboxConfig:
    facts = linted(folder, text, version).views[0].facts["imap"]
    assert isinstance(facts, ImapFacts)
    assert facts.config is not None
    return facts.config


def test_every_fact(tmp_path: Path) -> None:
    made = linted(tmp_path, GOOD_OLD)
    assert len(made.views) == 1
    facts = made.views[0].facts
    assert isinstance(facts["imap"], ImapFacts)
    assert isinstance(facts["pop3"], Pop3Facts)
    imap = MailboxConfig(
        product="dovecot", version=(2, 3, 19, 1), complete=True, enabled=True, ssl="required",
        certificate=True, clear_login=False, clear_port=True, implicit_port=True,
        notify_seconds=120,
    )  # fmt: skip
    assert facts["imap"].config == imap
    assert facts["pop3"].config == msgspec.structs.replace(
        imap, clear_port=False, implicit_port=False, notify_seconds=None
    )


def test_2_4_by_its_own_version(tmp_path: Path) -> None:
    made = linted(tmp_path, GOOD_NEW, None)
    assert (made.software, made.software_assumed) == ("dovecot 2.4.1", False)
    assert config(tmp_path, GOOD_NEW, None).certificate is True
    assert linted(tmp_path, GOOD_OLD, None).software_assumed is True


@pytest.mark.parametrize(
    ("lines", "clear"),
    [
        ("", False),
        ("disable_plaintext_auth = no", True),
        ("disable_plaintext_auth = no\nssl = required", False),
        ("disable_plaintext_auth = no\nssl = no", True),
        ("disable_plaintext_auth = no\nprotocol imap {\nssl = required\n}", False),
        ("disable_plaintext_auth = no\nprotocol pop3 {\nssl = required\n}", True),
        ("protocol imap {\ndisable_plaintext_auth = no\n}\ndisable_plaintext_auth = yes", True),
        ("disable_plaintext_auth = no\ndisable_plaintext_auth = yes", False),
        ("disable_plaintext_auth = $other", None),
        ("disable_plaintext_auth = perhaps", None),
        ("disable_plaintext_auth = no\nssl = maybe", None),
    ],
)
def test_whether_a_password_is_taken_in_clear(
    lines: str, clear: bool | None, tmp_path: Path
) -> None:
    assert config(tmp_path, f"protocols = imap\n{lines}\n").clear_login is clear


@pytest.mark.parametrize(
    ("listener", "is_open"),
    [
        ("", True),
        ("port = 0", False),
        ("port = 1993", True),
        ("address = 127.0.0.1, ::1", False),
        ("address = 127.0.0.1 192.0.2.1", True),
        ("port = $port", None),
    ],
)
def test_whether_a_listener_is_open(listener: str, is_open: bool | None, tmp_path: Path) -> None:
    text = f"protocols = imap\nservice imap-login {{\ninet_listener imaps {{\n{listener}\n}}\n}}\n"
    made = config(tmp_path, text)
    assert (made.clear_port, made.implicit_port) == (True, is_open)


@pytest.mark.parametrize(
    ("lines", "version", "enabled"),
    [
        ("protocols = imap", OLD, True),
        ("protocols = lmtp", OLD, False),
        ("", OLD, None),
        ("protocols = lmtp\nprotocols = $protocols imap", OLD, True),
        ("dovecot_config_version = 2.4.1", "2.4.1", False),
        ("dovecot_config_version = 2.4.1\nprotocols {\nimap = yes\n}", "2.4.1", True),
    ],
)
def test_what_is_served(lines: str, version: str, enabled: bool | None, tmp_path: Path) -> None:
    assert config(tmp_path, f"{lines}\n", version).enabled is enabled


@pytest.mark.parametrize(
    ("interval", "what"),
    [("300", None), ("5 mins", None), ("301", "rare"), ("0", "never"), ("1 hour", "rare")],
)
def test_where_idle_turns(interval: str, what: str | None, tmp_path: Path) -> None:
    path = tmp_path / "dovecot.conf"
    path.write_text(f"{GOOD_OLD}imap_idle_notify_interval = {interval}\n")
    found = {one.id: one.params["what"] for one in lint_file(path, wanted()).findings}
    assert found == ({} if what is None else {"IMAP-IDLE-DEAF": what})


@pytest.mark.parametrize(
    ("text", "version", "problem"),
    [
        ("ssl_server_cert_file = /x\n", OLD, "ssl_server_cert_file requires Dovecot 2.4"),
        ("ssl_cert = </x\n", "2.4.1", "the first setting must be dovecot_config_version"),
        ("dovecot_config_version = 2.4.1\ndisable_plaintext_auth = no\n", "2.4.1",
         "disable_plaintext_auth was replaced by auth_allow_cleartext in 2.4"),
        ("protocols = imap\n}\n", OLD, "} without a block"),
        ("protocol imap {\n", OLD, "the block protocol imap is not closed"),
        ("protocol imap\n", OLD, "expecting {"),
        ("!include_try nothing.conf\n!include /nothing.conf\n", OLD,
         "!include /nothing.conf: no such file"),
    ],
)  # fmt: skip
def test_what_a_version_refuses(text: str, version: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "dovecot.conf"
    path.write_text(text)
    report = lint_file(path, wanted(version))
    assert report.failure is not None
    assert problem in report.failure.detail


def test_includes_are_read_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "1.conf").write_text("ssl = no\n!include ../more.conf\n")
    (tmp_path / "more.conf").write_text("disable_plaintext_auth = no\n")
    text = "protocols = imap\nssl = yes\n!include conf.d/*.conf\nimap_idle_notify_interval = 1h\n"
    made = linted(tmp_path, text).views[0]
    lines = {key: made.settings[key][0].at for key in ("ssl", "disable_plaintext_auth")}
    assert {key: (Path(at.file).name, at.line) for key, at in lines.items()} == {
        "ssl": ("1.conf", 1), "disable_plaintext_auth": ("more.conf", 1),
    }  # fmt: skip


def test_a_part_alone_decides_nothing(tmp_path: Path) -> None:
    part = tmp_path / "dovecot" / "conf.d" / "10-auth.conf"
    part.parent.mkdir(parents=True)
    part.write_text("disable_plaintext_auth = no\n")
    report = lint_file(part, wanted())
    assert report.findings == ()
    assert "IMAP-CLEAR-LOGIN" in {one.id for one in report.skipped}


def test_what_doveconf_prints_has_its_version() -> None:
    text = b"# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf\nprotocols = imap\nssl = required\n"
    report = lint_text("-", text, Wanted())
    assert report.failure is None
    facts = report.facts["lint"]
    assert (facts.kind, facts.software, facts.software_assumed) == (  # type: ignore[attr-defined]
        "doveconf-n", "dovecot 2.3.19.1", False,
    )  # fmt: skip


def test_a_configuration_is_recognised_by_its_content() -> None:
    report = lint_text("mail.conf", GOOD_OLD.encode(), Wanted())
    assert report.failure is None
    assert report.facts["lint"].kind == "dovecot.conf"  # type: ignore[attr-defined]


def settings(folder: Path, text: str) -> list[dict[str, tuple[int | None, str, str]]]:
    """By key, the line, text and value of each setting of each view."""
    return [
        {key: (one.at.line, one.at.text, one.value) for key, (one,) in view.settings.items()}
        for view in linted(folder, text).views
    ]


def test_the_lines_that_decide(tmp_path: Path) -> None:
    text = (
        "protocols = imap pop3\nssl = required\nprotocol pop3 {\n  ssl = yes\n}\n"
        "service imap-login {\n  inet_listener imap {\n    port = 0\n  }\n}\n"
    )
    (found,) = settings(tmp_path, text)
    default = f"(default of dovecot {OLD})"
    listener = "inet_listener (default)"
    assert found == {
        "ssl": (2, "ssl = required", "required"), "pop3 ssl": (4, "ssl = yes", "yes"),
        **{f"{of}protocols": (1, "protocols = imap pop3", "imap pop3") for of in ("", "pop3 ")},
        **{f"{of}ssl_cert": (None, f"ssl_cert = {default}", "") for of in ("", "pop3 ")},
        **{f"{of}disable_plaintext_auth":
           (None, f"disable_plaintext_auth = yes {default}", "yes") for of in ("", "pop3 ")},
        **{f"{of}imap_idle_notify_interval":
           (None, f"imap_idle_notify_interval = 2 mins {default}", "2 mins")
           for of in ("", "pop3 ")},
        "listener clear": (7, "inet_listener imap", "inet_listener imap"),
        **dict.fromkeys(
            ("listener implicit", "pop3 listener clear", "pop3 listener implicit"),
            (None, listener, listener),
        ),
    }  # fmt: skip


def test_a_block_of_addresses_has_a_view_if_it_changes_something(tmp_path: Path) -> None:
    text = (
        "protocols = imap\nssl = required\nremote 192.0.2.0/24 {\n ssl = no\n"
        " disable_plaintext_auth = no\n}\nlocal 192.0.2.1 {\n mail_debug = yes\n}\n"
    )
    whole, block = linted(tmp_path, text).views
    assert (whole.label, whole.place, whole.block) == ("", "", None)
    assert block.label == "remote 192.0.2.0/24"
    assert block.place == f"in {tmp_path / 'dovecot.conf'}, in the block of line 3"
    assert block.block is not None
    assert (block.block.line, block.block.text) == (3, "remote 192.0.2.0/24")
    for view, level, clear in ((whole, "required", False), (block, "no", True)):
        for room in ("imap", "pop3"):
            config = view.facts[room].config  # type: ignore[attr-defined]
            assert (config.ssl, config.clear_login) == (level, clear)


@pytest.mark.parametrize(
    ("count", "problems"), [(64, []), (65, ["only the first 64 of 65 address blocks judged"])]
)
def test_blocks_are_judged_up_to_a_limit(count: int, problems: list[str], tmp_path: Path) -> None:
    (tmp_path / "dovecot.conf").write_text(
        "protocols = imap\n"
        + "".join(f"local 10.0.0.{n} {{\n ssl = no\n}}\n" for n in range(count))
    )
    files = Files(base=tmp_path)
    text = files.read(tmp_path / "dovecot.conf")
    assert text is not None
    made = views.lint(text, files, Software(product="dovecot", version=(2, 3, 19)))
    assert len(made.views) == 65
    assert [one.text for one in files.problems] == problems


@pytest.mark.parametrize(
    ("text", "version", "assumed"),
    [
        ("", "2.3.21", True), ("auth_allow_cleartext = no\n", "2.4", True),
        ("dovecot_config_version = 2.4.0\n", "2.4.0", False),
        ("# 2.3.4 (abc)\n", "2.3.4", False),
    ],
)  # fmt: skip
def test_the_version_that_is_judged(text: str, version: str, assumed: bool, tmp_path: Path) -> None:
    made = linted(tmp_path, text, None)
    assert (made.software, made.software_assumed) == (f"dovecot {version}", assumed)

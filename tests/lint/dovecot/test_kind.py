"""How many lines speak for dovecot.conf."""

from __future__ import annotations

import re

import pytest

from seventh.lint.dovecot import KINDS

FILE, PRINTED = KINDS


@pytest.mark.parametrize(
    ("lines", "looks", "fits"),
    [
        ((), 0, 0), (("a = b",), 0, 1), (("protocols = imap",), 1, 1), (("}",), 0, 1),
        (("service imap-login {", "a = b", "}", "c = d"), 2, 4),
        (("protocol !imap {", " x {", "  y = z", " }"), 3, 4),
        (("passdb {", "passdb pam {", "userdb {", "userdb x {"), 4, 4),
        (("namespace {", "namespace inbox {", "plugin {"), 3, 3),
        (("unix_listener /x {", "fifo_listener x {", "inet_listener imap {"), 3, 3),
        (("local_name a.b {", "remote 192.0.2.0/24 {", "mailbox Sent {"), 3, 3),
        (("local 192.0.2.1 {", "server {", "server a {"), 0, 3),
        (("disable_plaintext_auth = no", "auth_x = y", "mail_location = x",
          "mail_plugins = x"), 4, 4),
        (("mail_driver = x", "mail_path = x", "ssl_cert = <x", "ssl_key = <x",
          "ssl_dh = <x"), 5, 5),
        (("ssl_server_cert_file = x", "dovecot_config_version = 2.4", "imap_x = y"), 3, 3),
        (("dovecot_storage_version = 2.4", "pop3_x = y", "login_greeting = x"), 3, 3),
        (("!include x", "!include_try x", "!includes"), 2, 3),
        (("mail_other = x", "ssl = yes", "ssl_other = x"), 0, 3),
        (("# protocols = imap", "protocols", "Protocols = imap"), 0, 0),
        (("#",) * 399 + ("protocols = imap",) * 2, 1, 1),
    ],
)  # fmt: skip
def test_lines_of_dovecot_conf(lines: tuple[str, ...], looks: int, fits: int) -> None:
    assert FILE.fits is not None
    assert (FILE.looks(lines), FILE.fits(lines)) == (looks, fits)


def test_lines_that_doveconf_prints() -> None:
    head = "# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf"
    assert PRINTED.looks((head, "protocols = imap")) == 2
    assert PRINTED.looks((head,)) == 1
    assert PRINTED.looks(("protocols = imap", head)) == 0
    assert PRINTED.fits is None


def test_the_version_that_the_program_says() -> None:
    (program,) = FILE.programs
    found = re.search(program.says, "2.3.19.1 (9b53102964)\n")
    assert found is not None
    assert (program.command, found["version"]) == (("dovecot", "--version"), "2.3.19.1")
    assert re.search(program.says, "12.3") is None


def test_names_and_the_validator() -> None:
    assert {kind.name: (kind.room, kind.product, kind.names) for kind in KINDS} == {
        "dovecot.conf": (
            "imap", "dovecot", ("dovecot.conf", "dovecot/conf.d/*.conf", "*.dovecot.conf"),
        ),
        "doveconf-n": ("imap", "dovecot", ("doveconf-n", "doveconf-n.*")),
    }  # fmt: skip
    validator = FILE.validator
    assert validator is not None
    assert (validator.command, validator.system) == (
        ("doveconf", "-n", "-c", "{file}"), "/etc/dovecot",
    )  # fmt: skip
    assert re.match(validator.include, " !include_try  conf.d/*.conf")["names"] == "conf.d/*.conf"  # type: ignore[index]
    assert PRINTED.validator is None

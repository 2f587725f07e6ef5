"""How many lines speak for main.cf and for master.cf."""

from __future__ import annotations

import re

import pytest

from seventh.lint.postfix import KINDS

MAIN, MASTER = KINDS
SMTPD = "smtp inet n - y - - smtpd"


@pytest.mark.parametrize(
    ("lines", "looks", "fits"),
    [
        ((), 0, 0), (("inet_interfaces = all", "smtpd_banner=x"), 2, 2),
        (("relayhost = x",), 0, 1),  # a name that other programs could have
        (("my_own = x", "Smtpd_banner = x", "smtpd_banner x"), 0, 1),
        (("smtpd_banner = x", "  more", "\tmore", "", "# c"), 1, 3),
        (("#",) * 399 + ("smtpd_banner = x",) * 2, 1, 1),
    ],
)  # fmt: skip
def test_lines_of_main_cf(lines: tuple[str, ...], looks: int, fits: int) -> None:
    assert MAIN.fits is not None
    assert (MAIN.looks(lines), MAIN.fits(lines)) == (looks, fits)


@pytest.mark.parametrize(
    ("lines", "looks"),
    [
        ((), 0), (("  -o a=b",), 0), ((SMTPD, "  -o a=b", "x"), 2),
        (("127.0.0.1:25 inet n n n 60? 10 smtpd -v",), 1),
        (("pickup unix y - n 60 1 pickup", "a fifo n - - - - b", "a pass - - - - - b"), 3),
        (("a unix-dgram - - n - 1 postlogd",), 1), (("smtp tcp n - y - - smtpd",), 0),
        (("smtp inet n - y - -",), 0), (("smtp inet x - y - - smtpd",), 0),
        (("#",) * 399 + (SMTPD,) * 2, 1),
    ],
)  # fmt: skip
def test_lines_of_master_cf(lines: tuple[str, ...], looks: int) -> None:
    assert MASTER.looks(lines) == looks
    assert MASTER.fits is None


def test_the_version_that_the_program_says() -> None:
    for kind in KINDS:
        (program,) = kind.programs
        assert program.command == ("postconf", "-d", "mail_version")
        found = re.search(program.says, "mail_version = 3.7.11\n")
        assert found is not None
        assert found["version"] == "3.7.11"


def test_names_and_validators() -> None:
    assert {kind.name: (kind.room, kind.product, kind.names) for kind in KINDS} == {
        "main.cf": ("smtp", "postfix", ("main.cf", "*.main.cf", "postconf-n", "postconf-n.*")),
        "master.cf": ("smtp", "postfix", ("master.cf", "*.master.cf")),
    }  # fmt: skip
    for kind in KINDS:
        assert kind.validator is not None
        assert (kind.validator.command, kind.validator.system) == (
            ("postconf", "-c", "{beside}", "-x"), "/etc/postfix",
        )  # fmt: skip

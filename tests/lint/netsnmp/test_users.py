"""Users and their algorithms."""

from __future__ import annotations

import pytest

from seventh.lint.netsnmp.lines import Directive, words_of
from seventh.lint.netsnmp.users import created
from seventh.model.source import Line

LONG, OTHER = "Tr0ub4dor-and-3", "c0rrect-horse-7"
STRONG = f"u SHA-256 {LONG} AES {OTHER}"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (STRONG, ("u", "sha256", "aes", ())),
        (f"-e 0x80001f8804 {STRONG}", ("u", "sha256", "aes", ())),
        (f"u md5 {LONG} des {LONG}", ("u", "md5", "des", ("same",))),
        (f"u SHA {LONG} AES", ("u", "sha1", "aes", ("same",))),
        (f"u SHA512 {LONG}", ("u", "sha512", None, ())),
        (f"u SHA-224 {LONG} AES-256-C {OTHER}", ("u", "sha224", "aes256", ())),
        ("u SHA-384 12345678 AES192 password1234567",
         ("u", "sha384", "aes192", ("short", "common"))),
        ("u SHA -l 0x0001 AES -m 0x0002", ("u", "sha1", "aes", None)),
        ("u SHA -l 0x0001 AES short", ("u", "sha1", "aes", ("short",))),
        ("u", ("u", None, None, None)), ("u SHA-3 x", None), ("", None),
    ],
)  # fmt: skip
def test_create_user(line: str, wanted: tuple[object, ...] | None) -> None:
    assert read("createuser", line) == wanted


@pytest.mark.parametrize(
    ("auth", "priv", "wanted"),
    [
        (".1.3.6.1.6.3.10.1.1.2", ".1.3.6.1.6.3.10.1.2.2", ("u", "md5", "des", None)),
        (".1.3.6.1.6.3.10.1.1.5", ".1.3.6.1.6.3.10.1.2.4", ("u", "sha256", "aes", None)),
        (".1.3.6.1.6.3.10.1.1.7", ".1.3.6.1.4.1.14832.1.4", ("u", "sha512", "aes256", None)),
        (".1.3.6.1.6.3.10.1.1.1", ".1.3.6.1.6.3.10.1.2.1", ("u", None, None, None)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ['"u"', "0x7500"])
def test_kept_users(name: str, auth: str, priv: str, wanted: tuple[object, ...]) -> None:
    line = f'1 3 0x80001f88 {name} {name} NULL {auth} 0x00 {priv} 0x00 ""'
    assert read("usmuser", line) == wanted
    assert read("usmuser", "1 3 0x80001f88") is None


def read(name: str, line: str) -> tuple[object, ...] | None:
    at = Line(file="f", line=1, text="")
    user = created(Directive(name=name, token=name, words=words_of(line), at=at))
    return (user.user, user.auth, user.priv, user.weak) if user is not None else None

"""What may be done to a peer, and what it takes."""

from __future__ import annotations

import pytest

from seventh.model.failure import UsageError
from seventh.model.option import declared
from seventh.model.options import HostPort, Options, endpoint
from seventh.protocols.ntp import NtpOptions
from seventh.protocols.ssh import SshOptions
from tests.options import options_with

BY_FLAG = {each.option.flag: each for each in declared(Options)}


@pytest.mark.parametrize(
    ("options", "tier", "loopback", "why"),
    [
        (Options(max_tier=0), 0, False, None),
        (Options(max_tier=0), 1, True, "tier 1 was not requested"),
        (Options(), 1, False, None),
        (Options(), 2, True, "tier 2 needs a credential, such as --user"),
        (Options(allow_write=True, intrusive=True), 2, True,
         "tier 2 needs a credential, such as --user"),
        (Options(user="ops"), 3, True, "tier 3 needs --allow-write"),
        (Options(intrusive=True, i_own_this=True), 3, True, "tier 3 needs --allow-write"),
        (Options(allow_write=True), 4, True, "tier 4 needs --intrusive"),
        (Options(i_own_this=True), 4, True, "tier 4 needs --intrusive"),
        (Options(intrusive=True), 4, True, None),
        (Options(intrusive=True), 4, False,
         "tier 4 needs --i-own-this for a peer that is not on this machine"),
        (Options(intrusive=True, i_own_this=True), 4, False, None),
    ],
)  # fmt: skip
def test_a_step_is_denied_with_what_would_permit_it(
    options: Options, tier: int, loopback: bool, why: str | None
) -> None:
    assert options.denied(tier, loopback=loopback) == why


@pytest.mark.parametrize(
    ("options", "tier"),
    [
        (Options(), 0),
        (Options(), 1),
        (Options(user="ops"), 2),
        (options_with(identities=("key",)), 2),
        (Options(password_file="secret"), 2),
        (options_with(ntp_keys="keys"), 2),
        (Options(allow_write=True), 3),
        (Options(intrusive=True, i_own_this=True), 4),
        (Options(max_tier=4), 4),
    ],
)
def test_a_step_with_its_permission_may_be_taken(options: Options, tier: int) -> None:
    assert options.denied(tier, loopback=False) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", ("127.0.0.1", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
    ],
)
def test_a_resolver_is_an_address_with_a_port(text: str, expected: tuple[str, int]) -> None:
    assert endpoint(text) == HostPort(*expected)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'': write an IP address, such as 127.0.0.1:53"),
        ("name", "'name': write an IP address, such as 127.0.0.1:53"),
        ("name:53", "'name:53': write an IP address, such as 127.0.0.1:53"),
        ("fe80::1%lo", "'fe80::1%lo': write an IP address, such as 127.0.0.1:53"),
        ("127.0.0.1:", "'127.0.0.1:': port '' is not a number from 1 to 65535"),
        ("127.0.0.1:0", "'127.0.0.1:0': port '0' is not a number from 1 to 65535"),
        ("127.0.0.1:65536", "'127.0.0.1:65536': port '65536' is not a number from 1 to 65535"),
        ("127.0.0.1:000053", "'127.0.0.1:000053': port '000053' is not a number from 1 to 65535"),
        ("127.0.0.1:x", "'127.0.0.1:x': port 'x' is not a number from 1 to 65535"),
        ("127.0.0.1:٣", "'127.0.0.1:٣': port '٣' is not a number from 1 to 65535"),
        ("[::1", "'[::1': port '' is not a number from 1 to 65535"),
        ("[::1]x", "'[::1]x': port 'x' is not a number from 1 to 65535"),
    ],
)
def test_a_wrong_resolver_says_what_to_write(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        endpoint(text)
    assert str(caught.value) == says


@pytest.mark.parametrize("text", ["127.0.0.1:1", "[::1]:65535", "127.0.0.1:00053"])
def test_a_resolver_is_written_as_it_is_read(text: str) -> None:
    assert str(endpoint(text)) == text.replace("00053", "53")


def test_a_protocols_own_options_replace_its_earlier_ones() -> None:
    base = options_with(samples=7, identities=("key",))
    changed = base.having(NtpOptions(samples=9))
    assert changed.of(NtpOptions).samples == 9
    assert changed.of(SshOptions).identities == ("key",)
    assert len(changed.rooms) == 2
    assert Options().of(NtpOptions) == NtpOptions()


@pytest.mark.parametrize(
    ("flag", "field", "default", "metavar", "file"),
    [
        ("timeout", "timeout_seconds", 10.0, "SECONDS", ""),
        ("family", "family", "any", "", ""),
        ("resolver", "resolver", None, "HOST[:PORT]", ""),
        ("via", "via", (), "URL[,URL…]", ""),
        ("ca", "ca_file", None, "FILE", "readable"),
        ("ca-store", "ca_store", None, "PATH", "path"),
        ("server-name", "server_name", None, "NAME", ""),
        ("cert", "cert_file", None, "FILE", "readable"),
        ("key", "key_file", None, "FILE", "secret"),
        ("user", "user", None, "NAME", ""),
        ("password-file", "password_file", None, "FILE", "secret"),
        ("token-file", "token_file", None, "FILE", "secret"),
        ("allow-write", "allow_write", False, "", ""),
        ("intrusive", "intrusive", False, "", ""),
        ("i-own-this", "i_own_this", False, "", ""),
        ("hold", "hold_seconds", 0.0, "SECONDS", ""),
        ("header", "headers", (), "'NAME: VALUE'", ""),
    ],
)
def test_a_shared_option_is_typed_so_and_has_this_default(
    flag: str, field: str, default: object, metavar: str, file: str
) -> None:
    each = BY_FLAG[flag]
    assert (each.field, each.default) == (field, default)
    assert getattr(Options(), field) == default
    assert (each.option.metavar, each.option.file) == (metavar, file)


def test_what_options_permit_and_need() -> None:
    assert {flag: each.option.grants for flag, each in BY_FLAG.items() if each.option.grants} == {
        "allow-write": 3, "intrusive": 4, "i-own-this": 4,
    }  # fmt: skip
    credentials = {flag for flag, each in BY_FLAG.items() if each.option.credential}
    assert credentials == {"user", "password-file", "token-file"}
    assert {flag: each.option.needs for flag, each in BY_FLAG.items() if each.option.needs} == {
        "key": ("cert", "the certificate that the key belongs to"),
        "hold": ("intrusive", "holding a connection open is tier 4"),
        "proxy-auth-file": ("proxy", "the proxy that asks for the login"),
        "roundtrip": ("allow-write", "it sends a message, and removes it"),
        "roundtrip-user": ("roundtrip", "it is the mailbox's user"),
        "roundtrip-password-file": ("roundtrip", "it is the mailbox's password"),
    }
    always = {flag for flag, each in BY_FLAG.items() if each.option.always}
    assert always >= {"timeout", "family", "resolver", "via"}
    assert not always & {"ca", "ca-store", "server-name", "cert", "user", "hold", "header"}
    assert BY_FLAG["family"].option.switches == (
        ("-4", "ipv4", "IPv4 only"), ("-6", "ipv6", "IPv6 only"),
    )  # fmt: skip
    assert Options().max_tier == 1
    assert (Options().transcript, Options().rooms) == (False, ())

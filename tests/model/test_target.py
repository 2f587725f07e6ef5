"""Targets: every way to write one, and what a wrong one says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import UsageError
from seventh.model.target import PLANNED_SCHEMES, Scheme, Target, parse_target

SCHEMES = {
    "ssh": Scheme(name="ssh", port=22),
    "ntp": Scheme(name="ntp", port=123, transport="udp"),
    "tls": Scheme(name="tls", port=443),
    "tcp": Scheme(name="tcp", port=None, well_known=False),
}


def one(text: str) -> Target:
    (target,) = parse_target(text, SCHEMES)
    return target


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("ssh://host", "host", 22),
        ("SSH://Host.Example", "host.example", 22),
        ("ssh://host:2222", "host", 2222),
        ("ssh://host.example.", "host.example.", 22),
        ("ntp://192.0.2.1", "192.0.2.1", 123),
        ("tls://[2001:db8::1]:8443", "2001:db8::1", 8443),
        ("tls://[2001:DB8::1]", "2001:db8::1", 443),
        ("tls://2001:db8::1", "2001:db8::1", 443),
        ("tcp://host:1", "host", 1),
        ("tcp://host:65535", "host", 65535),
        ("ssh://bücher.example", "xn--bcher-kva.example", 22),
        ("  ssh://host  ", "host", 22),
    ],
)
def test_a_url_is_read(text: str, host: str, port: int) -> None:
    target = one(text)
    assert (target.host, target.port) == (host, port)


def test_user_and_path_are_kept_apart() -> None:
    target = one("ssh://ops@host:22/some/path?x=1")
    assert (target.user, target.host, target.path) == ("ops", "host", "/some/path?x=1")
    assert str(target) == "ssh://host:22/some/path?x=1"


def test_a_bare_host_is_every_well_known_port_with_a_room() -> None:
    targets = parse_target("host.example", SCHEMES)
    assert [str(t) for t in targets] == [
        "ssh://host.example:22",
        "ntp://host.example:123",
        "tls://host.example:443",
    ]
    assert [t.host for t in parse_target("2001:db8::5", SCHEMES)] == ["2001:db8::5"] * 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty target"),
        ("gopher://host", "unknown scheme gopher://; supported schemes: ntp://, ssh://, tcp://, tls://"),
        ("smtp://host", "not supported yet"),
        ("mail:example.org", "not supported yet"),
        ("host:22", "has a port but no scheme"),
        ("ssh://", "no host"),
        ("ssh://:22", "no host"),
        ("tcp://host", "has no port: write one"),
        ("ssh://host:0", "not a number from 1 to 65535"),
        ("ssh://host:65536", "not a number from 1 to 65535"),
        ("ssh://host:99999999999999999999", "not a number from 1 to 65535"),
        ("ssh://host:²²", "not a number from 1 to 65535"),
        ("ssh://host:ssh", "not a number from 1 to 65535"),
        ("ssh://[::1", "no closing"),
        ("ssh://[::1]22", "may follow"),
        ("ssh://[host]:22", "not an IPv6 address"),
        ("ssh://2001:db8::1:zz", "in brackets"),
        ("ssh://256.1.1.1", "not a valid IPv4 address"),
        ("ssh://-bad.example", "not a valid host name"),
        ("ssh://a..b", "not a valid host name"),
        ("ssh://" + "a" * 64, "not a valid host name"),
        ("ssh://" + "ä" * 300, "not a valid host name"),
        ("ssh://user:secret@host", "contains a password: remove it"),
        ("ssh://ho st", "control or space character at column 9"),
        ("ssh://ho\x1b[31mst", "control or space character"),
    ],
)
def test_a_wrong_target_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(text, SCHEMES)
    assert says in str(caught.value)


def test_a_password_in_a_url_is_never_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        parse_target("ssh://user:hunter2@host", SCHEMES)
    assert "hunter2" not in str(caught.value)


def test_a_scheme_cannot_be_planned_and_built() -> None:
    from seventh import protocols

    assert not PLANNED_SCHEMES & set(protocols.schemes())


@given(st.text(max_size=80))
def test_any_text_gives_targets_or_a_usage_error(text: str) -> None:
    try:
        targets = parse_target(text, SCHEMES)
    except UsageError:
        return
    for target in targets:
        assert 1 <= target.port <= 65535
        assert parse_target(str(target), SCHEMES)[0].host == target.host


@given(st.sampled_from(["host", "a.example", "192.0.2.7", "2001:db8::7"]), st.integers(1, 65535))
def test_what_is_written_is_read_back(host: str, port: int) -> None:
    target = Target(scheme="tls", host=host, port=port)
    assert one(str(target)) == target


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/x?a=1&b=2", "/x?a=1&b=2"),
        ("/x?access_token=abc&b=2", "/x?access_token=…&b=2"),
        ("/x?b=2&API_KEY=abc#token=d", "/x?b=2&API_KEY=…#token=d"),
        ("/x;token=abc/y", "/x;token=…/y"),
        ("/x?monkey=abc", "/x?monkey=abc"),
        ("/x?t=eyJhbGciOiJub25lIn0.eyJleHAiOjF9.none", "/x?t=…"),
        ("/eyJhbGciOiJub25lIn0.eyJleHAiOjF9./y", "/…/y"),
    ],
)
def test_a_credential_in_the_path_is_not_shown(path: str, shown: str) -> None:
    target = Target(scheme="tls", host="h", port=1, path=path)
    assert str(target) == f"tls://h:1{shown}"

"""Targets: every way to write one, and what a wrong one says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import UsageError
from seventh.model.target import (
    CREDENTIAL_PARAMETERS,
    Scheme,
    Target,
    parse_target,
    without_credentials,
)

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


ALL = "ntp://, ssh://, tcp://, tls://"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty target: write a URL such as ssh://host, or a host name"),
        (" ", "empty target: write a URL such as ssh://host, or a host name"),
        (
            "gopher://host",
            (
                f"target 'gopher://host': unknown scheme gopher://; supported schemes: {ALL} "
                "(`seventh check --help`)"
            ),
        ),
        (
            "tsl://host/x",
            (
                "target 'tsl://host/x': unknown scheme tsl://: did you mean tls://host/x? "
                "`seventh check --help` describes targets"
            ),
        ),
        (
            "stp://h",
            (
                "target 'stp://h': unknown scheme stp://: did you mean ntp://h or tcp://h? "
                "`seventh check --help` describes targets"
            ),
        ),
        (
            "sftp://h",
            (
                "target 'sftp://h': unknown scheme sftp://: did you mean ssh://h? "
                "`seventh check --help` describes targets"
            ),
        ),
        ("host:22", "target 'host:22' has a port but no scheme: write ssh://host:22"),
        (
            "host:80",
            "target 'host:80' has a port but no scheme: write tls://host:80 or tcp://host:80",
        ),
        ("ssh:/host", "target 'ssh:/host' is not a URL: did you mean ssh://host?"),
        ("SSH:host", "target 'SSH:host' is not a URL: did you mean ssh://host?"),
        ("ssh//host", "target 'ssh//host' is not a URL: did you mean ssh://host?"),
        ("ssh///host", "target 'ssh///host' is not a URL: did you mean ssh://host?"),
        ("ssh/host", "target 'ssh/host': 'ssh/host' is not a valid host name"),
        ("gopher:/host", "target 'gopher:/host': port '/host' is not a number from 1 to 65535"),
        ("ssh://", "target 'ssh://' has no host"),
        ("ssh:///x", "target 'ssh:///x' has no host"),
        ("ssh://:22", "target 'ssh://:22' has no host"),
        (
            "tcp://host",
            "target 'tcp://host' has no port: write one, such as tcp://host:443",
        ),
        (
            "tcp://[::1]?x",
            "target 'tcp://[::1]?x' has no port: write one, such as tcp://[::1]:443",
        ),
        ("ssh://host:", "target 'ssh://host:': port '' is not a number from 1 to 65535"),
        ("ssh://host:0", "target 'ssh://host:0': port '0' is not a number from 1 to 65535"),
        (
            "ssh://host:65536",
            "target 'ssh://host:65536': port '65536' is not a number from 1 to 65535",
        ),
        (
            f"ssh://host:{'9' * 19}",
            f"target 'ssh://host:{'9' * 19}': port '{'9' * 19}' is not a number from 1 to 65535",
        ),
        (
            f"ssh://host:{'9' * 200}",
            f"target 'ssh://host:{'9' * 189}': port '{'9' * 20}…' is not a number from 1 to 65535",
        ),
        ("ssh://host:²²", "target 'ssh://host:²²': port '²²' is not a number from 1 to 65535"),
        ("ssh://host:ssh", "target 'ssh://host:ssh': port 'ssh' is not a number from 1 to 65535"),
        ("ssh://[::1", "target 'ssh://[::1': the IPv6 address has no closing ']'"),
        ("ssh://[::1]22", "target 'ssh://[::1]22': only ':PORT' may follow ']'"),
        ("ssh://[host]:22", "target 'ssh://[host]:22': 'host' is not an IPv6 address"),
        ("ssh://[192.0.2.1]", "target 'ssh://[192.0.2.1]': '192.0.2.1' is not an IPv6 address"),
        (
            "ssh://2001:db8::1:zz",
            "target 'ssh://2001:db8::1:zz': write the IPv6 address in brackets, such as [::1]:443",
        ),
        ("ssh://256.1.1.1", "target 'ssh://256.1.1.1': '256.1.1.1' is not a valid IPv4 address"),
        ("ssh://1.2.3", "target 'ssh://1.2.3': '1.2.3' is not a valid IPv4 address"),
        ("ssh://-bad.x", "target 'ssh://-bad.x': '-bad.x' is not a valid host name"),
        ("ssh://bad-.x", "target 'ssh://bad-.x': 'bad-.x' is not a valid host name"),
        ("ssh://a..b", "target 'ssh://a..b': 'a..b' is not a valid host name"),
        ("ssh://a..", "target 'ssh://a..': 'a..' is not a valid host name"),
        (
            "ssh://" + "a" * 64,
            f"target 'ssh://{'a' * 64}': '{'a' * 64}' is not a valid host name",
        ),
        (
            "ssh://" + "ä" * 300,
            f"target 'ssh://{'ä' * 300}': '{'ä' * 300}' is not a valid host name",
        ),
        (
            "ssh://" + "a.b" * 85,
            f"target 'ssh://{'a.b' * 85}': '{'a.b' * 85}' is not a valid host name",
        ),
        (
            "ssh://user:secret@host",
            (
                "target ssh://…@host contains a password: remove it, and use --password-file or "
                "the environment variable SEVENTH_PASSWORD"
            ),
        ),
        (
            "ssh://ho st",
            "target 'ssh://ho st' has a control or space character at column 9: remove it",
        ),
        (
            "ssh://ho\u202est",
            "target 'ssh://ho\\u202est' has a control or space character at column 9: remove it",
        ),
    ],
)
def test_a_wrong_target_says_what_is_wrong_and_what_to_write(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(text, SCHEMES)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("meant", "scheme"),
    [
        ("ssl", "tls"), ("sftp", "ssh"), ("scp", "ssh"), ("sntp", "ntp"), ("chrony", "ntp"),
        ("http2", "https"), ("http3", "https"), ("h2", "https"), ("h3", "https"),
        ("quic", "https"), ("websocket", "ws"),
    ],
)  # fmt: skip
def test_another_name_of_a_protocol_suggests_its_scheme(meant: str, scheme: str) -> None:
    known = {name: Scheme(name=name, port=1) for name in ("tls", "ssh", "ntp", "https", "ws")}
    with pytest.raises(UsageError) as caught:
        parse_target(f"{meant}://h", known)
    assert f": did you mean {scheme}://h? `" in str(caught.value)


MAIL = {
    **SCHEMES, "smtp": Scheme(name="smtp", port=25),
    "mail": Scheme(name="mail", port=None, well_known=False, domain=True),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("mail:example.org", "example.org"),
        ("MAIL:Example.ORG.", "example.org"),
        ("mail:bücher.example", "xn--bcher-kva.example"),
        ("mail:a_b.example", "a_b.example"),
        ("mail:org", "org"),
    ],
)
def test_a_domain_is_a_target_without_slashes_and_port(text: str, host: str) -> None:
    assert parse_target(text, MAIL) == (Target(scheme="mail", host=host, port=0, port_given=False),)
    (target,) = parse_target(text, MAIL)
    assert str(target) == f"mail:{host}"
    assert parse_target(str(target), MAIL) == (target,)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mail:", "target 'mail:' has no domain: write mail:example.org"),
        ("mail://", "target 'mail://' has no domain: write mail:example.org"),
        (
            "mail:25",
            "target 'mail:25' has a port and no domain: write mail:example.org, or smtp://mail:25",
        ),
        (
            "mail://example.org/x",
            "target 'mail://example.org/x' is not a domain alone: did you mean mail:example.org?",
        ),
        (
            "mail:example.org:25",
            "target 'mail:example.org:25' is not a domain alone: did you mean mail:example.org?",
        ),
        (
            "mail:ann@example.org",
            "target 'mail:ann@example.org' is not a domain alone: did you mean mail:example.org?",
        ),
        (
            "mail:192.0.2.1",
            (
                "target 'mail:192.0.2.1': 192.0.2.1 is an address, not a domain: "
                "write mail:example.org"
            ),
        ),
        (
            "mail:[2001:db8::1]",
            (
                "target 'mail:[2001:db8::1]': [2001:db8::1] is an address, not a domain: "
                "write mail:example.org"
            ),
        ),
        ("mail:a..b", "target 'mail:a..b': 'a..b' is not a valid host name"),
    ],
)
def test_what_is_not_a_domain(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(text, MAIL)
    assert str(caught.value) == says


def test_a_bare_host_is_no_domain() -> None:
    assert "mail" not in {target.scheme for target in parse_target("host", MAIL)}


@pytest.mark.parametrize("code", [0x00, 0x1F, 0x20, 0x7F, 0x80, 0x9F, 0x200E, 0x200F, 0x202A,
                                  0x202E, 0x2066, 0x2069])  # fmt: skip
def test_a_character_that_hides_text_is_refused(code: int) -> None:
    with pytest.raises(UsageError, match="has a control or space character at column 3: "):
        parse_target(f"ab{chr(code)}cd", SCHEMES)


@pytest.mark.parametrize("code", [0x21, 0x7E, 0xA0, 0x200D, 0x2010, 0x2029, 0x202F, 0x2065, 0x206A])
def test_any_other_character_is_no_control_character(code: int) -> None:
    with pytest.raises(UsageError, match=" is not a valid host name"):
        parse_target(f"a..{chr(code)}", SCHEMES)


def test_every_part_of_a_url_is_read() -> None:
    assert one("tcp://ops@Host.Example:0443?a#b/c") == Target(
        scheme="tcp", host="host.example", port=443, path="?a#b/c", user="ops", port_given=True
    )
    assert one("ssh://@host#x") == Target(
        scheme="ssh", host="host", port=22, path="#x", user=None, port_given=False
    )
    assert one("ssh://a@b@h").user == "a@b"
    assert one("ssh://a_b-c.1x").host == "a_b-c.1x"
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert one(f"ssh://{longest}").host == longest
    assert one("ssh://h").of_bare_host is False
    assert (one("ssh://192.0.2.1").is_literal, one("ssh://h").is_literal) == (True, False)


def test_a_bare_host_has_the_ports_of_its_schemes() -> None:
    schemes = {**SCHEMES, "odd": Scheme(name="odd", port=9, well_known=False)}
    assert parse_target(" Host.Example ", schemes) == tuple(
        Target(scheme=name, host="host.example", port=port, port_given=False, of_bare_host=True)
        for name, port in (("ssh", 22), ("ntp", 123), ("tls", 443))
    )


def test_a_password_in_a_url_is_never_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        parse_target("ssh://user:hunter2@host", SCHEMES)
    assert "hunter2" not in str(caught.value)


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
        ("/x?key=", "/x?key="),
        ("?key=a&b#c", "?key=…&b#c"),
        ("/key=a/b", "/key=…/b"),
        ("", ""),
        ("/x?t=eyJabcd.abcde.f", "/x?t=eyJabcd.abcde.f"),
        ("/x?t=eyJabcde.abcd.f", "/x?t=eyJabcde.abcd.f"),
        ("/x?t=eyJabcde.abcde", "/x?t=eyJabcde.abcde"),
        ("/x?t=eyJabcde.abcde.", "/x?t=…"),
        ("/x?t=eyJhbGciOiJub25lIn0.eyJleHAiOjF9.none", "/x?t=…"),
        ("/eyJhbGciOiJub25lIn0.eyJleHAiOjF9./y", "/…/y"),
    ],
)
def test_a_credential_in_the_path_is_not_shown(path: str, shown: str) -> None:
    target = Target(scheme="tls", host="h", port=1, path=path)
    assert str(target) == f"tls://h:1{shown}"


@pytest.mark.parametrize(
    "name",
    ["access_token", "accesstoken", "api_key", "apikey", "auth", "auth_token", "authorization",
     "bearer", "credential", "id_token", "jwt", "key", "pass", "passwd", "password", "secret",
     "session", "session_id", "sessionid", "sid", "sig", "signature", "ticket", "token"],
)  # fmt: skip
def test_each_name_of_a_credential_hides_its_value(name: str) -> None:
    assert without_credentials(f"/?a=1&{name}=x&{name}s=y") == f"/?a=1&{name}=…&{name}s=y"
    assert name in CREDENTIAL_PARAMETERS

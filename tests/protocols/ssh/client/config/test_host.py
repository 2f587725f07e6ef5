"""ssh_config: what holds for a host, and where an alias leads."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.lintkit.files import Files
from seventh.protocols.ssh.client.config.host import HostConfig, Query, UserConfig, refusals
from seventh.protocols.ssh.client.config.reading import read
from seventh.protocols.ssh.client.config.tokens import expand
from seventh.protocols.ssh.wire.patterns import (
    GrammarError,
    arguments,
    changed_list,
    matches,
    matches_list,
    seconds,
)


def resolved(text: str, host: str, **asked: object) -> HostConfig:
    files = Files()
    reading = read(files.take("config", text.encode()), files, "client")
    assert not reading.refused
    return UserConfig([reading], (9, 2)).resolve(Query(host=host, **asked))


# -- the grammar -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pattern", "fits"),
    [
        ("host", "host", True), ("host", "h?st", True), ("host", "*", True), ("", "*", True),
        ("host", "*st", True), ("host", "ho*", True), ("host", "h*s*t", True), ("ab", "a?b", False),
        ("aXbXc", "a*b*c", True), ("abc", "a*b*b*c", False), ("a.b", "a?b", True),
        ("host", "HOST", False), ("a[b", "a[b", True), ("ab", "*?*?*", True), ("a", "*?*?*", False),
    ],
)  # fmt: skip
def test_patterns(text: str, pattern: str, fits: bool) -> None:
    assert matches(text, pattern) is fits


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_patterns_mean_what_their_definition_says(pattern: str, text: str) -> None:
    def slow(p: str, t: str) -> bool:
        if not p:
            return not t
        if p[0] == "*":
            return slow(p[1:], t) or bool(t and slow(p, t[1:]))
        return bool(t) and p[0] in ("?", t[0]) and slow(p[1:], t[1:])

    assert matches(text, pattern) is slow(pattern, text)


def test_a_pattern_cannot_be_made_to_take_long() -> None:
    begun = time.monotonic()
    assert not matches("a" * 4000, "*a" * 2000 + "b")
    assert not matches("a" * 4000, "?*" * 1900 + "b")
    assert time.monotonic() - begun < 5


def test_negation_in_lists_wins() -> None:
    assert matches_list("root", "*,!root") == -1
    assert matches_list("ops", "*,!root") == 1
    assert matches_list("ops", "!root") == 0
    assert matches_list("OPS", "ops", lower=True) == 1


def test_arguments_take_quotes_escapes_and_comments() -> None:
    assert arguments('a "b c" d\\ e \'f"g\' # h') == ("a", "b c", "d e", 'f"g')
    assert arguments("a#b") == ("a#b",)
    assert arguments('x"y z"w') == ("xy zw",)
    with pytest.raises(GrammarError):
        arguments('"open')


def test_changed_lists() -> None:
    default, known = ("a1", "a2", "b1"), ("a1", "a2", "b1", "b2", "c1")
    assert changed_list("", default, known) == default
    assert changed_list("+c1,a1", default, known) == ("a1", "a2", "b1", "c1")
    assert changed_list("-a*", default, known) == ("b1",)
    assert changed_list("-a*,!a2", default, known) == ("a2", "b1")
    assert changed_list("^c1,b1", default, known) == ("c1", "b1", "a1", "a2")
    assert changed_list("b*", default, known) == ("b1", "b2")
    assert changed_list("-*", default, known) == ()
    with pytest.raises(GrammarError):
        changed_list("z*", default, known)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90", 90),
        ("1m30s", 90),
        ("1H", 3600),
        ("2d", 172800),
        ("", None),
        ("x", None),
        ("1y", None),
    ],
)
def test_times(text: str, value: int | None) -> None:
    assert seconds(text) == value


# -- hosts -----------------------------------------------------------------------------------------


def test_the_seed_s_bastion() -> None:
    host = resolved(
        """# ~/.ssh/config
Host bastion
  HostName bastion.example.com
  User ops
  ControlMaster auto
  ControlPath ~/.ssh/cm-%r@%h:%p
  ControlPersist 5m
""",
        "bastion",
        local_user="me",
    )
    assert (host.host_name, host.user, host.port) == ("bastion.example.com", "ops", None)
    assert host.value("controlmaster") == "auto"
    assert host.value("controlpersist") == "300"
    assert host.expanded(host.value("controlpath")).endswith("/.ssh/cm-ops@bastion.example.com:22")


@pytest.mark.parametrize(
    ("text", "asked", "port"),
    [
        ("Host a\n Port 1\n", {}, 1),
        ("Host b\n Port 1\n", {}, None),
        ("Host !a *\n Port 1\n", {}, None),
        ("Host * !a\n Port 1\n", {}, None),
        ("Host !b a\n Port 1\n", {}, 1),
        ("Host !b\n Port 1\n", {}, None),
        ("Port 1\nPort 2\n", {}, 1),
        ("Port 1\n", {"port": 7}, 7),
        ("Match all\n Port 1\n", {}, 1),
        ("Match !all\n Port 1\n", {}, None),
        ("Match host A\n Port 1\n", {}, 1),
        ("Match host b\n Port 1\n", {}, None),
        ("Match !host b\n Port 1\n", {}, 1),
        ("Match !host a\n Port 1\n", {}, None),
        ("Match host a user x\n Port 1\n", {"user": "x"}, 1),
        ("Match host a user x\n Port 1\n", {"user": "y"}, None),
        # HostName of the lines before counts for host, and not for originalhost.
        ("HostName c\nMatch host c\n Port 1\n", {}, 1),
        ("HostName c\nMatch host a\n Port 1\n", {}, None),
        ("HostName c\nMatch originalhost a\n Port 1\n", {}, 1),
        ("HostName c\nMatch originalhost c\n Port 1\n", {}, None),
        ("HostName c\nHost c\n Port 1\n", {}, None),
        # The second pass has the host name of the first.
        ("HostName c\nMatch final host c\n Port 1\n", {}, 1),
        ("HostName c\nMatch final all\nHost c\n Port 1\n", {}, 1),
        ("HostName c\nCanonicalizeHostname yes\nHost c\n Port 1\n", {}, 1),
        ("HostName c\nCanonicalizeHostname no\nHost c\n Port 1\n", {}, None),
        ("CanonicalizeHostname always\nMatch canonical all\n Port 1\n", {}, 1),
        ("Match canonical all\n Port 1\n", {}, None),
        ("Match !final all\n Port 1\n", {}, 1),
        ("Match user x\n Port 1\n", {"local_user": "x"}, 1),
        ("User x\nMatch user x\n Port 1\n", {"local_user": "y"}, 1),
        ("User x\nMatch user x\n Port 1\n", {"user": "y"}, None),
        ("Match localuser x\n Port 1\n", {"local_user": "x"}, 1),
        ("Match localuser x\n Port 1\n", {"local_user": "y", "user": "x"}, None),
        ("Tag t\nMatch tagged t\n Port 1\n", {}, 1),
        ("Match tagged t\n Port 1\n", {}, None),
        ("Tag u\nMatch tagged t\n Port 1\n", {}, None),
        ("Match localnetwork 0.0.0.0/0\n Port 1\n", {}, None),
        ("Match !localnetwork 0.0.0.0/0\n Port 1\n", {}, None),
        ("Host b\n Port 1\n", {"assumed": frozenset({0})}, 1),
        ("Host b\n Port 1\nHost c\n Port 2\n", {"assumed": frozenset({1})}, 2),
    ],
)
def test_which_lines_hold(text: str, asked: dict[str, Any], port: int | None) -> None:
    assert resolved(text, "a", **asked).port == port


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("Compression TRUE\n", "compression", "yes"),
        ("Compression false\n", "compression", "no"),
        ("Compression maybe\n", "compression", "maybe"),
        ("", "compression", "no"),
        ("AddressFamily INET6\n", "addressfamily", "inet6"),
        ("CanonicalizeHostname always\n", "canonicalizehostname", "always"),
        ("ControlMaster AutoAsk\n", "controlmaster", "autoask"),
        ("PubkeyAuthentication Unbound\n", "pubkeyauthentication", "unbound"),
        ("PubkeyAuthentication host-bound\n", "pubkeyauthentication", "host-bound"),
        ("RequestTTY Force\n", "requesttty", "force"),
        ("SessionType Subsystem\n", "sessiontype", "subsystem"),
        ("StrictHostKeyChecking Accept-New\n", "stricthostkeychecking", "accept-new"),
        ("StrictHostKeyChecking OFF\n", "stricthostkeychecking", "off"),
        ("Tunnel Point-To-Point\n", "tunnel", "point-to-point"),
        ("UpdateHostKeys Ask\n", "updatehostkeys", "ask"),
        ("VerifyHostKeyDNS Ask\n", "verifyhostkeydns", "ask"),
        ("ConnectTimeout 1m\n", "connecttimeout", "60"),
        ("ConnectTimeout none\n", "connecttimeout", "none"),
        ("ServerAliveInterval 1m\n", "serveraliveinterval", "60"),
        ("ForwardX11Timeout 1h\n", "forwardx11timeout", "3600"),
        ("ForwardAgent YES\n", "forwardagent", "yes"),
        ("ForwardAgent /Path\n", "forwardagent", "/Path"),
        ("ControlPersist True\n", "controlpersist", "yes"),
        ("ControlPersist 2m\n", "controlpersist", "120"),
        ("BatchMode True\n", "batchmode", "yes"),
        ("SendEnv A B\n", "sendenv", "A B"),
    ],
)
def test_values_in_canonical_form(text: str, name: str, value: str) -> None:
    assert resolved(text, "a").value(name) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Compression maybe\n", "Compression: invalid value 'maybe'"),
        ("BatchMode x\n", "BatchMode: invalid value 'x'"),
        ("ConnectTimeout x\n", "ConnectTimeout: invalid value 'x'"),
        ("ControlPersist x\n", "ControlPersist: invalid value 'x'"),
        ("Port 0\n", "Port: invalid value '0'"),
        ("Tunnel x\n", "Tunnel: invalid value 'x'"),
        ("User a b\n", "User: extra arguments after 'a'"),
        ("ForwardAgent /a\nUser b\n", None),
    ],
)
def test_lines_that_ssh_refuses(text: str, why: str | None) -> None:
    files = Files()
    reading = read(files.take("config", text.encode()), files, "client")
    assert [said for _, said in refusals(reading)] == ([] if why is None else [why])


def test_cumulative_lines_are_all_kept_once_and_either_of_two_excludes_the_other() -> None:
    host = resolved(
        "IdentityFile /a\nIdentityFile none\nIdentityFile /a\nIdentityFile /%h.%n\n"
        "ProxyJump j # why\nProxyCommand nc %h\n",
        "A",
    )
    assert host.identity_files == ("/a", "/a.A")
    assert (host.proxy_jump, host.proxy_command) == ("j", None)
    host = resolved("ProxyCommand nc %h\nProxyJump j\n", "a")
    assert (host.proxy_jump, host.proxy_command) == (None, "nc %h")
    for text in ("ProxyJump NONE\n", "ProxyCommand None\n", ""):
        host = resolved(text, "a")
        assert (host.proxy_jump, host.proxy_command) == (None, None)
    jump = "HostName b\nUser u\nPort 7\nProxyJump %r@%h.%n:%p\n"
    assert resolved(jump, "a").proxy_jump == "u@b.a:7"
    assert resolved("ProxyJump %r@%h:%p\n", "a", local_user="me").proxy_jump == "me@a:22"


def test_known_hosts_files_and_their_tokens() -> None:
    assert resolved("", "a").known_hosts is None
    assert resolved("UserKnownHostsFile NONE\n", "a").known_hosts == ()
    text = "HostName B.example\nHostKeyAlias Key\nUserKnownHostsFile /%k /%h/%n/%p/%r/%u/%%\n"
    host = resolved(text, "A", user="x", local_user="me")
    assert host.known_hosts == ("/key", "/b.example/A/22/x/me/%")
    assert resolved("UserKnownHostsFile /%k\n", "A").known_hosts == ("/A",)
    here = socket.gethostname()
    hashed = hashlib.sha1(f"{here}b.example22x".encode(), usedforsecurity=False).hexdigest()
    assert host.expanded("%C|%l|%L|%i|%d") == (
        f"{hashed}|{here}|{here.partition('.')[0]}|{os.getuid()}|{Path.home()}"
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("HostName 2001:DB8:0::1\n", "2001:db8::1"),
        ("HostName fe80::1%%Eth0\n", "fe80::1%Eth0"),
        ("HostName %h.Example\n", "a.example"),
        ("", "a"),
        ("HostName %n\n", "a"),
    ],
)
def test_the_host_to_connect_to(text: str, name: str) -> None:
    assert resolved(text, "A").host_name == name


def test_variables_are_expanded_where_they_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEVENTH_SET", "v")
    assert expand("${SEVENTH_SET}/%%", {}, variables=True) == "v/%"
    assert expand("${SEVENTH_SET}%h", {"h": "x"}) == "${SEVENTH_SET}x"
    for text, why in (
        ("%q", "token %q not allowed here"), ("%", "token % not allowed here"),
        ("${SEVENTH_NOT_SET}", "environment variable SEVENTH_NOT_SET not set"),
    ):  # fmt: skip
        with pytest.raises(GrammarError) as raised:
            expand(text, {"h": "x"}, variables=True)
        assert str(raised.value) == why


def test_exec_is_never_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    text = f'Match exec "touch {trace}"\n Port 1\nMatch !exec "touch {trace}"\n Port 2\nPort 3\n'
    files = Files()
    reading = read(files.take("config", text.encode()), files, "client")
    host = UserConfig([reading], (9, 2)).resolve(Query(host="a"))
    assert host.port is None
    assert not trace.exists()
    assert [line.line for line in reading.undecided] == [1, 3]


def test_an_unknown_token_and_a_missing_variable_are_told() -> None:
    assert resolved("HostName %q.x\n", "a").problems[0].line == 1
    with pytest.raises(GrammarError):
        expand("%q", {})
    with pytest.raises(GrammarError):
        expand("${SEVENTH_NOT_SET}", {}, variables=True)

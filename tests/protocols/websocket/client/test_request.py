"""What a handshake sends by the options, which credential it names, and what it hides."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from seventh.model.failure import UsageError
from seventh.model.target import Target
from seventh.protocols.websocket.client.request import (
    HandshakeOptions,
    credentials_in,
    handshake_options_of,
)
from seventh.wire.jwt import expiry_of
from tests.options import options_with


def jwt_of(claims: object) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + ".sig"


def given(path: str = "/", **options: Any) -> HandshakeOptions:
    target = Target(scheme="wss", host="host.example", port=443, path=path)
    return handshake_options_of(target, options_with(**options))


JWT = jwt_of({"sub": "someone"})
FRONT = f"/?a=1&token={JWT}"


@pytest.mark.parametrize(
    ("path", "names", "found"),
    [
        ("/", (), None),
        ("/?a=b", (), None),
        ("/?token=abc", ("token",), None),
        ("/?Access-Token=abc", ("Access-Token",), None),
        ("/?token=", (), None),
        ("/?token=a&key=b&token=c", ("token", "key"), None),
        (f"/?x={JWT}", ("x",), ("x", JWT)),
        (f"/?x={JWT}&y={JWT}z", ("x", "y"), ("x", JWT)),
        (f"/a/{JWT}", ("(in the path)",), ("(in the path)", JWT)),
        (f"/a/{JWT}?x={JWT}z", ("x", "(in the path)"), ("x", f"{JWT}z")),
        (f"/#token={JWT}", (), None),
        (f"/?{'n' * 61}={JWT}", ("n" * 60,), ("n" * 60, JWT)),
    ],
)
def test_credentials_in_a_url(
    path: str, names: tuple[str, ...], found: tuple[str, str] | None
) -> None:
    assert credentials_in(path) == (names, found)


@pytest.mark.parametrize(
    ("token", "expiry"),
    [
        (jwt_of({"exp": 1234}), 1234.0),
        (jwt_of({"exp": 1234.5}), 1234.5),
        *((jwt_of({"exp": 1234, "sub": "a" * length}), 1234.0) for length in range(4)),
        (jwt_of({"exp": 1e11}), 1e11),
        (jwt_of({"exp": 1.1e11}), None),
        (jwt_of({"exp": -1e11}), -1e11),
        (jwt_of({"exp": True}), None),
        (jwt_of({"exp": "1234"}), None),
        (jwt_of({}), None),
        (jwt_of([1]), None),
        ("a.!!!!.b", None),
        ("abc", None),
        (jwt_of({"exp": 1234}).ljust(16384, "x"), 1234.0),
        (jwt_of({"exp": 1234}).ljust(16385, "x"), None),
    ],
)
def test_when_a_token_expires(token: str, expiry: float | None) -> None:
    assert expiry_of(token) == expiry


def test_the_fields_of_a_handshake(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("abcdef\n")
    made = given(headers=("X-A: 1",), token_file=str(file), subprotocols=("mqtt",))
    assert made.fields == (
        ("User-Agent", "seventh"), ("X-A", "1"), ("Authorization", "Bearer abcdef"),
    )  # fmt: skip
    assert (made.subprotocols, made.origin) == (("mqtt",), "https://host.example")
    assert (made.jwt, made.jwt_source) == (None, "")
    assert set(made.secrets) == {"Bearer abcdef", "Bearer", "abcdef"}
    assert given(headers=("user-agent: mine",)).fields == (("user-agent", "mine"),)


@pytest.mark.parametrize(
    ("options", "path", "phrase"),
    [
        ({}, "/", ""),
        ({"headers": ("X-A: 1",)}, "/", ""),
        ({"headers": ("X-A: 1", "COOKIE: a=b")}, "/", "the field COOKIE"),
        ({"headers": ("X-API-Key: abcd",)}, "/", "the field X-API-Key"),
        ({"headers": ("Proxy-Authorization: abcd",)}, "/", "the field Proxy-Authorization"),
        ({"headers": ("Cookie: a=b",)}, "/?key=abcd", "the parameter key"),
        ({}, FRONT, "the token of token"),
    ],
)
def test_the_credential_is_named(options: dict[str, Any], path: str, phrase: str) -> None:
    assert given(path, **options).credential() == phrase


def test_an_expired_token_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 2000.0)
    file = tmp_path / "token"
    for exp, said in (
        (1990, "the token of --token-file, which expired 10 s ago,"),
        (2000, "the token of --token-file"), (2001, "the token of --token-file"),
    ):  # fmt: skip
        file.write_text(jwt_of({"exp": exp}))
        made = given(FRONT, token_file=str(file))
        assert (made.credential(), made.jwt_source) == (said, "--token-file")
    file.write_text("no.jwt")
    assert given(FRONT, token_file=str(file)).jwt_source == "token"


@pytest.mark.parametrize(
    ("headers", "authenticates", "cookie"),
    [
        ((), False, False),
        (("Authorization: Bearer abcd",), False, False),
        (("authorization: BASIC abcd",), True, False),
        (("Authorization: Digest abcd",), True, False),
        (("Authorization: Negotiate abcd",), True, False),
        (("Authorization: NTLM abcd",), True, False),
        (("X-Authorization: Basic abcd", "cookie: a=b"), False, True),
    ],
)
def test_what_browsers_repeat_by_themselves(
    headers: tuple[str, ...], authenticates: bool, cookie: bool
) -> None:
    made = given(headers=headers)
    assert (made.authenticates, made.sends_cookie) == (authenticates, cookie)


def test_secrets_are_hidden_the_longest_first() -> None:
    made = given("/?key=abcd&x=shown&sid=abc", headers=("Cookie: abcdef; a=bc",))
    assert set(made.secrets) == {"abcdef; a=bc", "abcdef;", "abcd", "a=bc"}
    assert list(map(len, made.secrets)) == [12, 7, 4, 4]
    assert made.hide("abcd, abcdef; a=bc, shown, abc") == "…, …, shown, abc"


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://a.example", "https://a.example"),
        ("http://a.example:8080/", "http://a.example:8080"),
        ("null", "null"),
        ("a.example", None),
        ("https://", None),
        ("//a.example", None),
        ("https://a.example/path", None),
    ],
)
def test_an_origin_of_ones_own(text: str, origin: str | None) -> None:
    if origin is not None:
        assert given(origin=text).origin == origin
        return
    with pytest.raises(UsageError) as raised:
        given(origin=text)
    assert str(raised.value) == f"--origin {text!r} is not valid: write it as https://host[:port]"


@pytest.mark.parametrize(
    ("template", "first", "last"),
    [
        (None, (), None),
        ("publish {id}", (), "publish {id}"),
        ("join\n\nwait\npublish {id}\n", ("join", "wait"), "publish {id}"),
    ],
)
def test_messages_of_a_template(
    tmp_path: Path, template: str | None, first: tuple[str, ...], last: str | None
) -> None:
    made = given(message_template=template)
    assert (made.first_lines, made.template) == (first, last)
    if template is not None:
        (tmp_path / "t").write_text(template)
        made = given(message_template=f"file:{tmp_path}/t")
        assert (made.first_lines, made.template) == (first, last)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"message_template": "\n"}, "--message-template is empty: write the text to publish"),
        ({"message_template": "{id}\nend"},
         ("--message-template: the last line needs {id}, which becomes a unique token in each "
         "message, for example: publish {id}")),
        ({"message_template": "file:/nonexistent"},
         "--message-template: /nonexistent cannot be read: No such file or directory"),
        ({"subprotocols": ("a b",)},
         "--subprotocol 'a b' is not valid: use letters, digits and !#$%&'*+-.^_`|~"),
        ({"headers": ("Sec-WebSocket-Key: x",)},
         "--header Sec-WebSocket-Key: Seventh sets this field itself; leave it out"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_used(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        given(**options)
    assert str(raised.value) == said

"""The handshake: its request, and the check of its response."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.labkit.tokens import token
from seventh.model.failure import UsageError
from seventh.model.phase import Mark
from seventh.model.target import Target
from seventh.protocols.websocket.client.request import (
    HandshakeOptions,
    credentials_in,
    handshake_options_of,
)
from seventh.protocols.websocket.facts import Handshake
from seventh.protocols.websocket.wire import handshake as hs
from seventh.protocols.websocket.wire.handshake import Offer, handshake_response
from seventh.web.message import Fields, Response, Version
from seventh.wire.jwt import expiry_of
from seventh.wire.websocket_key import accept_of, is_valid_key, new_key
from tests.options import options_with

# RFC 6455 §1.3's own example.
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ANSWER = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
OFFER = Offer(key=KEY, subprotocols=("chat", "superchat"), deflate=True)
AT = Mark(0, "user")


def response(*fields: tuple[str, str], version: Version = "1.1", status: int = 101) -> Response:
    return Response(status=status, version=version, headers=fields, sent=AT, first=AT, last=AT)


def switched(**changes: str | None) -> Response:
    """A 101 in order, with some fields changed or left out (None)."""
    said: dict[str, str | None] = {
        "upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": ANSWER,
    }  # fmt: skip
    said |= {name.replace("_", "-"): value for name, value in changes.items()}
    fields: Fields = tuple((name, value) for name, value in said.items() if value is not None)
    return response(*fields)


def judge(response: Response, offer: Offer) -> Handshake:
    return handshake_response(response, offer)[0]


def test_the_key_is_answered_as_the_standard_shows() -> None:
    assert accept_of(KEY) == ANSWER


def test_keys_are_new_and_sound() -> None:
    keys = {new_key() for _ in range(50)}
    assert len(keys) == 50
    assert all(map(is_valid_key, keys))
    assert not is_valid_key("c2hvcnQ=")
    assert not is_valid_key("!")


def test_an_answer_in_order_is_sound() -> None:
    judged = judge(switched(sec_websocket_protocol="superchat"), OFFER)
    assert judged.sound
    assert judged.subprotocol == "superchat"


@pytest.mark.parametrize(
    "fields",
    [
        {"upgrade": "WebSocket", "connection": "keep-alive, upgrade"},
        {"sec_websocket_extensions": "permessage-deflate"},
        {"sec_websocket_extensions": "permessage-deflate; server_max_window_bits=10"},
        {"sec_websocket_extensions": 'permessage-deflate; client_max_window_bits="12"'},
    ],
)
def test_freedoms_of_the_standard_are_no_faults(fields: dict[str, str]) -> None:
    assert judge(switched(**fields), OFFER).sound


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"upgrade": None}, "Upgrade is missing"),
        ({"upgrade": "h2c"}, "Upgrade is h2c"),
        ({"upgrade": "websocket, h2c"}, "Upgrade is websocket, h2c"),
        ({"connection": None}, "Connection is missing"),
        ({"connection": "keep-alive"}, "Connection is keep-alive"),
        ({"sec_websocket_protocol": "chat, superchat"}, "2 subprotocols"),
        ({"sec_websocket_protocol": "no token!;"}, "not a token"),
    ],
)
def test_broken_letters(fields: dict[str, str | None], word: str) -> None:
    judged = judge(switched(**fields), OFFER)
    assert not judged.sound
    assert any(word in problem for problem in judged.problems), judged.problems


@pytest.mark.parametrize(
    ("said", "verdict"), [(None, "missing"), ("x" + ANSWER, "wrong"), (ANSWER.lower(), "wrong")]
)
def test_the_accept_key(said: str | None, verdict: str) -> None:
    judged = judge(switched(sec_websocket_accept=said), OFFER)
    assert (judged.accept, judged.sound) == (verdict, False)


def test_two_accept_keys_are_wrong_even_when_one_is_right() -> None:
    doubled = switched()
    doubled = response(*doubled.headers, ("sec-websocket-accept", "another"))
    assert judge(doubled, OFFER).accept == "wrong"


def test_foreign_choices() -> None:
    judged = judge(switched(sec_websocket_protocol="soap"), OFFER)
    assert judged.foreign_subprotocol == "soap"
    none_offered = judge(switched(sec_websocket_protocol="chat"), Offer(key=KEY))
    assert none_offered.foreign_subprotocol == "chat"


@pytest.mark.parametrize(
    "value",
    [
        "x-webkit-deflate-frame",
        "permessage-deflate; server_max_window_bits=99",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; unheard_of",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate, permessage-deflate",
        ";;;",
    ],
)
def test_foreign_extensions(value: str) -> None:
    judged = judge(switched(sec_websocket_extensions=value), OFFER)
    assert judged.foreign_extensions
    assert not judged.sound


def test_an_extension_needs_an_offer() -> None:
    answer = switched(sec_websocket_extensions="permessage-deflate")
    judged, deflate = handshake_response(answer, Offer(key=KEY))
    assert judged.foreign_extensions == ("permessage-deflate",)
    assert deflate is None


def test_whether_the_server_forgets() -> None:
    def forgets(value: str) -> bool | None:
        _, deflate = handshake_response(switched(sec_websocket_extensions=value), OFFER)
        return deflate.remote_no_context_takeover if deflate is not None else None

    assert forgets("permessage-deflate") is False
    assert forgets("permessage-deflate; server_no_context_takeover") is True
    assert handshake_response(switched(), OFFER)[1] is None


@pytest.mark.parametrize("version", ["2", "3"])
def test_later_versions_have_no_key(version: Version) -> None:
    judged = judge(response(version=version, status=200), OFFER)
    assert judged.accept == "not-used"
    assert judged.sound


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "upgrade",
                    "connection",
                    "sec-websocket-accept",
                    "sec-websocket-protocol",
                    "sec-websocket-extensions",
                ]
            ),
            st.text(max_size=40),
        ),
        max_size=8,
    )
)
def test_any_fields_can_be_judged(fields: list[tuple[str, str]]) -> None:
    judged = judge(response(*fields), OFFER)
    assert judged.outcome == "open"


# -- the request ----------------------------------------------------------------------------------


def target(path: str = "", scheme: str = "wss", port: int = 443, host: str = "h.example") -> Target:
    return Target(scheme=scheme, host=host, port=port, path=path)


def test_the_request_over_1_1() -> None:
    request = hs.handshake_request(target("/chat?x=1#part"), OFFER, origin="https://h.example")
    fields = dict(request.headers)
    assert (request.method, request.path, request.authority) == ("GET", "/chat?x=1", "h.example")
    assert fields["Sec-WebSocket-Key"] == KEY
    assert fields["Sec-WebSocket-Version"] == "13"
    assert fields["Sec-WebSocket-Protocol"] == "chat, superchat"
    assert fields["Origin"] == "https://h.example"


@pytest.mark.parametrize("over", ["2", "3"])
def test_the_request_over_later_versions(over: str) -> None:
    request = hs.handshake_request(target(), OFFER, over=over)  # type: ignore[arg-type]
    assert (request.method, request.scheme, request.path) == ("CONNECT", "https", "/")
    assert request.protocol == "websocket"
    assert "Sec-WebSocket-Key" not in dict(request.headers)


@pytest.mark.parametrize(
    ("one", "path"),
    [("", "/"), ("?a=b", "/?a=b"), ("/ä b", "/%C3%A4%20b"), ("/%41", "/%41"), ("#x", "/")],
)
def test_resources(one: str, path: str) -> None:
    assert hs.resource(target(one)) == path


def test_origins() -> None:
    assert hs.own_origin(target()) == "https://h.example"
    assert hs.own_origin(target(scheme="ws", port=8080)) == "http://h.example:8080"
    assert hs.own_origin(target(scheme="ws", port=80, host="::1")) == "http://[::1]"


# -- options -------------------------------------------------------------------------------------


def asked(path: str = "", **options: object) -> HandshakeOptions:
    return handshake_options_of(target(path), options_with(**options))


def test_fields_and_token(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "token"
    file.write_text(token(2e9) + "\nsecond line\n")
    monkeypatch.setenv("SEVENTH_TEST_FIELD", "from the environment")
    handshake_options = asked(
        headers=("X-One: 1", "X-Two: env:SEVENTH_TEST_FIELD", f"X-Three: file:{file}"),
        token_file=str(file),
    )
    fields = dict(handshake_options.fields)
    assert fields["X-Two"] == "from the environment"
    assert fields["Authorization"] == f"Bearer {token(2e9)}" == f"Bearer {fields['X-Three']}"
    assert (handshake_options.jwt, handshake_options.jwt_source) == (token(2e9), "--token-file")
    assert token(2e9) not in repr(handshake_options)


@pytest.mark.parametrize(
    "options",
    [
        {"headers": ("no colon",)},
        {"headers": ("Sec-WebSocket-Key: mine",)},
        {"headers": ("X: env:SEVENTH_NOT_THERE",)},
        {"headers": ("X: file:/nowhere/at/all",)},
        {"headers": ("X: a\x00b",)},
        {"origin": "example.org"},
        {"subprotocols": ("two words",)},
        {"message_template": ""},
        {"message_template": "without a word"},
        {"token_file": "/nowhere"},
    ],
)
def test_what_cannot_be_meant(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        asked("", **options)


def test_templates() -> None:
    handshake_options = asked(message_template='{"join":"room"}\n{"say":"{id}"}')
    assert handshake_options.first_lines == ('{"join":"room"}',)
    assert handshake_options.template == '{"say":"{id}"}'


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/", ()),
        ("/x?lang=en&page=2", ()),
        ("/x?access_token=abc", ("access_token",)),
        ("/x?API-KEY=abc&token=d", ("API-KEY", "token")),
        ("/x?token=", ()),
        (f"/x?t={token(1e9)}", ("t",)),
        (f"/{token(1e9)}/x", ("(in the path)",)),
        ("//[not a host?token=1", ("token",)),
    ],
)
def test_credentials_in_urls(path: str, names: tuple[str, ...]) -> None:
    assert credentials_in(path)[0] == names


@given(st.text(max_size=100))
def test_any_path_can_be_searched(path: str) -> None:
    assert isinstance(credentials_in(path)[0], tuple)


def test_expiries() -> None:
    assert expiry_of(token(1234.5)) == 1234.5
    for nonsense in ("", "a.b.c", "eyJ.eyJ.x", "a.bm8ganNvbg.c", "x" * 20000, "a.W10.c"):
        assert expiry_of(nonsense) is None


@given(st.text(max_size=60))
def test_any_text_is_a_token_or_none(text: str) -> None:
    assert expiry_of(text) is None or isinstance(expiry_of(text), float)

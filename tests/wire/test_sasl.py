"""SASL: the RFCs' examples, both sides against each other, and servers that lie."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.labkit.sasl import RefusedError, ScramServer, server_of
from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.wire import sasl
from seventh.wire.sasl import Binding, Client, Credentials, ScramClient, choose

BINDING = Binding("tls-exporter", b"exported")
SHA1 = {
    "nonce": "fyko+d2lbbFgONRv9qkxdawL",
    "first": b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    "challenge": b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    "proof": b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "signature": b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
}
"""RFC 5802 §5."""
SHA256 = {
    "nonce": "rOprNGfwEbeRWgbNEkqO",
    "first": b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    "challenge": b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    "proof": b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "signature": b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
}
"""RFC 7677 §3."""


def user(name: str = "user", password: bytes = b"pencil", token: bytes = b"") -> Credentials:
    return Credentials(name, password=password, token=token)


def chosen(*offered: str, who: Credentials | None = None, binding: Binding | None = None) -> Client:
    client = choose(offered, who or user(), host="server.example.com", port=143, binding=binding)
    assert client is not None
    return client


# -- the RFCs' examples ----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "said"), [("SCRAM-SHA-1", SHA1), ("SCRAM-SHA-256", SHA256)])
def test_scram_is_that_of_the_examples(name: str, said: dict[str, bytes]) -> None:
    client = ScramClient(name, user(), nonce=str(said["nonce"]))
    assert client.first == said["first"]
    assert client.answer(said["challenge"]) == said["proof"]
    assert client.iterations == 4096
    with pytest.raises(ProtocolViolation) as raised:
        client.finish()
    assert raised.value.detail == (
        f"{name} succeeded without the server's proof that it knows the password"
    )
    assert client.answer(said["signature"]) == b""
    client.finish()
    with pytest.raises(ProtocolViolation, match="must not come"):
        client.answer(b"more")


def test_plain_is_that_of_the_example() -> None:
    client = chosen("PLAIN", who=user("tim", b"tanstaaftanstaaf"))
    assert client.first == b"\0tim\0tanstaaftanstaaf"
    with pytest.raises(ProtocolViolation) as raised:
        client.answer(b"Password:" + b"x" * 72)
    assert raised.value.detail == (f"a PLAIN challenge that must not come: 'Password:{'x' * 71}…'")


def test_cram_md5_is_that_of_the_example() -> None:
    client = sasl.CramMd5Client(user("tim", b"tanstaaftanstaaf"))
    challenge = b"<1896.697170952@postoffice.reston.mci.net>"
    assert client.answer(challenge) == b"tim b913a602c7eda7a495b4e6e7334d3890"
    with pytest.raises(ProtocolViolation, match="must not come"):
        client.answer(challenge)


def test_oauthbearer_is_that_of_the_example() -> None:
    token = b"vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
    client = chosen("XOAUTH2", "OAUTHBEARER", who=user("user@example.com", token=token))
    assert client.first is not None
    assert sasl.encode(client.first) == (
        b"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVy"
        b"IHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
    )
    assert client.answer(b'{"status":"invalid_token"}') == b"\1"
    assert client.error == "invalid_token"
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: a OAUTHBEARER challenge that must not come: '\{\}'$",
    ):
        client.answer(b"{}")


def test_xoauth2_acknowledges_an_error_with_nothing() -> None:
    client = chosen("XOAUTH2", who=user("someuser@example.com", token=b"ya29.vF9"))
    assert client.first == b"user=someuser@example.com\1auth=Bearer ya29.vF9\1\1"
    assert client.answer(b"\x1b[31mno") == b""
    assert client.error == "\\x1b[31mno"


@pytest.mark.parametrize(
    ("challenge", "error"),
    [(b"", "no reason given"), (b"[1]", "[1]"), (b"{}", "{}"), (b"[" * 5000, "[" * 80 + "…")],
)
def test_an_error_of_a_token_may_be_anything(challenge: bytes, error: str) -> None:
    client = chosen("OAUTHBEARER", who=user(token=b"t"))
    client.answer(challenge)
    assert client.error == error


def test_login_sends_the_user_then_the_password() -> None:
    client = chosen("LOGIN")
    assert client.first is None
    assert [client.answer(b"Username:"), client.answer(b"Password:")] == [b"user", b"pencil"]
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: a LOGIN challenge that must not come: 'Again:'$",
    ):
        client.answer(b"Again:")


# -- the choice ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "binding", "name"),
    [
        ("PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256", None, "SCRAM-SHA-256"),
        ("PLAIN SCRAM-SHA-1 scram-sha-1-plus", BINDING, "SCRAM-SHA-1-PLUS"),
        ("SCRAM-SHA-256 SCRAM-SHA-256-PLUS", None, "SCRAM-SHA-256"),
        ("LOGIN PLAIN", None, "PLAIN"), ("CRAM-MD5 LOGIN", None, "LOGIN"),
    ],
)  # fmt: skip
def test_the_best_mechanism_is_chosen(offered: str, binding: Binding | None, name: str) -> None:
    assert chosen(*offered.split(), binding=binding).mechanism == name


def test_what_is_known_of_mechanisms() -> None:
    assert {"PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"} == sasl.CLEAR
    assert {"CRAM-MD5", "DIGEST-MD5", "NTLM", "LOGIN", "SKEY", "OTP"} == sasl.WEAK


@pytest.mark.parametrize("offered", [(), ("CRAM-MD5", "NTLM", "XOAUTH2"), ("SCRAM-SHA-256-PLUS",)])
def test_there_may_be_none(offered: tuple[str, ...]) -> None:
    assert choose(offered, user(), host="h", port=1) is None


def test_a_token_is_not_sent_as_a_password() -> None:
    assert choose(["PLAIN"], user(token=b"t"), host="h", port=1) is None


def test_credentials_are_not_shown() -> None:
    assert repr(user("tim", b"secret", b"token")) == "<credentials of 'tim'>"


# -- both sides ------------------------------------------------------------------------------------


def login(client: Client, server_name: str, bindings: tuple[Binding, ...] = ()) -> str:
    server = server_of(server_name, {"user": "pencil", "a=b,c": "pencil"}, bindings=bindings)
    assert server is not None
    message = client.first
    while True:
        challenge = server.answer(message)
        if server.user:
            break
        message = client.answer(challenge)
    client.finish()
    return server.user


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256"])
def test_both_sides_agree(name: str) -> None:
    assert login(chosen(name), name) == "user"
    with pytest.raises(RefusedError):
        login(chosen(name, who=user(password=b"pencils")), name)


@pytest.mark.parametrize("name", ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"])
def test_a_binding_binds(name: str) -> None:
    client = chosen(name, binding=BINDING)
    assert isinstance(client.first, bytes)
    assert client.first.startswith(b"p=tls-exporter,,n=user,r=")
    assert client.binds
    assert login(client, name, (BINDING,)) == "user"
    other = Binding("tls-exporter", b"another connection's")
    with pytest.raises(RefusedError):
        login(chosen(name, binding=other), name, (BINDING,))


def test_a_name_with_commas_is_escaped() -> None:
    client = chosen("SCRAM-SHA-256", who=user("a=b,c"))
    assert client.first is not None
    assert client.first.startswith(b"n,,n=a=3Db=2Cc,r=")
    assert login(client, "SCRAM-SHA-256") == "a=b,c"


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_what_is_bound_to_nothing(name: str) -> None:
    assert not chosen(name, binding=BINDING).binds


def test_a_missing_plus_is_reported_to_the_server() -> None:
    first = chosen("SCRAM-SHA-256", binding=BINDING).first
    assert first is not None
    assert first.startswith(b"y,,")
    with pytest.raises(RefusedError):  # it had offered one: something removed it
        ScramServer("SCRAM-SHA-256", {}, (BINDING,)).answer(first)
    plain = chosen("SCRAM-SHA-256", "SCRAM-SHA-512-PLUS", binding=BINDING).first
    assert plain is not None
    assert plain.startswith(b"n,,")


# -- servers that lie ------------------------------------------------------------------------------


MANY = "SCRAM-SHA-256 requires {} iterations; at most 1000000 are computed"


def scram() -> ScramClient:
    return ScramClient("SCRAM-SHA-256", user(), nonce="ours")


@pytest.mark.parametrize(
    ("challenge", "why"),
    [
        (b"r=ours,s=QQ==,i=4096", "the SCRAM-SHA-256 nonce does not extend ours"),
        (b"r=theirs,s=QQ==,i=4096", "the SCRAM-SHA-256 nonce does not extend ours"),
        (b"r=ours1,s=QQ==,i=0", MANY.format(0)),
        (b"r=ours1,s=QQ==,i=1000001", MANY.format(1000001)),
        (b"r=ours1,s=QQ==,i=4294967295", MANY.format(4294967295)),
        (b"r=ours1,s=QQ==,i=00000001", MANY.format("00000001")),
        (b"r=ours1,s=QQ==,i=" + b"1" * 21, MANY.format("1" * 20 + "…")),
        (b"r=ours1,s=QQ==,i=-1", MANY.format(-1)),
        (b"r=ours1,s=?,i=1", "a SASL challenge is not Base64: '?'"),
        (b"m=x,r=ours1,s=QQ==,i=1",
         "a SCRAM-SHA-256 challenge that must not come: 'm=x,r=ours1,s=QQ==,i=1'"),
        (b"", "a malformed SCRAM-SHA-256 message: ''"),
        (b"Password:", "a malformed SCRAM-SHA-256 message: 'Password:'"),
        (b"r=\xff" + b"x" * 80,
         "a malformed SCRAM-SHA-256 message: 'r=\\xff" + "x" * 74 + "…'"),
    ],
)  # fmt: skip
def test_a_scram_challenge_is_checked(challenge: bytes, why: str) -> None:
    with pytest.raises(ProtocolViolation) as raised:
        scram().answer(challenge)
    assert raised.value.detail == why


def test_the_largest_iteration_count_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sasl, "scram_keys", lambda *_: sasl.ScramKeys(b"1" * 32, b"2", b"3"))
    client = scram()
    client.answer(b"r=ours1,s=QQ==,i=1000000")
    assert client.iterations == 1_000_000


def test_a_server_must_know_the_password() -> None:
    client = scram()
    client.answer(b"r=ours1,s=QQ==,i=1")
    with pytest.raises(ProtocolViolation) as raised:
        client.answer(b"v=" + base64.b64encode(b"0" * 32))
    assert raised.value.detail == (
        "the server's SCRAM-SHA-256 signature is wrong: it does not know the password"
    )
    with pytest.raises(ProtocolViolation):
        client.answer(b"x=" + base64.b64encode(b"0" * 32))
    with pytest.raises(ProtocolViolation):
        client.finish()


def test_a_refusal_within_scram_is_a_refusal() -> None:
    client = scram()
    client.answer(b"r=ours1,s=QQ==,i=1")
    with pytest.raises(Failed) as caught:
        client.answer(b"e=invalid-proof" + b"!" * 68)
    assert (caught.value.reason, caught.value.detail) == (
        Reason.AUTH_REJECTED, f"SCRAM-SHA-256 refused: invalid-proof{'!' * 67}…",
    )  # fmt: skip


@given(st.lists(st.binary(max_size=64), max_size=4))
@settings(max_examples=200)
def test_no_challenge_breaks_a_client(challenges: list[bytes]) -> None:
    for name in ("PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256"):
        client = chosen(name)
        try:
            for challenge in challenges:
                client.answer(challenge)
        except Failed:
            continue


# -- Base64 and passwords --------------------------------------------------------------------------


def test_base64_is_strict_and_bounded() -> None:
    assert sasl.decode(b"") == b""
    assert sasl.decode(b"A" * 8192) == bytes(6144)
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: a SASL challenge is longer than 8192 bytes$"
    ):
        sasl.decode(b"A" * 8196)
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: a SASL challenge is not Base64: 'QQ = ='$"
    ):
        sasl.decode(b"QQ = =")
    assert (sasl.initial(b""), sasl.initial(b"A")) == (b"=", b"QQ==")


@pytest.mark.parametrize(
    ("password", "prepared"),
    [
        ("I\u00adX", b"IX"), ("user", b"user"), ("USER", b"USER"), ("\u00aa", b"a"),
        ("\u2168", b"IX"), ("a\u00a0b", b"a b"), (" ~", b" ~"), ("\u1680\u3000x", b"  x"),
        ("\u00e9", b"\xc3\xa9"), ("e\u0301", b"\xc3\xa9"),
        # right to left: at both ends, and without letters of the other direction
        ("\u0627\u0628", "\u0627\u0628".encode()),
        ("\u0627\x31\u0628", "\u0627\x31\u0628".encode()),
    ],
)  # fmt: skip
def test_passwords_are_prepared(password: str, prepared: bytes) -> None:
    assert sasl.saslprep(password.encode()) == prepared  # RFC 4013 §3


@pytest.mark.parametrize(
    "password",
    [
        "a\x07", "\x1f", "\x7f", "\u06271", "1\u0627", "\u0627a\u0628", "a\u0627", "é\x07", "é\x7f",
        "\u00ad",
        # a character of each prohibited table: RFC 3454 A.1, C.2.2, C.3, C.4, C.6, C.7, C.8, C.9
        "\u0221", "\u0080", "\ue000", "\ufdd0", "\ufff9", "\u2ff0", "\u200e", "\U000e0001",
    ],
)  # fmt: skip
def test_passwords_that_cannot_be_prepared(password: str) -> None:
    with pytest.raises(Failed) as caught:
        sasl.saslprep(password.encode())
    assert (caught.value.reason, caught.value.detail) == (
        Reason.OPTIONS_UNUSABLE,
        "the password has characters that SCRAM does not permit (RFC 4013)",
    )

"""The whole verdict on the handshake and the versions, on both sides of every boundary."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.tlsfacts import EarlyDataReplay, TlsFacts, Topic
from seventh.protocols.tls.rules import handshake, suites, tickets, versions
from seventh.protocols.tls.rules.examples import GOOD
from seventh.rules.rule import AnyRule
from tests.verdicts import told

RC4, NULL = "TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_NULL_SHA"
ANON, CBC = "TLS_DH_anon_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"
NO_BUILD = (
    ". OpenSSL refuses NULL and anonymous suites unless the list has @SECLEVEL=0, and most builds "
    "since 1.1.0 have no RC4, DES, 3DES or EXPORT suites"
)


def in_file(level: int | None = None, **changes: Any) -> TlsFacts:
    return GOOD.learn(configured=True, security_level=level, **changes)


@pytest.mark.parametrize(
    ("unknown", "line"),
    [
        ({}, "skip: Diffie-Hellman: not checked"),
        ({Topic.FINITE_FIELD: "a"}, "skip: Diffie-Hellman: a"),
        ({Topic.HELLOS: "b"}, "skip: hellos: b"),
        ({Topic.HELLOS: "b", Topic.FINITE_FIELD: "a"}, "skip: Diffie-Hellman: a"),
        ({Topic.TICKET: "c"}, "skip: Diffie-Hellman: not checked"),
    ],
)
def test_why_a_hello_has_no_answer(unknown: dict[Topic, str], line: str) -> None:
    assert told(handshake.dh_small, GOOD.learn(dh_bits=None, unknown=unknown)) == line


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (GOOD, "pass"),
        (GOOD.learn(broken_suites=(RC4,)), f"high: accepts {RC4}"),
        (GOOD.learn(broken_suites=(RC4,), all_suites=False), f"high: accepts at least {RC4}"),
        (GOOD.learn(broken_suites=(RC4,), obsolete_suites=(CBC,)), f"high: accepts {RC4}, {CBC}"),
        (GOOD.learn(obsolete_suites=(CBC,)), f"medium: accepts {CBC}"),
        (GOOD.learn(obsolete_suites=(CBC,), all_suites=False, unasked_suites=7),
         f"medium: accepts at least {CBC}; 7 other weak suites were not tested"),
        (GOOD.learn(obsolete_suites=(CBC,), all_suites=True, unasked_suites=0),
         f"medium: accepts {CBC}"),
        (GOOD.learn(obsolete_suites=(CBC,), all_suites=None), f"medium: accepts at least {CBC}"),
        # The suite of the handshake counts, once.
        (GOOD.learn(cipher=CBC), f"medium: accepts {CBC}"),
        (GOOD.learn(cipher=CBC, obsolete_suites=(CBC,)), f"medium: accepts {CBC}"),
        (GOOD.learn(cipher=CBC, obsolete_suites=None), f"medium: accepts {CBC}"),
        (GOOD.learn(cipher=RC4), f"high: accepts {RC4}"),
        (GOOD.learn(cipher=RC4, broken_suites=None), f"high: accepts {RC4}"),
        (GOOD.learn(cipher=RC4, broken_suites=(NULL,)), f"high: accepts {NULL}, {RC4}"),
        (GOOD.learn(cipher=None), "pass"),
        # Half an answer is none.
        (GOOD.learn(broken_suites=None), "skip: broken cipher suites: not checked"),
        (GOOD.learn(obsolete_suites=None), "skip: obsolete cipher suites: not checked"),
        (GOOD.learn(broken_suites=None, obsolete_suites=(CBC,)),
         "skip: broken cipher suites: not checked"),
        # A file asks its library for them.
        (in_file(obsolete_suites=(CBC,)), f"medium: the configuration allows {CBC}"),
        (in_file(0, obsolete_suites=(CBC,)), f"medium: the configuration allows {CBC}"),
        (in_file(0, broken_suites=(RC4,)), f"medium: the configuration allows {RC4}{NO_BUILD}"),
        (in_file(1, broken_suites=(NULL,)), f"medium: the configuration allows {NULL}{NO_BUILD}"),
        (in_file(broken_suites=(ANON,)), f"medium: the configuration allows {ANON}{NO_BUILD}"),
        (in_file(0, broken_suites=(NULL,)), f"high: the configuration allows {NULL}"),
        (in_file(0, broken_suites=(RC4, ANON)), f"high: the configuration allows {RC4}, {ANON}"),
    ],
)  # fmt: skip
def test_suites(facts: TlsFacts, line: str) -> None:
    assert told(suites.weak_cipher, facts) == line


@pytest.mark.parametrize(
    ("bits", "line"),
    [(0, "pass"), (1, "high: prime of 1 bits"), (2047, "high: prime of 2047 bits"), (2048, "pass")],
)
def test_primes(bits: int, line: str) -> None:
    assert told(handshake.dh_small, GOOD.learn(dh_bits=bits)) == line


BIG = GOOD.learn(large_hello_bytes=1750, small_hello_bytes=320, hybrid_group="", group="x25519")


@pytest.mark.parametrize(
    ("rule", "facts", "line"),
    [
        (handshake.no_pq, GOOD, "pass"),
        (handshake.no_pq, BIG, ("skip: the larger ClientHello that a hybrid group needs fails: "
         "see TLS-BIG-HELLO")),
        (handshake.no_pq, GOOD.learn(hybrid_group=None), "skip: post-quantum groups: not checked"),
        (handshake.no_pq, GOOD.learn(hybrid_group="", group="x25519"),
         "low: X25519MLKEM768 not supported; the handshake used x25519"),
        (handshake.no_pq, GOOD.learn(hybrid_group="", group=None),
         "low: X25519MLKEM768 not supported; the handshake used no group"),
        (handshake.no_pq, in_file(hybrid_group="", group="prime256v1"),
         "low: X25519MLKEM768 not supported; configured groups: prime256v1"),
        (handshake.big_hello, GOOD, "pass"),
        (handshake.big_hello, BIG, ("high: ClientHello of 1750 bytes with a post-quantum key share "
         "fails; 320 bytes without it accepted")),
        (handshake.big_hello, BIG.learn(small_hello_bytes=None), ("high: ClientHello of 1750 bytes "
         "with a post-quantum key share fails; 0 bytes without it accepted")),
        (handshake.big_hello, GOOD.learn(version=None), "skip: no handshake succeeded"),
    ],
)  # fmt: skip
def test_groups(rule: AnyRule, facts: TlsFacts, line: str) -> None:
    assert told(rule, facts) == line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "pass"),
        ({"resumed": None}, "skip: resumption: not checked"),
        ({"resumed": None, "not_resumed_at": ("192.0.2.7",)}, "skip: resumption: not checked"),
        ({"not_resumed_at": ("192.0.2.7", "192.0.2.8")}, ("medium: refused at 192.0.2.7, "
         "192.0.2.8: a session created at another address")),
        ({"resumed": False, "tickets": 0},
         "medium: no session ticket within a second of the handshake"),
        ({"resumed": False, "tickets": None},
         "medium: no session ticket within a second of the handshake"),
        ({"resumed": False, "tickets": 1},
         "medium: the second handshake, with the session of the first, was a full one"),
        ({"resumed": False, "tickets": 0, "version": "TLSv1.2"},
         "medium: the second handshake, with the session of the first, was a full one"),
        ({"resumed": False, "configured": True},
         "medium: session tickets are off and no session cache is configured"),
    ],
)  # fmt: skip
def test_resumption(changes: dict[str, Any], line: str) -> None:
    assert told(handshake.no_resume, GOOD.learn(**changes)) == line


@pytest.mark.parametrize(
    ("version", "seconds", "line"),
    [
        ("TLSv1.3", 0, "pass"), ("TLSv1.3", 86_401, "pass"), ("TLSv1.3", 604_800, "pass"),
        ("TLSv1.3", 604_801,
         "low: ticket lifetime of 604,801 seconds; TLS 1.3 allows at most 604,800 (7 days)"),
        ("TLSv1.2", 0, "pass"), ("TLSv1.2", 86_400, "pass"),
        ("TLSv1.2", 86_401, ("low: ticket lifetime of 86,401 seconds; with TLS 1.2 at most "
                             "86,400 (1 day) is recommended")),
        ("TLSv1.2", None, "skip: session ticket: not checked"),
        (None, 604_801, "skip: session ticket: not checked"),
    ],
)  # fmt: skip
def test_lifetimes_of_tickets(version: str | None, seconds: int | None, line: str) -> None:
    facts = GOOD.learn(version=version, ticket_lifetime_seconds=seconds)
    assert told(tickets.ticket_long, facts) == line


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (0, "not applicable: the server sent no session ticket"),
        (1, "skip: session ticket: c"), (None, "skip: session ticket: c"),
    ],
)  # fmt: skip
def test_no_lifetime(sent: int | None, line: str) -> None:
    facts = GOOD.learn(tickets=sent, ticket_lifetime_seconds=None, unknown={Topic.TICKET: "c"})
    assert told(tickets.ticket_long, facts) == line


ACCEPTED = "medium: early data accepted; the session ticket allows {} bytes"


@pytest.mark.parametrize(
    ("accepted", "most", "more", "line"),
    [
        (True, 16384, {}, ACCEPTED.format(16384)),
        (True, None, {}, ACCEPTED.format(0)),
        (True, None, {"configured": True}, "medium: early data is enabled"),
        (False, 16384, {}, "pass"), (False, None, {}, "pass"), (None, 0, {}, "pass"),
        (None, 1, {}, "skip: early data: not checked"),
        (None, 1, {"version": "TLSv1.2"}, "pass"),
        (None, None, {"version": "TLSv1.2"}, "pass"),
        (None, 1, {"version": None}, "skip: early data: not checked"),
        (None, None, {}, "skip: session ticket: not checked"),
        (None, None, {"tickets": None}, "skip: session ticket: not checked"),
        (None, None, {"tickets": 0}, "pass"),
        (None, None, {"tickets": 1}, "skip: session ticket: not checked"),
    ],
)  # fmt: skip
def test_early_data(
    accepted: bool | None, most: int | None, more: dict[str, Any], line: str
) -> None:
    facts = GOOD.learn(early_data_accepted=accepted, max_early_data_bytes=most, **more)
    assert told(handshake.early_data_on, facts) == line


def replay(**changes: Any) -> EarlyDataReplay:
    accepted = {"first_resumed": True, "resumed": True, "accepted": True, "same_size": True}
    return EarlyDataReplay(version="1.1", **{**accepted, "status": 200, **changes})


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (replay(),
         ("high: the same bytes sent on two connections: early data accepted on both, and the "
          "repeated HTTP/1.1 request answered with 200 before the handshake was complete")),
        (replay(status=425), "pass"),
        (replay(status=None), ("skip: early data was accepted twice, but no response came before "
                              "the handshake was complete: whether the request was carried out is "
                              "not known")),
        (replay(same_size=False), "skip: early data was accepted on the second connection only"),
        (replay(accepted=False), "skip: early data was rejected both times"),
        (replay(accepted=False, same_size=False), "pass"),
        (replay(accepted=False, resumed=False), "pass"),
        (replay(first_resumed=False), "skip: the server did not resume the session to be replayed"),
        (replay(failed="peer closed"), "skip: the replay failed: peer closed"),
    ],
)  # fmt: skip
def test_a_replay_of_early_data(found: EarlyDataReplay, line: str) -> None:
    facts = GOOD.learn(early_data_accepted=True, early_data_replay=found)
    assert told(handshake.early_data_replay, facts) == line


@pytest.mark.parametrize(
    ("accepted", "line"),
    [
        (True, "skip: only a check of https:// shows it"), (False, "pass"),
        (None, "skip: early data: not checked"),
    ],
)  # fmt: skip
def test_no_replay_of_early_data(accepted: bool | None, line: str) -> None:
    facts = GOOD.learn(early_data_accepted=accepted, max_early_data_bytes=16384)
    assert told(handshake.early_data_replay, facts) == line


@pytest.mark.parametrize(
    ("rule", "wrong", "line"),
    [
        (handshake.ems, {"extended_master_secret": False},
         "medium: ServerHello without extended_master_secret"),
        (handshake.reneg, {"secure_renegotiation": False},
         "medium: ServerHello without renegotiation_info"),
        (handshake.compress, {"compression": True}, "medium: ServerHello selects DEFLATE"),
    ],
)  # fmt: skip
def test_what_only_tls12_has(rule: AnyRule, wrong: dict[str, bool], line: str) -> None:
    (name,) = wrong
    nothing = {
        "extended_master_secret": None, "secure_renegotiation": None, "compression": None,
    }  # fmt: skip
    assert told(rule, GOOD) == "pass"
    assert told(rule, GOOD.learn(**wrong)) == line
    assert told(rule, GOOD.learn(**(nothing | wrong))) == line
    assert told(rule, GOOD.learn(**nothing)) == "skip: TLS 1.2: not checked"
    assert told(rule, GOOD.learn(**nothing, versions_refused=("TLSv1.2",))) == "pass"
    if name != "extended_master_secret":
        answered = nothing | {"extended_master_secret": False}
        assert told(rule, GOOD.learn(**answered)) == "pass"


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ("not-requested", "pass"), ("required", "pass"), ("refused-later", "pass"),
        ("optional", ("medium: a client certificate is requested; "
         "clients without one are accepted")),
        ("given", "skip: --cert was given, so the behaviour without a certificate is unknown"),
        (None, "skip: the handshake ended before this was known"),
    ],
)  # fmt: skip
def test_client_certificates(state: str | None, line: str) -> None:
    assert told(handshake.mtls_optional, GOOD.learn(client_certificate=state)) == line


# -- versions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (GOOD, "pass"),
        (GOOD.learn(versions=("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2")),
         "high: accepts SSLv3, TLSv1.0, TLSv1.1"),
        (GOOD.learn(versions=("SSLv3",)), "high: accepts SSLv3"),
        (GOOD.learn(versions=("TLSv1.1",), versions_refused=()), "high: accepts TLSv1.1"),
        (GOOD.learn(versions_refused=("TLSv1.0", "TLSv1.1")), "skip: SSLv3: not checked"),
        (GOOD.learn(versions_refused=("SSLv3", "TLSv1.1")), "skip: TLSv1.0: not checked"),
        (GOOD.learn(versions_refused=("SSLv3", "TLSv1.0")), "skip: TLSv1.1: not checked"),
        (GOOD.learn(versions_refused=()), "skip: SSLv3: not checked"),
        (in_file(versions=("TLSv1.1",)), ("medium: the configuration allows TLSv1.1. OpenSSL 3 "
         "refuses them unless the cipher list has @SECLEVEL=0; older OpenSSL accepts them")),
        (in_file(1, versions=("TLSv1.1",)), ("medium: the configuration allows TLSv1.1. OpenSSL 3 "
         "refuses them unless the cipher list has @SECLEVEL=0; older OpenSSL accepts them")),
        (in_file(0, versions=("SSLv3",)), ("medium: the configuration allows SSLv3, which most "
         "OpenSSL builds since 1.1.0 do not support")),
        (in_file(versions=("SSLv3",)), ("medium: the configuration allows SSLv3, which most "
         "OpenSSL builds since 1.1.0 do not support")),
        (in_file(0, versions=("SSLv3", "TLSv1.1")), ("high: the configuration allows SSLv3, "
         "TLSv1.1, and @SECLEVEL=0 makes OpenSSL accept them")),
        (in_file(0), "pass"),
    ],
)  # fmt: skip
def test_old_versions(facts: TlsFacts, line: str) -> None:
    assert told(versions.legacy, facts) == line


@pytest.mark.parametrize(
    ("accepted", "refused", "line"),
    [
        (("TLSv1.2", "TLSv1.3"), (), "pass"),
        (("TLSv1.0", "TLSv1.1", "TLSv1.2"), ("TLSv1.3",), "medium: best version is TLSv1.2"),
        (("TLSv1.2",), (), "skip: no handshake succeeded, so the versions are unknown"),
        ((), ("TLSv1.3",), "skip: no handshake succeeded, so the versions are unknown"),
    ],
)  # fmt: skip
def test_tls13(accepted: tuple[str, ...], refused: tuple[str, ...], line: str) -> None:
    facts = GOOD.learn(versions=accepted, versions_refused=refused)
    assert told(versions.no_tls13, facts) == line

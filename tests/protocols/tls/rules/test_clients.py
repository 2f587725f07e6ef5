"""Clients that cannot connect: the whole verdict, and the table."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from seventh.model.tlsclients import TlsChoice, TlsFit
from seventh.model.tlsfacts import TlsFacts, Topic
from seventh.protocols.tls.rules.clients import clients, clients_cut
from seventh.protocols.tls.rules.examples import GOOD
from seventh.wire import tlsnames as n
from tests.verdicts import fixed, told

OLD = ("SSLv3", "TLSv1.0", "TLSv1.1")
CUT = "high: unreachable with default settings: "
SUITES = "; the server has no TLS 1.3, and in TLS 1.2 none of their cipher suites"
RSA_GCM, DHE = "TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"
GCM, CBC = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"
RC4 = "TLS_RSA_WITH_RC4_128_SHA"


def only_tls12(*suites: str, **changes: Any) -> TlsFacts:
    return GOOD.learn(
        **{"versions": ("TLSv1.2",), "versions_refused": (*OLD, "TLSv1.3"), "suites": suites,
           **changes}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (TlsFacts(), "skip: hellos: not checked"),
        (TlsFacts(unknown={Topic.HELLOS: "a"}), "skip: hellos: a"),
        (GOOD, "pass"),
        # With TLS 1.3 what TLS 1.2 accepts does not matter.
        (GOOD.learn(suites=(RC4,), versions=("TLSv1.3",)), "pass"),
        (GOOD.learn(versions=("TLSv1.2",), suites=(RC4,)), "skip: hellos: not checked"),
        (only_tls12(GCM), "pass"),
        (only_tls12(RC4, GCM), "pass"),
        (only_tls12(RSA_GCM), f"{CUT}Go 1.23, Python 3.11{SUITES}"),
        (only_tls12(DHE), f"{CUT}Chrome, Firefox, Go 1.23{SUITES}"),
        (only_tls12(RSA_GCM, DHE), f"{CUT}Go 1.23{SUITES}"),
        (only_tls12(CBC), f"{CUT}Chrome, Python 3.11{SUITES}"),
        (only_tls12(RC4),
         (f"{CUT}Chrome, Firefox, Go 1.23, OpenSSL 3.0, GnuTLS 3.7, Java 17, Python 3.11, "
          f"Node.js 20{SUITES}")),
        (only_tls12(suites=None), "skip: all cipher suites: not checked"),
        (only_tls12(), "skip: all cipher suites: not checked"),
        (only_tls12(suites=None, unknown={Topic.ALL_SUITES: "limit"}),
         "skip: all cipher suites: limit"),
        (GOOD.learn(versions=("TLSv1.1",), versions_refused=("TLSv1.2", "TLSv1.3")),
         (f"{CUT}Chrome, Firefox, Go 1.23, Java 17, Python 3.11, Node.js 20; the server refuses "
          "TLS 1.2 and 1.3")),
    ],
)  # fmt: skip
def test_verdicts(facts: TlsFacts, line: str) -> None:
    assert told(clients_cut, facts) == line


@pytest.mark.parametrize(
    ("suites", "line"),
    [
        ((GCM,), "skip: the certificate's key decides which clients have a cipher suite in common"),
        ((GCM, GCM.replace("RSA", "ECDSA")), "pass"),
        ((RSA_GCM,), f"{CUT}Go 1.23, Python 3.11{SUITES}"),
    ],
)
def test_a_file_without_the_key_of_the_certificate(suites: tuple[str, ...], line: str) -> None:
    assert told(clients_cut, only_tls12(*suites, configured=True)) == line


def test_the_table() -> None:
    """Every suite is one that servers are asked for, or the verdict would be a guess."""
    assert len({client.name for client in clients()}) == len(clients())
    for client in clients():
        assert client.suites and {f"TLS_{suite}" for suite in client.suites} <= {*n.SUITES.values()}


GROUP = TlsFit(
    client="OpenSSL 1.0.2", lacking="group", client_list=("secp256r1",), server_list=("x448",)
)
VERSION = TlsFit(
    client="OpenSSL 3.0", lacking="version", client_list=("TLSv1.3", "TLSv1.2"),
    client_sets={"MinProtocol": "TLSv1", "CipherString": "DEFAULT@SECLEVEL=0"},
)  # fmt: skip
FITS = TlsFit(client="it", choice=TlsChoice(version="TLSv1.3", suite="a"))
UNCLEAR = TlsFit(client="it", detail="no answer to this ClientHello")
GIVEN = "high: unreachable for --as: "
OFFERS = "in common with the server: it offers"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (GOOD.learn(as_clients=(FITS, UNCLEAR)), "pass"),
        (TlsFacts(as_clients=(FITS,)), "skip: hellos: not checked"),
        (GOOD.learn(as_clients=(FITS, GROUP)),
         (f"{GIVEN}OpenSSL 1.0.2; OpenSSL 1.0.2 has no group {OFFERS} secp256r1, the server "
          "accepts x448")),
        # The lists of the first; a list of the server that is not known is left out.
        (TlsFacts(as_clients=(VERSION, GROUP)),
         (f"{GIVEN}OpenSSL 3.0, OpenSSL 1.0.2; OpenSSL 3.0 has no TLS version {OFFERS} TLSv1.3, "
          "TLSv1.2")),
        (only_tls12(RSA_GCM, DHE, as_clients=(GROUP,)),
         (f"high: unreachable with default settings, or for --as: Go 1.23, OpenSSL 1.0.2{SUITES}; "
          f"OpenSSL 1.0.2 has no group {OFFERS} secp256r1, the server accepts x448")),
        (GOOD.learn(as_clients=(structs.replace(GROUP, lacking="suite"),)),
         (f"{GIVEN}OpenSSL 1.0.2; OpenSSL 1.0.2 has no cipher suite {OFFERS} secp256r1, the server "
          "accepts x448")),
    ],
)  # fmt: skip
def test_clients_that_were_asked_for(facts: TlsFacts, line: str) -> None:
    assert told(clients_cut, facts) == line


ANY = "Offer TLS 1.3, and in TLS 1.2 ECDHE with AES-GCM and ChaCha20-Poly1305."
SIGNATURE = structs.replace(GROUP, lacking="signature")
RSA = "# add a certificate with an RSA key of 2048 bits or more"


@pytest.mark.parametrize(
    ("fits", "nginx", "text"),
    [
        ((GROUP,), "ssl_ecdh_curve X25519:prime256v1;",
         "Accept the groups X25519 and P-256 (secp256r1)."),
        ((SIGNATURE,), RSA, "Serve a certificate with an RSA key of 2048 bits or more, too."),
        ((GROUP, SIGNATURE), None, ANY),
        ((VERSION, GROUP), None,
         (f"{ANY}\nOr, in the openssl.cnf of OpenSSL 3.0: MinProtocol = TLSv1; CipherString = "
          "DEFAULT@SECLEVEL=0")),
    ],
)  # fmt: skip
def test_the_lines_of_both_sides(fits: tuple[TlsFit, ...], nginx: str | None, text: str) -> None:
    facts = GOOD.learn(as_clients=fits)
    general = clients_cut.words.fix["nginx"].format()
    assert fixed(clients_cut, facts, "nginx") == (nginx or general)
    assert fixed(clients_cut, facts, "any") == text


def test_the_fix_is_the_general_one_where_current_clients_are_cut() -> None:
    facts = only_tls12(RSA_GCM, as_clients=(GROUP,))
    assert fixed(clients_cut, facts, "nginx") == clients_cut.words.fix["nginx"].format()
    assert fixed(clients_cut, facts, "any") == ANY

"""Clients that cannot connect: the whole verdict, and the table."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.tlsfacts import TlsFacts, Topic
from seventh.protocols.tls.rules.clients import clients, clients_cut
from seventh.protocols.tls.rules.examples import GOOD
from seventh.wire import tlsnames as n
from tests.verdicts import told

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


def test_the_table() -> None:
    """Every suite is one that servers are asked for, or the verdict would be a guess."""
    assert len({client.name for client in clients()}) == len(clients())
    for client in clients():
        assert client.suites and {f"TLS_{suite}" for suite in client.suites} <= {*n.SUITES.values()}

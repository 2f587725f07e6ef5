"""XMPP before TLS: how deep, how long, and each answer in full."""

from __future__ import annotations

import pytest

from seventh.model.failure import Reason
from seventh.protocols.tls.wire.dialogue import Go
from tests.protocols.tls.wire.test_starttls import FEATURES, STREAM, Heard, failure

LOG = "; its log has the cause"
NONE = (
    "XMPP without TLS: the stream's features do not list starttls. To enable it in Prosody: "
    "modules_enabled with tls, and a certificate for the domain"
)


def test_the_stream_is_opened_as_rfc_6120_has_it() -> None:
    for port, kind in ((5222, "client"), (5269, "server"), (5270, "client")):
        assert (
            Heard("xmpp", port=port).sent
            == (
                f"<?xml version='1.0'?><stream:stream to='host.example' xmlns='jabber:{kind}' "
                "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
            ).encode()
        )


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (STREAM + b"<stream:features><sm/></stream:features>", Reason.STARTTLS_NOT_OFFERED, NONE),
        (STREAM + b"<starttls/><stream:features/>", Reason.STARTTLS_NOT_OFFERED, NONE),
        (STREAM + b"<x><starttls/></x><features><starttlsx/></features>",
         Reason.STARTTLS_NOT_OFFERED, NONE),
        (STREAM + FEATURES + b"<failure xmlns='x'/>", Reason.STARTTLS_REFUSED,
         f"the server refused starttls: 'failure'{LOG}"),
        *((STREAM + b"<stream:error><%s/>" % condition.encode(), Reason.STARTTLS_REFUSED,
           (f"the server refused the stream to host.example: '{condition}'{LOG}; --server-name "
           "sets the domain"))
          for condition in ("host-unknown", "improper-addressing", "host-gone")),
        *((before + b"<stream:error><conflict>", Reason.STARTTLS_REFUSED,
           f"the server refused the stream to host.example: 'conflict'{LOG}")
          for before in (STREAM, STREAM + FEATURES)),
        (STREAM + b"</stream:stream>", Reason.STARTTLS_REFUSED,
         f"the server refused to go on: 'end of the stream'{LOG}"),
        (STREAM + b"<!-- x -->", Reason.PROTOCOL_VIOLATION,
         "XMPP permits no comment and no declaration in its XML"),
        (STREAM + b"<a></b>", Reason.PROTOCOL_VIOLATION, "the XML ends b, which is not open"),
        (STREAM + b"<a>" * 16, Reason.PROTOCOL_VIOLATION, "the XML is nested deeper than 16"),
        (STREAM + b"<a/>" * 3 + b"<b x='" + b"y" * 4090 + b">'" + b"/>",
         Reason.PROTOCOL_VIOLATION, "an XML tag is longer than 4096 bytes"),
        (STREAM + b"<a " + b"x" * 4096, Reason.PROTOCOL_VIOLATION,
         "more than 4096 bytes without the end of a line"),
        (b"</stream:stream>", Reason.PROTOCOL_VIOLATION, "the XML ends stream, which is not open"),
        (b"<a>", Reason.PROTOCOL_MISMATCH, "the first bytes are not XMPP: '<a>'"),
        (b"  x", Reason.PROTOCOL_MISMATCH, "the first bytes are not XMPP: '  x'"),
    ],
)  # fmt: skip
def test_each_answer_without_a_go_ahead(data: bytes, reason: Reason, detail: str) -> None:
    failed = failure("xmpp", data)
    assert (failed.reason, failed.detail) == (reason, detail)


@pytest.mark.parametrize(
    "data",
    [
        # a declaration and blanks before it, any prefix or none, text and elements between
        b" \r\n<?xml version='1.0'?>\n<stream xmlns='x'>",
        STREAM + b'text<a x="\'>"/><b><c/></b>' + b"<d>" * 15 + b"</d>" * 15,
        STREAM + b"<a x='" + b"y" * 4087 + b"'/>",
    ],
)
def test_what_may_come_before_the_features(data: bytes) -> None:
    assert Heard("xmpp", data + FEATURES + b"<proceed>x</proceed>").events[-1] == Go()


def test_only_the_whole_of_proceed_is_a_go_ahead() -> None:
    before = STREAM + b"<features><starttls></starttls><x/></features>"
    assert Heard("xmpp", before + b"<a><proceed/></a><proceed>").events[-1] != Go()
    assert Heard("xmpp", before + b"<x:proceed></x:proceed>").events[-1] == Go()
    assert Heard("xmpp", STREAM + b"<features><starttls/>").sent.count(b"starttls") == 0

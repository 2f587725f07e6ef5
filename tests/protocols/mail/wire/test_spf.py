"""SPF records: every error with its place, what was meant, and writing what was read."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.protocols.mail.facts.spf import SpfError
from seventh.protocols.mail.wire import spf
from seventh.protocols.mail.wire.spf import Mechanism, Modifier, Record
from seventh.protocols.mail.wire.spf_macros import Macro


def terms(text: str) -> tuple[spf.Term, ...]:
    record = spf.read(text.encode())
    assert record.errors == ()
    return record.terms


def test_every_term_of_a_record() -> None:
    record = spf.read(
        b"V=Spf1 A mx:mx.example/24//64 -ip4:192.0.2.1/24 ?ip6:2001:DB8::1  "
        b"~exists:%{ir}.x.example +ptr Include:_spf.example a//0 redirect=r.example "
        b"exp=e.%{d} unknown=%{c} -ALL"
    )
    assert record == Record(
        (
            Mechanism(name="a"),
            Mechanism(name="mx", domain=("mx.example",), prefix4=24, prefix6=64),
            Mechanism(name="ip4", qualifier="-", network=ipaddress.ip_network("192.0.2.0/24")),
            Mechanism(name="ip6", qualifier="?", network=ipaddress.ip_network("2001:db8::1/128")),
            Mechanism(name="exists", qualifier="~",
                      domain=(Macro("i", reverse=True), ".x.example")),
            Mechanism(name="ptr"),
            Mechanism(name="include", domain=("_spf.example",)),
            Mechanism(name="a", prefix6=0),
            Modifier("redirect", ("r.example",)),
            Modifier("exp", ("e.", Macro("d"))),
            Modifier("unknown", (Macro("c"),)),
            Mechanism(name="all", qualifier="-"),
        )
    )  # fmt: skip
    assert not record.wrong
    assert record.redirect is None, "all makes it useless"
    assert spf.write(record.terms) == (
        "v=spf1 a mx:mx.example/24//64 -ip4:192.0.2.0/24 ?ip6:2001:db8::1 ~exists:%{ir}.x.example "
        "ptr include:_spf.example a//0 redirect=r.example exp=e.%{d} unknown=%{c} -all"
    )


def test_a_redirect_without_all() -> None:
    record = spf.read(b"v=spf1 redirect=_spf.example")
    assert record.redirect == Modifier("redirect", ("_spf.example",))
    assert record.modifier("exp") is None


ERRORS = [
    ("ipv4:192.0.2.1", "unknown-mechanism", "ip4:192.0.2.1"),
    ("~ip:192.0.2.0/24", "unknown-mechanism", "~ip4:192.0.2.0/24"),
    ("ip:2001:db8::/32", "unknown-mechanism", "ip6:2001:db8::/32"),
    ("a:192.0.2.1", "bad-domain", "ip4:192.0.2.1"),
    ("ip6:192.0.2.1", "bad-address", "ip4:192.0.2.1"),
    ("ip4:2001:db8::1", "bad-address", "ip6:2001:db8::1"),
    ("mx:2001:db8::1", "bad-domain", "ip6:2001:db8::1"),
    ("ip4:mail.example", "bad-address", "a:mail.example"),
    ("includes:x.example", "unknown-mechanism", "include:x.example"),
    ("redirect:x.example", "unknown-mechanism", "redirect=x.example"),
    ("-redirect=x.example", "unknown-mechanism", "redirect=x.example"),
    ("-all;", "argument", "-all"), ("all.", "argument", "all"), ("all:", "argument", "all"),
    ("~~all", "unknown-mechanism", "~all"), ("mx:", "no-domain", "mx"), ("a:", "no-domain", "a"),
    ("mx,", "unknown-mechanism", "mx"), ("include:x.example,", "bad-domain", "include:x.example"),
    ("\u2013all", "bad-character", "-all"), ("\u2212all", "bad-character", "-all"),
    ("include=x.example", "modifier", "include:x.example"),
    ("ip4=192.0.2.1", "modifier", "ip4:192.0.2.1"), ("all=x", "modifier", ""),
    ("include:", "no-domain", ""), ("include", "no-domain", ""), ("exists", "no-domain", ""),
    ("redirect=", "no-domain", ""), ("redirect=x", "bad-domain", ""),
    ("include:x", "bad-domain", ""), ("ptr/24", "argument", ""), ("ptr:x", "bad-domain", ""),
    ("include:%{x}.example", "bad-macro", ""), ("exp=%{c}.example", "bad-macro", ""),
    ("x=%", "bad-macro", ""), ("ip4:192.0.2.1/33", "bad-prefix", ""),
    ("ip4:192.0.2.1/", "bad-prefix", ""), ("ip4:192.0.2.1/08", "bad-prefix", ""),
    ("ip6:2001:db8::/129", "bad-prefix", ""), ("a/33", "bad-prefix", ""),
    ("a/00", "bad-prefix", ""), ("a//129", "bad-prefix", ""), ("a/x", "bad-prefix", ""),
    ("a/24/64", "bad-prefix", ""), ("mx///64", "bad-prefix", ""),
    ("ip4:192.0.2", "bad-address", ""), ("ip4:192.0.2.01", "bad-address", ""),
    ("ip4:", "bad-address", ""), ("ip4", "bad-address", ""), ("ip6:fe80::1%eth0", "bad-address",
     ""),
    ("foo", "unknown-mechanism", ""), ("-", "unknown-mechanism", ""), ("v=spf1:", None, ""),
    ("all/24", "argument", ""), ("a\x7f", "bad-character", ""), ("mx\t-all", "bad-character", ""),
    ("\xff", "bad-character", ""), ("1a", "unknown-mechanism", ""), ("a.", "unknown-mechanism",
     "a"),
]  # fmt: skip


@pytest.mark.parametrize(("term", "code", "instead"), ERRORS)
def test_errors(term: str, code: str | None, instead: str) -> None:
    record = spf.read(f"v=spf1  mx {term} -all".encode())
    found = [(e.code, e.position, e.instead) for e in record.errors]
    assert found == ([(code, 12, instead)] if code else [])
    assert record.wrong is (code not in {None, "modifier"})
    if instead:
        assert spf.write(terms(f"v=spf1 {instead}")) == f"v=spf1 {instead}", (
            "what is advised is right"
        )


def test_all_errors_are_found_and_the_second_modifier_is_one() -> None:
    record = spf.read(
        b"v=spf1 foo redirect=a.example exp=e.example redirect=b.example exp=f.example"
    )
    assert record.errors == (
        SpfError(code="unknown-mechanism", position=8, term="foo"),
        SpfError(code="repeated", position=45, term="redirect=b.example"),
        SpfError(code="repeated", position=64, term="exp=f.example"),
    )
    assert terms("v=spf1 x=1 x=2") == (Modifier("x", ("1",)), Modifier("x", ("2",)))


def test_a_wrong_term_is_shown_with_its_bytes_and_short() -> None:
    assert [e.term for e in spf.read(b"v=spf1 \xff\x1b" + b"x" * 200).errors] == [
        "\\xff\\x1b" + "x" * 95 + "…"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"v=spf1", "record"), (b"v=spf1 ", "record"), (b"V=SPF1 -all", "record"),
        (b"v=spf1 \xff", "record"), (b"v=spf10 -all", "similar"), (b"v=spf1;-all", "similar"),
        (b" v=spf1 -all", "similar"), (b'"v=spf1 -all"', "similar"), (b"spf1 -all", "similar"),
        (b"v=spf 1 -all", "similar"), (b"v = spf1 -all", "similar"), (b"v=spf2.0 mx", "similar"),
        (b"spf2.0/pra -all", "similar"), (b"v=spf1\t-all", "similar"), (b"v=DMARC1", "other"),
        (b"", "other"), (b"my v=spf1", "other"), (b"v=spfx", "other"),
    ],
)  # fmt: skip
def test_which_texts_are_records(text: bytes, kind: str) -> None:
    assert spf.records_of([text]) == ((text,) if kind == "record" else ())
    assert spf.similar_to([text]) == ((text,) if kind == "similar" else ())


_LABEL = st.sampled_from(["a", "x1", "example", "all", "1a"])
_DOMAIN = st.lists(_LABEL, min_size=2, max_size=3).map(lambda labels: (".".join(labels),))
_QUALIFIER = st.sampled_from("+-~?")
_NETWORK = st.builds(
    lambda bits, length, v4: ipaddress.ip_network(
        ((bits >> 96, length // 4) if v4 else (bits, length)), strict=False
    ),
    st.integers(0, 2**128 - 1), st.integers(0, 128), st.booleans(),
)  # fmt: skip
_TERMS = st.one_of(
    st.builds(Mechanism, name=st.just("all"), qualifier=_QUALIFIER),
    st.builds(Mechanism, name=st.sampled_from(["include", "exists"]), qualifier=_QUALIFIER,
              domain=_DOMAIN),
    st.builds(Mechanism, name=st.sampled_from(["a", "mx"]), qualifier=_QUALIFIER,
              domain=st.just(()) | _DOMAIN, prefix4=st.integers(0, 32),
              prefix6=st.integers(0, 128)),
    st.builds(Mechanism, name=st.just("ptr"), domain=st.just(()) | _DOMAIN),
    st.builds(lambda network, q: Mechanism(name=f"ip{network.version}", qualifier=q,
                                           network=network), _NETWORK, _QUALIFIER),
    st.builds(Modifier, st.sampled_from(["x", "op", "rr.a-b_c"]), _DOMAIN),
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(_TERMS, max_size=6))
def test_what_is_written_is_read_again(written: list[spf.Term]) -> None:
    assert spf.read(spf.write(written).encode()) == Record(tuple(written))


@given(st.binary(max_size=60) | st.text("ip46:/.=%{d} axmll-", max_size=60).map(str.encode))
def test_any_bytes_are_read(data: bytes) -> None:
    text = b"v=spf1 " + data
    record = spf.read(text)
    assert len(record.terms) + len(record.errors) == len([t for t in data.split(b" ") if t])
    for error in record.errors:
        assert text[error.position - 2 : error.position - 1] == b" "
        assert text[error.position - 1 : error.position] != b" "
        assert not error.instead or not spf.read(f"v=spf1 {error.instead}".encode()).errors


@pytest.mark.parametrize(
    "text",
    [",", ".", "%", "a:.", "a:.x", "/", "a/1", "%{d", "v=spf1 ", " ", "-", "ip4:1", "a=", "'"],
)
def test_a_record_of_64_kilobytes_takes_no_time(text: str) -> None:
    """Each of these once made, or might make, an expression try every split of a text."""
    data = (text * 65_535)[:65_535].encode()
    spf.read(b"v=spf1 " + data)
    spf.read(b"v=spf1 a:." + data + b"!")
    spf.similar_to([data])

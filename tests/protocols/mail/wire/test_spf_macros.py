"""Macros of SPF: the examples of RFC 7208 §7.4, every transformer, and what is no macro."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.mail.wire.spf_macros import (
    IN_DOMAINS,
    IN_EXPLANATIONS,
    Macro,
    MacroError,
    address_values,
    as_name,
    expand,
    is_domain,
    letters,
    parse,
)

VALUES = {
    "s": "strong-bad@email.example.com", "l": "strong-bad", "o": "email.example.com",
    "d": "email.example.com", "p": "mx.example.org", "h": "mail.example.com",
    **address_values(ipaddress.ip_address("192.0.2.3")),
}  # fmt: skip
IPV6 = VALUES | address_values(ipaddress.ip_address("2001:db8::cb01"))


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("%{s}", "strong-bad@email.example.com"), ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"), ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"), ("%{d2}", "example.com"), ("%{d1}", "com"),
        ("%{dr}", "com.example.email"), ("%{d2r}", "example.email"), ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"), ("%{lr}", "strong-bad"), ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        # Beyond the RFC's table.
        ("%{D2R}", "example.email"), ("%{p}.%{h}.%{i}",
         "mx.example.org.mail.example.com.192.0.2.3"),
        ("%{S}", "strong-bad%40email.example.com"), ("%{s@.}", None), ("%{l-.}x", "strong.badx"),
        ("%{o.-}", "email.example.com"), ("%{h1r.}", "mail"), ("%%a%_b%-c", "%a b%20c"),
        ("", ""), ("plain.example", "plain.example"),
    ],
)  # fmt: skip
def test_expansion(text: str, expanded: str | None) -> None:
    if expanded is None:
        with pytest.raises(MacroError):
            parse(text)
    else:
        assert expand(parse(text), VALUES) == expanded


def test_ipv6_is_its_nibbles() -> None:
    nibbles = "1.0.b.c." + "0." * 20 + "8.b.d.0.1.0.0.2"
    assert expand(parse("%{ir}.%{v}._spf.%{d2}"), IPV6) == f"{nibbles}.ip6._spf.example.com"
    assert expand(parse("%{c}", IN_EXPLANATIONS), IPV6) == "2001:db8::cb01"


def test_a_letter_without_a_value_leaves_the_text_unknown() -> None:
    assert expand(parse("x.%{d}.%{i}"), {"d": "example.org"}) is None


@pytest.mark.parametrize(
    "text",
    ["%", "%a", "%{", "%{}", "%{d", "%d}", "%{x}", "%{d0}", "%{d00}", "%{2d}", "%{dr2}", "%{drr}",
     "%{d!}", "%{d2 }", "a%", "%{c}", "%{r}", "%{t}", "%{C}", "%{d1234567890}"],
)  # fmt: skip
def test_not_a_macro(text: str) -> None:
    with pytest.raises(MacroError):
        parse(text, IN_DOMAINS)


def test_explanations_have_three_letters_more() -> None:
    assert parse("%{c} %{R}%{t1}", IN_EXPLANATIONS) == (
        Macro("c"), " ", Macro("R"), Macro("t", 1),
    )  # fmt: skip
    assert letters(parse("a%{D2}%{ir}%%")) == {"d", "i"}


@pytest.mark.parametrize(
    ("text", "good"),
    [("example.org", True), ("example.org.", True), ("example", False), ("", False),
     ("example.org..", False), ("a.1", False), ("a.1-2", True), ("a.1-", False), ("a.-1", False),
     ("a.x_y", False), ("192.0.2.1", False), ("a.1x1", True), ("%{d}", True), ("x.%{d}", True),
     ("%{d}com", False), ("%{d}.com", True), ("a.%%", True), ("a.%_", True),
     (f"a.{'x' * 63}", True), (f"a.{'x' * 64}", False)],
)  # fmt: skip
def test_how_a_domain_ends(text: str, good: bool) -> None:
    assert is_domain(parse(text)) is good


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.ORG.", "example.org"), ("a..b", None), ("", None), (".", None), (".a", None),
        ("a" * 63, "a" * 63), ("a" * 64, None), ("b." + "a" * 64, None), ("ä.example", None),
        ("x" * 254, None),
        # At 253 characters a name is whole; one more costs its first label.
        ("bc." + "a." * 124 + "de", "bc." + "a." * 124 + "de"),
        ("bcd." + "a." * 124 + "de", "a." * 124 + "de"),
        ("x." * 1000 + "example", "x." * 123 + "example"),
    ],
)  # fmt: skip
def test_the_name_that_is_asked_for(text: str, name: str | None) -> None:
    assert as_name(text) == name


@given(
    st.builds(
        Macro, st.sampled_from("slodiphvSLODIPHV"), st.none() | st.integers(1, 128), st.booleans(),
        st.text(".-+,/_=", max_size=3),
    )
)  # fmt: skip
def test_a_macro_is_read_as_it_was_written(macro: Macro) -> None:
    assert parse(str(macro)) == (macro,)
    assert expand((macro,), VALUES) is not None


@given(st.text("%{}sdir12-._ ax", max_size=20))
def test_text_is_a_macro_string_or_an_error(text: str) -> None:
    try:
        parts = parse(text)
    except MacroError:
        return
    assert "".join(map(str, parts)) == text

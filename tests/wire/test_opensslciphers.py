"""OpenSSL's cipher lists, by hand and against OpenSSL."""

from __future__ import annotations

import functools
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.wire import opensslciphers
from seventh.wire.opensslciphers import allowed, suites
from seventh.wire.tlsnames import SUITES, grade

UNBUILT = {"RC4", "RC2", "DES", "3DES", "IDEA", "SEED", "EXP", "LOW", "MEDIUM"}


def short(text: str) -> set[str]:
    """OpenSSL's names of what a list lets in."""
    names = {suite.iana: suite.openssl for suite in suites()}
    found = allowed(text)
    assert found is not None
    return {names[name] for name in found}


def test_names() -> None:
    names = {suite.openssl for suite in suites()}
    assert {
        "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "AES128-SHA",
        "DES-CBC3-SHA", "RC4-MD5", "EXP-RC4-MD5", "ADH-AES256-SHA", "AECDH-NULL-SHA",
        "DHE-RSA-AES256-CCM", "NULL-SHA256", "CAMELLIA128-SHA",
    } <= names  # fmt: skip
    assert len(names) == len(suites())
    assert {suite.iana for suite in suites()} < set(SUITES.values())


def test_lists() -> None:
    assert short("AES128-SHA") == {"AES128-SHA"}
    assert short("TLS_RSA_WITH_AES_128_CBC_SHA") == {"AES128-SHA"}
    assert short("AES128-SHA:AES256-SHA:!AES256-SHA") == {"AES128-SHA"}
    assert short("AES128-SHA:-AES128-SHA") == set()
    assert short("AES128-SHA:-AES128-SHA:AES128-SHA") == {"AES128-SHA"}
    assert short("!AES128-SHA:AES128-SHA") == set()
    assert short("AES128-SHA:+AES128-SHA") == {"AES128-SHA"}
    assert short("kRSA+AESGCM") == {"AES128-GCM-SHA256", "AES256-GCM-SHA384"}
    assert short("no-such-thing") == set()
    assert short("@STRENGTH") == set()


def test_what_is_no_list() -> None:
    assert allowed("") is None
    assert allowed(" :,") is None
    assert allowed("$ciphers") is None


def test_rare_suites_must_be_named() -> None:
    assert not {s for s in short("ALL:MEDIUM:kRSA:SHA:MD5") if "RC4" in s or "DES" in s}
    assert "RC4-SHA" in short("HIGH:RC4")
    assert "DES-CBC3-SHA" in short("3DES")
    assert "ADH-AES128-SHA" in short("ALL:@SECLEVEL=0")
    assert "ADH-AES128-SHA" not in short("ALL")
    assert "ADH-AES128-SHA" in short("aNULL")
    assert "NULL-SHA" not in short("ALL:@SECLEVEL=0")
    assert "NULL-SHA" in short("ALL:COMPLEMENTOFALL")


def test_the_usual_advice_is_all_good() -> None:
    found = allowed("ECDHE+AESGCM:ECDHE+CHACHA20")
    assert found
    assert {grade(name) for name in found} == {"good"}
    usual = allowed("HIGH:!aNULL:!MD5") or ()
    assert {grade(name) for name in usual} == {"good", "obsolete"}


@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    found = allowed(text)
    assert found is None or set(found) <= set(SUITES.values())


def test_of_a_long_list_the_first_words_count() -> None:
    within = "AES128-SHA:" * (opensslciphers.MAX_WORDS - 1)
    assert short(f"{within}AES256-SHA") == {"AES128-SHA", "AES256-SHA"}
    assert short(f"{within}AES128-SHA:AES256-SHA") == {"AES128-SHA"}


def test_a_repeated_part_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    is_in = opensslciphers._is_in
    monkeypatch.setattr(
        opensslciphers, "_is_in", lambda suite, part: looked.append(part) or is_in(suite, part)
    )
    assert short("AES+" * 100_000 + "AES") == short("AES")
    assert len(looked) <= 2 * len(suites())


# -- against OpenSSL -------------------------------------------------------------------------------

# Words for what a library was built without mean strange things to it, so they are left out.
WORDS = st.sampled_from(
    sorted(
        {group for suite in suites() for group in suite.groups} - UNBUILT - {"STRENGTH-NONE"}
        | {word for word, same in opensslciphers._SAME.items() if same not in UNBUILT}
        | {"ALL", "DEFAULT", "COMPLEMENTOFDEFAULT"}
        | {"AES128-SHA", "ECDHE-RSA-AES128-GCM-SHA256"}
    )
)
TERMS = st.tuples(
    st.sampled_from(["", "", "", "!", "-", "+"]), st.lists(WORDS, min_size=1, max_size=2)
)
LISTS = st.lists(TERMS.map(lambda term: term[0] + "+".join(term[1])), min_size=1, max_size=6)


@functools.cache
def openssl(text: str) -> frozenset[str]:
    """What the library that Python uses makes of a list; nothing where it refuses all of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.set_ciphers(text)
    except ssl.SSLError:
        return frozenset()
    return frozenset(cipher["name"] for cipher in context.get_ciphers())


@given(LISTS)
def test_the_same_suites_as_openssl(words: list[str]) -> None:
    """Of what this OpenSSL was built with, a list lets the same suites in."""
    built = openssl("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    text = ":".join([*words, "@SECLEVEL=0"])
    known = {suite.openssl for suite in suites() if not suite.groups & UNBUILT}
    ours = short(text) & known & built
    assert ours == openssl(text) & known, text

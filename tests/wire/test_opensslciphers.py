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


@pytest.mark.parametrize(
    ("iana", "name", "groups"),
    [
        # ciphers(1): key exchange, authentication, encryption, digest, version and strength
        ("RSA_WITH_NULL_MD5", "NULL-MD5", "kRSA aRSA eNULL MD5 SSLv3 STRENGTH-NONE"),
        ("RSA_WITH_NULL_SHA256", "NULL-SHA256", "kRSA aRSA eNULL SHA256 TLSv1.2 STRENGTH-NONE"),
        ("RSA_EXPORT_WITH_RC4_40_MD5", "EXP-RC4-MD5", "kRSA aRSA RC4 MD5 SSLv3 EXP"),
        ("RSA_WITH_RC4_128_SHA", "RC4-SHA", "kRSA aRSA RC4 SHA SSLv3 MEDIUM"),
        ("RSA_EXPORT_WITH_RC2_CBC_40_MD5", "EXP-RC2-CBC-MD5", "kRSA aRSA RC2 MD5 SSLv3 EXP"),
        ("RSA_WITH_IDEA_CBC_SHA", "IDEA-CBC-SHA", "kRSA aRSA IDEA SHA SSLv3 MEDIUM"),
        ("RSA_EXPORT_WITH_DES40_CBC_SHA", "EXP-DES-CBC-SHA", "kRSA aRSA DES SHA SSLv3 EXP"),
        ("RSA_WITH_DES_CBC_SHA", "DES-CBC-SHA", "kRSA aRSA DES SHA SSLv3 LOW"),
        ("RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA", "kRSA aRSA 3DES SHA SSLv3 MEDIUM"),
        ("RSA_WITH_SEED_CBC_SHA", "SEED-SHA", "kRSA aRSA SEED SHA SSLv3 MEDIUM"),
        ("RSA_WITH_CAMELLIA_256_CBC_SHA", "CAMELLIA256-SHA",
         "kRSA aRSA CAMELLIA CAMELLIA256 SHA SSLv3 HIGH"),
        ("RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256",
         "kRSA aRSA AES AES128 SHA256 TLSv1.2 HIGH"),
        ("DH_anon_WITH_RC4_128_MD5", "ADH-RC4-MD5", "kDHE aNULL ADH RC4 MD5 SSLv3 MEDIUM"),
        ("DHE_DSS_WITH_AES_256_CBC_SHA", "DHE-DSS-AES256-SHA",
         "kDHE DHE aDSS AES AES256 SHA SSLv3 HIGH"),
        ("DHE_RSA_WITH_AES_256_CCM", "DHE-RSA-AES256-CCM",
         "kDHE DHE aRSA AES AES256 AESCCM TLSv1.2 HIGH"),
        ("ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", "ECDHE-ECDSA-AES256-SHA384",
         "kECDHE ECDHE aECDSA AES AES256 SHA384 TLSv1.2 HIGH"),
        ("ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA",
         "kECDHE ECDHE aRSA AES AES128 SHA TLSv1 HIGH"),
        ("ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
         "kECDHE ECDHE aRSA AES AES128 AESGCM TLSv1.2 HIGH"),
        ("ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305",
         "kECDHE ECDHE aRSA CHACHA20 TLSv1.2 HIGH"),
        ("ECDH_anon_WITH_NULL_SHA", "AECDH-NULL-SHA",
         "kECDHE aNULL AECDH eNULL SHA TLSv1 STRENGTH-NONE"),
        ("ECDH_anon_WITH_RC4_128_SHA", "AECDH-RC4-SHA",
         "kECDHE aNULL AECDH RC4 SHA TLSv1 MEDIUM"),
    ],
)  # fmt: skip
def test_the_name_and_groups_of_a_suite(iana: str, name: str, groups: str) -> None:
    (found,) = [suite for suite in suites() if suite.iana == f"TLS_{iana}"]
    assert (found.openssl, found.groups) == (name, frozenset(groups.split()))


def test_static_ecdh_and_tls_1_3_are_not_in_a_list() -> None:
    names = {suite.iana for suite in suites()}
    assert "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256" not in names
    assert "TLS_AES_128_GCM_SHA256" not in names
    assert len(names) == sum("_WITH_" in n and "_ECDH_ECDSA_" not in n and "_ECDH_RSA_" not in n
                             for n in SUITES.values())  # fmt: skip


@pytest.mark.parametrize(
    ("word", "same"),
    [
        ("RSA", "kRSA"), ("kEDH", "kDHE"), ("DH", "kDHE"), ("EDH", "DHE"), ("kEECDH", "kECDHE"),
        ("ECDH", "kECDHE"), ("EECDH", "ECDHE"), ("DSS", "aDSS"), ("ECDSA", "aECDSA"),
        ("NULL", "eNULL"), ("SHA1", "SHA"), ("EXPORT", "EXP"), ("TLSv1.0", "TLSv1"),
        ("COMPLEMENTOFALL", "eNULL"),
    ],
)  # fmt: skip
def test_words_that_mean_the_same(word: str, same: str) -> None:
    assert short(word) == short(same) != set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # a rare group has to be named, also by a sign or by another word of the same element
        ("RC4", {"RC4-MD5", "RC4-SHA", "ECDHE-RSA-RC4-SHA", "ECDHE-ECDSA-RC4-SHA"}),
        ("kRSA+RC4", {"RC4-MD5", "RC4-SHA"}), ("kRSA+MD5", set()), ("MD5+RC4+kRSA", {"RC4-MD5"}),
        ("EXP+RC4", {"EXP-RC4-MD5"}), ("LOW+DES+kRSA", {"DES-CBC-SHA"}),
        ("DES+kRSA", {"DES-CBC-SHA"}), ("MEDIUM", set()),
        ("kRSA+SHA+SSLv3", short("kRSA+AES+SHA+SSLv3")
         | {"CAMELLIA128-SHA", "CAMELLIA256-SHA"}),
        ("DES", {"DES-CBC-SHA", "DHE-RSA-DES-CBC-SHA", "DHE-DSS-DES-CBC-SHA"}),
        ("LOW+kRSA", {"DES-CBC-SHA"}), ("EXP+aNULL+MD5", {"EXP-ADH-RC4-MD5"}),
        ("EXP+kRSA", {"EXP-RC4-MD5", "EXP-RC2-CBC-MD5", "EXP-DES-CBC-SHA"}),
        ("EXP+MD5", {"EXP-RC4-MD5", "EXP-RC2-CBC-MD5"}),
        ("3DES+kRSA", {"DES-CBC3-SHA"}), ("SEED", {"SEED-SHA"}), ("IDEA", {"IDEA-CBC-SHA"}),
        ("RC4-MD5", {"RC4-MD5"}), ("RC4-MD5:!MD5", set()), ("RC4-MD5:-kRSA", set()),
        ("RC4-MD5:+kRSA", {"RC4-MD5"}), ("!RC4:RC4-MD5", set()), ("ADH+RC4", {"ADH-RC4-MD5"}),
        ("AECDH+RC4", {"AECDH-RC4-SHA"}), ("aNULL+RC4+MD5", {"ADH-RC4-MD5"}),
        ("AES128-SHA;AES256-SHA AES128-SHA", {"AES128-SHA", "AES256-SHA"}),
        ("AES128-SHA:@STRENGTH", {"AES128-SHA"}), ("kRSA+AES128-SHA", {"AES128-SHA"}),
        ("eNULL+MD5", {"NULL-MD5"}), ("COMPLEMENTOFDEFAULT+kRSA+CAMELLIA+SHA",
                                      {"CAMELLIA128-SHA", "CAMELLIA256-SHA"}),
        ("COMPLEMENTOFDEFAULT+kRSA+AESGCM", set()), ("ALL+eNULL", set()),
        ("DEFAULT:!ALL", set()), ("DEFAULT:CAMELLIA", short("DEFAULT")),
    ],
)  # fmt: skip
def test_elements(text: str, found: set[str]) -> None:
    assert short(text) == found


def test_the_default_list() -> None:
    default = short("DEFAULT")
    assert "ECDHE-RSA-AES128-GCM-SHA256" in default
    assert "AES128-SHA" in default
    assert not [name for name in default if "DSS" in name or "CAMELLIA" in name or "CCM" in name]
    assert not [name for name in default if "RC4" in name or "NULL" in name or "ADH" in name]
    assert allowed("AES128-SHA:DEFAULT") == ("TLS_RSA_WITH_AES_128_CBC_SHA",)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", None), ("HIGH", None), ("@SECLEVEL=0", 0), ("HIGH:@SECLEVEL=2", 2),
        ("HIGH @SECLEVEL=5,x", 5), ("@SECLEVEL=6", None), ("@SECLEVEL=10", None),
        ("x@SECLEVEL=1", None), ("@SECLEVEL=1;@SECLEVEL=3", 3), ("@SECLEVEL=1x", None),
    ],
)  # fmt: skip
def test_the_security_level(text: str, number: int | None) -> None:
    assert opensslciphers.level(text) == number

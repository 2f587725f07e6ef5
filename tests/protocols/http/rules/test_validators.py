"""Validators and conditional requests: each rule's whole verdict."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import Caching, Coding, ContentFacts, Validation, Variant
from seventh.protocols.http.rules import validators
from tests.verdicts import said

UNSEEN = "skip: the content was not checked"
UNASKED = "skip: no conditional request was answered"
KEPT: dict[str, Any] = {
    "status": 200, "directives": ("max-age=60",), "storable_shared": True,
    "storable_private": True, "freshness": "explicit",
}  # fmt: skip
MODIFIED = "Sun, 22 Nov 2026 10:00:00 GMT"
DAY = 86400


def judged(rule: Any, validation: dict[str, Any] | None, **parts: Any) -> str:
    found = None if validation is None else Validation(**validation)
    return said(rule, HttpFacts(content=ContentFacts(validation=found, **parts)))


NONE = "neither ETag nor Last-Modified; Cache-Control:"
IMMUTABLE = ("max-age=86400", "immutable")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, f"medium: {NONE} max-age=60"),
        ({"directives": ()}, f"medium: {NONE} absent"),
        ({"freshness": "heuristic"}, f"low: {NONE} max-age=60"),
        ({"storable_shared": False}, f"medium: {NONE} max-age=60"),
        ({"storable_private": False}, f"medium: {NONE} max-age=60"),
        ({"storable_private": False, "storable_shared": False}, "pass"),
        ({"directives": IMMUTABLE, "lifetime_private_seconds": DAY}, "pass"),
        ({"directives": IMMUTABLE, "lifetime_private_seconds": DAY - 1},
         f"medium: {NONE} max-age=86400, immutable"),
        ({"directives": IMMUTABLE}, f"medium: {NONE} max-age=86400, immutable"),
        ({"lifetime_private_seconds": DAY}, f"medium: {NONE} max-age=60"),
        ({"status": 203}, "skip: the status is 203, not 200"),
    ],
)  # fmt: skip
def test_no_validator(changes: dict[str, Any], line: str) -> None:
    kept = Caching(**(KEPT | changes))
    assert judged(validators.no_validator, {}, caching=kept) == line


def test_a_validator_of_what_is_not_known() -> None:
    assert said(validators.no_validator, HttpFacts()) == UNSEEN
    assert judged(validators.no_validator, {}) == UNSEEN
    assert judged(validators.no_validator, None, caching=Caching(**KEPT)) == UNASKED


def coded(coding: str = "br", etag: str | None = None, status: int = 200) -> Coding:
    return Coding(variants=(Variant(offered="any", status=status, coding=coding, etag=etag),))


STRIPPED = (
    'the br response has neither ETag nor Last-Modified, although the uncompressed one has "a"; '
    "Cache-Control: max-age=60"
)


@pytest.mark.parametrize(
    ("validation", "coding", "line"),
    [
        ({"etag": '"a"'}, coded(), f"medium: {STRIPPED}"),
        ({"etag": '"a"'}, coded(etag='W/"a"'), "pass"),
        ({"etag": '"a"'}, coded(""), "pass"),
        ({"etag": '"a"'}, coded(status=206), "pass"),
        ({"etag": '"a"'}, None, "pass"),
        ({"etag": '"a"', "last_modified": MODIFIED}, coded(), "pass"),
        ({"last_modified": MODIFIED}, coded(), "pass"),
    ],
)
def test_a_stripped_validator(validation: dict[str, Any], coding: Coding | None, line: str) -> None:
    def at(**changes: Any) -> str:
        kept = Caching(**(KEPT | changes))
        return judged(validators.no_validator, validation, caching=kept, coding=coding)

    assert at() == line
    assert at(freshness="heuristic") == line.replace("medium", "low")
    assert at(directives=IMMUTABLE, lifetime_private_seconds=DAY) == "pass"


SAME: dict[str, Any] = {"etag": '"a"', "etag_status": 200, "etag_same_bytes": True}
CODED: dict[str, Any] = {"coded": "br", "coded_status": 200, "coded_same_bytes": True}
DATED: dict[str, Any] = {"date_status": 200, "date_same_bytes": True}
IGNORED = "medium: 200 with the same content, instead of 304, for"
DRIFTS = "skip: the ETag changes with each response, so none can match"
TAGS = {"192.0.2.1": '"a"', "192.0.2.2": '"a"'}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (None, UNASKED),
        ({}, "skip: the response has no validator"),
        ({"etag": '"a"', "date_status": 200}, "skip: the response has no validator"),
        (SAME, f"{IGNORED} If-None-Match"),
        ({**SAME, "etag_status": 304}, "pass"),
        ({**SAME, "etag_status": 412}, "pass"),
        ({**SAME, "etag_same_bytes": False}, "pass"),
        ({**SAME, "etag_same_bytes": None}, "pass"),
        ({"etag": '"a"', **CODED}, f"{IGNORED} If-None-Match (br)"),
        ({"etag": '"a"', **CODED, "coded_status": 304}, "pass"),
        ({"etag": '"a"', **CODED, "coded_same_bytes": False}, "pass"),
        ({**SAME, **CODED}, f"{IGNORED} If-None-Match, If-None-Match (br)"),
        (DATED, f"{IGNORED} If-Modified-Since"),
        ({**DATED, "date_same_bytes": False}, "pass"),
        ({**DATED, "date_status": 304}, "pass"),
        ({**SAME, "etag_status": 304, **DATED}, "pass"),  # with an ETag, caches send that
        ({**SAME, "etags": {"192.0.2.1": '"a"', "repeated": '"b"'}}, DRIFTS),
        ({**SAME, "etags": {"192.0.2.1": '"a"', "repeated": '"a"'}}, f"{IGNORED} If-None-Match"),
        ({**SAME, "etags": {"192.0.2.1": '"a"', "192.0.2.2": '"b"'}}, f"{IGNORED} If-None-Match"),
        ({**SAME, "etags": {"192.0.2.1": '"a"', "192.0.2.2": '"b"', "repeated": '"b"'}},
         f"{IGNORED} If-None-Match"),
        ({**SAME, "etags": {"repeated": '"b"'}}, f"{IGNORED} If-None-Match"),
    ],
)  # fmt: skip
def test_ignored_validators(changes: dict[str, Any] | None, line: str) -> None:
    assert judged(validators.etag_ignored, changes) == line
    assert said(validators.etag_ignored, HttpFacts()) == UNSEEN


DIFFER = "medium: the same content has the ETags"


@pytest.mark.parametrize(
    ("etags", "line"),
    [
        ({}, "skip: no two responses had an ETag and the same content"),
        ({"192.0.2.1": '"a"'}, "skip: no two responses had an ETag and the same content"),
        (TAGS, "pass"),
        ({"192.0.2.1": '"a"', "192.0.2.2": 'W/"a"'}, "pass"),
        ({"192.0.2.1": '"a"', "192.0.2.2": '"b"'},
         f'{DIFFER} "a" (192.0.2.1), "b" (192.0.2.2)'),
        ({"192.0.2.1": '"a"', "192.0.2.2": '"b"', "192.0.2.3": '"a"'},
         f'{DIFFER} "a" (192.0.2.1, 192.0.2.3), "b" (192.0.2.2)'),
        ({"192.0.2.1": '"a"', "192.0.2.2": '"b"', "repeated": '"a"'},
         f'{DIFFER} "a" (192.0.2.1), "b" (192.0.2.2)'),
        ({"192.0.2.1": '"a"', "repeated": '"b"'}, f'{DIFFER} "a" (192.0.2.1), "b" (repeated)'),
    ],
)  # fmt: skip
def test_unstable_etags(etags: dict[str, str], line: str) -> None:
    assert judged(validators.etag_unstable, {"etags": etags}) == line
    assert judged(validators.etag_unstable, None) == UNASKED


def tagged(*pairs: tuple[str, str | None], status: int = 200) -> Coding:
    return Coding(
        variants=tuple(
            Variant(offered="x", status=status, coding=coding, etag=tag) for coding, tag in pairs
        )
    )


FEW = "skip: fewer than two codings of the content had an ETag"


@pytest.mark.parametrize(
    ("coding", "line"),
    [
        (None, UNSEEN),
        (Coding(), FEW),
        (tagged(("", '"a"'), ("br", None)), FEW),
        (tagged(("br", '"a"'), ("br", '"a"')), FEW),
        (tagged(("", '"a"'), ("br", '"a"'), status=206), FEW),
        (tagged(("", '"a"'), ("br", '"a"')),
         'high: the responses in identity, br have the same strong ETag "a"'),
        (tagged(("", '"b"'), ("br", '"a"'), ("gzip", '"a"'), ("gzip", '"a"')),
         'high: the responses in br, gzip have the same strong ETag "a"'),
        (tagged(("", 'W/"a"'), ("br", 'W/"a"')), "pass"),
        (tagged(("", '"a"'), ("br", '"b"')), "pass"),
        (tagged(("", '"a"'), ("br", '"b"'), ("br", '"b"')), "pass"),
    ],
)  # fmt: skip
def test_one_etag_for_two_codings(coding: Coding | None, line: str) -> None:
    assert judged(validators.etag_encoding, None, coding=coding) == line
    assert said(validators.etag_encoding, HttpFacts()) == UNSEEN


@pytest.mark.parametrize(
    ("dropped", "line"),
    [
        (None, "skip: no 304 was received"),
        ((), "pass"),
        (("etag", "vary"), "low: the 304 lacks etag, vary, which the 200 has"),
    ],
)
def test_fields_of_a_304(dropped: tuple[str, ...] | None, line: str) -> None:
    assert judged(validators.thin_304, {"dropped": dropped}) == line
    assert judged(validators.thin_304, None) == UNASKED

"""Header fields: read as the standards have them, and never an exception."""

from __future__ import annotations

import calendar
import email.utils
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.http.wire import fields
from tests.protocols.http.probe.content.replies import NOW

LATIN = st.text(st.characters(max_codepoint=255), max_size=200)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        ("Sun Nov  6 08:49:37 1994", 784111777),
        ("Monday, 01-Jan-90 00:00:00 GMT", 631152000),
        ("Sunday, 22-Nov-26 09:52:05 GMT", int(NOW)),
        ("0", None),
        ("-1", None),
        ("Sun, 06 Nov 1994 08:49:37 CET", None),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 24:49:37 GMT", None),
        ("Sun, 06 Növ 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 0000 08:49:37 GMT", None),
        ("", None),
    ],
)
def test_dates(text: str, instant: int | None) -> None:
    assert fields.http_date(text, NOW) == instant


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)))
def test_dates_are_what_the_standard_library_writes(when: datetime) -> None:
    when = when.replace(microsecond=0, tzinfo=UTC)
    written = email.utils.format_datetime(when, usegmt=True)
    assert fields.http_date(written) == calendar.timegm(when.utctimetuple())


def test_members_keep_quoted_commas() -> None:
    assert list(fields.members('a, "b, c" , d', ",,e")) == ["a", '"b, c"', "d", "e"]
    assert list(fields.members(r'"a\", b", c')) == [r'"a\", b"', "c"]
    assert len(list(fields.members("x," * 100, "x," * 1000))) == 128


def test_directives() -> None:
    assert fields.directives('Max-Age=60, PRIVATE="set-cookie, x"', "no-store") == (
        fields.Directive("max-age", "60"),
        fields.Directive("private", "set-cookie, x"),
        fields.Directive("no-store", None),
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0), ("60", 60), ("0060", 60), ("9" * 5000, 2**31), ("2147483648", 2**31),
        ("2147483647", 2147483647), ("2147483649", 2**31), ("00", 0),
        ("-1", None), ("1.5", None), ("", None), (None, None), ("٣", None), ("+1", None),
    ],
)  # fmt: skip
def test_delta_seconds(text: str | None, seconds: int | None) -> None:
    assert fields.delta_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "valid"),
    [('"a"', True), ('W/"a"', True), ('""', True), ("a", False), ('w/"a"', False),
     ('"a b"', False), ('"a"x', False), ('"\xe9"', True), ('"' + "x" * 60000 + '"', True)],
)  # fmt: skip
def test_entity_tags(text: str, valid: bool) -> None:
    assert (fields.etag(text) == text) is valid


@pytest.mark.parametrize(
    ("value", "hit"),
    [
        ("ExampleCache; hit", True),
        ("Origin; fwd=uri-miss, Edge; hit; ttl=30", True),
        ('"cache, one"; hit=?1', True),
        ("Cache; hit=?0", False),
        ("Cache; fwd=miss; stored", False),
        ("Cache; hit=?2", False),
        ("hit", False),
        ("", False),
    ],
)
def test_cache_status(value: str, hit: bool) -> None:
    assert fields.is_cache_hit(value) is hit


def test_of_a_structured_field_the_last_parameter_counts() -> None:
    assert not fields.is_cache_hit("Cache; hit; hit=?0")
    assert fields.is_cache_hit("Cache; hit=?0; hit")


def test_structured_dates() -> None:
    assert fields.structured_date("@1688169599") == 1688169599
    assert fields.structured_date("@-5; x=1") == -5
    assert fields.structured_date("1688169599") is None
    assert fields.structured_date("@" + "9" * 40) is None


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("text/html", "text/html"), (" Text/HTML ; charset=utf-8", "text/html"),
        ("application/json;x", "application/json"), ("", ""), (None, ""), (";", ""),
    ],
)  # fmt: skip
def test_a_media_type_has_no_parameters(value: str | None, type_: str) -> None:
    assert fields.media_type(value) == type_


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        ('"a"', '"a"'), (f'"{"a" * 158}"', f'"{"a" * 158}"'),
        # echo -n '"' + 159 a + '"' | sha256sum
        (f'"{"a" * 159}"', f'"{"a" * 39}…08efb1ff41a89c38'),
        ('"\xe9"', '"\xe9"'),
    ],
)  # fmt: skip
def test_a_long_tag_is_shown_by_its_start_and_a_hash(tag: str, shown: str) -> None:
    assert fields.shown_tag(tag) == shown


def test_links() -> None:
    assert list(fields.links("<a,b;c>; rel=up")) == [("a,b;c", frozenset({"up"}))]
    assert list(fields.links("<a>", '<b>; title="<c>,d"; rel="x  y"')) == [
        ("a", frozenset()), ("b", frozenset({"x", "y"})),
    ]  # fmt: skip
    found = list(fields.links('</a>; rel="Service-Desc x", <b>;rel=next', "junk, <c"))
    assert found == [("/a", frozenset({"service-desc", "x"})), ("b", frozenset({"next"}))]
    # Commas and semicolons belong to a target; the first of two relations counts.
    found = list(fields.links('<a,b;c>; rel=up, <d"e>; rel=x; rel=y'))
    assert found == [("a,b;c", frozenset({"up"})), ('d"e', frozenset({"x"}))]


@given(LATIN)
def test_nothing_raises(text: str) -> None:
    fields.http_date(text, NOW)
    list(fields.members(text))
    fields.directives(text)
    fields.delta_seconds(text)
    fields.etag(text)
    fields.is_cache_hit(text)
    fields.structured_date(text)
    fields.media_type(text)
    list(fields.links(text))

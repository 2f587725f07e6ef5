"""Cookies: what is said of them, never their values."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.http.facts.content import Cookie
from seventh.protocols.http.probe.content import cookies
from tests.protocols.http.probe.content.replies import NOW, reply, safe


def read(line: str, *, secure: bool = True) -> Cookie:
    (cookie,) = cookies.cookies([reply(("set-cookie", line))], secure=secure, now_seconds=NOW)
    return cookie


def test_a_good_one() -> None:
    cookie = read("sid=s3cret; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60")
    assert cookie == Cookie(
        name="sid", secure=True, http_only=True, same_site="lax", path="/", lifetime_seconds=60
    )
    assert b"s3cret" not in msgspec.json.encode(cookie)


NO_SECURE = "without Secure it is also sent over plain HTTP"
NO_HTTP_ONLY = "without HttpOnly scripts can read it"
NO_SAME_SITE = "without SameSite the default depends on the browser"
NEEDS_SECURE = "its prefix requires Secure"
HOST = "its prefix requires Path=/ and no Domain"
RESERVED = "its value starts with a prefix reserved for names"
LONG = "longer than 4096 bytes, which browsers may reject"
REST = "; Secure; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize(
    ("line", "problems"),
    [
        (f"a=1{REST}", ()),
        ("a=1; secure; HTTPONLY; samesite=STRICT", ()),
        ("a=1; Secure; HttpOnly; SameSite=None", ()),
        ("a=1", (NO_SECURE, NO_HTTP_ONLY, NO_SAME_SITE)),
        ("a=1; HttpOnly; SameSite=Lax", (NO_SECURE,)),
        ("a=1; Secure; SameSite=Lax", (NO_HTTP_ONLY,)),
        ("a=1; Secure; HttpOnly", (NO_SAME_SITE,)),
        ("a=1; Secure; HttpOnly; SameSite=sometimes", (NO_SAME_SITE,)),
        ("a=1; HttpOnly; SameSite=None", ("SameSite=None requires Secure", NO_SECURE)),
        ("__Secure-a=1; HttpOnly; SameSite=Lax", (NEEDS_SECURE, NO_SECURE)),
        (f"__secure-a=1{REST}", ()),
        (f"__Host-a=1{REST}; Path=/", ()),
        (f"__Host-a=1{REST}; Path=/; Domain=x", (HOST,)),
        (f"__host-a=1{REST}", (HOST,)),
        (f"__Host-a=1{REST}; Path=/a", (HOST,)),
        ("__Host-a=1; HttpOnly; SameSite=Lax; Path=/", (NEEDS_SECURE, NO_SECURE)),
        (f"__Secure-x{REST}", (RESERVED,)),
        (f"=__Host-x{REST}", (RESERVED,)),
        (f"x{REST}", ()),
        (f"a={'1' * (4096 - 2 - len(REST))}{REST}", ()),
        (f"a={'1' * (4097 - 2 - len(REST))}{REST}", (LONG,)),
    ],
)
def test_problems(line: str, problems: tuple[str, ...]) -> None:
    assert read(line).problems == problems


def test_over_plain_http_secure_is_refused() -> None:
    assert read(f"a=1{REST}", secure=False).problems == ("Secure, but set over plain HTTP",)
    assert read("a=1; HttpOnly; SameSite=Lax", secure=False).problems == ()


@pytest.mark.parametrize(
    ("line", "secure", "rejected", "lacks"),
    [
        ("a=1; Secure; HttpOnly; SameSite=Lax", True, (), ()),
        ("a=1", True, (), ("secure", "http-only", "same-site")),
        ("a=1", False, (), ("http-only", "same-site")),
        ("a=1; Secure; HttpOnly; SameSite=Lax", False, ("secure-in-clear",), ()),
        ("a=1; HttpOnly; SameSite=None", True, ("none-secure",), ("secure",)),
        ("__Host-a=1; HttpOnly; SameSite=Lax", True, ("prefix-secure", "prefix-host"), ("secure",)),
        ("__Host-a=1; Path=/; Secure; HttpOnly; SameSite=Lax", True, (), ()),
        ("__Secure-a=1; Domain=x; Secure; HttpOnly; SameSite=Lax", True, (), ()),
        ("__Secure-x; HttpOnly; SameSite=Lax", True, ("prefix-value",), ("secure",)),
    ],
)
def test_codes(line: str, secure: bool, rejected: tuple[str, ...], lacks: tuple[str, ...]) -> None:
    cookie = read(line, secure=secure)
    assert (cookie.rejected, cookie.lacks) == (rejected, lacks)


def test_lifetimes() -> None:
    """Max-Age comes before Expires; with neither the cookie ends with the session."""
    assert read("a=1").lifetime_seconds is None
    assert read("a=1; Expires=Sun, 22 Nov 2026 09:53:05 GMT").lifetime_seconds == 60
    assert read("a=1; Expires=Sun, 22-Nov-2026 09:53:05 GMT").lifetime_seconds == 60
    assert read("a=1; Max-Age=5; Expires=Sun, 22 Nov 2026 09:53:05 GMT").lifetime_seconds == 5
    assert read("a=1; Max-Age=-1").lifetime_seconds == 0
    assert read("a=1; Max-Age=-soon").lifetime_seconds is None


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Sunday, 22-Nov-26 09:53:05 GMT", 60),
        ("Sun Nov 22 09:53:05 2026", 60),
        ("22 november 2026 9:53:05", 60),
        ("09:53:05 22 Nov 26", 60),
        ("Sun, 22-Nov-99 09:53:05 GMT", 0),
        ("22 Nov 1600 09:53:05", None),
        ("31 Feb 2027 09:53:05", None),
        ("22 Nov 2026 25:53:05", None),
        ("tomorrow", None),
        ("1 " * 5000, None),
    ],
)
def test_dates_as_browsers_read_them(date: str, seconds: int | None) -> None:
    """RFC 6265 §5.1.1: whatever has a time, a day, a month and a year."""
    assert read(f"a=1; Expires={date}").lifetime_seconds == seconds


def test_a_cookie_without_a_name_is_all_value() -> None:
    cookie = read("s3cret; Path=/; Secure; HttpOnly; SameSite=Lax")
    assert cookie.name == cookies.NAMELESS and not cookie.problems
    assert cookies.cookie_names(reply(("set-cookie", "s3cret"))) == (cookies.NAMELESS,)


def test_floods_are_bounded() -> None:
    flood = [reply(*(("set-cookie", f"c{n}=1") for n in range(200))) for _ in range(3)]
    assert len(cookies.cookies(flood, secure=True, now_seconds=NOW)) == cookies.MAX_COOKIES
    assert len(cookies.cookie_names(flood[0])) == cookies.MAX_COOKIES


@given(st.text(st.characters(max_codepoint=255), max_size=300), st.booleans())
def test_any_line_gives_a_cookie(line: str, secure: bool) -> None:
    cookie = read(line, secure=secure)
    assert safe(cookie.name)
    assert safe(cookie.domain)
    assert safe(cookie.same_site)

"""What a site exposes: each rule's whole verdict."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.config import HttpConfigFacts
from seventh.protocols.http.facts.content import ContentFacts, Cookie, Cors
from seventh.protocols.http.rules import exposure
from tests.verdicts import said

UNSEEN = "skip: the content was not checked"
CREDENTIALS = ", together with Access-Control-Allow-Credentials: true"
REFLECTED = (
    "high: Access-Control-Allow-Origin repeats the foreign Origin of the request" + CREDENTIALS
)
NULL = (
    "high: Access-Control-Allow-Origin is null, which is the origin of every sandboxed frame"
    + CREDENTIALS
)
FOREIGN = "https://seventh-probe.invalid"


@pytest.mark.parametrize(
    ("cors", "line"),
    [
        (None, "skip: no request with a foreign Origin was answered"),
        (Cors(), "pass"),
        (Cors(credentials=True), "pass"),
        (Cors(allowed=FOREIGN, reflected=True), "pass"),
        (Cors(allowed="null"), "pass"),
        # Browsers refuse credentials for every origin.
        (Cors(allowed="*", credentials=True), "pass"),
        (Cors(allowed="https://app.example.com", credentials=True), "pass"),
        (Cors(allowed=FOREIGN, reflected=True, credentials=True), REFLECTED),
        (Cors(allowed=FOREIGN, reflected=True, credentials=True, varies=True), REFLECTED),
        (Cors(allowed="null", credentials=True), NULL),
    ],
)
def test_credentials_for_a_foreign_origin(cors: Cors | None, line: str) -> None:
    assert said(exposure.cors_credentials, HttpFacts(content=ContentFacts(cors=cors))) == line


def test_content_that_was_not_checked_says_nothing() -> None:
    assert said(exposure.cors_credentials, HttpFacts()) == UNSEEN
    assert said(exposure.cookie_flags, HttpFacts()) == UNSEEN


BARE = ("secure", "http-only", "same-site")


@pytest.mark.parametrize(
    ("cookies", "line"),
    [
        ((), "not applicable: no response sets a cookie"),
        ((Cookie(name="a"),), "pass"),
        ((Cookie(name="sid", lacks=("secure",)),),
         "medium: sid without Secure, so that it is also sent over plain HTTP"),
        ((Cookie(name="sid", lacks=("http-only",)),),
         "medium: sid without HttpOnly, so that scripts can read it"),
        ((Cookie(name="sid", lacks=("same-site",)),),
         "low: sid without SameSite, so that the default depends on the browser"),
        # Scripts read the token against request forgery.
        ((Cookie(name="XSRF-TOKEN", lacks=("http-only",)),), "pass"),
        ((Cookie(name="csrftoken", lacks=("http-only", "same-site")),),
         "low: csrftoken without SameSite, so that the default depends on the browser"),
        ((Cookie(name="session_csrf", lacks=("http-only",)),), "pass"),
        ((Cookie(name=".AspNetCore.Antiforgery.x", lacks=("http-only",)),), "pass"),
        # Whatever else a cookie is for is unknown.
        ((Cookie(name="theme", lacks=BARE), Cookie(name="lang", lacks=("http-only",))),
         "skip: the purpose of theme, lang is unknown"),
        ((Cookie(name="theme", lacks=BARE), Cookie(name="sid", lacks=("http-only",))),
         "medium: sid without HttpOnly, so that scripts can read it"),
        # A deletion needs no protection.
        ((Cookie(name="sid", lacks=BARE, lifetime_seconds=0),),
         "not applicable: no response sets a cookie"),
        ((Cookie(name="sid", lacks=("secure",), lifetime_seconds=1),),
         "medium: sid without Secure, so that it is also sent over plain HTTP"),
        # Rejected, whatever it is for; its other attributes are of no consequence.
        ((Cookie(name="__Secure-theme", rejected=("prefix-secure",), lacks=BARE),),
         "medium: browsers reject __Secure-theme: the name's prefix requires Secure"),
        ((Cookie(name="__Host-a", rejected=("prefix-host",)),),
         "medium: browsers reject __Host-a: __Host- requires Path=/ and no Domain"),
        ((Cookie(name="(without a name)", rejected=("prefix-value",)),),
         "medium: browsers reject a cookie without a name whose value starts with a prefix"),
        ((Cookie(name="a", rejected=("none-secure",)), Cookie(name="b", rejected=("none-secure",))),
         "medium: browsers reject a, b: SameSite=None requires Secure"),
        ((Cookie(name="a", rejected=("secure-in-clear",)),),
         "medium: browsers reject a: Secure, but set over plain HTTP"),
    ],
)  # fmt: skip
def test_cookies(cookies: tuple[Cookie, ...], line: str) -> None:
    facts = HttpFacts(content=ContentFacts(cookies=cookies))
    assert said(exposure.cookie_flags, facts) == line


def test_all_of_it_at_once() -> None:
    cookies = (Cookie(name="__Host-sid", rejected=("prefix-host",)), Cookie(name="sid", lacks=BARE))
    assert said(exposure.cookie_flags, HttpFacts(content=ContentFacts(cookies=cookies))) == (
        "medium: browsers reject __Host-sid: __Host- requires Path=/ and no Domain; sid without "
        "Secure, so that it is also sent over plain HTTP; sid without HttpOnly, so that scripts "
        "can read it; sid without SameSite, so that the default depends on the browser"
    )


@pytest.mark.parametrize(
    "name",
    [
        "PHPSESSID", "JSESSIONID", "ASP.NET_SessionId", "ASPSESSIONIDQQ", ".AspNetCore.Session",
        ".ASPXAUTH", ".AspNetCore.Cookies", ".AspNetCore.Identity.Application", "connect.sid",
        "sessionid", "session", "SESSION", "__Host-session", "__Secure-sid", "laravel_session",
        "_app_session", "ci_session", "express:sess", "koa.sess", "CFID", "CFTOKEN", "SID",
        "wordpress_logged_in_0123", "auth_token", "access_token", "refresh-token", "jwt",
        "remember_token", "remember_me", "sso", "user_session2",
    ],
)  # fmt: skip
def test_names_of_sessions(name: str) -> None:
    facts = HttpFacts(content=ContentFacts(cookies=(Cookie(name=name, lacks=("http-only",)),)))
    assert said(exposure.cookie_flags, facts) == (
        f"medium: {name} without HttpOnly, so that scripts can read it"
    )


@pytest.mark.parametrize(
    "name",
    ["theme", "lang", "_ga", "AWSALB", "SERVERID", "consent", "side", "author",
     "obsessed", "assessment", "access", "residence", "__Host-theme", "accessibility"],
)  # fmt: skip
def test_names_of_unknown_purpose(name: str) -> None:
    facts = HttpFacts(content=ContentFacts(cookies=(Cookie(name=name, lacks=("http-only",)),)))
    assert said(exposure.cookie_flags, facts) == f"skip: the purpose of {name} is unknown"


def test_no_more_than_five_unknown_names_are_listed() -> None:
    cookies = tuple(Cookie(name=f"c{n}", lacks=("http-only",)) for n in range(6))
    assert said(exposure.cookie_flags, HttpFacts(content=ContentFacts(cookies=cookies))) == (
        "skip: the purpose of c0, c1, c2, c3, c4 is unknown"
    )


@pytest.mark.parametrize(
    ("server", "software", "line"),
    [
        ("", {}, "pass"),
        ("nginx", {"X-Powered-By": "Express"}, "pass"),
        ("cloudflare", {}, "pass"),
        ("ECS (dcb/7EA2)", {}, "pass"),
        ("ECS (dcb/7532)", {}, "pass"),
        ("h2", {}, "pass"),
        ("nginx/1.22.1", {}, "info: every response has Server: nginx/1.22.1"),
        ("Apache/2", {}, "info: every response has Server: Apache/2"),
        ("Jetty(9.4.z-SNAPSHOT)", {}, "info: every response has Server: Jetty(9.4.z-SNAPSHOT)"),
        ("nginx", {"X-Powered-By": "PHP/8.2.7", "X-Generator": "Drupal 10"},
         "info: every response has X-Powered-By: PHP/8.2.7"),
        ("tool/v3 x", {"X-AspNet-Version": "4.0.30319"},
         "info: every response has Server: tool/v3 x, X-AspNet-Version: 4.0.30319"),
    ],
)  # fmt: skip
def test_versions(server: str, software: dict[str, str], line: str) -> None:
    facts = HttpFacts(status=200, server=server, software=software)
    assert said(exposure.server_leak, facts) == line


def test_no_response_exposes_nothing() -> None:
    assert said(exposure.server_leak, HttpFacts()) == "skip: no response was received"


@pytest.mark.parametrize(
    ("does", "tells", "line"),
    [
        ("files", True, "info: every response has Server: nginx/…"),
        ("files", False, "pass"),
        ("passes", True, "info: every response has Server: nginx/…"),
        ("passes", False, "skip: only a check of the server shows the backend's fields"),
        ("passes", None, "skip: another module or the backend sets Server"),
        ("closes", True, "skip: nothing is answered here"),
        ("", True, "skip: the file is a part of a configuration and defines no server"),
    ],
)
def test_versions_by_a_file(does: Any, tells: bool | None, line: str) -> None:
    config = HttpConfigFacts(product="nginx", does=does, tells_version=tells)
    assert said(exposure.server_leak, HttpFacts(config=config)) == line

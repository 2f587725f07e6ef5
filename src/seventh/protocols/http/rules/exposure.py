"""Rules on what a site exposes: to scripts of other sites, in its cookies, and of its software."""

from __future__ import annotations

import re

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import Cookie, Cors
from seventh.protocols.http.rules import file
from seventh.protocols.http.rules.caching_examples import NOT_LOOKED, content
from seventh.protocols.http.rules.proxy_fixes import ADD_HEADER
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_ORIGIN = "Access-Control-Allow-Origin"


@rule(
    "HTTP-CORS-CREDS",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="Any origin may read responses with the user's credentials (CORS)",
    evidence="{what}, together with Access-Control-Allow-Credentials: true",
    phrases={"what": {
        "reflected": f"{_ORIGIN} repeats the foreign Origin of the request",
        "null": f"{_ORIGIN} is null, which is the origin of every sandboxed frame",
    }},
    why="A script of any site that the user visits can send requests with the user's session, as "
    "far as SameSite allows, and read the responses: personal data, and tokens against request "
    "forgery.",
    fix={
        "nginx": f"{ADD_HEADER}\nproxy_hide_header {_ORIGIN};\n"
        f"add_header {_ORIGIN} https://app.example.com always;",
        "caddy": f"# replaces lines that copy {{{{header.Origin}}}}\n"
        f"header >{_ORIGIN} https://app.example.com",
        "apache": f"# replaces lines that copy the Origin field\nHeader always unset {_ORIGIN}\n"
        f'Header set {_ORIGIN} "https://app.example.com"',
        "haproxy": f"# in backend\nhttp-response set-header {_ORIGIN} https://app.example.com if "
        f"{{{{ res.hdr({_ORIGIN}) -m found }}}}",
        "any": "Compare Origin with a list of complete origins, and send "
        f"{_ORIGIN} to those only. Send Access-Control-Allow-Credentials only where scripts of "
        "another origin need the user's session.",
    },
    references=("CWE-942", "Fetch standard, CORS protocol"),
    seed=("12.9.2",),
    good=content(cors=Cors(allowed="https://app.example.com", credentials=True)),
    bad=content(cors=Cors(
        allowed="https://seventh-probe.invalid", reflected=True, credentials=True, varies=True,
    )),
)  # fmt: skip
def cors_credentials(http: HttpFacts) -> Verdict:
    """Report credentials for a foreign origin; browsers refuse them where the origin is ``*``."""
    if http.content is None:
        return NOT_LOOKED
    cors = http.content.cors
    if cors is None:
        return Skip("no request with a foreign Origin was answered")
    if not cors.credentials:
        return None
    if cors.reflected:
        return Hit(what="reflected")
    return Hit(what="null") if cors.allowed == "null" else None


_PREFIX = re.compile(r"__(?:host|secure)-", re.IGNORECASE)
_SESSION = re.compile(
    r"(?:^|[^a-z])(?:sid|sess|auth|jwt|sso|login|logged|remember|token)(?:[^a-z]|$)"
    r"|sess(?:ion)?[^a-z]?(?:id)?(?:[^a-z]|$)|identity\.application|aspnetcore\.cookies"
    r"|aspxauth|aspsessionid|cftoken|cfid",
    re.IGNORECASE,
)
"""What frameworks name the cookies of sessions and logins."""
_FOR_SCRIPTS = re.compile(r"[xc]srf|antiforgery", re.IGNORECASE)
"""Tokens against request forgery: many are cookies so that the site's own scripts read them."""


@rule(
    "HTTP-COOKIE-FLAGS",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Cookie attributes are missing or contradict each other",
    evidence="{what}",
    phrases={"what": {
        "prefix-secure": "browsers reject {prefix_secure}: the name's prefix requires Secure",
        "prefix-host": "browsers reject {prefix_host}: __Host- requires Path=/ and no Domain",
        "prefix-value": "browsers reject a cookie without a name whose value starts with a prefix",
        "none-secure": "browsers reject {none_secure}: SameSite=None requires Secure",
        "secure-in-clear": "browsers reject {secure_in_clear}: Secure, but set over plain HTTP",
        "secure": "{secure} without Secure, so that it is also sent over plain HTTP",
        "http-only": "{http_only} without HttpOnly, so that scripts can read it",
        "same-site": "{same_site} without SameSite, so that the default depends on the browser",
    }},
    why="A browser drops a rejected cookie without an error: the login does not last. A session "
    "cookie without Secure is exposed on the network path, without HttpOnly to any injected "
    "script, without SameSite to requests that other sites trigger.",
    fix={
        "nginx": "# nginx 1.19.3 or newer; one line for each such cookie of the backend\n"
        "proxy_cookie_flags session secure httponly samesite=lax;",
        "caddy": '# one line for each such cookie\nheader >Set-Cookie "^(session=.*)$" '
        '"$1; Secure; HttpOnly; SameSite=Lax"',
        "apache": '# one line for each such cookie\nHeader edit Set-Cookie "^(session=.*)$" '
        '"$1; Secure; HttpOnly; SameSite=Lax"',
        "haproxy": "# in backend, one line for each such cookie\nhttp-response replace-header "
        "Set-Cookie '^(session=.*)$' '\\1; Secure; HttpOnly; SameSite=Lax'",
        "any": "Set-Cookie: __Host-session=…; Path=/; Secure; HttpOnly; SameSite=Lax. A cookie "
        "that scripts must read has no HttpOnly; one that other sites need has SameSite=None "
        "and Secure.",
    },
    references=("RFC 6265 §4.1.2", "draft-ietf-httpbis-rfc6265bis"),
    seed=("12.9.2",),
    good=content(cookies=(Cookie(name="session", secure=True, http_only=True, same_site="lax"),)),
    bad=content(cookies=(Cookie(name="session", lacks=("secure", "http-only", "same-site")),)),
)  # fmt: skip
def cookie_flags(http: HttpFacts) -> Verdict:
    """Report cookies that browsers reject, and what session cookies and CSRF tokens lack.

    What another cookie is for is unknown, so that nothing is due to it. A cookie that is being
    deleted needs no protection.
    """
    if http.content is None:
        return NOT_LOOKED
    cookies = [cookie for cookie in http.content.cookies if cookie.lifetime_seconds != 0]
    if not cookies:
        return not_applicable("no response sets a cookie")
    found: dict[str, list[str]] = {}
    unknown: list[str] = []
    for cookie in cookies:
        due = () if cookie.rejected else _due(cookie)
        if due is None:
            unknown.append(cookie.name)
        for code in (*cookie.rejected, *(due or ())):
            found.setdefault(code, []).append(cookie.name)
    if found:
        severity = Severity.LOW if set(found) == {"same-site"} else None
        names = {code.replace("-", "_"): tuple(of_code) for code, of_code in found.items()}
        return Hit(severity, what=tuple(found), **names)
    if unknown:
        return Skip(f"the purpose of {', '.join(unknown[:5])} is unknown")
    return None


def _due(cookie: Cookie) -> tuple[str, ...] | None:
    """Return the attributes that it lacks and must have; None where that depends on its use."""
    if not cookie.lacks:
        return ()
    name = _PREFIX.sub("", cookie.name, count=1)
    if _FOR_SCRIPTS.search(name):
        return tuple(lacking for lacking in cookie.lacks if lacking != "http-only")
    return cookie.lacks if _SESSION.search(name) else None


_VERSION = re.compile(r"\d+\.\d+|/v?\d{1,3}(?![\w.])")


@rule(
    "HTTP-SERVER-LEAK",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="Response fields expose software versions",
    evidence="every response has {fields}",
    why="Scanners use versions to find servers with missing updates. It is not a vulnerability, "
    "and Seventh concludes nothing from it.",
    fix={
        "nginx": "server_tokens off;\n# for fields of the backend\nproxy_hide_header X-Powered-By;",
        "caddy": "header {{\n\t-X-Powered-By\n\t-X-AspNet-Version\n\tdefer\n}}",
        "apache": "Header always unset X-Powered-By\nHeader unset X-Powered-By\n"
        "# in main\nServerTokens Prod",
        "haproxy": "# in backend\nhttp-response del-header Server\n"
        "http-response del-header X-Powered-By",
        "lighttpd": 'server.tag = "lighttpd"',
        "any": "Remove the version from these fields. PHP: expose_php = Off in php.ini.",
    },
    references=("RFC 9110 §10.2.4", "RFC 9110 §17.12"),
    seed=("12.9.2",),
    directives={"nginx": ("server_tokens",)},
    good=HttpFacts(status=200, server="nginx"),
    bad=HttpFacts(status=200, server="nginx/1.22.1", software={"X-Powered-By": "PHP/8.2.7"}),
)
def server_leak(http: HttpFacts) -> Verdict:
    """Report Server, X-Powered-By and the like where they have a version."""
    if http.config is not None:
        return file.server_leak(http.config)
    if http.status is None:
        return Skip("no response was received")
    sent = {"Server": http.server, **http.software}
    fields = tuple(f"{name}: {value}" for name, value in sent.items() if _VERSION.search(value))
    return Hit(fields=fields) if fields else None

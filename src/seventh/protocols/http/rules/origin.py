"""Rules on the way to a site: plain HTTP, HSTS, redirects, keep-alive, its clock, its grammar."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.versions import (
    Clear,
    Dated,
    Hop,
    Hsts,
    Redirects,
    Reuse,
    TlsUpgrade,
)
from seventh.protocols.http.facts.write import Ambiguous, Expected, WriteFacts
from seventh.protocols.http.rules import file
from seventh.protocols.http.rules.examples import GOOD
from seventh.protocols.http.rules.proxy_fixes import ADD_HEADER, ENVOY, HAPROXY
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

MANY_HOPS = 3
MIN_HSTS_SECONDS = 180 * 86400
MIN_IDLE_SECONDS = 10
MIN_REQUESTS = 10
MAX_SKEW_SECONDS = 2.0
SURE_SKEW_SECONDS = 60.0
"""A skew that is blamed on the server even where our own clock is not known to be right."""
STALL_SECONDS = 1.0
REFUSES_FORM = frozenset({400, 411, 501})
_SUBDOMAINS = "# and ; includeSubDomains in the value, where every subdomain has https"


@rule(
    "HTTP-NO-REUSE",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Connections are ended early",
    evidence="HTTP/1.1: {what}",
    why="What is asked after that pays for a new connection: a round trip for TCP, one or two for "
    "TLS, and the slow start of both.",
    fix={
        "nginx": "keepalive_timeout 65;\nkeepalive_requests 1000;",
        "apache": "KeepAlive On\nKeepAliveTimeout 15\nMaxKeepAliveRequests 1000",
        "node": "server.keepAliveTimeout = 65000;",
        "haproxy": "# in defaults\noption http-keep-alive\ntimeout http-keep-alive 30s",
        "caddy": "# in the global options\nservers {{\n\ttimeouts {{\n\t\tidle 5m\n\t}}\n}}",
        "envoy": ENVOY["reuse"],
    },
    references=("RFC 9112 §9.3",),
    seed=("12.11.5",),
    good=GOOD,
    bad=GOOD.learn(reuse=Reuse(requests=1, said_close=True)),
    directives={"nginx": ("keepalive_timeout", "keepalive_requests"), "caddy": ("idle",)},
)
def no_reuse(http: HttpFacts) -> Verdict:
    """Return a connection that ends with its answer, or soon after.

    A few seconds of idling are what some servers have built in (Apache and Node.js: 5): low.
    """
    if http.config is not None:
        return file.no_reuse(http.config, MIN_IDLE_SECONDS, MIN_REQUESTS)
    reuse = http.reuse
    if reuse is None:
        return Skip("no HTTP/1.1 connection was kept to see")
    if reuse.said_close and reuse.requests < MIN_REQUESTS:
        return Hit(what=f"the server closes the connection after {_answers(reuse.requests)}")
    declared = reuse.keep_alive_seconds
    if declared is not None and declared < MIN_IDLE_SECONDS:
        severity = Severity.LOW if declared else None
        return Hit(severity, what=f"idle connections are kept for {declared} s (Keep-Alive)")
    left = reuse.keep_alive_requests
    if left is not None and left + reuse.requests < MIN_REQUESTS:
        return Hit(what=f"{left + reuse.requests} requests are allowed (Keep-Alive)")
    if reuse.idle_closed_seconds is not None and reuse.idle_closed_seconds < MIN_IDLE_SECONDS:
        closed = reuse.idle_closed_seconds
        severity = Severity.LOW if closed >= 1 else None
        return Hit(severity, what=f"the idle connection was closed after {closed:.1f} s")
    return None


def _answers(count: int) -> str:
    return "one answer" if count == 1 else f"{count} answers"


@rule(
    "HTTP-REDIRECT",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="A long chain of redirects",
    evidence="{count} redirects until {final}",
    why="Every hop costs at least a round trip, and to another host a lookup and two handshakes, "
    "before the first byte that anybody wanted.",
    fix={
        "nginx": "# in the server block of the first URL, straight to the last one\n"
        "return 301 https://www.example.org$request_uri;",
        "any": "Let the first redirect lead to the final URL, and link to that one.",
    },
    references=("RFC 9110 §15.4",),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(
        redirects=Redirects(
            hops=(Hop(status=301, url="https://a/", location="https://b/"),) * 3,
            final_url="https://b/",
        )
    ),
)
def redirect(http: HttpFacts) -> Verdict:
    """Return three hops or more."""
    chain = http.redirects
    if chain is None:
        return Skip("redirects were not followed")
    count = len(chain.hops)
    return Hit(count=count, final=chain.final_url) if count >= MANY_HOPS else None


@rule(
    "HTTP-NO-HTTPS",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Plain HTTP is served",
    evidence="{what}",
    why="Whoever is on the way reads and changes everything: passwords, cookies, the page itself.",
    fix={
        "nginx": "# in http {{}}, in place of listen 80 in the server that has the pages\n"
        "server {{\n    listen 80;\n    server_name www.example.org;\n"
        "    return 308 https://$host$request_uri;\n}}",
        "apache": "# in the virtual host of port 80\nRedirect permanent / https://www.example.org/",
        "haproxy": "# in frontend\nhttp-request redirect scheme https code 308 unless {{ ssl_fc }}",
        "caddy": "# a site whose address has no http:// redirects by itself\n"
        "www.example.org {{\n\tfile_server\n}}",
        "envoy": ENVOY["https"],
    },
    references=("RFC 6797 §7.2", "RFC 9325 §3.2"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(clear=Clear(url="http://www.example.org/", outcome="serves", status=200)),
    directives={"nginx": ("listen", "return"), "caddy": ("site", "redir")},
)
def no_https(http: HttpFacts) -> Verdict:
    """Content in clear; of a server on this machine's loopback a remark, for no network sees it."""
    if http.config is not None:
        return file.no_https(http.config)
    if http.redirects is not None and http.redirects.downgraded:
        return Hit(what=f"a redirect leads from https to http: {http.redirects.final_url}")
    clear = http.clear
    if clear is None:
        return Skip("plain HTTP was not looked at")
    if clear.outcome == "failed":
        return Skip(f"plain HTTP did not answer: {clear.detail}")
    if clear.outcome != "serves":
        return None
    said = f"{clear.url} answers {clear.status} in clear"
    if clear.loopback:
        return Hit(Severity.INFO, what=f"{said}; on loopback no network sees it: keep it there")
    return Hit(what=said)


@rule(
    "HTTP-HSTS",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="No HSTS",
    evidence="{what}",
    why="Without it the first request of a visit may go in clear, where somebody on the way can "
    "answer it and keep the visitor away from https for good.",
    fix={
        "nginx": f"{_SUBDOMAINS}\n{ADD_HEADER}\n"
        'add_header Strict-Transport-Security "max-age=31536000" always;',
        "apache": f'{_SUBDOMAINS}\nHeader always set Strict-Transport-Security "max-age=31536000"',
        "haproxy": f"# in frontend; {_SUBDOMAINS[2:]}\n"
        'http-response set-header Strict-Transport-Security "max-age=31536000"',
        "caddy": f'{_SUBDOMAINS}\nheader Strict-Transport-Security "max-age=31536000"',
        "envoy": ENVOY["hsts"],
    },
    references=("RFC 6797 §6.1", "RFC 9325 §3.2"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(hsts=Hsts()),
    directives={"nginx": ("add_header",), "caddy": ("header strict-transport-security", "site")},
)
def hsts(http: HttpFacts) -> Verdict:
    """No max-age, or one that is over before the visitor comes back."""
    if http.config is not None:
        return file.hsts(http.config, MIN_HSTS_SECONDS)
    found = http.hsts
    if found is None:
        return Skip("no answer came")
    if not found.applies:
        return not_applicable(found.why_not)
    age = found.max_age_seconds
    if not found.value and (http.status or 0) >= 400:
        # nginx's add_header and others leave error pages without it.
        return Skip(f"the answer is an error ({http.status}): a page that is found may have it")
    if not found.value:
        return Hit(what="the answer has no Strict-Transport-Security")
    if age is None:
        return Hit(what=f"Strict-Transport-Security says no max-age: {found.value}")
    if age < MIN_HSTS_SECONDS:
        said = "takes itself back" if age == 0 else f"lasts {_days(age)}"
        return Hit(what=f"Strict-Transport-Security {said} ({found.value})")
    return None


def _days(seconds: int) -> str:
    return f"{seconds / 86400:.0f} days" if seconds >= 2 * 86400 else f"{seconds / 3600:.1f} h"


@rule(
    "HTTP-DATE-SKEW",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="The Date field is off",
    evidence="Date is {skew} s {direction} this machine's clock{caveat}",
    why="Caches reckon ages and lifetimes from Date, and clients judge cookies and signed URLs by "
    "it: content goes stale early, or stays too long.",
    fix={
        "chrony": "pool pool.ntp.org iburst\nmakestep 1.0 3",
        "any": "Let the server's clock follow NTP: `seventh check ntp://HOST` shows whether a time "
        "server is right.",
    },
    references=("RFC 9110 §6.6.1",),
    seed=("12.4",),
    good=GOOD,
    bad=GOOD.learn(date=Dated(value="Sun, 22 Nov 2026 10:00:00 GMT", skew_seconds=30.0)),
)
def date_skew(http: HttpFacts) -> Verdict:
    """A fresh answer's Date more than two seconds from this machine's clock, its error apart."""
    if http.date is None:
        return Skip("no fresh answer had a Date")
    skew = http.date.skew_seconds
    if skew is None:
        return Skip("the Date field is no date")
    if abs(skew) <= MAX_SKEW_SECONDS + http.date.own_error_seconds:
        return None
    if http.date.unsynchronised and abs(skew) < SURE_SKEW_SECONDS:
        return Skip("this machine's own clock is not synchronised")
    caveat = ", which is not synchronised itself" if http.date.unsynchronised else ""
    direction = "ahead of" if skew > 0 else "behind"
    shown = f"{abs(skew):.1f}" if abs(skew) < SURE_SKEW_SECONDS else f"{abs(skew):,.0f}"
    return Hit(skew=shown, direction=direction, caveat=caveat)


@rule(
    "HTTP-UPGRADE-TLS",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="Upgrade to TLS inside HTTP is offered",
    evidence="{url} answers Upgrade: TLS/1.0 with {status} and Upgrade: {upgrade}",
    why="TLS that begins in the middle of a plain conversation lets whoever sits between put one "
    "side out of step with the other, so that a visitor takes one answer for another (Opossum).",
    fix={
        "apache": "# in the place of `SSLEngine optional`, which Apache 2.4.64 has dropped\n"
        "SSLEngine on",
        "any": "Take RFC 2817 out of the configuration: https has a port of its own.",
    },
    references=("RFC 2817", "CVE-2025-49812"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(
        tls_upgrade=TlsUpgrade(url="http://www.example.org/", status=101, upgrade="TLS/1.0")
    ),
)
def upgrade_tls(http: HttpFacts) -> Verdict:
    """Return a 101, or an Upgrade field that names TLS."""
    found = http.tls_upgrade
    if found is None:
        return Skip("plain HTTP was not asked for it")
    if not found.offered:
        return None
    return Hit(url=found.url, status=found.status, upgrade=found.upgrade or "nothing")


@rule(
    "HTTP-100CONT",
    Severity.LOW,
    tier=3,
    source=Source.WIRE,
    title="Expect: 100-continue stalls",
    evidence="{method} with Expect: 100-continue {what}",
    why="Programs that ask before they send large content (curl does by itself above 1 MiB) wait a "
    "second each time for a word that never comes, or fail.",
    fix={
        "envoy": ENVOY["100"],
        "haproxy": HAPROXY["100"],
        "any": "Let what terminates HTTP/1.1 send 100 (Continue) before it reads the content, or "
        "the final status at once; a proxy that does not must pass Expect on.",
    },
    references=("RFC 9110 §10.1.1",),
    seed=("12.11.7",),
    good=GOOD,
    bad=GOOD.learn(
        write=WriteFacts(expect=Expected(method="POST", status=200, continue_seconds=1.01))
    ),
)
def expect_continue(http: HttpFacts) -> Verdict:
    """Neither a 100 nor an answer within a second, or 417."""
    found = http.write.expect if http.write is not None else None
    if found is None:
        return Skip("no request with Expect was sent")
    if found.failed:
        return Skip(found.failed)
    if found.status == 417:
        return Hit(method=found.method, what="gets 417 (Expectation Failed)")
    waited = found.continue_seconds or 0.0
    if not found.continued and waited >= STALL_SECONDS:
        return Hit(method=found.method, what=f"got no word for {waited:.2f} s")
    return None


@rule(
    "HTTP-CLTE",
    Severity.HIGH,
    tier=4,
    source=Source.WIRE,
    title="Ambiguous message length is accepted",
    evidence="a request with Content-Length and Transfer-Encoding got {status}, and the server "
    "kept the connection open",
    why="Where a proxy in front reads one length and the server the other, what one takes for a "
    "body is the next visitor's request to the other (request smuggling).",
    fix={
        "envoy": ENVOY["two lengths"],
        "any": "Refuse such requests with 400 (nginx does since 1.21.1), or close the connection "
        "after the answer: update what terminates HTTP/1.1.",
    },
    references=("RFC 9112 §6.1",),
    seed=("12.9.2",),
    good=GOOD,
    bad=GOOD.learn(
        write=WriteFacts(ambiguous=Ambiguous(status=200, closed=False, second_status=200))
    ),
)
def two_lengths(http: HttpFacts) -> Verdict:
    """Neither refused for its form nor followed by the connection's end.

    Another error shows that the request was read; what its length was taken for stays open: low.
    """
    found = http.write.ambiguous if http.write is not None else None
    if found is None:
        return Skip("no request with two lengths was sent")
    if found.status is None:
        return Skip(found.failed or "no answer came")
    if found.closed or found.status in REFUSES_FORM or found.second_status is None:
        return None
    return Hit(Severity.LOW if found.status >= 400 else None, status=found.status)

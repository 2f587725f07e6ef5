"""Rules on how a site is reached: plain HTTP, HSTS, redirects, keep-alive, its clock."""

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
"""A skew that is the server's fault even where our own clock is not known to be right."""
STALL_SECONDS = 1.0
REFUSES_FORM = frozenset({400, 411, 501})
_SUBDOMAINS = "# where every subdomain has https, append ; includeSubDomains to the value"


@rule(
    "HTTP-NO-REUSE",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Connections are closed early",
    evidence="HTTP/1.1: {what}",
    phrases={"what": {
        "closed-first": "the server closes the connection after one response",
        "closed": "the server closes the connection after {count} responses",
        "few": "a connection may carry at most {count} requests",
        "idle": "idle connections are closed after {seconds} s",
        "nginx": "`keepalive_timeout 0` closes the connection after each response",
        "caddy": "`header Connection close` closes the connection after each response",
    }},
    why="The next request pays for a new connection: a round trip for TCP, one or two for TLS, and "
    "the slow start of both.",
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
)  # fmt: skip
def no_reuse(http: HttpFacts) -> Verdict:
    """Report a connection that ends with its response, or soon after.

    An idle time of a few seconds is the default of some servers (Apache and Node.js: 5): low.
    """
    if http.config is not None:
        return file.no_reuse(http.config, MIN_IDLE_SECONDS, MIN_REQUESTS)
    reuse = http.reuse
    if reuse is None:
        return Skip("no HTTP/1.1 connection was observed to its end")
    if reuse.said_close and reuse.requests < MIN_REQUESTS:
        return Hit(what="closed" if reuse.requests > 1 else "closed-first", count=reuse.requests)
    declared = reuse.keep_alive_seconds
    if declared is not None and declared < MIN_IDLE_SECONDS:
        return Hit(Severity.LOW if declared else None, what="idle", seconds=declared)
    left = reuse.keep_alive_requests
    if left is not None and left + reuse.requests < MIN_REQUESTS:
        return Hit(what="few", count=left + reuse.requests)
    closed = reuse.idle_closed_seconds
    if closed is not None and closed < MIN_IDLE_SECONDS:
        return Hit(Severity.LOW if closed >= 1 else None, what="idle", seconds=f"{closed:.1f}")
    return None


@rule(
    "HTTP-REDIRECT",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="A long chain of redirects",
    evidence="{count} redirects to {final}",
    why="Each redirect costs at least a round trip, and to another host a DNS lookup and two "
    "handshakes, before the first byte of the page.",
    fix={
        "nginx": "# in the server block of the first URL, straight to the final URL\n"
        "return 301 https://www.example.org$request_uri;",
        "any": "Redirect the first URL straight to the final one, and link to the final one.",
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
    """Report three hops or more."""
    chain = http.redirects
    if chain is None:
        return Skip("redirects were not followed")
    if chain.loop is not None:
        return Skip("the redirects form a loop: HTTP-REDIRECT-LOOP")
    count = len(chain.hops)
    return Hit(count=count, final=chain.final_url) if count >= MANY_HOPS else None


@rule(
    "HTTP-NO-HTTPS",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Plain HTTP is served",
    evidence="{what}",
    phrases={"what": {
        "serves": "{url} answers {status} without TLS",
        "loopback": "{url} answers {status} without TLS, but only on loopback; do not expose it to "
        "a network",
        "downgrade": "a redirect leads from https to plain HTTP: {url}",
        "nginx": "a `listen` line without `ssl`, and no `return` to https",
        "caddy": "a site address with http:// or port 80, or a port only, and no `redir` to https",
    }},
    why="An attacker on the network path can read and change everything: passwords, cookies, the "
    "page itself.",
    fix={
        "nginx": "# in http {{}}; replaces listen 80 in the server block that has the pages\n"
        "server {{\n    listen 80;\n    server_name www.example.org;\n"
        "    return 308 https://$host$request_uri;\n}}",
        "apache": "# in the virtual host of port 80\nRedirect permanent / https://www.example.org/",
        "haproxy": "# in frontend\nhttp-request redirect scheme https code 308 unless {{ ssl_fc }}",
        "caddy": "# a site address without http:// redirects to https by default\n"
        "www.example.org {{\n\tfile_server\n}}",
        "envoy": ENVOY["https"],
    },
    references=("RFC 6797 §7.2", "RFC 9325 §3.2"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(clear=Clear(url="http://www.example.org/", outcome="serves", status=200)),
    choice=("nginx", "caddy"),
    directives={"nginx": ("listen", "return"), "caddy": ("site", "redir")},
)  # fmt: skip
def no_https(http: HttpFacts) -> Verdict:
    """Report content without TLS; info only where this machine's loopback alone serves it."""
    if http.config is not None:
        return file.no_https(http.config)
    if http.redirects is not None and http.redirects.downgraded:
        return Hit(what="downgrade", url=http.redirects.final_url)
    clear = http.clear
    if clear is None:
        return Skip("plain HTTP was not checked")
    if clear.outcome == "failed":
        return Skip(f"plain HTTP did not answer: {clear.detail}")
    if clear.outcome != "serves":
        return None
    what, severity = ("loopback", Severity.INFO) if clear.loopback else ("serves", None)
    return Hit(severity, what=what, url=clear.url, status=clear.status or 0)


@rule(
    "HTTP-HSTS",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="HSTS missing or too short",
    evidence="{what}",
    phrases={"what": {
        "missing": "the response has no Strict-Transport-Security field",
        "no-max-age": "Strict-Transport-Security has no max-age: {value}",
        "withdrawn": "max-age=0 removes HSTS from browsers ({value})",
        "short": "Strict-Transport-Security lasts {seconds} s ({value})",
        "not-configured": "no line in force adds Strict-Transport-Security",
        "replaced": "the server block adds Strict-Transport-Security, but this location's own "
        "`add_header` lines replace all of the server's",
    }},
    why="Without HSTS the first request of a visit may go over plain HTTP, where an attacker on "
    "the network path can answer it and keep the visitor away from https.",
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
)  # fmt: skip
def hsts(http: HttpFacts) -> Verdict:
    """Report no max-age, or one shorter than half a year."""
    if http.config is not None:
        return file.hsts(http.config, MIN_HSTS_SECONDS)
    found = http.hsts
    if found is None:
        return Skip("no response was received")
    if not found.applies:
        return not_applicable(found.why_not)
    if not found.value:
        if (http.status or 0) >= 400:
            # nginx's add_header and others leave error pages without it.
            return Skip(f"the response is an error ({http.status}), and servers may omit HSTS")
        return Hit(what="missing")
    age = found.max_age_seconds
    if age is None:
        return Hit(what="no-max-age", value=found.value)
    if age >= MIN_HSTS_SECONDS:
        return None
    return Hit(what="short" if age else "withdrawn", value=found.value, seconds=age)


@rule(
    "HTTP-DATE-SKEW",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="The Date field is wrong",
    evidence="Date is {skew} s {direction} this machine's clock{caveat}",
    phrases={
        "direction": {"ahead": "ahead of", "behind": "behind"},
        "caveat": {"": "", "unsynchronised": ", which is not synchronised either"},
    },
    why="Caches compute ages and lifetimes from Date, and clients check cookies and signed URLs "
    "with it: content becomes stale too early, or too late.",
    fix={
        "chrony": "pool pool.ntp.org iburst\nmakestep 1.0 3",
        "any": "Synchronise the server's clock with NTP: `seventh check ntp://HOST` checks a time "
        "server.",
    },
    references=("RFC 9110 §6.6.1",),
    seed=("12.4",),
    good=GOOD,
    bad=GOOD.learn(date=Dated(value="Sun, 22 Nov 2026 10:00:00 GMT", skew_seconds=30.0)),
)
def date_skew(http: HttpFacts) -> Verdict:
    """Report a fresh response's Date over two seconds from this machine's clock and its error."""
    if http.date is None:
        return Skip("no fresh response had a Date field")
    skew = http.date.skew_seconds
    if skew is None:
        return Skip("the Date field is not a valid date")
    if abs(skew) <= MAX_SKEW_SECONDS + http.date.own_error_seconds:
        return None
    if http.date.unsynchronised and abs(skew) < SURE_SKEW_SECONDS:
        return Skip("this machine's own clock is not synchronised")
    return Hit(
        skew=f"{abs(skew):.1f}" if abs(skew) < SURE_SKEW_SECONDS else f"{abs(skew):,.0f}",
        direction="ahead" if skew > 0 else "behind",
        caveat="unsynchronised" if http.date.unsynchronised else "",
    )


@rule(
    "HTTP-UPGRADE-TLS",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="Upgrade to TLS inside HTTP is offered",
    evidence="{url} answers Upgrade: TLS/1.0 with {status} and Upgrade: {upgrade}",
    why="When TLS starts inside a plain HTTP connection, an attacker between the two sides can "
    "shift requests against responses, so that a visitor gets the wrong response (Opossum).",
    fix={
        "apache": "# replaces `SSLEngine optional`, which Apache 2.4.64 removed\nSSLEngine on",
        "any": "Disable RFC 2817 upgrades in the configuration: https has its own port.",
    },
    references=("RFC 2817", "CVE-2025-49812"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(
        tls_upgrade=TlsUpgrade(url="http://www.example.org/", status=101, upgrade="TLS/1.0")
    ),
)
def upgrade_tls(http: HttpFacts) -> Verdict:
    """Report a 101, or an Upgrade field that names TLS."""
    found = http.tls_upgrade
    if found is None:
        return Skip("no upgrade to TLS was requested over plain HTTP")
    if not found.offered:
        return None
    return Hit(url=found.url, status=found.status, upgrade=found.upgrade or "none")


@rule(
    "HTTP-100CONT",
    Severity.LOW,
    tier=3,
    source=Source.WIRE,
    title="Expect: 100-continue stalls",
    evidence="{method} with Expect: 100-continue {what}",
    phrases={"what": {
        "rejected": "is rejected with 417 (Expectation Failed)",
        "stalled": "gets no response for {seconds} s",
    }},
    why="Clients that send Expect before large content (curl does so above 1 MiB) wait a second "
    "each time for a response that does not come, or fail.",
    fix={
        "envoy": ENVOY["100"],
        "haproxy": HAPROXY["100"],
        "any": "Let the server that terminates HTTP/1.1 send 100 (Continue) before it reads the "
        "content, or the final status at once; a proxy that does not must forward Expect.",
    },
    references=("RFC 9110 §10.1.1",),
    seed=("12.11.7",),
    good=GOOD,
    bad=GOOD.learn(
        write=WriteFacts(expect=Expected(method="POST", status=200, continue_seconds=1.01))
    ),
)  # fmt: skip
def expect_continue(http: HttpFacts) -> Verdict:
    """Report 417, or neither a 100 nor a final response within a second."""
    found = http.write.expect if http.write is not None else None
    if found is None:
        return Skip("no request with Expect was sent")
    if found.failed:
        return Skip(found.failed)
    if found.status == 417:
        return Hit(method=found.method, what="rejected")
    waited = found.continue_seconds or 0.0
    if not found.continued and waited >= STALL_SECONDS:
        return Hit(method=found.method, what="stalled", seconds=f"{waited:.2f}")
    return None


@rule(
    "HTTP-CLTE",
    Severity.HIGH,
    tier=4,
    source=Source.WIRE,
    title="Ambiguous message length is accepted",
    evidence="a request with Content-Length and Transfer-Encoding got {status}, and the server "
    "kept the connection open",
    why="If a proxy in front uses one length and the server the other, content that the proxy "
    "forwards is read as the next visitor's request (request smuggling).",
    fix={
        "envoy": ENVOY["two lengths"],
        "any": "Reject such requests with 400 (nginx does since 1.21.1), or close the connection "
        "after the response: update the server that terminates HTTP/1.1.",
    },
    references=("RFC 9112 §6.1",),
    seed=("12.9.2",),
    good=GOOD,
    bad=GOOD.learn(
        write=WriteFacts(ambiguous=Ambiguous(status=200, closed=False, second_status=200))
    ),
)
def two_lengths(http: HttpFacts) -> Verdict:
    """Report a request that was neither rejected for its form nor followed by a close.

    Another error shows that the request was read; which length was used stays unknown: low.
    """
    found = http.write.ambiguous if http.write is not None else None
    if found is None:
        return Skip("no request with two lengths was sent")
    if found.status is None:
        return Skip(found.failed or "no response was received")
    if found.closed or found.status in REFUSES_FORM or found.second_status is None:
        return None
    return Hit(Severity.LOW if found.status >= 400 else None, status=found.status)

"""Rules for servers behind a proxy: what it tells them, and what they believe."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.config import HttpConfigFacts
from seventh.protocols.http.facts.versions import Hop, Loop, Redirects
from seventh.protocols.http.rules.examples import GOOD
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_URL = "https://www.example.org/"


@rule(
    "HTTP-REDIRECT-LOOP",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Redirects form a loop",
    evidence="{what}",
    phrases={
        "what": {
            "proto": "{urls}; with X-Forwarded-Proto: https the response is no redirect into the "
            "loop: the backend does not learn that the client uses https",
            "same": "{urls}",
            "schemes": "http and https redirect to each other: {urls}",
            "circle": "{urls}",
            "cookie": "{urls}, until the client returns the cookie that the redirect sets",
            "file": "a `return` sends https requests to the URL that they have",
        }
    },
    why="No client reaches the page (ERR_TOO_MANY_REDIRECTS). If a proxy or a CDN terminates TLS "
    "and connects to the backend over plain HTTP, a backend that redirects http to https "
    "redirects every request.",
    fix={
        "nginx": "# in the location with proxy_pass of the proxy that terminates TLS; the "
        "application\n# has to trust the field from this proxy\n"
        "proxy_set_header X-Forwarded-Proto $scheme;",
        "apache": "# on the proxy that terminates TLS\nRequestHeader set X-Forwarded-Proto "
        "expr=%{{REQUEST_SCHEME}}",
        "haproxy": "# in frontend\nhttp-request set-header X-Forwarded-Proto https if {{ ssl_fc }}",
        "any": "Behind a CDN, let it connect to the origin over https (Cloudflare: SSL mode Full "
        "(strict), not Flexible). If a proxy terminates TLS, let it send X-Forwarded-Proto and "
        "the application trust it. Otherwise redirect only http to https, in one place.",
    },
    references=("RFC 9110 §15.4",),
    seed=("12.10.4",),
    choice=("nginx",),
    directives={"nginx": ("return", "listen")},
    good=GOOD,
    bad=GOOD.learn(
        redirects=Redirects(
            hops=(Hop(status=301, url=_URL, location=_URL),),
            final_url=_URL,
            loop=Loop(urls=(_URL,), forwarded_proto=True),
        )
    ),
)
def redirect_loop(http: HttpFacts) -> Verdict:
    """Report a loop; low where a cookie ends it, as browsers return cookies."""
    if http.config is not None:
        return _of_file(http.config)
    if http.redirects is None:
        return Skip("redirects were not followed")
    loop = http.redirects.loop
    if loop is None:
        return None
    urls = " → ".join((*loop.urls, loop.urls[0]))
    if loop.cookie:
        return Hit(Severity.LOW, what="cookie", urls=urls)
    what = "schemes" if loop.schemes else "circle" if len(loop.urls) > 1 else "same"
    return Hit(what="proto" if loop.forwarded_proto else what, urls=urls)


def _of_file(config: HttpConfigFacts) -> Verdict:
    if not config.does:
        return Skip("the file is a part of a configuration and defines no server")
    if not config.loops:
        return None
    return Hit(what="file").fixed_by(
        "nginx",
        "# remove it here; it belongs in a server block of its own, without TLS",
        "server {",
        "    listen 80;",
        "    return 301 https://$host$request_uri;",
        "}",
    )


@rule(
    "HTTP-PROXY-TRUST",
    Severity.MEDIUM,
    tier=0,
    source=Source.FILE,
    title="Client address taken from any sender",
    evidence="{networks} may set {field}, and any client can connect",
    why="A client that sends the field itself appears under any address: access rules, rate "
    "limits and logs are then based on an address that the client chose.",
    fix={
        "nginx": "# only the addresses of your proxies or of your CDN\n"
        "set_real_ip_from 10.0.0.0/8;\nreal_ip_header X-Forwarded-For;",
        "caddy": "# in the global options; only the addresses of your proxies or of your CDN\n"
        "# remove trusted_proxies from reverse_proxy: it trusts the same then\n"
        "servers {{\n\ttrusted_proxies static 10.0.0.0/8\n\ttrusted_proxies_strict\n}}",
    },
    references=(
        "RFC 7239 §8.1", "Manual of nginx, ngx_http_realip_module: set_real_ip_from",
        "Documentation of Caddy, global options: trusted_proxies",
    ),
    seed=("12.10.4",),
    choice=("nginx", "caddy"),
    directives={
        "nginx": ("set_real_ip_from", "real_ip_header", "listen"),
        "caddy": ("trusted_proxies", "client_ip_headers"),
    },
    good=HttpFacts(config=HttpConfigFacts(product="nginx", does="files")),
    bad=HttpFacts(
        config=HttpConfigFacts(
            product="nginx", does="files", trusts_any=("0.0.0.0/0",),
            trusted_field="X-Forwarded-For",
        )
    ),
)  # fmt: skip
def proxy_trust(http: HttpFacts) -> Verdict:
    """Report networks that contain every address, where a network can connect."""
    config = http.config
    if config is None:
        return Skip("only a configuration file shows it; run `seventh lint FILE`")
    if not config.does:
        return Skip("the file is a part of a configuration and defines no server")
    if not config.trusts_any:
        return None
    return Hit(networks=config.trusts_any, field=config.trusted_field)

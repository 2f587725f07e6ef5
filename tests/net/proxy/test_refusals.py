"""What each refusal of a proxy means: the reason, the whole text, and the party that can fix it."""

from __future__ import annotations

import pytest

from seventh.model.failure import Blame, Reason
from seventh.model.target import Target
from seventh.net.proxy import refusals
from seventh.net.proxy.refusals import Meaning
from seventh.wire.http_connect import Reply
from seventh.wire.socks5 import Refusal, Step

R = Reason
ADD_LOGIN = "add --proxy-auth-file FILE (first line: USER:PASSWORD)"
NO_NAME = "the proxy could not resolve the name"
NOTHING_LISTENS = "refused, as the proxy reports: nothing listens on the port"
LATE = "no answer in time, as the proxy reports"
NO_WAY = "the proxy could not connect"
DENIED = "not allowed by the proxy's rules"
NO_PROXY = "a web server, or a proxy without CONNECT"


def reply(status: int, reason: str = "", **fields: str) -> Reply:
    named = tuple((name.replace("_", "-"), value) for name, value in fields.items())
    return Reply(status=status, reason=reason, fields=named)


@pytest.mark.parametrize(
    ("answer", "reason", "text"),
    [
        (reply(403, "No"), R.PROXY_REFUSED, f"{DENIED} (403 No)"),
        (reply(429), R.PROXY_REFUSED, f"{DENIED} (429)"),
        (reply(499), R.PROXY_REFUSED, f"{DENIED} (499)"),
        (reply(502), R.CONNECT_UNREACHABLE, f"{NO_WAY} (502)"),
        (reply(503), R.CONNECT_UNREACHABLE, f"{NO_WAY} (503)"),
        (reply(504), R.CONNECT_TIMEOUT, f"{LATE} (504)"),
        (reply(500, "Unable to connect"), R.CONNECT_UNREACHABLE,
         f"{NO_WAY} (500 Unable to connect)"),
        (reply(500, "Oops"), R.PROXY_FAILED, "the proxy failed (500 Oops)"),
        (reply(505), R.PROXY_FAILED, "the proxy failed (505)"),
        *((reply(status), R.PROXY_MISMATCH, f"answers CONNECT with {status}: {NO_PROXY}")
          for status in (302, 399, 400, 401, 404, 405, 410, 426, 501)),
    ],
)  # fmt: skip
def test_a_status_alone(answer: Reply, reason: Reason, text: str) -> None:
    assert refusals.of_reply(answer, 443, logged_in=False) == Meaning(reason, text)


@pytest.mark.parametrize(
    ("port", "usual"), [(443, ""), (22, "; many proxies allow CONNECT to port 443 only")]
)
def test_a_port_that_proxies_often_refuse(port: int, usual: str) -> None:
    assert refusals.of_reply(reply(403), port, logged_in=True).text == f"{DENIED} (403){usual}"
    assert refusals.of_reply(reply(502), port, logged_in=True).text == f"{NO_WAY} (502)"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("p; error=dns_timeout", R.RESOLVE_FAILED),
        ("p; error=dns_error; rcode=NXDOMAIN", R.RESOLVE_FAILED),
        ("p;error=destination_ip_prohibited", R.PROXY_REFUSED),
        ("p; error=http_request_denied", R.PROXY_REFUSED),
        ("p; error=destination_unavailable", R.CONNECT_UNREACHABLE),
        ("p; error=destination_ip_unroutable", R.CONNECT_UNREACHABLE),
        ("p; next-hop=a; error=connection_refused", R.CONNECT_REFUSED),
        ("p; error=connection_timeout, other", R.CONNECT_TIMEOUT),
        ("p; error=proxy_internal_error", R.PROXY_FAILED),
        ("p; details=dns_error", R.PROXY_FAILED),
        ("p; error=", R.PROXY_FAILED),
    ],
)
def test_the_proxy_status_field(said: str, reason: Reason) -> None:
    """RFC 9209: a list of proxies, each with parameters; the status says less."""
    answer = reply(500, proxy_status=said)
    assert refusals.of_reply(answer, 443, logged_in=False).reason is reason


@pytest.mark.parametrize(
    ("said", "reason", "text"),
    [
        ("ERR_ACCESS_DENIED 0", R.PROXY_REFUSED, DENIED),
        ("ERR_CANNOT_FORWARD 0", R.CONNECT_UNREACHABLE, NO_WAY),
        ("ERR_DNS_FAIL 0", R.RESOLVE_FAILED, NO_NAME),
        ("ERR_CONNECT_FAIL 111", R.CONNECT_REFUSED, NOTHING_LISTENS),
        ("ERR_CONNECT_FAIL 110", R.CONNECT_TIMEOUT, LATE),
        ("ERR_CONNECT_FAIL 113", R.CONNECT_UNREACHABLE, NO_WAY),
        ("ERR_OTHER 0", R.PROXY_FAILED, "the proxy failed"),
    ],
)
def test_squids_error_pages(said: str, reason: Reason, text: str) -> None:
    answer = reply(500, x_squid_error=said)
    assert refusals.of_reply(answer, 443, logged_in=False) == Meaning(reason, f"{text} (500)")


@pytest.mark.parametrize(
    ("answer", "logged_in", "reason", "text"),
    [
        (reply(407, "No"), False, R.PROXY_AUTH_REQUIRED, f"asks for a login (407 No): {ADD_LOGIN}"),
        (reply(407, "No", proxy_authenticate="basic realm=x"), True, R.PROXY_AUTH_REJECTED,
         "rejected the user or the password of --proxy-auth-file (407 No)"),
        (reply(401), True, R.PROXY_AUTH_REJECTED,
         "rejected the user or the password of --proxy-auth-file (401)"),
        (reply(407, proxy_authenticate="NTLM"), True, R.PROXY_AUTH_REQUIRED,
         "asks for a login by NTLM; Seventh supports Basic only"),
        (Reply(status=407, reason="", fields=(("proxy-authenticate", "NTLM"),
                                              ("proxy-authenticate", "Negotiate x"))),
         False, R.PROXY_AUTH_REQUIRED,
         "asks for a login by NTLM, Negotiate; Seventh supports Basic only"),
        (Reply(status=407, reason="", fields=(("proxy-authenticate", "NTLM"),
                                              ("proxy-authenticate", "Basic"))),
         False, R.PROXY_AUTH_REQUIRED, f"asks for a login (407): {ADD_LOGIN}"),
    ],
)  # fmt: skip
def test_logins(answer: Reply, logged_in: bool, reason: Reason, text: str) -> None:
    meaning = refusals.of_reply(answer, 443, logged_in=logged_in)
    assert meaning == Meaning(reason, text)
    assert meaning.is_login


@pytest.mark.parametrize(
    ("answer", "page"),
    [
        (reply(200), ""),
        (reply(200, content_length="9"), ""),
        (reply(200, content_type="text/html"), ""),
        (reply(200, content_type="text/html", content_length="0"), ""),
        (reply(200, content_type="text/html", content_length="10"), "text/html"),
        (reply(200, content_type="text/html", transfer_encoding="chunked"), "text/html"),
    ],
)
def test_a_page_instead_of_a_tunnel(answer: Reply, page: str) -> None:
    assert refusals.page_of(answer) == page


METHOD, LOGIN, REPLY = Step.METHOD, Step.LOGIN, Step.REPLY
UNREACHABLE, FAILED = R.CONNECT_UNREACHABLE, R.PROXY_FAILED


@pytest.mark.parametrize(
    ("refusal", "logged_in", "meaning"),
    [
        (Refusal(METHOD, 255), True, Meaning(R.PROXY_AUTH_REQUIRED,
         "accepts neither a login with user and password nor none (SOCKS5 method 255)")),
        (Refusal(METHOD, 255), False, Meaning(R.PROXY_AUTH_REQUIRED,
         f"asks for a login (SOCKS5 method 255): {ADD_LOGIN}")),
        (Refusal(LOGIN, 1), True, Meaning(R.PROXY_AUTH_REJECTED,
         "rejected the user or the password of --proxy-auth-file (SOCKS5 login status 1)")),
        (Refusal(REPLY, 1), False, Meaning(FAILED,
         "general failure: the proxy does not say why; often it could not resolve the name "
         "(SOCKS5 reply 1)")),
        (Refusal(REPLY, 2), False, Meaning(R.PROXY_REFUSED, f"{DENIED} (SOCKS5 reply 2)")),
        (Refusal(REPLY, 3), False, Meaning(UNREACHABLE,
         "network unreachable, as the proxy reports (SOCKS5 reply 3)")),
        (Refusal(REPLY, 4), True, Meaning(UNREACHABLE,
         "host unreachable or unknown, as the proxy reports (SOCKS5 reply 4)")),
        (Refusal(REPLY, 5), True, Meaning(R.CONNECT_REFUSED,
         f"{NOTHING_LISTENS} (SOCKS5 reply 5)")),
        (Refusal(REPLY, 6), False, Meaning(R.CONNECT_TIMEOUT, f"{LATE} (SOCKS5 reply 6)")),
        (Refusal(REPLY, 7), False, Meaning(FAILED,
         "the proxy does not support the command CONNECT (SOCKS5 reply 7)")),
        (Refusal(REPLY, 0), False, Meaning(FAILED, "unknown SOCKS5 reply 0")),
        (Refusal(REPLY, 9), False, Meaning(FAILED, "unknown SOCKS5 reply 9")),
    ],
)  # fmt: skip
def test_socks5(refusal: Refusal, logged_in: bool, meaning: Meaning) -> None:
    proxy = Target(scheme="socks5", host="proxy.example", port=1080)
    assert refusals.of_refusal(refusal, proxy, "192.0.2.1", logged_in=logged_in) == meaning


@pytest.mark.parametrize(
    ("scheme", "host", "text"),
    [
        ("socks5", "2001:db8::1",
         "the proxy does not support IPv6 addresses: try -4, or another address"),
        ("socks5h", "2001:db8::1",
         "the proxy does not support IPv6 addresses: try -4, or another address"),
        ("socks5h", "host.example",
         "the proxy does not resolve names: try socks5:// instead of socks5h://"),
        ("socks5", "192.0.2.1", "the proxy does not support IPv4 addresses"),
    ],
)  # fmt: skip
def test_socks5_addresses_that_are_not_supported(scheme: str, host: str, text: str) -> None:
    proxy = Target(scheme=scheme, host="proxy.example", port=1080)
    meaning = refusals.of_refusal(Refusal(REPLY, 8), proxy, host, logged_in=False)
    assert meaning == Meaning(FAILED, f"{text} (SOCKS5 reply 8)", Blame.LOCAL)

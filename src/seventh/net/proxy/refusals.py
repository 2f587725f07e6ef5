"""What a proxy's refusal means: whose fault it is, and what to change."""

from __future__ import annotations

import re

import msgspec

from seventh.model.failure import Blame, Reason
from seventh.model.target import Target
from seventh.wire.http_connect import Reply
from seventh.wire.socks5 import Refusal, ReplyCode, Step

AUTH_OPTION = "--proxy-auth-file FILE (first line: USER:PASSWORD)"


class Meaning(msgspec.Struct, frozen=True):
    """A refusal as a failure: its reason, the text about it, and the party that can fix it."""

    reason: Reason
    text: str
    blame: Blame | None = None

    @property
    def is_login(self) -> bool:
        """Whether the proxy wants a login, so that it did not even consider the target."""
        return self.reason in {Reason.PROXY_AUTH_REQUIRED, Reason.PROXY_AUTH_REJECTED}


_NO_NAME = "the proxy could not resolve the name"
_REFUSED = "refused, as the proxy reports: nothing listens on the port"
_TIMEOUT = "no answer in time, as the proxy reports"
_UNREACHABLE = "the proxy could not connect"
_DENIED = "not allowed by the proxy's rules"
_TARGET = {
    Reason.RESOLVE_FAILED: _NO_NAME,
    Reason.CONNECT_REFUSED: _REFUSED,
    Reason.CONNECT_TIMEOUT: _TIMEOUT,
    Reason.CONNECT_UNREACHABLE: _UNREACHABLE,
    Reason.PROXY_REFUSED: _DENIED,
}

# -- HTTP ------------------------------------------------------------------------------------------

_STATUS = {
    403: Reason.PROXY_REFUSED,
    502: Reason.CONNECT_UNREACHABLE,
    503: Reason.CONNECT_UNREACHABLE,
    504: Reason.CONNECT_TIMEOUT,
}
_NOT_OF_A_PROXY = frozenset({400, 401, 404, 405, 410, 426, 501})
"""Answers to CONNECT of a web server, or of a proxy that was not set up for CONNECT."""
_PROXY_STATUS = {
    "dns_timeout": Reason.RESOLVE_FAILED,
    "dns_error": Reason.RESOLVE_FAILED,
    "destination_ip_prohibited": Reason.PROXY_REFUSED,
    "http_request_denied": Reason.PROXY_REFUSED,
    "destination_unavailable": Reason.CONNECT_UNREACHABLE,
    "destination_ip_unroutable": Reason.CONNECT_UNREACHABLE,
    "connection_refused": Reason.CONNECT_REFUSED,
    "connection_timeout": Reason.CONNECT_TIMEOUT,
}
"""Error types of the Proxy-Status field (RFC 9209 §2.3)."""
_SQUID = {
    "ERR_ACCESS_DENIED": Reason.PROXY_REFUSED,
    "ERR_CANNOT_FORWARD": Reason.CONNECT_UNREACHABLE,
    "ERR_DNS_FAIL": Reason.RESOLVE_FAILED,
    "ERR_CONNECT_FAIL 111": Reason.CONNECT_REFUSED,
    "ERR_CONNECT_FAIL 110": Reason.CONNECT_TIMEOUT,
    "ERR_CONNECT_FAIL": Reason.CONNECT_UNREACHABLE,
}
"""Values of Squid's X-Squid-Error field: an error page, and the errno of Linux."""
_USUAL_RULE = "; many proxies allow CONNECT to port 443 only"
_TINYPROXY = (500, "Unable to connect")
"""The only status that tinyproxy sends for a target that it did not reach."""


def of_reply(reply: Reply, port: int, *, logged_in: bool) -> Meaning:
    """Return what a reply other than 2xx to CONNECT to ``port`` means.

    ``logged_in``: the request had credentials.
    """
    if reply.status == 407 or (reply.status == 401 and logged_in):  # tinyproxy's answer
        return _login_wanted(reply, logged_in=logged_in)
    reason = _told(reply) or _STATUS.get(reply.status)
    if (reply.status, reply.reason) == _TINYPROXY:
        reason = Reason.CONNECT_UNREACHABLE
    if reason is not None:
        usual = _USUAL_RULE if reason is Reason.PROXY_REFUSED and port != 443 else ""
        return Meaning(reason, f"{_TARGET[reason]} ({reply.line}){usual}")
    if reply.status < 400 or reply.status in _NOT_OF_A_PROXY:
        return web_server(reply.line)
    if reply.status < 500:
        return Meaning(Reason.PROXY_REFUSED, f"{_DENIED} ({reply.line})")
    return Meaning(Reason.PROXY_FAILED, f"the proxy failed ({reply.line})")


def web_server(answer: str) -> Meaning:
    """Return what it means that CONNECT is answered as by a web server."""
    return Meaning(
        Reason.PROXY_MISMATCH,
        f"answers CONNECT with {answer}: a web server, or a proxy without CONNECT",
    )


def page_of(reply: Reply) -> str:
    """Describe the content that a 2xx reply announces; empty for none.

    Clients ignore a Content-Length in such a reply (RFC 9110 §9.3.6), and some proxies send one. A
    type as well makes it a page of a web server.
    """
    kind, length = reply.get("content-type"), reply.get("content-length")
    if kind and (reply.get("transfer-encoding") or length.strip("0")):
        return kind
    return ""


def _told(reply: Reply) -> Reason | None:
    """Return the reason that the proxy states in a field of its own."""
    for parameter in re.split("[;,]", reply.get("proxy-status")):
        name, _, value = parameter.strip().partition("=")
        if name == "error" and value in _PROXY_STATUS:
            return _PROXY_STATUS[value]
    squid = reply.get("x-squid-error")
    return _SQUID.get(squid) or _SQUID.get(squid.partition(" ")[0])


def _login_wanted(reply: Reply, *, logged_in: bool) -> Meaning:
    schemes = [value.partition(" ")[0] for name, value in reply.fields
               if name == "proxy-authenticate"]  # fmt: skip
    if schemes and not any(scheme.lower() == "basic" for scheme in schemes):
        asked = ", ".join(schemes)
        return Meaning(
            Reason.PROXY_AUTH_REQUIRED, f"asks for a login by {asked}; Seventh supports Basic only"
        )
    if logged_in:
        return Meaning(
            Reason.PROXY_AUTH_REJECTED,
            f"rejected the user or the password of --proxy-auth-file ({reply.line})",
        )
    return Meaning(
        Reason.PROXY_AUTH_REQUIRED, f"asks for a login ({reply.line}): add {AUTH_OPTION}"
    )


# -- SOCKS5 ----------------------------------------------------------------------------------------

_CODES = {
    ReplyCode.NOT_ALLOWED: (Reason.PROXY_REFUSED, _DENIED),
    ReplyCode.NETWORK_UNREACHABLE: (
        Reason.CONNECT_UNREACHABLE, "network unreachable, as the proxy reports",
    ),
    ReplyCode.HOST_UNREACHABLE: (
        Reason.CONNECT_UNREACHABLE, "host unreachable or unknown, as the proxy reports",
    ),
    ReplyCode.CONNECTION_REFUSED: (Reason.CONNECT_REFUSED, _REFUSED),
    ReplyCode.TTL_EXPIRED: (Reason.CONNECT_TIMEOUT, _TIMEOUT),
    ReplyCode.GENERAL_FAILURE: (
        Reason.PROXY_FAILED,
        "general failure: the proxy does not say why; often it could not resolve the name",
    ),
    ReplyCode.COMMAND_NOT_SUPPORTED: (
        Reason.PROXY_FAILED, "the proxy does not support the command CONNECT",
    ),
}  # fmt: skip


def of_refusal(refusal: Refusal, proxy: Target, host: str, *, logged_in: bool) -> Meaning:
    """Return what a SOCKS5 server's refusal means; ``logged_in``: a login was offered."""
    if refusal.at is Step.METHOD and logged_in:
        return Meaning(
            Reason.PROXY_AUTH_REQUIRED,
            "accepts neither a login with user and password nor none (SOCKS5 method 255)",
        )
    if refusal.at is Step.METHOD:
        return Meaning(
            Reason.PROXY_AUTH_REQUIRED, f"asks for a login (SOCKS5 method 255): add {AUTH_OPTION}"
        )
    if refusal.at is Step.LOGIN:
        return Meaning(
            Reason.PROXY_AUTH_REJECTED,
            "rejected the user or the password of --proxy-auth-file "
            f"(SOCKS5 login status {refusal.code})",
        )
    if refusal.code == ReplyCode.ADDRESS_TYPE_NOT_SUPPORTED:
        text = _address_type(proxy, host)
        return Meaning(Reason.PROXY_FAILED, f"{text} (SOCKS5 reply {refusal.code})", Blame.LOCAL)
    if refusal.code not in set(ReplyCode):
        return Meaning(Reason.PROXY_FAILED, f"unknown SOCKS5 reply {refusal.code}")
    reason, text = _CODES[ReplyCode(refusal.code)]
    return Meaning(reason, f"{text} (SOCKS5 reply {refusal.code})")


def _address_type(proxy: Target, host: str) -> str:
    if ":" in host:
        return "the proxy does not support IPv6 addresses: try -4, or another address"
    if proxy.scheme == "socks5h":
        return "the proxy does not resolve names: try socks5:// instead of socks5h://"
    return "the proxy does not support IPv4 addresses"

"""``blackbox.yml``: its modules, and why one of them cannot be used here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from seventh.model.failure import UsageError
from seventh.model.near import unknown
from seventh.model.textfile import read_bytes
from seventh.protocols.http.client.request import SECRETS
from seventh.web.search import pattern_of

_MAX_FILE = 1024 * 1024
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+)(ms|s|m|h)")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
Family = Literal["ip4", "ip6"]


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``tls_config``."""

    ca_file: str | None = None
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: Literal["", "TLS10", "TLS11", "TLS12", "TLS13"] = ""
    cert_file: Any = None
    key_file: Any = None


class Exchange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of ``query_response``: what to expect, then what to send, then TLS."""

    expect: str = ""
    send: str = ""
    starttls: bool = False
    labels: Any = None


class Tcp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``tcp``."""

    preferred_ip_protocol: Family = "ip6"
    ip_protocol_fallback: bool = True
    query_response: tuple[Exchange, ...] = ()
    tls: bool = False
    tls_config: Tls = Tls()
    source_ip_address: Any = None


class HeaderMatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field of the response, and what it must match or must not match."""

    header: str
    regexp: str
    allow_missing: bool = False


class Http(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``http``; those of type Any are known and not supported."""

    preferred_ip_protocol: Family = "ip6"
    ip_protocol_fallback: bool = True
    method: str = "GET"
    headers: Mapping[str, str] = {}
    valid_status_codes: tuple[int, ...] = ()
    valid_http_versions: tuple[str, ...] = ()
    follow_redirects: bool = True
    no_follow_redirects: bool = False
    fail_if_ssl: bool = False
    fail_if_not_ssl: bool = False
    fail_if_body_matches_regexp: tuple[str, ...] = ()
    fail_if_body_not_matches_regexp: tuple[str, ...] = ()
    fail_if_header_matches: tuple[HeaderMatch, ...] = ()
    fail_if_header_not_matches: tuple[HeaderMatch, ...] = ()
    enable_http2: bool = True
    tls_config: Tls = Tls()
    authorization: Any = None
    basic_auth: Any = None
    bearer_token: Any = None
    bearer_token_file: Any = None
    body: Any = None
    body_file: Any = None
    body_size_limit: Any = None
    compression: Any = None
    oauth2: Any = None
    proxy_connect_header: Any = None
    proxy_from_environment: Any = None
    proxy_url: Any = None
    no_proxy: Any = None
    skip_resolve_phase_with_proxy: Any = None

    @property
    def follows(self) -> bool:
        """Whether redirects are followed."""
        return self.follow_redirects and not self.no_follow_redirects


class Module(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One module."""

    prober: Literal["http", "tcp", "icmp", "dns", "grpc", "unix"]
    timeout: str = ""
    http: Http = Http()
    tcp: Tcp = Tcp()
    icmp: Any = None
    dns: Any = None
    grpc: Any = None
    unix: Any = None

    @property
    def family(self) -> tuple[Family, bool]:
        """The preferred IP version, and whether the other is used where there is none."""
        own = self.http if self.prober == "http" else self.tcp
        return own.preferred_ip_protocol, own.ip_protocol_fallback

    @property
    def timeout_seconds(self) -> float | None:
        """The module's timeout; None without one."""
        parts = _DURATION.findall(self.timeout)
        return sum(int(count) * _UNIT_SECONDS[unit] for count, unit in parts) or None

    def problem(self) -> str:
        """Return why the module cannot be used; empty if it can."""
        if self.prober not in {"http", "tcp"}:
            return f"prober: {self.prober} is not supported, only http and tcp"
        if self.timeout and not re.fullmatch(f"(?:{_DURATION.pattern})+", self.timeout):
            return f"timeout: {self.timeout!r:.40} is no duration, such as 5s"
        own: Http | Tcp = self.http if self.prober == "http" else self.tcp
        for where, holder in ((self.prober, own), (f"{self.prober}.tls_config", own.tls_config)):
            for field in msgspec.structs.fields(holder):
                if field.type is Any and getattr(holder, field.name) not in (None, False, ""):
                    return f"{where}.{field.name}: not supported"
        if self.prober == "http" and self.http.method.upper() not in _SAFE:
            return f"http.method: {self.http.method!r:.40} is not sent, only GET, HEAD and OPTIONS"
        for name in self.http.headers:
            if name.lower() in SECRETS:  # a probe could send it anywhere
                return f"http.headers: {name} is a credential: not supported"
        return _problem_of_steps(self.tcp.query_response) or _problem_of_patterns(self)


def _problem_of_steps(steps: Iterable[Exchange]) -> str:
    for step in steps:
        if step.labels:
            return "tcp.query_response: labels are not supported"
        if "${" in step.send:
            return "tcp.query_response: ${…} in send is not supported"
    return ""


def _problem_of_patterns(module: Module) -> str:
    http = module.http
    patterns = [
        *(step.expect for step in module.tcp.query_response), *http.fail_if_body_matches_regexp,
        *http.fail_if_body_not_matches_regexp, *(m.regexp for m in http.fail_if_header_matches),
        *(m.regexp for m in http.fail_if_header_not_matches),
    ]  # fmt: skip
    try:
        for pattern in patterns:
            pattern_of(pattern, "regular expression")
    except UsageError as error:
        return str(error)
    return ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    modules: dict[str, Module]


DEFAULT: Mapping[str, Module] = {
    "http_2xx": Module(prober="http"),
    "tcp_connect": Module(prober="tcp"),
    "tls_connect": Module(prober="tcp", tcp=Tcp(tls=True)),
    "ssh_banner": Module(
        prober="tcp",
        tcp=Tcp(query_response=(Exchange(expect="^SSH-2.0-", send="SSH-2.0-blackbox-ssh-check"),)),
    ),
}
"""Without a file."""


def load(path: str) -> dict[str, Module]:
    """Read a file; raises UsageError, in one line. Modules with a problem are kept."""
    return read(path, read_bytes(path, _MAX_FILE))


def read(path: str, data: bytes) -> dict[str, Module]:
    """Read the content of a file; raises UsageError, in one line."""
    import yaml  # type: ignore[import-untyped]

    try:
        content = yaml.load(data, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        return msgspec.convert(content, _File).modules
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"{path}{line}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, msgspec.ValidationError):
            raise UsageError(f"{path}: {error}") from None
        raise UsageError(f"{path}: not valid YAML") from None


def chosen(modules: Mapping[str, Module], name: str) -> Module:
    """Return a module; raises UsageError for one that is unknown or cannot be used."""
    module = modules.get(name)
    if module is None:
        raise UsageError(unknown("module", name, sorted(modules)))
    if problem := module.problem():
        raise UsageError(f"module {name}: {problem}")
    return module

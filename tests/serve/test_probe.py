"""``/probe``: modules, who may probe what, and what is measured."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from seventh.labkit.ca import Authority
from seventh.labkit.serve import tcp_server
from seventh.labkit.tlsserve import server_context, tls_server
from seventh.model.failure import Failed, UsageError
from seventh.net.address import Address
from seventh.serve.app import Access
from seventh.serve.probe import door
from seventh.serve.probe.door import run, target_of, timeout_of
from seventh.serve.probe.modules import (
    DEFAULT,
    Exchange,
    HeaderMatch,
    Http,
    Module,
    Tcp,
    Tls,
    chosen,
    read,
)
from seventh.serve.probe.reach import choose
from seventh.serve.sessions import token_hash
from seventh.wire.address import check_asked
from tests.serve.made import served, target
from tests.serve.test_metrics import of, values

HTTP, TCP, SSH = DEFAULT["http_2xx"], DEFAULT["tcp_connect"], DEFAULT["ssh_banner"]


async def measured(where: str, module: Module, seconds: float = 5) -> dict[str, object]:
    """The page of one probe: numbers by name, and why it failed."""
    assert module.problem() == ""
    page = values(await run(target_of(where, module), module, seconds))
    found: dict[str, object] = {name: value for (name, labels), value in page.items() if not labels}
    for name, labels in page:
        if labels:
            shown = dict(labels)
            found[name] = shown.get("reason") or shown.get("version") or shown
    return found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("prober: http", ""),
        ("prober: tcp\n    timeout: 1m30s\n    tcp: {tls: true}", ""),
        ("prober: icmp", "prober: icmp is not supported, only http and tcp"),
        ("prober: dns\n    dns: {query_name: a}",
         "prober: dns is not supported, only http and tcp"),
        ("prober: http\n    timeout: 5", "Expected `str`, got `int` - at `$.modules[...].timeout`"),
        ("prober: http\n    timeout: 5x", "timeout: '5x' is no duration, such as 5s"),
        ("prober: http\n    http: {method: post}",
         "http.method: 'post' is not sent, only GET, HEAD and OPTIONS"),
        ("prober: http\n    http: {method: head}", ""),
        ("prober: http\n    http: {basic_auth: {username: a}}", "http.basic_auth: not supported"),
        ("prober: http\n    http: {proxy_from_environment: false}", ""),
        ("prober: http\n    http: {proxy_from_environment: true}",
         "http.proxy_from_environment: not supported"),
        ("prober: tcp\n    tcp: {source_ip_address: 1.2.3.4}",
         "tcp.source_ip_address: not supported"),
        ("prober: tcp\n    tcp: {tls_config: {cert_file: a}}",
         "tcp.tls_config.cert_file: not supported"),
        ("prober: http\n    http: {headers: {X-API-Key: a}}",
         "http.headers: X-API-Key is a credential: not supported"),
        ("prober: http\n    http: {headers: {X-A: a}}", ""),
        ("prober: tcp\n    tcp: {query_response: [{expect: '('}]}",
         "regular expression '(': missing ), unterminated subpattern at position 0"),
        ("prober: tcp\n    tcp: {query_response: [{expect: a, labels: [{name: a, value: b}]}]}",
         "tcp.query_response: labels are not supported"),
        ("prober: tcp\n    tcp: {query_response: [{send: 'PONG ${1}'}]}",
         "tcp.query_response: ${…} in send is not supported"),
        ("prober: http\n    http: {fail_if_body_matches_regexp: ['[']}",
         "regular expression '[': unterminated character set at position 0"),
        ("prober: ftp", "Invalid enum value 'ftp' - at `$.modules[...].prober`"),
        ("prober: http\n    htp: {}", "Object contains unknown field `htp` - at `$.modules[...]`"),
    ],
)  # fmt: skip
def test_modules(text: str, problem: str) -> None:
    data = f"modules:\n  m:\n    {text}\n".encode()
    if "$.modules" in problem:
        with pytest.raises(UsageError) as wrong:
            read("b.yml", data)
        assert str(wrong.value) == f"b.yml: {problem}"
        return
    modules = read("b.yml", data)
    assert modules["m"].problem() == problem
    if problem:
        with pytest.raises(UsageError) as wrong:
            chosen(modules, "m")
        assert str(wrong.value) == f"module m: {problem}"
    else:
        assert chosen(modules, "m") is modules["m"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a: [", "b.yml:2: not valid YAML: did not find expected node content"),
        (b"\xff\xff", "b.yml: not valid YAML"),
        (b"", "b.yml: Expected `object`, got `null`"),
        (b"modules: {}\nx: 1", "b.yml: Object contains unknown field `x`"),
    ],
)
def test_a_file_that_is_none(data: bytes, expected: str) -> None:
    with pytest.raises(UsageError) as wrong:
        read("b.yml", data)
    assert str(wrong.value).partition(" while")[0] == expected


@pytest.mark.parametrize(
    ("text", "module", "shown"),
    [("a", HTTP, "http://a:80"), ("https://a/x?y", HTTP, "https://a:443/x?y"),
     ("a:1", TCP, "tcp://a:1"), ("[::1]:1", TCP, "tcp://[::1]:1")],
)  # fmt: skip
def test_targets(text: str, module: Module, shown: str) -> None:
    assert str(target_of(text, module)) == shown


@pytest.mark.parametrize(
    ("text", "module", "expected"),
    [("ssh://a", HTTP, "target 'ssh://a': write a URL, such as https://host/"),
     ("file:///etc/passwd", HTTP, "target 'file:///etc/passwd': write a URL, such as https://host/"),
     ("ssh://a", TCP, "target 'ssh://a': write host:port")],
)  # fmt: skip
def test_a_target_that_is_none(text: str, module: Module, expected: str) -> None:
    with pytest.raises(UsageError) as wrong:
        target_of(text, module)
    assert str(wrong.value) == expected


@pytest.mark.parametrize(
    ("own", "given", "seconds"),
    [("", "", 10.0), ("5s", "", 5.0), ("5s", "3", 2.5), ("", "15", 14.5), ("", "0.5", 0.1),
     ("1h", "", 60.0), ("1m1s", "70", 60.0), ("500ms", "10", 0.5)],
)  # fmt: skip
def test_timeouts(own: str, given: str, seconds: float) -> None:
    assert timeout_of(Module(prober="tcp", timeout=own), given) == seconds


V4, V6 = Address(ip="192.0.2.1", port=1), Address(ip="2001:db8::1", port=1)


@pytest.mark.parametrize(
    ("found", "preferred", "fallback", "chosen_one"),
    [((V4, V6), "ip6", True, V6), ((V4, V6), "ip4", False, V4), ((V4,), "ip6", True, V4),
     ((V4,), "ip6", False, None)],
)  # fmt: skip
def test_the_address(
    found: tuple[Address, ...], preferred: str, fallback: bool, chosen_one: Address | None
) -> None:
    module = Module(
        prober="tcp",
        tcp=Tcp(preferred_ip_protocol=preferred, ip_protocol_fallback=fallback),  # type: ignore[arg-type]
    )
    if chosen_one is not None:
        assert choose(found, module) == chosen_one
        return
    with pytest.raises(Failed) as failed:
        choose(found, module)
    assert failed.value.detail == "no ip6 address, and no fallback"


@pytest.mark.parametrize(
    ("ip", "why"),
    [
        ("169.254.1.1", "link-local"), ("fe80::1", "link-local"), ("fe80::1%lo", "link-local"),
        ("::ffff:169.254.169.254", "link-local"), ("64:ff9b::a9fe:a9fe", "link-local"),
        ("2002:a9fe:a9fe::1", "link-local"), ("100.100.100.200", "a cloud metadata service"),
        ("fd00:ec2::254", "a cloud metadata service"), ("127.0.0.1", None), ("10.0.0.1", None),
        ("192.0.2.1", None), ("::1", None), ("fd00::1", None),
    ],
)  # fmt: skip
def test_what_is_never_probed(ip: str, why: str | None) -> None:
    if why is None:
        check_asked(ip)
        return
    with pytest.raises(Failed) as failed:
        check_asked(ip)
    shown = (failed.value.reason, failed.value.phase, failed.value.detail)
    assert shown == ("address-policy", "resolve", f"{ip} is {why}: not probed")


Reply = Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]


@contextlib.asynccontextmanager
async def web(answers: dict[str, str]) -> AsyncIterator[int]:
    """A web server: the rest of a response by path."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        writer.write(f"HTTP/1.1 {answers[line]}".encode())
        writer.close()

    async with tcp_server(serve) as port:
        yield port


OK = (
    "200 OK\r\nContent-Length: 5\r\nX-A: one\r\n"
    "Last-Modified: Thu, 01 Jan 1970 00:01:00 GMT\r\n\r\nhello"
)


async def test_http() -> None:
    answers = {"/": OK, "/404": "404 No\r\nContent-Length: 0\r\n\r\n"}
    async with web(answers) as port:
        answers["/to"] = (
            f"302 Found\r\nLocation: http://127.0.0.1:{port}/\r\nContent-Length: 0\r\n\r\n"
        )
        answers["/loop"] = "301 Moved\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"
        answers["/local"] = "301 Moved\r\nLocation: http://169.254.169.254/\r\n\r\n"
        base = f"http://127.0.0.1:{port}"
        found = await measured(f"{base}/to", HTTP)
        shown = {name: value for name, value in found.items() if not name.endswith("_seconds")}
        assert 0 < found["probe_dns_lookup_time_seconds"] < found["probe_duration_seconds"] < 60
        assert shown == {
            "probe_success": 1, "probe_ip_protocol": 4, "probe_ip_addr_hash": 3668918509,
            "probe_failed_due_to_regex": 0, "probe_http_status_code": 200,
            "probe_http_version": 1.1, "probe_http_redirects": 1, "probe_http_ssl": 0,
            "probe_http_content_length": 5, "probe_http_uncompressed_body_length": 5,
        }  # fmt: skip
        assert found["probe_http_last_modified_timestamp_seconds"] == 60
        for path, why in (("/404", "unexpected-answer"), ("/loop", "budget-exceeded"),
                          ("/local", "address-policy")):  # fmt: skip
            failed = await measured(base + path, HTTP)
            assert (failed["probe_success"], failed["seventh_probe_failure_info"]) == (0, why)
        stays = await measured(f"{base}/to", Module(prober="http", http=Http(
            follow_redirects=False, valid_status_codes=(302,))))  # fmt: skip
        assert (stays["probe_success"], stays["probe_http_redirects"]) == (1, 1)


def match(regexp: str, *, header: str = "X-A", missing: bool = False) -> tuple[HeaderMatch, ...]:
    return (HeaderMatch(header=header, regexp=regexp, allow_missing=missing),)


@pytest.mark.parametrize(
    ("http", "success", "regex"),
    [
        (Http(valid_http_versions=("HTTP/1.1",)), 1, 0),
        (Http(valid_http_versions=("HTTP/1.0", "HTTP/2.0")), 0, 0),
        (Http(fail_if_ssl=True), 1, 0),
        (Http(fail_if_not_ssl=True), 0, 0),
        (Http(fail_if_body_matches_regexp=("hel",)), 0, 1),
        (Http(fail_if_body_matches_regexp=("hex",)), 1, 0),
        (Http(fail_if_body_not_matches_regexp=("hel", "l+o$")), 1, 0),
        (Http(fail_if_body_not_matches_regexp=("hel", "x+")), 0, 1),
        (Http(fail_if_header_matches=match("one")), 0, 1),
        (Http(fail_if_header_matches=match("two")), 1, 0),
        (Http(fail_if_header_matches=match(".", header="B")), 0, 1),
        (Http(fail_if_header_matches=match(".", header="B", missing=True)), 1, 0),
        (Http(fail_if_header_not_matches=match("one")), 1, 0),
        (Http(fail_if_header_not_matches=match("two")), 0, 1),
        (Http(method="HEAD"), 1, 0),
    ],
)  # fmt: skip
async def test_what_is_expected_of_a_response(http: Http, success: int, regex: int) -> None:
    head = OK.removesuffix("hello") if http.method == "HEAD" else OK
    async with web({"/": head}) as port:
        found = await measured(f"127.0.0.1:{port}", Module(prober="http", http=http))
    assert (found["probe_success"], found["probe_failed_due_to_regex"]) == (success, regex)


async def test_lines_of_tcp() -> None:
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\r\nSSH-2.0-x")
        await writer.drain()
        writer.write(b"\r\n")
        with contextlib.suppress(ConnectionError):
            got.put_nowait(await reader.readline())
        writer.close()

    async with tcp_server(serve) as port:
        where = f"127.0.0.1:{port}"
        assert (await measured(where, TCP))["probe_success"] == 1
        while not got.empty():
            got.get_nowait()
        assert (await measured(where, SSH))["probe_success"] == 1
        assert await asyncio.wait_for(got.get(), 20) == b"SSH-2.0-blackbox-ssh-check\n"
        other = Module(prober="tcp", tcp=Tcp(query_response=(
            Exchange(send="x"), Exchange(expect="^nothing$"))))  # fmt: skip
        found = await measured(where, other)
        assert (found["probe_success"], found["probe_failed_due_to_regex"]) == (0, 1)
        assert found["seventh_probe_failure_info"] == "unexpected-answer"
        silent = await measured(where, Module(prober="tcp", tcp=Tcp(query_response=(
            Exchange(expect="^nothing$"),))), 0.2)  # fmt: skip
        assert (silent["probe_success"], silent["probe_failed_due_to_regex"]) == (0, 0)
        assert silent["seventh_probe_failure_info"] == "peer-silent"


async def test_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("localhost")

    async with tls_server(server_context(issued)) as port:
        own = Tls(ca_file=str(authority.ca_file), server_name="localhost")

        def module(tls: Tls) -> Module:
            return Module(prober="tcp", tcp=Tcp(tls=True, tls_config=tls))

        where = f"127.0.0.1:{port}"
        found = await measured(where, module(own))
        leaf = issued.certificate
        assert found["probe_success"] == 1
        assert found["probe_tls_version_info"] == "TLS 1.3"
        assert found["probe_ssl_earliest_cert_expiry"] == leaf.not_valid_after_utc.timestamp()
        assert found["probe_ssl_last_chain_expiry_timestamp_seconds"] == (
            leaf.not_valid_after_utc.timestamp()
        )
        untrusted = await measured(where, module(Tls(server_name="localhost")))
        assert untrusted["seventh_probe_failure_info"] == "tls-certificate-untrusted"
        blind = await measured(where, module(Tls(insecure_skip_verify=True)))
        assert blind["probe_success"] == 1
        assert "probe_ssl_last_chain_expiry_timestamp_seconds" not in blind


async def test_who_may_probe_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = (403, "this target is not watched: a token is required, or --probe-any\n")
    bearer = "Bearer t"
    access = Access(tokens=(token_hash("t"),))
    async with web({"/": OK, "/b": OK}) as port, web({"/": OK}) as other:
        watched = target(port, "web", "http")
        async with served(tmp_path / "1", watched, access=access) as it:
            await it.watcher.ready.wait()

            async def ask(where: str, module: str, **fields: str) -> tuple[int, str]:
                got = await it.ask(f"/probe?target={where}&module={module}", **fields)
                assert got.status != 200 or values(got.body)[of("probe_success")] == 1
                return got.status, got.body if got.status != 200 else ""

            for same in ("", "/", "/#x"):
                where = f"http://127.0.0.1:{port}{same.replace('#', '%23')}"
                assert await ask(where, "http_2xx") == (200, "")
            assert await ask(f"127.0.0.1:{port}", "tcp_connect") == (200, "")
            assert await ask(f"http://127.0.0.1:{port}/b", "http_2xx") == refused
            assert await ask(f"127.0.0.1:{other}", "tcp_connect") == refused
            assert await ask(f"127.0.0.1:{other}", "http_2xx", Authorization=bearer) == (200, "")
            assert await ask("a", "b") == (
                400,
                "unknown module 'b': write http_2xx, ssh_banner, tcp_connect or tls_connect\n",
            )
            assert (await it.ask("/probe"))[::2] == (400, "the parameter target is missing\n")
            assert (await it.ask("/probe?target=a&hostname=b"))[::2] == (
                400,
                "parameter 'hostname' is not supported\n",
            )
            timeout = await it.ask(
                f"/probe?target=127.0.0.1:{port}", X_Prometheus_Scrape_Timeout_Seconds="x"
            )
            assert timeout[::2] == (400, "x-prometheus-scrape-timeout-seconds: 'x' is no number\n")
            monkeypatch.setattr(door, "MAX_PROBES", 0)
            assert await ask(f"127.0.0.1:{port}", "tcp_connect") == (
                503,
                "too many probes at once\n",
            )
        monkeypatch.undo()
        async with served(tmp_path / "2", watched, any_target=True) as it:
            got = await it.ask(f"/probe?target=127.0.0.1:{other}")
            assert values(got.body)[of("probe_success")] == 1
            for where in ("169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"):
                got = await it.ask(f"/probe?target={where}:80&module=tcp_connect")
                policy = of("seventh_probe_failure_info", reason="address-policy",
                            phase="resolve", blame="peer")  # fmt: skip
                assert values(got.body)[policy] == 1

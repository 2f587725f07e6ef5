"""``/probe`` beside blackbox_exporter itself: the same metrics of the same targets."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from prometheus_client.parser import text_string_to_metric_families

from seventh.labkit.ca import Authority, Issued
from seventh.labkit.serve import free_port, tcp_server
from seventh.labkit.tlsserve import server_context, tls_server
from seventh.serve.probe.modules import load
from tests.peers import need_binary
from tests.peers.ports import listening
from tests.serve.made import ask, served, target

pytestmark = pytest.mark.peer

MODULES = """
modules:
  http_2xx: {{prober: http, timeout: 5s}}
  http_stay: {{prober: http, http: {{follow_redirects: false, valid_status_codes: [302]}}}}
  http_body: {{prober: http, http: {{fail_if_body_not_matches_regexp: [absent]}}}}
  http_header:
    prober: http
    http: {{fail_if_header_not_matches: [{{header: X-A, regexp: o.e}}]}}
  tcp: {{prober: tcp, timeout: 2s}}
  ssh:
    prober: tcp
    tcp: {{query_response: [{{expect: ^SSH-2.0-, send: SSH-2.0-x}}]}}
  other: {{prober: tcp, timeout: 2s, tcp: {{query_response: [{{expect: ^220}}]}}}}
  tls: {{prober: tcp, tcp: {{tls: true, tls_config: {{ca_file: "{ca}", server_name: localhost}}}}}}
  untrusted: {{prober: tcp, tcp: {{tls: true, tls_config: {{server_name: localhost}}}}}}
  blind: {{prober: tcp, tcp: {{tls: true, tls_config: {{insecure_skip_verify: true}}}}}}
"""
_MEASURED = re.compile(r"_seconds$|_info$|_expiry$")
_OWN = {"seventh_probe_failure_info"}
_ZERO_TIME = -62135596800
"""What Go shows of a chain that was not verified; we show nothing."""


async def serve_web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
    answers = {
        b"/to": b"302 Found\r\nLocation: /\r\nContent-Length: 0",
        b"/500": b"500 Wrong\r\nContent-Length: 0",
    }
    ok = (b"200 OK\r\nX-A: one\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
          b"Content-Length: 5\r\n\r\nhello")  # fmt: skip
    writer.write(b"HTTP/1.1 " + answers.get(path, ok).replace(b"Length: 0", b"Length: 0\r\n\r\n"))
    writer.close()


async def serve_ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-server\r\n")
    writer.write_eof()
    await reader.read()
    writer.close()


@contextlib.asynccontextmanager
async def exporter(folder: Path) -> AsyncIterator[int]:
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            need_binary("prometheus-blackbox-exporter"), f"--config.file={folder / 'b.yml'}",
            f"--web.listen-address=127.0.0.1:{port}", stdout=log, stderr=log,
        )  # fmt: skip
        try:
            await listening(port, process, folder / "log")
            yield port
        finally:
            process.kill()
            await process.wait()


def shown(page: str) -> dict[str, object]:
    """Values by name and labels; of what is measured only the names."""
    found: dict[str, object] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            measured = _MEASURED.search(sample.name) and "expiry" not in sample.name
            if sample.name not in _OWN and sample.value != _ZERO_TIME:
                found[f"{sample.name}{{{labels}}}"] = None if measured else sample.value
    return found


async def test_the_same_is_measured(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    issued: Issued = authority.issue("localhost")
    path = tmp_path / "b.yml"
    path.write_text(MODULES.format(ca=authority.ca_file), encoding="utf-8")
    async with (
        exporter(tmp_path) as theirs, tcp_server(serve_web) as web, tcp_server(serve_ssh) as ssh,
        tls_server(server_context(issued)) as tls,
        served(tmp_path, target(web), modules=load(str(path)), any_target=True) as it,
    ):  # fmt: skip
        base = f"http://127.0.0.1:{web}"
        cases = [
            ("http_2xx", base), ("http_2xx", f"{base}/to"), ("http_2xx", f"{base}/500"),
            ("http_stay", f"{base}/to"), ("http_body", base), ("http_header", base),
            ("tcp", f"127.0.0.1:{web}"), ("tcp", "127.0.0.1:1"), ("ssh", f"127.0.0.1:{ssh}"),
            ("other", f"127.0.0.1:{ssh}"), ("tls", f"127.0.0.1:{tls}"),
            ("untrusted", f"127.0.0.1:{tls}"), ("blind", f"127.0.0.1:{tls}"),
        ]  # fmt: skip
        for module, where in cases:
            query = f"/probe?{urlencode({'target': where, 'module': module})}"
            ours, other = await ask(it.port, query), await ask(theirs, query)
            assert {(module, where): shown(ours.body)} == {(module, where): shown(other.body)}
        for query in ("/probe?module=tcp", "/probe?target=a:1&module=none"):
            statuses = [(await ask(port, query)).status for port in (it.port, theirs)]
            assert statuses == [400, 400]

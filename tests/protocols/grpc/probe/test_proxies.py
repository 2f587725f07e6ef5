"""grpcio behind nginx and Envoy, and grpclib's server: what a check shows; the fixes."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.labkit.serve import Kit, free_port
from seventh.model.failure import Reason
from tests.peers import need_binary
from tests.peers.proxies import envoy, running
from tests.protocols.grpc.lab.running import facts_of, fired, grpcio_server, look_at
from tests.protocols.grpc.probe.test_grpcio import OLD

pytestmark = pytest.mark.peer
SAY = "seventh.lab.Echo/Say"
HOLD: dict[str, object] = {"intrusive": True, "hold_seconds": 1.5, "timeout_seconds": 20.0}


@contextlib.asynccontextmanager
async def nginx(
    folder: Path,
    kit: Kit,
    backend: int,
    *,
    http2: bool = True,
    server: str = "",
    location: str = "",
) -> AsyncIterator[str]:
    """nginx with grpc_pass before ``backend``, and lines of a test."""
    program, port = need_binary("nginx"), free_port()
    issued = kit.authority.issue("127.0.0.1")
    conf = folder / f"nginx-{port}.conf"
    conf.write_text(f"""
daemon off; pid {folder}/nginx-{port}.pid; error_log {folder}/nginx-{port}.log; master_process off;
events {{}}
http {{
  access_log off;
  server {{
    listen 127.0.0.1:{port} ssl{" http2" if http2 else ""};
    ssl_certificate {issued.cert_file}; ssl_certificate_key {issued.key_file};
    {server}
    location / {{ grpc_pass grpc://127.0.0.1:{backend}; {location} }}
  }}
}}
""", encoding="utf-8")  # fmt: skip
    log = folder / f"nginx-{port}.out"
    async with running((program, "-c", str(conf), "-p", str(folder)), log, port, secure=True):
        yield f"grpcs://127.0.0.1:{port}"


def trusting(kit: Kit) -> dict[str, object]:
    return {"ca_file": str(kit.authority.ca_file)}


async def test_nginx_with_grpc_pass_is_clean(tmp_path: Path, kit: Kit) -> None:
    with grpcio_server() as backend:
        async with nginx(tmp_path, kit, backend) as target:
            report = await look_at(target, **trusting(kit))
    assert report.failure is None
    assert fired(report) == OLD
    assert facts_of(report).product == "nginx"


async def test_nginx_without_http2(tmp_path: Path, kit: Kit) -> None:
    with grpcio_server() as backend:
        async with nginx(tmp_path, kit, backend, http2=False) as target:
            report = await look_at(target, **trusting(kit))
    assert report.failure is not None
    assert report.failure.reason is Reason.NEGOTIATION_FAILED
    assert facts_of(report).http == "refused"
    assert fired(report) == {"GRPC-NO-H2"}


async def test_nginx_without_its_backend(tmp_path: Path, kit: Kit) -> None:
    async with nginx(tmp_path, kit, free_port()) as target:
        report = await look_at(target, **trusting(kit))
    assert report.failure is not None
    assert report.failure.detail == "the response is not gRPC: HTTP 502, text/html"
    assert fired(report) == {"GRPC-NOT-GRPC"}


async def test_nginx_cuts_streams_until_its_timeout_is_raised(tmp_path: Path, kit: Kit) -> None:
    with grpcio_server() as backend:
        async with nginx(tmp_path, kit, backend, location="grpc_read_timeout 1s;") as target:
            cut = await look_at(target, **HOLD, **trusting(kit))
        fixed = "grpc_read_timeout 1h; grpc_send_timeout 1h;"
        async with nginx(tmp_path, kit, backend, location=fixed) as target:
            kept = await look_at(target, **HOLD, **trusting(kit))
    assert fired(cut) == {*OLD, "GRPC-PROXY-CUT"}
    assert fired(kept) == OLD
    held = facts_of(kept).held
    assert held is not None
    assert not held.cut


async def test_nginx_refuses_large_messages_itself(tmp_path: Path, kit: Kit) -> None:
    options = {"call": SAY, "allow_write": True, **trusting(kit)}
    with grpcio_server() as backend:
        async with nginx(tmp_path, kit, backend) as target:
            cut = await look_at(target, **options)
        async with nginx(tmp_path, kit, backend, server="client_max_body_size 8m;") as target:
            clear = await look_at(target, **options)
    assert fired(cut) == {*OLD, "GRPC-MSG-LIMIT"}
    assert fired(clear) == OLD


H2 = (
    "typed_extension_protocol_options:\n"
    "  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n"
    '    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n'
    "    explicit_http_config: { http2_protocol_options: {} }"
)
STREAMS = "http2_protocol_options: { max_concurrent_streams: 128 }"
TIMEOUTS = "timeout: 0s\nidle_timeout: 3600s\nmax_stream_duration: { grpc_timeout_header_max: 0s }"


async def test_envoy_with_the_fixes_is_clean(tmp_path: Path, kit: Kit) -> None:
    with grpcio_server() as backend:
        places = {"cluster": H2, "manager": STREAMS, "route": TIMEOUTS}
        async with envoy(tmp_path, backend, kit, **places) as port:
            report = await look_at(f"grpcs://127.0.0.1:{port}", **HOLD, **trusting(kit))
    assert report.failure is None
    assert fired(report) == OLD


async def test_envoy_cuts_streams_at_the_route_s_timeout(tmp_path: Path, kit: Kit) -> None:
    with grpcio_server() as backend:
        places = {"cluster": H2, "manager": STREAMS, "route": "timeout: 1s"}
        async with envoy(tmp_path, backend, kit, **places) as port:
            report = await look_at(f"grpcs://127.0.0.1:{port}", **HOLD, **trusting(kit))
    assert fired(report) == {*OLD, "GRPC-PROXY-CUT"}


async def test_envoy_with_http1_to_the_backend(tmp_path: Path, kit: Kit) -> None:
    with grpcio_server() as backend:
        async with envoy(tmp_path, backend, kit, manager=STREAMS) as port:
            report = await look_at(f"grpcs://127.0.0.1:{port}", **trusting(kit))
    assert report.failure is not None
    assert report.failure.reason is Reason.UNEXPECTED_ANSWER
    assert "UNAVAILABLE" in report.failure.detail


async def test_grpclib() -> None:
    port = free_port()
    script = Path(__file__).parent.parent / "lab" / "grpclib_server.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(port), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"ready\n"
        report = await look_at(f"grpc://127.0.0.1:{port}")
    finally:
        process.kill()
        await process.wait()
    facts = facts_of(report)
    assert report.failure is None
    assert facts.serving == "SERVING"
    assert facts.reflection_v1 is not None
    assert facts.reflection_v1.ok
    assert facts.watch is not None
    assert facts.watch.serving == "SERVING"

"""Checks of grpcio's server: what it shows, and that every printed fix makes the check clean."""

from __future__ import annotations

from pathlib import Path

import pytest

import grpc
from seventh.labkit.serve import Kit
from seventh.model.failure import Reason
from tests.protocols.grpc.lab.running import LIMIT, facts_of, fired, grpcio_server, look_at

FIXED = (("grpc.max_metadata_size", 8192), ("grpc.absolute_max_metadata_size", 16384))
OLD = {"GRPC-HEALTH-LIST", "GRPC-REFLECT-ALPHA"}
"""What grpcio's packages of health and reflection lack."""


def read(name: str | Path) -> bytes:
    return Path(name).read_bytes()


async def test_a_server_in_clear() -> None:
    with grpcio_server() as port:
        report = await look_at(f"grpc://127.0.0.1:{port}")
    facts = facts_of(report)
    assert report.failure is None
    assert fired(report) == OLD
    assert (facts.http, facts.serving, facts.max_concurrent_streams) == ("2", "SERVING", 128)
    assert facts.watch is not None
    assert facts.watch.code == "DEADLINE_EXCEEDED"
    assert facts.watch.ended_seconds == pytest.approx(0.5, abs=0.2)
    assert facts.accepted_encodings is not None
    assert "gzip" in facts.accepted_encodings
    assert facts.compressed is not None
    assert facts.compressed.ok
    assert facts.metadata is not None
    assert facts.metadata.ok
    assert facts.unknown == {}


async def test_tls_and_mutual_tls(kit: Kit) -> None:
    server = kit.authority.issue("127.0.0.1")
    client = kit.authority.issue("client", client=True)
    roots = kit.authority.ca_file.read_bytes()
    pair = [(read(server.key_file), read(server.cert_file))]
    options = {"ca_file": str(kit.authority.ca_file)}
    with grpcio_server(credentials=grpc.ssl_server_credentials(pair)) as port:
        report = await look_at(f"grpcs://127.0.0.1:{port}", **options)
    assert report.failure is None
    assert facts_of(report).alpn == "h2"
    assert fired(report) == OLD
    mutual = grpc.ssl_server_credentials(pair, roots, require_client_auth=True)
    with grpcio_server(credentials=mutual) as port:
        target = f"grpcs://127.0.0.1:{port}"
        refused = await look_at(target, **options)
        accepted = await look_at(
            target, cert_file=str(client.cert_file), key_file=str(client.key_file), **options
        )
    assert refused.failure is not None
    assert refused.failure.reason is Reason.TLS_CLIENT_CERTIFICATE_REQUIRED
    assert accepted.failure is None
    assert facts_of(accepted).serving == "SERVING"


async def test_misconfigured_and_fixed() -> None:
    """The options of the fixes are grpcio's, and make the same check clean."""
    small = (
        ("grpc.max_concurrent_streams", 5), ("grpc.max_metadata_size", 2048),
        ("grpc.absolute_max_metadata_size", 4096),
    )  # fmt: skip
    with grpcio_server(options=small) as port:
        report = await look_at(f"grpc://127.0.0.1:{port}")
    assert fired(report) == {*OLD, "GRPC-STREAMS", "GRPC-META-LIMIT"}
    with grpcio_server(options=()) as port:
        report = await look_at(f"grpc://127.0.0.1:{port}")
    assert fired(report) == {*OLD, "GRPC-STREAMS"}
    with grpcio_server(options=(LIMIT, *FIXED)) as port:
        assert fired(await look_at(f"grpc://127.0.0.1:{port}")) == OLD


async def test_not_serving_and_no_health() -> None:
    with grpcio_server(status=2) as port:
        report = await look_at(f"grpc://127.0.0.1:{port}")
    assert report.failure is not None
    assert report.failure.detail == "the health is NOT_SERVING"
    assert fired(report) == {*OLD, "GRPC-NOT-SERVING"}
    with grpcio_server() as port:
        report = await look_at(f"grpc://127.0.0.1:{port}/shop.Cart")
    assert report.failure is not None
    assert report.failure.detail == "the health check of shop.Cart ends with NOT_FOUND"
    assert "GRPC-NOT-SERVING" in fired(report)
    with grpcio_server(with_health=False) as port:
        report = await look_at(f"grpc://127.0.0.1:{port}")
    assert report.failure is None
    assert fired(report) == {"GRPC-HEALTH-NONE", "GRPC-REFLECT-ALPHA"}
    assert facts_of(report).is_serving is None


async def test_the_message_limit(tmp_path: Path) -> None:
    options = {"call": "seventh.lab.Echo/Say", "allow_write": True}
    with grpcio_server() as port:
        report = await look_at(f"grpc://127.0.0.1:{port}", **options)
    big = facts_of(report).big
    assert big is not None
    assert (big.outcome, big.code) == ("refused", "RESOURCE_EXHAUSTED")
    unlimited = (LIMIT, ("grpc.max_receive_message_length", -1))
    with grpcio_server(options=unlimited) as port:
        report = await look_at(f"grpc://127.0.0.1:{port}", **options)
    assert "GRPC-MSG-LIMIT" in fired(report)


async def test_a_stream_whose_reader_pauses(tmp_path: Path) -> None:
    data = tmp_path / "data.json"
    data.write_text('{"count": 3000, "size": 1000}', encoding="utf-8")
    with grpcio_server() as port:
        report = await look_at(
            f"grpc://127.0.0.1:{port}",
            call="seventh.lab.Echo/Repeat",
            data_file=str(data),
            timeout_seconds=30.0,
        )
    facts = facts_of(report)
    assert facts.paused is not None
    assert (facts.paused.outcome, facts.paused.received_bytes) == ("waited", 1024 * 1024)
    assert facts.called is not None
    assert (facts.called.kind, facts.called.received, facts.called.truncated) == (
        "server-streaming", 1000, True,
    )  # fmt: skip

"""Facts of a server without faults, from which the rules' examples are made."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.tlsfacts import Certificate, TlsFacts

LEAF = Certificate(
    subject="CN=host.example",
    issuer="CN=Example Intermediate",
    names=("host.example",),
    not_before="2026-10-01T00:00:00Z",
    not_after="2026-12-30T00:00:00Z",
    days_left=60.0,
    days_to_start=-30.0,
    lifetime_days=90.0,
    key_type="EC",
    key_bits=256,
    signature_hash="sha256",
    sha256="aa" * 32,
)
INTERMEDIATE = Certificate(
    subject="CN=Example Intermediate",
    issuer="CN=Example Root",
    not_before="2025-01-01T00:00:00Z",
    not_after="2030-01-01T00:00:00Z",
    days_left=1200.0,
    days_to_start=-600.0,
    lifetime_days=1826.0,
    key_type="EC",
    key_bits=256,
    signature_hash="sha256",
    sha256="bb" * 32,
)
GOOD = TlsFacts(
    server_name="host.example",
    version="TLSv1.3",
    cipher="TLS_AES_256_GCM_SHA384",
    group="X25519MLKEM768",
    handshake_seconds=0.002,
    chain=(LEAF, INTERMEDIATE),
    chain_bytes=1500,
    chain_state="trusted",
    trust="system",
    host_matches=True,
    cert_expiry_timestamp_seconds=1798588800.0,
    staple=False,
    client_certificate="not-requested",
    tickets=2,
    ticket_lifetime_seconds=7200,
    max_early_data_bytes=0,
    resumed=True,
    resumed_seconds=0.001,
    resumption_gain_seconds=0.001,
    versions=("TLSv1.2", "TLSv1.3"),
    versions_refused=("SSLv3", "TLSv1.0", "TLSv1.1"),
    broken_suites=(),
    obsolete_suites=(),
    all_suites=True,
    dh_bits=0,
    hybrid_group="X25519MLKEM768",
    extended_master_secret=True,
    secure_renegotiation=True,
    compression=False,
)


def with_leaf(**changes: object) -> TlsFacts:
    """Return :data:`GOOD` with changes in the server's own certificate."""
    return GOOD.learn(chain=(replace(LEAF, **changes), INTERMEDIATE))

"""A chain verified apart from a handshake, and remembered while it is good."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from seventh.labkit.ca import Authority, Issued
from seventh.labkit.serve import Kit
from seventh.labkit.tlsserve import server_context, tls_server
from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.net.tls import chain as tlschain
from seventh.net.tls import context as tlscontext
from seventh.net.tls.context import Setting
from tests.net.tls.test_handshake import probing, start

NAME = "lab.test"


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    tlschain.forget()
    yield
    tlschain.forget()


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, ...]]:
    """The chains whose signatures the engine verified."""
    seen: list[tuple[bytes, ...]] = []
    verify = tlschain._verify

    def noting(certificates: tuple[bytes, ...], verifier: Any) -> tlschain.Path:
        seen.append(certificates)
        return verify(certificates, verifier)

    monkeypatch.setattr(tlschain, "_verify", noting)
    return seen


def wanted(authority: Authority) -> Setting:
    return tlscontext.setting(Options(ca_file=str(authority.ca_file)), "modern", verifying=False)


def sent(issued: Issued) -> tuple[bytes, ...]:
    """The certificates of the file, as a server sends them."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    read = x509.load_pem_x509_certificates(Path(issued.cert_file).read_bytes())
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in read)


def again(issued: Issued, authority: Authority, now: float | None = None, name: str = NAME) -> None:
    tlschain.verify_again(
        sent(issued), wanted(authority), name, time.time() if now is None else now
    )


def test_a_good_chain_is_verified_once(kit: Kit, verified: list[tuple[bytes, ...]]) -> None:
    issued = kit.authority.issue(NAME)
    for _ in range(3):
        again(issued, kit.authority)
    assert verified == [sent(issued)]


def test_after_a_while_it_is_verified_anew(kit: Kit, verified: list[tuple[bytes, ...]]) -> None:
    issued = kit.authority.issue(NAME)
    now = time.time()
    again(issued, kit.authority, now)
    again(issued, kit.authority, now + tlschain.GOOD_SECONDS - 1)
    assert len(verified) == 1
    again(issued, kit.authority, now + tlschain.GOOD_SECONDS)
    assert len(verified) == 2


def test_it_is_not_good_beyond_its_dates(kit: Kit) -> None:
    soon = kit.authority.issue(NAME, lifetime=dt.timedelta(hours=1, seconds=60))
    now = time.time()
    again(soon, kit.authority, now)
    ((_, until, _),) = tlschain._good.values()
    assert until <= now + 60


def test_another_name_is_refused_though_the_chain_is_known(kit: Kit) -> None:
    issued = kit.authority.issue(NAME)
    again(issued, kit.authority)
    with pytest.raises(Failed) as caught:
        again(issued, kit.authority, name="other.test")
    assert caught.value.reason is Reason.TLS_CERTIFICATE_HOST_MISMATCH


def test_what_is_good_under_one_root_is_not_under_another(kit: Kit, tmp_path: Path) -> None:
    issued = kit.authority.issue(NAME)
    again(issued, kit.authority)
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    with pytest.raises(Failed) as caught:
        again(issued, Authority(stranger))
    assert caught.value.reason is Reason.TLS_CERTIFICATE_UNTRUSTED


def test_one_changed_bit_is_another_chain(kit: Kit) -> None:
    issued = kit.authority.issue(NAME)
    again(issued, kit.authority)
    leaf, *rest = sent(issued)
    forged = (leaf[:-1] + bytes([leaf[-1] ^ 1]), *rest)
    with pytest.raises(Failed) as caught:
        tlschain.verify_again(forged, wanted(kit.authority), NAME, time.time())
    assert caught.value.reason is Reason.TLS_CERTIFICATE_INVALID
    assert len(tlschain._good) == 1


def test_no_certificate_at_all_is_refused(kit: Kit) -> None:
    with pytest.raises(Failed) as caught:
        tlschain.verify_again((), wanted(kit.authority), NAME, time.time())
    assert caught.value.reason is Reason.TLS_CERTIFICATE_INVALID


def test_the_memory_is_bounded(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tlschain, "MOST", 2)
    for _ in range(5):
        again(kit.authority.issue(NAME), kit.authority)
    assert len(tlschain._good) <= 2


BAD: dict[str, tuple[dict[str, Any], Reason]] = {
    "expired": (
        {"not_before": -dt.timedelta(days=20), "lifetime": dt.timedelta(days=10)},
        Reason.TLS_CERTIFICATE_EXPIRED,
    ),
    "early": ({"not_before": dt.timedelta(days=2)}, Reason.TLS_CERTIFICATE_NOT_YET_VALID),
    "self-signed": ({"self_signed": True}, Reason.TLS_CERTIFICATE_SELF_SIGNED),
    "incomplete": ({"chain": False}, Reason.TLS_CERTIFICATE_UNTRUSTED),
    "for clients": ({"client": True}, Reason.TLS_CERTIFICATE_INVALID),
    "SHA-1": ({"hash_name": hashes.SHA1()}, Reason.TLS_CERTIFICATE_WEAK),  # noqa: S303 - the fault
    "RSA-1024": ({"key": 1024}, Reason.TLS_CERTIFICATE_WEAK),
}


@pytest.mark.parametrize("fault", BAD)
async def test_a_recurring_look_refuses_what_a_single_one_does(kit: Kit, fault: str) -> None:
    """Twice, so that no bad chain is taken for good the second time."""
    how, reason = BAD[fault]
    if "key" in how:
        how = {"key": rsa.generate_private_key(public_exponent=65537, key_size=how["key"])}
    context = server_context(kit.authority.issue(NAME, **how))
    said = []
    async with (
        tls_server(context) as port,
        probing(port, ca_file=str(kit.authority.ca_file)) as ctx,
    ):
        for recurring in (False, True, True):
            with pytest.raises(Failed) as caught:
                await start(ctx, recurring=recurring)
            said.append((caught.value.reason, caught.value.phase))
    assert said == [(reason, "tls")] * 3
    assert not tlschain._good


async def test_recurring_handshakes_verify_once(
    kit: Kit, verified: list[tuple[bytes, ...]]
) -> None:
    async with (
        tls_server(server_context(kit.authority.issue())) as port,
        probing(port, ca_file=str(kit.authority.ca_file)) as ctx,
    ):
        for _ in range(3):
            stream = await start(ctx, recurring=True)
            assert tlschain.known_path(stream.certificates, stream.setting)
            await stream.aclose()
    assert len(verified) == 1


def test_what_is_learnt_of_a_good_certificate(kit: Kit) -> None:
    issued = kit.authority.issue(NAME)
    certificates = sent(issued)
    options = Options(ca_file=str(kit.authority.ca_file))
    facts = tlschain.certificate_facts(certificates, NAME, options)
    root = kit.authority.root
    assert facts["verified_path"][-1] == root.fingerprint(hashes.SHA256()).hex()
    assert len(facts["verified_path"]) == 3
    assert [certificate.subject for certificate in facts["chain"]] == [
        f"CN={NAME}", "CN=Seventh throw-away intermediate",
    ]  # fmt: skip
    assert facts["chain_bytes"] == sum(map(len, certificates))
    assert (facts["chain_state"], facts["trust"], facts["host_matches"]) == (
        "trusted",
        "given",
        True,
    )
    assert (facts["verify_errors"], facts["expired_errors"], facts["mismatch"]) == ((), (), None)
    assert (facts["certificate_reason"], facts["certificate_detail"]) == (None, "")
    ends = [issued.certificate.not_valid_after_utc, kit.authority.intermediate.not_valid_after_utc]
    assert facts["cert_expiry_timestamp_seconds"] == min(ends).timestamp()
    assert tlschain.certificate_facts((), NAME, options) == {}
    untrusted = tlschain.certificate_facts(certificates, NAME, Options())
    assert (untrusted["trust"], untrusted["verified_path"]) == (None, ())


@pytest.mark.parametrize(
    ("code", "how", "depth"),
    [
        (10, {"not_before": -dt.timedelta(days=20), "lifetime": dt.timedelta(days=10)}, 0),
        (9, {"not_before": dt.timedelta(days=2)}, 0),
        (20, {}, 0),
    ],
)
def test_an_error_without_a_depth_is_the_first_certificates_that_it_fits(
    kit: Kit, code: int, how: dict[str, Any], depth: int
) -> None:
    bad = sent(kit.authority.issue(NAME, **how))
    verdict = tlschain.verdict(bad, (), ((code, -1),), NAME)
    assert "server certificate" in verdict.detail or code == 20
    good = sent(kit.authority.issue(NAME))
    chain = (good[0], *bad) if how else good
    told = tlschain.verdict(chain, chain, ((code, -1),), NAME)
    expected = "certificate 1 of the chain" if how else "neither sent nor trusted"
    assert expected in told.detail


def test_the_earliest_end_of_what_clients_need(kit: Kit) -> None:
    leaf, mid = sent(kit.authority.issue(NAME))
    (short,) = sent(kit.authority.issue("x", lifetime=dt.timedelta(days=1), chain=False))
    end = kit.authority.intermediate.not_valid_after_utc.timestamp()
    assert tlschain.earliest_expiry((leaf, mid, short), ()) == end
    assert tlschain.earliest_expiry((leaf, mid, short), (leaf, mid)) == end
    assert tlschain.earliest_expiry((mid,), (mid,)) == end
    assert tlschain.earliest_expiry((b"unreadable",), (b"unreadable",)) is None
    assert tlschain.earliest_expiry((leaf,), (mid,)) is None

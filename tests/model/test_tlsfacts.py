"""What follows from certificates alone."""

from __future__ import annotations

import pytest

from seventh.model.tlsfacts import CERTIFICATE_REFUSALS, Certificate, TlsFacts, path_up


def certificate(subject: str, issuer: str = "", **more: object) -> Certificate:
    fields = {"sha256": subject, "self_issued": subject == issuer, **more}
    return Certificate(subject=subject, issuer=issuer, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "weaknesses"),
    [
        ({"key_type": "RSA", "key_bits": 2048, "signature_hash": "sha256"}, ()),
        ({"key_type": "RSA", "key_bits": 2047}, ("RSA 2047 bits",)),
        ({"key_type": "DSA", "key_bits": 2048}, ()),
        ({"key_type": "DSA", "key_bits": 1024}, ("DSA 1024 bits",)),
        ({"key_type": "EC", "key_bits": 224}, ()),
        ({"key_type": "EC", "key_bits": 192}, ("EC 192 bits",)),
        ({"key_type": "Ed25519", "key_bits": 1}, ()),
        ({"key_type": "RSA", "key_bits": None, "signature_hash": None}, ()),
        ({"signature_hash": "md2"}, ("MD2",)),
        ({"signature_hash": "md4"}, ("MD4",)),
        ({"signature_hash": "md5"}, ("MD5",)),
        ({"signature_hash": "sha1"}, ("SHA1",)),
        ({"signature_hash": "sha1", "self_issued": True}, ()),
        ({"version": 2}, ("X.509 v2",)),
        ({"version": 1, "key_type": "RSA", "key_bits": 512, "signature_hash": "md5"},
         ("RSA 512 bits", "MD5", "X.509 v1")),
    ],
)  # fmt: skip
def test_a_certificate_is_weak_by_its_key_its_hash_or_its_version(
    fields: dict[str, object], weaknesses: tuple[str, ...]
) -> None:
    assert certificate("a", "b", **fields).weaknesses == weaknesses


LEAF = certificate("leaf", "middle")
ROOT = certificate("root", "root")
VALID = certificate("middle", "root", sha256="valid", days_left=1.0, days_to_start=-1.0)
OVER = certificate("middle", "root", sha256="over", days_left=-1.0, days_to_start=-9.0)
EARLY = certificate("middle", "root", sha256="early", days_left=9.0, days_to_start=1.0)
EDGE = certificate("middle", "root", sha256="edge", days_left=0.0, days_to_start=0.0)


@pytest.mark.parametrize(
    ("chain", "path"),
    [
        ((LEAF,), (LEAF,)),
        ((LEAF, VALID, ROOT), (LEAF, VALID, ROOT)),
        ((LEAF, ROOT, VALID), (LEAF, VALID, ROOT)),
        ((LEAF, OVER, VALID), (LEAF, VALID)),  # of several of one name, one that is valid
        ((LEAF, EARLY, VALID), (LEAF, VALID)),
        ((LEAF, OVER, EDGE), (LEAF, EDGE)),
        ((LEAF, OVER, EARLY), (LEAF, OVER)),
        ((LEAF, ROOT), (LEAF,)),
        ((ROOT, LEAF), (ROOT,)),
        ((certificate("a", "b"), certificate("b", "a")),
         (certificate("a", "b"), certificate("b", "a"))),  # no end of turns
    ],
)  # fmt: skip
def test_a_path_goes_from_issuer_to_issuer(
    chain: tuple[Certificate, ...], path: tuple[Certificate, ...]
) -> None:
    assert path_up(chain) == path


def test_a_verified_path_has_only_what_was_sent() -> None:
    assert path_up((LEAF, OVER, VALID), ("leaf", "valid", "root")) == (LEAF, VALID)


def test_the_certificates_own_fields_are_learnt_alone() -> None:
    made = TlsFacts(chain=(LEAF,), chain_state="trusted", version="TLS 1.3", host_matches=True)
    learnt = TlsFacts().learn(**made.certificate())
    assert learnt == TlsFacts(chain=(LEAF,), chain_state="trusted", host_matches=True)


def test_a_client_without_a_certificate_is_refused_by_these_statuses() -> None:
    assert sorted(CERTIFICATE_REFUSALS) == [400, 401, 403, 495, 496]

"""TLS's numbers and names by IANA's registries, and the grades by BCP 195."""

from __future__ import annotations

import pytest

from seventh.wire import tlsnames as n

GROUPS = {
    # TLS Supported Groups
    23: "secp256r1", 24: "secp384r1", 25: "secp521r1", 29: "x25519", 30: "x448",
    31: "brainpoolP256r1tls13", 32: "brainpoolP384r1tls13", 33: "brainpoolP512r1tls13",
    256: "ffdhe2048", 257: "ffdhe3072", 258: "ffdhe4096", 259: "ffdhe6144", 260: "ffdhe8192",
    512: "MLKEM512", 513: "MLKEM768", 514: "MLKEM1024", 4587: "SecP256r1MLKEM768",
    4588: "X25519MLKEM768", 4589: "SecP384r1MLKEM1024", 25497: "X25519Kyber768Draft00",
}  # fmt: skip


def test_groups_are_those_of_the_registry() -> None:
    assert GROUPS == n.GROUPS
    assert {GROUPS[code] for code in n.HYBRIDS} == {
        "SecP256r1MLKEM768", "X25519MLKEM768", "SecP384r1MLKEM1024",
    }  # fmt: skip
    assert (n.group_name(29), n.group_name(26)) == ("x25519", "0x001a")


def test_numbers_are_those_of_the_standards() -> None:
    # RFC 8446 §4, §5.1, B.3; RFC 5246 §7.4; RFC 6066 §8
    assert (n.CHANGE_CIPHER_SPEC, n.ALERT, n.HANDSHAKE, n.APPLICATION_DATA) == (20, 21, 22, 23)
    assert (n.CLIENT_HELLO, n.SERVER_HELLO, n.NEW_SESSION_TICKET) == (1, 2, 4)
    assert (n.ENCRYPTED_EXTENSIONS, n.CERTIFICATE, n.SERVER_KEY_EXCHANGE) == (8, 11, 12)
    assert (n.CERTIFICATE_REQUEST, n.SERVER_HELLO_DONE, n.CERTIFICATE_STATUS) == (13, 14, 22)
    # TLS ExtensionType Values
    assert (n.SERVER_NAME, n.STATUS_REQUEST, n.SUPPORTED_GROUPS) == (0, 5, 10)
    assert (n.EC_POINT_FORMATS, n.SIGNATURE_ALGORITHMS, n.ALPN) == (11, 13, 16)
    assert (n.EXTENDED_MASTER_SECRET, n.SESSION_TICKET, n.EARLY_DATA) == (23, 35, 42)
    assert (n.SUPPORTED_VERSIONS, n.KEY_SHARE, n.RENEGOTIATION_INFO) == (43, 51, 65281)
    assert (n.RENEGOTIATION_SCSV, n.DEFLATE) == (255, 1)


@pytest.mark.parametrize(
    ("code", "name"),
    [(0x0300, "SSLv3"), (0x0301, "TLSv1.0"), (0x0302, "TLSv1.1"), (0x0303, "TLSv1.2"),
     (0x0304, "TLSv1.3"), (0x0305, "0x0305"), (2, "0x0002")],
)  # fmt: skip
def test_versions(code: int, name: str) -> None:
    assert n.version_name(code) == name


@pytest.mark.parametrize(
    ("code", "name", "grade"),
    [
        (0x0001, "TLS_RSA_WITH_NULL_MD5", "broken"),
        (0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5", "broken"),
        (0x0005, "TLS_RSA_WITH_RC4_128_SHA", "broken"),
        (0x0006, "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5", "broken"),
        (0x0008, "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", "broken"),
        (0x0009, "TLS_RSA_WITH_DES_CBC_SHA", "broken"),
        (0x000A, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "broken"),
        (0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA", "broken"),
        (0xC012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "broken"),
        (0x0034, "TLS_DH_anon_WITH_AES_128_CBC_SHA", "broken"),
        (0xC019, "TLS_ECDH_anon_WITH_AES_256_CBC_SHA", "broken"),
        (0xC010, "TLS_ECDHE_RSA_WITH_NULL_SHA", "broken"),
        (0x0007, "TLS_RSA_WITH_IDEA_CBC_SHA", "obsolete"),
        (0x002F, "TLS_RSA_WITH_AES_128_CBC_SHA", "obsolete"),
        (0x009C, "TLS_RSA_WITH_AES_128_GCM_SHA256", "obsolete"),
        (0xC02D, "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256", "obsolete"),
        (0xC031, "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256", "obsolete"),
        (0xC014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "obsolete"),
        (0x009E, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "good"),
        (0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "good"),
        (0xC0AC, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "good"),
        (0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "good"),
        (0x1301, "TLS_AES_128_GCM_SHA256", "good"), (0x1302, "TLS_AES_256_GCM_SHA384", "good"),
        (0x1303, "TLS_CHACHA20_POLY1305_SHA256", "good"),
        (0x1305, "TLS_AES_128_CCM_8_SHA256", "good"), (0xFFFF, "0xffff", "good"),
    ],
)  # fmt: skip
def test_a_suite_has_its_name_and_grade(code: int, name: str, grade: str) -> None:
    assert n.suite_name(code) == name
    assert n.grade(name) == grade
    lists = {"broken": n.BROKEN_SUITES, "obsolete": n.OBSOLETE_SUITES, "good": n.GOOD_SUITES}
    within = [each for each, codes in lists.items() if code in codes]
    assert within == ([] if code >> 8 in {0x13, 0xFF} else [grade])


def test_lists_of_suites() -> None:
    assert n.TLS13_SUITES == (0x1301, 0x1302, 0x1303)
    kinds = (*n.BROKEN_SUITES, *n.OBSOLETE_SUITES, *n.GOOD_SUITES)
    assert sorted(kinds) == sorted(code for code in n.SUITES if not 0x1301 <= code <= 0x1305)
    assert {n.SUITES[code].split("_WITH_")[0] for code in n.DHE_SUITES} == {
        "TLS_DHE_RSA", "TLS_DHE_RSA_EXPORT", "TLS_DHE_DSS", "TLS_DHE_DSS_EXPORT",
    }  # fmt: skip
    assert 0xC02F not in n.DHE_SUITES


def test_alerts() -> None:
    assert (n.alert_name(40), n.alert_name(255)) == ("handshake_failure", "alert 255")

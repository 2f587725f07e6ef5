"""The numbers of TLS and their names in IANA's registries, and how each cipher suite is judged."""

from __future__ import annotations

import hashlib
from typing import Literal

SSL3, TLS10, TLS11, TLS12, TLS13 = 0x0300, 0x0301, 0x0302, 0x0303, 0x0304
VERSIONS = {
    SSL3: "SSLv3",
    TLS10: "TLSv1.0",
    TLS11: "TLSv1.1",
    TLS12: "TLSv1.2",
    TLS13: "TLSv1.3",
}

# Content types of the record layer.
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23

# Handshake messages.
CLIENT_HELLO, SERVER_HELLO, NEW_SESSION_TICKET, ENCRYPTED_EXTENSIONS = 1, 2, 4, 8
CERTIFICATE, SERVER_KEY_EXCHANGE, CERTIFICATE_REQUEST, SERVER_HELLO_DONE = 11, 12, 13, 14
CERTIFICATE_STATUS = 22

# Extensions.
SERVER_NAME, STATUS_REQUEST, SUPPORTED_GROUPS, EC_POINT_FORMATS = 0, 5, 10, 11
SIGNATURE_ALGORITHMS, ALPN, EXTENDED_MASTER_SECRET, SESSION_TICKET = 13, 16, 23, 35
EARLY_DATA, SUPPORTED_VERSIONS, KEY_SHARE, RENEGOTIATION_INFO = 42, 43, 51, 0xFF01

RENEGOTIATION_SCSV = 0x00FF
"""TLS_EMPTY_RENEGOTIATION_INFO_SCSV, RFC 5746 §3.3."""
DEFLATE = 1

RETRY_RANDOM = hashlib.sha256(b"HelloRetryRequest").digest()
"""The random by which a HelloRetryRequest is told from a ServerHello."""

ALERTS = {
    0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed",
    22: "record_overflow", 30: "decompression_failure", 40: "handshake_failure",
    41: "no_certificate", 42: "bad_certificate", 43: "unsupported_certificate",
    44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown",
    47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error",
    51: "decrypt_error", 60: "export_restriction", 70: "protocol_version",
    71: "insufficient_security", 80: "internal_error", 86: "inappropriate_fallback",
    90: "user_canceled", 100: "no_renegotiation", 109: "missing_extension",
    110: "unsupported_extension", 111: "certificate_unobtainable", 112: "unrecognized_name",
    113: "bad_certificate_status_response", 114: "bad_certificate_hash_value",
    115: "unknown_psk_identity", 116: "certificate_required", 120: "no_application_protocol",
    121: "ech_required",
}  # fmt: skip

X25519, X25519MLKEM768 = 0x001D, 0x11EC
SECP256R1MLKEM768, SECP384R1MLKEM1024 = 0x11EB, 0x11ED
HYBRIDS = frozenset({X25519MLKEM768, SECP256R1MLKEM768, SECP384R1MLKEM1024})
"""Key exchanges that stay secret even if elliptic curves fall to a quantum computer."""
GROUPS = {
    0x0017: "secp256r1", 0x0018: "secp384r1", 0x0019: "secp521r1", X25519: "x25519",
    0x001E: "x448", 0x001F: "brainpoolP256r1tls13", 0x0020: "brainpoolP384r1tls13",
    0x0021: "brainpoolP512r1tls13", 0x0100: "ffdhe2048", 0x0101: "ffdhe3072",
    0x0102: "ffdhe4096", 0x0103: "ffdhe6144", 0x0104: "ffdhe8192", 0x0200: "MLKEM512",
    0x0201: "MLKEM768", 0x0202: "MLKEM1024", SECP256R1MLKEM768: "SecP256r1MLKEM768",
    X25519MLKEM768: "X25519MLKEM768", SECP384R1MLKEM1024: "SecP384r1MLKEM1024",
    0x6399: "X25519Kyber768Draft00",
}  # fmt: skip

_SUITES_TEXT = """
0001 RSA_WITH_NULL_MD5                0002 RSA_WITH_NULL_SHA
0003 RSA_EXPORT_WITH_RC4_40_MD5       0004 RSA_WITH_RC4_128_MD5
0005 RSA_WITH_RC4_128_SHA             0006 RSA_EXPORT_WITH_RC2_CBC_40_MD5
0007 RSA_WITH_IDEA_CBC_SHA            0008 RSA_EXPORT_WITH_DES40_CBC_SHA
0009 RSA_WITH_DES_CBC_SHA             000A RSA_WITH_3DES_EDE_CBC_SHA
0011 DHE_DSS_EXPORT_WITH_DES40_CBC_SHA 0012 DHE_DSS_WITH_DES_CBC_SHA
0013 DHE_DSS_WITH_3DES_EDE_CBC_SHA    0014 DHE_RSA_EXPORT_WITH_DES40_CBC_SHA
0015 DHE_RSA_WITH_DES_CBC_SHA         0016 DHE_RSA_WITH_3DES_EDE_CBC_SHA
0017 DH_anon_EXPORT_WITH_RC4_40_MD5   0018 DH_anon_WITH_RC4_128_MD5
0019 DH_anon_EXPORT_WITH_DES40_CBC_SHA 001A DH_anon_WITH_DES_CBC_SHA
001B DH_anon_WITH_3DES_EDE_CBC_SHA    002F RSA_WITH_AES_128_CBC_SHA
0032 DHE_DSS_WITH_AES_128_CBC_SHA     0033 DHE_RSA_WITH_AES_128_CBC_SHA
0034 DH_anon_WITH_AES_128_CBC_SHA     0035 RSA_WITH_AES_256_CBC_SHA
0038 DHE_DSS_WITH_AES_256_CBC_SHA     0039 DHE_RSA_WITH_AES_256_CBC_SHA
003A DH_anon_WITH_AES_256_CBC_SHA     003B RSA_WITH_NULL_SHA256
003C RSA_WITH_AES_128_CBC_SHA256      003D RSA_WITH_AES_256_CBC_SHA256
0040 DHE_DSS_WITH_AES_128_CBC_SHA256  0041 RSA_WITH_CAMELLIA_128_CBC_SHA
0045 DHE_RSA_WITH_CAMELLIA_128_CBC_SHA 0067 DHE_RSA_WITH_AES_128_CBC_SHA256
006A DHE_DSS_WITH_AES_256_CBC_SHA256  006B DHE_RSA_WITH_AES_256_CBC_SHA256
006C DH_anon_WITH_AES_128_CBC_SHA256  006D DH_anon_WITH_AES_256_CBC_SHA256
0084 RSA_WITH_CAMELLIA_256_CBC_SHA    0088 DHE_RSA_WITH_CAMELLIA_256_CBC_SHA
0096 RSA_WITH_SEED_CBC_SHA            009C RSA_WITH_AES_128_GCM_SHA256
009D RSA_WITH_AES_256_GCM_SHA384      009E DHE_RSA_WITH_AES_128_GCM_SHA256
009F DHE_RSA_WITH_AES_256_GCM_SHA384  00A2 DHE_DSS_WITH_AES_128_GCM_SHA256
00A3 DHE_DSS_WITH_AES_256_GCM_SHA384  00A6 DH_anon_WITH_AES_128_GCM_SHA256
00A7 DH_anon_WITH_AES_256_GCM_SHA384  C001 ECDH_ECDSA_WITH_NULL_SHA
C002 ECDH_ECDSA_WITH_RC4_128_SHA      C003 ECDH_ECDSA_WITH_3DES_EDE_CBC_SHA
C004 ECDH_ECDSA_WITH_AES_128_CBC_SHA  C005 ECDH_ECDSA_WITH_AES_256_CBC_SHA
C006 ECDHE_ECDSA_WITH_NULL_SHA        C007 ECDHE_ECDSA_WITH_RC4_128_SHA
C008 ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA C009 ECDHE_ECDSA_WITH_AES_128_CBC_SHA
C00A ECDHE_ECDSA_WITH_AES_256_CBC_SHA C00B ECDH_RSA_WITH_NULL_SHA
C00C ECDH_RSA_WITH_RC4_128_SHA        C00D ECDH_RSA_WITH_3DES_EDE_CBC_SHA
C00E ECDH_RSA_WITH_AES_128_CBC_SHA    C00F ECDH_RSA_WITH_AES_256_CBC_SHA
C010 ECDHE_RSA_WITH_NULL_SHA          C011 ECDHE_RSA_WITH_RC4_128_SHA
C012 ECDHE_RSA_WITH_3DES_EDE_CBC_SHA  C013 ECDHE_RSA_WITH_AES_128_CBC_SHA
C014 ECDHE_RSA_WITH_AES_256_CBC_SHA   C015 ECDH_anon_WITH_NULL_SHA
C016 ECDH_anon_WITH_RC4_128_SHA       C017 ECDH_anon_WITH_3DES_EDE_CBC_SHA
C018 ECDH_anon_WITH_AES_128_CBC_SHA   C019 ECDH_anon_WITH_AES_256_CBC_SHA
C023 ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 C024 ECDHE_ECDSA_WITH_AES_256_CBC_SHA384
C027 ECDHE_RSA_WITH_AES_128_CBC_SHA256 C028 ECDHE_RSA_WITH_AES_256_CBC_SHA384
C02B ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 C02C ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
C02D ECDH_ECDSA_WITH_AES_128_GCM_SHA256 C02E ECDH_ECDSA_WITH_AES_256_GCM_SHA384
C02F ECDHE_RSA_WITH_AES_128_GCM_SHA256 C030 ECDHE_RSA_WITH_AES_256_GCM_SHA384
C031 ECDH_RSA_WITH_AES_128_GCM_SHA256 C032 ECDH_RSA_WITH_AES_256_GCM_SHA384
C09C RSA_WITH_AES_128_CCM             C09D RSA_WITH_AES_256_CCM
C09E DHE_RSA_WITH_AES_128_CCM         C09F DHE_RSA_WITH_AES_256_CCM
C0AC ECDHE_ECDSA_WITH_AES_128_CCM     C0AD ECDHE_ECDSA_WITH_AES_256_CCM
CCA8 ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 CCA9 ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
CCAA DHE_RSA_WITH_CHACHA20_POLY1305_SHA256 1301 AES_128_GCM_SHA256
1302 AES_256_GCM_SHA384               1303 CHACHA20_POLY1305_SHA256
1304 AES_128_CCM_SHA256               1305 AES_128_CCM_8_SHA256
"""
_WORDS = _SUITES_TEXT.split()
SUITES = {
    int(code, 16): f"TLS_{name}" for code, name in zip(_WORDS[::2], _WORDS[1::2], strict=True)
}
"""Cipher suites by number; pre-shared-key, Kerberos, SRP and national suites are left out."""

Grade = Literal["broken", "obsolete", "good"]
_BROKEN = ("NULL", "EXPORT", "RC4", "RC2", "DES_", "DES40", "_anon_")


def grade(name: str) -> Grade:
    """How BCP 195 judges a cipher suite.

    ``broken``: no encryption, no authentication, or less than 112 bits (RFC 9325 §4.1).
    ``obsolete``: no forward secrecy (static RSA or ECDH), or CBC, which is not among the suites
    that §4.2 recommends. Anything else, an unknown name too, is ``good``.
    """
    if any(sign in name for sign in _BROKEN):
        return "broken"
    static = name.startswith(("TLS_RSA_", "TLS_ECDH_"))
    return "obsolete" if static or "_CBC_" in name else "good"


BROKEN_SUITES = tuple(code for code, name in SUITES.items() if grade(name) == "broken")
OBSOLETE_SUITES = tuple(code for code, name in SUITES.items() if grade(name) == "obsolete")
GOOD_SUITES = tuple(c for c, name in SUITES.items() if grade(name) == "good" and c >> 8 != 0x13)
DHE_SUITES = tuple(code for code, name in SUITES.items() if name.startswith("TLS_DHE_"))
TLS13_SUITES = (0x1301, 0x1302, 0x1303)


def version_name(code: int) -> str:
    """``TLSv1.2`` for 0x0303; hexadecimal for what has no name."""
    return VERSIONS.get(code, f"0x{code:04x}")


def suite_name(code: int) -> str:
    """IANA's name of a cipher suite; hexadecimal for one that the table leaves out."""
    return SUITES.get(code, f"0x{code:04x}")


def group_name(code: int) -> str:
    """IANA's name of a key-exchange group."""
    return GROUPS.get(code, f"0x{code:04x}")


def alert_name(code: int) -> str:
    """The alert's name in RFC 9846 §6 or its predecessors."""
    return ALERTS.get(code, f"alert {code}")

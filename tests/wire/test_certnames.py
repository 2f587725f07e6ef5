"""Names of certificates: read from any bytes, matched as OpenSSL and curl match them."""

from __future__ import annotations

import datetime as dt
import ipaddress
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.tlsfacts import Mismatch
from seventh.wire.certnames import HostNames, read_names
from tests.peers import need_binary

pytestmark = pytest.mark.field
_KEY = ec.generate_private_key(ec.SECP256R1())
_SAN = x509.ObjectIdentifier("2.5.29.17")


def _certificate(*extensions: x509.ExtensionType, common_name: str = "box") -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(7)
        .public_key(_KEY.public_key()).not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=9))
    )  # fmt: skip
    for extension in extensions:
        made = made.add_extension(extension, critical=False)
    return made.sign(_KEY, hashes.SHA256()).public_bytes(Encoding.DER)


def _names(*names: x509.GeneralName) -> HostNames:
    return read_names(_certificate(x509.SubjectAlternativeName(names)))


def _ip(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    ("names", "host", "mismatch"),
    [
        ([_ip("192.0.2.1")], "192.0.2.1", None),
        ([_ip("2001:db8::1")], "2001:DB8:0::1", None),
        ([_ip("fe80::1")], "fe80::1%eth0", None),
        ([_ip("192.0.2.1")], "::ffff:192.0.2.1", Mismatch.OTHER),
        ([_ip("::ffff:192.0.2.1")], "192.0.2.1", Mismatch.OTHER),
        ([x509.DNSName("192.0.2.1")], "192.0.2.1", Mismatch.ADDRESS_AS_DNS),
        ([x509.DNSName("::1")], "::1", Mismatch.ADDRESS_AS_DNS),
        ([x509.DNSName("*.0.2.1")], "192.0.2.1", Mismatch.OTHER),
        ([x509.DNSName("*.site.test")], "a_b.site.test", None),
        ([x509.DNSName("a_b.site.test")], "A_B.site.test.", None),
        ([x509.DNSName("site.test.")], "site.test", None),
        ([x509.DNSName("*.test")], "site.test", Mismatch.OTHER),
        ([x509.DNSName("*.test.")], "site.test", Mismatch.OTHER),
        ([x509.DNSName("w*.site.test")], "www.site.test", Mismatch.OTHER),
        ([x509.DNSName("www.*.test")], "www.site.test", Mismatch.OTHER),
        ([x509.DNSName("*.site.test")], "xn--bcher-kva.site.test", None),
        ([x509.DNSName("xn--*.site.test")], "xn--bcher-kva.site.test", Mismatch.OTHER),
        ([x509.DNSName("site.test\0.evil.test")], "site.test", Mismatch.OTHER),
        ([x509.UniformResourceIdentifier("https://site.test")], "site.test", Mismatch.NO_HOST),
        ([x509.RFC822Name("root@site.test")], "site.test", Mismatch.NO_HOST),
    ],
)
def test_a_name_stands_for_a_host(
    names: list[x509.GeneralName], host: str, mismatch: Mismatch | None
) -> None:
    assert _names(*names).mismatch(host) is mismatch


def test_the_common_name_never_counts() -> None:
    assert read_names(_certificate(common_name="site.test")).mismatch("site.test") is Mismatch.NONE


def test_the_last_of_thousands_of_names_counts() -> None:
    many = [x509.DNSName(f"h{at}.site.test") for at in range(5000)]
    names = _names(*many, x509.DNSName("wanted.test"))
    assert names.fit("wanted.test")
    assert len(names.entries) == 5001
    assert len(names.shown(256)) == 256


@pytest.mark.parametrize("value", [b"\x30\x05\x82\x09site", b"\x04\x00", b"\x30\x80", b""])
def test_names_that_cannot_be_read_match_and_contradict_nothing(value: bytes) -> None:
    names = read_names(_certificate(x509.UnrecognizedExtension(_SAN, value)))
    assert names.mismatch("site.test") is Mismatch.UNREADABLE


def test_names_that_are_no_hosts_are_counted() -> None:
    uri, mail = x509.UniformResourceIdentifier("https://a.test"), x509.RFC822Name("a@b.test")
    names = _names(uri, x509.DNSName("site.test"), mail)
    assert names == HostNames(((0x82, b"site.test"),), 2)


def test_of_two_lists_of_names_none_counts() -> None:
    """RFC 5280 §4.2: an extension is there once. One program would read the first, one the last."""
    names = x509.SubjectAlternativeName([x509.DNSName("site.test")])
    issuer = x509.IssuerAlternativeName([x509.DNSName("site.test")])
    der = _certificate(names, issuer)
    assert read_names(der).fit("site.test")
    twice = der.replace(b"\x06\x03\x55\x1d\x12", b"\x06\x03\x55\x1d\x11")
    assert read_names(twice).mismatch("site.test") is Mismatch.UNREADABLE


def test_an_address_of_another_size_is_no_host() -> None:
    names = read_names(
        _certificate(
            x509.UnrecognizedExtension(_SAN, b"\x30\x0a\x87\x08\x7f\0\0\1\xff\xff\xff\xff")
        )
    )
    assert names.mismatch("127.0.0.1") is Mismatch.NO_HOST


def test_names_as_text() -> None:
    names = HostNames.of("a.test", "192.0.2.1", "2001:DB8::1", "b\x1b", "x" * 256)
    assert names.entries[:3] == (
        (0x82, b"a.test"), (0x87, b"\xc0\0\2\1"), (0x87, b"\x20\1\r\xb8" + bytes(11) + b"\1"),
    )  # fmt: skip
    assert names.shown(9) == ("a.test", "192.0.2.1", "2001:db8::1", "b\\x1b", "x" * 255 + "…")
    assert names.shown(1) == ("a.test",)
    assert names.fit("A.test.")
    assert not names.fit("test")


@pytest.mark.parametrize(
    ("der", "readable"),
    [
        (b"", False), (b"\x30", False), (b"\x31\0", False), (b"\x30\0", True),
        (b"\x30\2\x30\0", True), (b"\x30\3\x30\0", False), (b"\x30\x80", False),
        (b"\x30\x81\2\x30\0", True), (b"\x30\x84\0\0\0\2\x30\0", True),
        (b"\x30\x85\0\0\0\0\2\x30\0", False), (b"\x30\x82\0", False),
        # extensions without a list, and a list with nothing in it
        (b"\x30\4\x30\2\xa3\0", False), (b"\x30\6\x30\4\xa3\2\x30\0", True),
    ],
)  # fmt: skip
def test_structures_of_der(der: bytes, readable: bool) -> None:
    assert read_names(der) == HostNames(readable=readable)


@given(st.binary(max_size=200), st.text(max_size=20))
def test_any_bytes_are_read_without_an_accident(data: bytes, host: str) -> None:
    read_names(data).mismatch(host)


@pytest.mark.peer
@pytest.mark.parametrize(
    ("names", "host"),
    [
        ([_ip("192.0.2.1")], "192.0.2.1"),
        ([_ip("192.0.2.1")], "::ffff:192.0.2.1"),
        ([_ip("::ffff:192.0.2.1")], "192.0.2.1"),
        ([x509.DNSName("192.0.2.1")], "192.0.2.1"),
        ([x509.DNSName("*.test")], "site.test"),
        ([x509.DNSName("*.site.test")], "a.b.site.test"),
        ([x509.DNSName("SITE.test")], "site.TEST"),
        ([x509.UniformResourceIdentifier("https://site.test")], "site.test"),
    ],
)
def test_openssl_agrees(names: list[x509.GeneralName], host: str, tmp_path: Path) -> None:
    openssl = need_binary("openssl")
    file = tmp_path / "cert.der"
    file.write_bytes(_certificate(x509.SubjectAlternativeName(names)))
    option = "-checkip" if host[0].isdigit() or ":" in host else "-checkhost"
    said = subprocess.run(
        [openssl, "x509", "-inform", "DER", "-in", str(file), "-noout", option, host],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    assert _names(*names).fit(host) is ("does match" in said), said

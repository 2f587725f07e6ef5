"""What a probe measured, with blackbox_exporter's names."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress

import msgspec
from cryptography import x509

from seventh.model.failure import Failure
from seventh.model.sample import Sample
from seventh.net.address import Address
from seventh.net.tls.stream import TlsStream
from seventh.serve.exposition import Page, label
from seventh.serve.families import Family
from seventh.wire import tlsnames

FAMILIES = {
    each.name: each
    for each in (
        Family("probe_success", "gauge", "Displays whether or not the probe was a success"),
        Family("probe_duration_seconds", "gauge",
               "Returns how long the probe took to complete in seconds"),
        Family("probe_dns_lookup_time_seconds", "gauge",
               "Returns the time taken for probe dns lookup in seconds"),
        Family("probe_ip_protocol", "gauge", "Specifies whether probe ip protocol is IP4 or IP6"),
        Family("probe_ip_addr_hash", "gauge", "Specifies the hash of IP address, to detect if "
               "the IP address changes"),
        Family("probe_failed_due_to_regex", "gauge", "Indicates if probe failed due to regex"),
        Family("probe_http_duration_seconds", "gauge",
               "Duration of http request by phase, summed over all redirects"),
        Family("probe_http_content_length", "gauge", "Length of http content response"),
        Family("probe_http_uncompressed_body_length", "gauge",
               "Length of uncompressed response body"),
        Family("probe_http_redirects", "gauge", "The number of redirects"),
        Family("probe_http_ssl", "gauge", "Indicates if SSL was used for the final redirect"),
        Family("probe_http_status_code", "gauge", "Response HTTP status code"),
        Family("probe_http_version", "gauge",
               "Returns the version of HTTP of the probe response"),
        Family("probe_http_last_modified_timestamp_seconds", "gauge",
               "Returns the Last-Modified HTTP response header in unixtime"),
        Family("probe_ssl_earliest_cert_expiry", "gauge",
               "Returns last SSL chain expiry in unixtime"),
        Family("probe_ssl_last_chain_expiry_timestamp_seconds", "gauge",
               "Returns last SSL chain expiry in timestamp"),
        Family("probe_ssl_last_chain_info", "gauge",
               "Contains SSL leaf certificate information"),
        Family("probe_tls_version_info", "gauge",
               "Returns the TLS version used or NaN when unknown"),
        Family("seventh_probe_failure_info", "gauge",
               "1; why the probe failed, from a closed list, and who can fix it"),
    )
}  # fmt: skip
_OF_TLS = ("probe_ssl_", "probe_tls_")
_FNV_OFFSET, _FNV_PRIME = 2166136261, 16777619


class Outcome(msgspec.Struct, kw_only=True):
    """What one probe has measured so far."""

    samples: list[Sample] = []
    address: Address | None = None
    lookup_seconds: float = 0.0
    regex_failed: bool = False

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a metric."""
        self.samples.append(Sample(name, tuple(labels.items()), value))

    def page(self, failure: Failure | None, duration_seconds: float) -> str:
        """Return the page."""
        made = Page(FAMILIES)
        ip = self.address.ip if self.address is not None else ""
        protocol = {"ipv4": 4, "ipv6": 6}[self.address.family] if self.address is not None else 0
        made.add("probe_success", failure is None)
        made.add("probe_duration_seconds", duration_seconds)
        made.add("probe_dns_lookup_time_seconds", self.lookup_seconds)
        made.add("probe_ip_protocol", protocol)
        made.add("probe_ip_addr_hash", _fnv32a(_packed(ip)) if ip else 0)
        made.add("probe_failed_due_to_regex", self.regex_failed)
        if failure is not None:
            made.add(
                "seventh_probe_failure_info", 1, label("reason", failure.reason),
                label("phase", failure.phase), label("blame", failure.blame),
            )  # fmt: skip
        for sample in self.samples:
            made.add(sample.name, sample.value, *(label(*each) for each in sample.labels))
        return "".join(made.parts())

    def learn_tls(self, tls: TlsStream, *, verified: bool) -> None:
        """Note the certificate and version of a handshake, and forget those of one before."""
        self.samples = [each for each in self.samples if not each.name.startswith(_OF_TLS)]
        self.set("probe_tls_version_info", 1, version=_version(tls.version))
        try:
            sent = [x509.load_der_x509_certificate(each) for each in tls.certificates]
        except ValueError:  # without verification a peer may send anything
            sent = []
        if not sent:
            return
        self.set("probe_ssl_earliest_cert_expiry", _earliest(sent))
        self.set(
            "probe_ssl_last_chain_info", 1, issuer=sent[0].issuer.rfc4514_string(),
            fingerprint_sha256=hashlib.sha256(tls.certificates[0]).hexdigest(),
            subject=sent[0].subject.rfc4514_string(), subjectalternative=",".join(_names(sent[0])),
        )  # fmt: skip
        if verified:
            built = [x509.load_der_x509_certificate(each) for each in tls.built_chain()]
            self.set("probe_ssl_last_chain_expiry_timestamp_seconds", _earliest(built or sent))


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return names.get_values_for_type(x509.DNSName)


def _version(number: int) -> str:
    return tlsnames.version_name(number).replace("TLSv", "TLS ")


def _earliest(certificates: list[x509.Certificate]) -> float:
    times = [each.not_valid_after_utc for each in certificates]
    return (min(times) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).total_seconds()


def _packed(ip: str) -> bytes:
    return ipaddress.ip_address(ip).packed


def _fnv32a(data: bytes) -> int:
    value = _FNV_OFFSET
    for byte in data:
        value = (value ^ byte) * _FNV_PRIME & 0xFFFFFFFF
    return value

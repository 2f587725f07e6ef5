"""The faults of an NTS server."""

from __future__ import annotations

from seventh.protocols.ntp.lab.setup import SILENT, NtsSetup, Setup, fault
from seventh.protocols.ntp.wire.nts_ke import Aead

FAULTS = (
    fault("nts-none", "no program listens on the port of the NTS key establishment", "NTS-NONE",
          "NET-PORT-STATE", reason="connect-refused", setup=NtsSetup(listens=False)),
    fault("nts-expired", "the certificate of the NTS key establishment has expired",
          "NTS-KE-FAIL", "TLS-CERT-EXPIRED", reason="tls-certificate-expired",
          setup=NtsSetup(expired=True)),
    fault("nts-tls12", "the key establishment supports TLS 1.2 only", "NTS-KE-FAIL",
          reason="tls-version-unsupported", setup=NtsSetup(tls12=True)),
    fault("nts-no-alpn", "the TLS server does not support the application protocol ntske/1",
          "NTS-KE-FAIL", reason="negotiation-failed", setup=NtsSetup(alpn=False)),
    fault("nts-error", "the key establishment answers with an error record", "NTS-KE-FAIL",
          reason="negotiation-failed", setup=NtsSetup(error=2)),
    fault("nts-flood", "the key establishment answers with records without end", "NTS-KE-FAIL",
          reason="protocol-violation", setup=NtsSetup(flood=True)),
    fault("nts-few-cookies", "the server issues three cookies, and returns one however many are "
          "requested", "NTS-COOKIES", setup=NtsSetup(cookies=3, returned=1)),
    fault("nts-nak", "every cookie just issued is refused (NTS NAK)", "NTS-NAK",
          reason="negotiation-failed", setup=NtsSetup(forgets=True)),
    fault("nts-size-filter", "datagrams longer than plain NTP are dropped on the path",
          "NTS-UDP-DROP", "NET-PORT-STATE", reason="no-reply",
          setup=NtsSetup(max_bytes=48, options=SILENT)),
    fault("nts-silent", "plain requests are answered, authenticated requests are not",
          "NTP-NO-REPLY", "NET-PORT-STATE", reason="no-reply",
          setup=NtsSetup(silent=True, options=SILENT)),
    fault("nts-forged", "every authenticator is made with a wrong key, as by an attacker on the "
          "path", "NTP-NO-REPLY", reason="no-reply",
          setup=NtsSetup(forges=True, options=SILENT)),
    fault("nts-forged-kiss", "forged kiss codes, NTSN among them, precede every authenticated "
          "reply", "NTP-SPOOF", setup=NtsSetup(kisses=True)),
    fault("nts-aead-30-only", "the server supports AES-128-GCM-SIV only, not the mandatory "
          "algorithm", "NTS-AEAD-INTEROP", setup=NtsSetup(aeads=(Aead.AES_128_GCM_SIV,))),
    fault("nts-aead-30-keys", "keys of AES-128-GCM-SIV are exported as in chrony 4.4 to 4.6.0",
          "NTS-AEAD-INTEROP", setup=NtsSetup(compliant_export=False, chrony_keys=True)),
    fault("nts-wrong-time", "the authenticated time is 37 seconds fast", "NTP-OFFSET",
          setup=NtsSetup(ntp=Setup(shifts=(37.0,)))),
)  # fmt: skip

"""The faults of one NTP server."""

from __future__ import annotations

from seventh.protocols.ntp.lab.setup import ONCE, SILENT, Setup, fault

AES_KEY = "1 AES128 HEX:000102030405060708090a0b0c0d0e0f"
MD5_KEY = "1 MD5 ASCII:laboratory"
OTHER_KEY = "1 SHA256 HEX:ffeeddccbbaa99887766554433221100"
_LOSSY = {"samples": 6, "interval_seconds": 0.1, "timeout_seconds": 3.0}
_INTRUSIVE = {**ONCE, "intrusive": True}

CLEAN = Setup(keys=AES_KEY, client_keys=AES_KEY)
FAULTS = (
    fault("refused", "no program listens on the port", "NTP-NO-REPLY", "NET-PORT-STATE",
          reason="connect-refused", setup=Setup(options=SILENT)),
    fault("no-reply", "requests are not answered", "NTP-NO-REPLY", "NET-PORT-STATE",
          reason="no-reply", setup=Setup(script=((),), options=SILENT)),
    fault("loss", "every second request is dropped", "NTP-LOSS",
          setup=Setup(script=((), ("reply",)), options=_LOSSY)),
    fault("spoofed-origin", "a forged reply with a wrong origin timestamp precedes every correct "
          "one", "NTP-SPOOF", setup=Setup(script=(("forged", "reply"),))),
    fault("forged-kiss", "forged DENY and RATE kiss codes precede every correct reply",
          "NTP-SPOOF", setup=Setup(script=(("forged DENY", "forged RATE", "reply"),))),
    fault("wrong-address", "every reply is sent from an address other than that of the request",
          "NTP-SPOOF", "NTP-NO-REPLY", reason="unexpected-answer",
          setup=Setup(script=(("elsewhere",),), options=SILENT)),
    fault("wrong-time", "the clock is half a second fast", "NTP-OFFSET",
          setup=Setup(shifts=(0.5,), options=ONCE)),
    fault("wrong-time-seconds", "the clock is 37 seconds slow, as if TAI were UTC", "NTP-OFFSET",
          setup=Setup(shifts=(-37.0,), options=ONCE)),
    fault("wrong-time-years", "the clock is twenty years slow, as after a reset", "NTP-OFFSET",
          setup=Setup(shifts=(-20 * 365.25 * 86400,), options=ONCE)),
    fault("jitter", "the clock jumps by 60 ms between replies", "NTP-JITTER",
          setup=Setup(shifts=(0.03, -0.03))),
    fault("unsynchronised", "replies have leap indicator 3 and stratum 16", "NTP-UNSYNC",
          setup=Setup(leap=3, stratum=16, refid=bytes(4), options=ONCE)),
    fault("unsynchronised-zero", "replies have leap indicator 3 and stratum 16 written as 0, as "
          "of chrony", "NTP-UNSYNC", setup=Setup(leap=3, stratum=0, refid=bytes(4), options=ONCE)),
    fault("high-stratum", "the server is eight servers away from a reference clock",
          "NTP-STRATUM", setup=Setup(stratum=8, options=ONCE)),
    fault("root-distance", "the root distance is 1.3 s", "NTP-ROOTDIST",
          setup=Setup(root_delay_seconds=1.0, root_dispersion_seconds=0.8, options=ONCE)),
    fault("stale", "the clock was last set two hours ago", "NTP-STALE",
          setup=Setup(reference_age_seconds=7200.0, options=ONCE)),
    fault("reference-later", "the reference timestamp is ten minutes after the transmit timestamp",
          "NTP-HEADER", setup=Setup(reference_age_seconds=-600.0, options=ONCE)),
    fault("local-clock", "the server serves its undisciplined local clock", "NTP-LOCALCLOCK",
          setup=Setup(refid=b"\x7f\x7f\x01\x01", options=ONCE)),
    fault("kod-rate", "the first request is answered, the next ones get kiss code RATE",
          "NTP-KOD-RATE", setup=Setup(script=(("reply",), ("kiss RATE",)))),
    fault("kod-deny", "requests get kiss code DENY", "NTP-KOD-DENY", reason="auth-rejected",
          setup=Setup(script=(("kiss DENY",),))),
    fault("leap-pending", "a leap second is announced", "NTP-LEAP",
          setup=Setup(leap=1, options=ONCE)),
    fault("loop", "the reference ID is the server's own address", "NTP-LOOP",
          setup=Setup(stratum=3, refid=b"\x7f\x00\x00\x01", options=ONCE)),
    fault("mode6", "control queries of any host are answered, in three packets", "NTP-MODE6",
          setup=Setup(control=True, options=ONCE)),
    fault("http", "an HTTP server uses the port", "NTP-NO-REPLY", reason="protocol-mismatch",
          setup=Setup(script=(("http",),), options=SILENT)),
    fault("echo", "an echo service uses the port", "NTP-NO-REPLY", reason="protocol-mismatch",
          setup=Setup(script=(("echo",),), options=SILENT)),
    fault("bad-extension", "an extension field declares more bytes than the packet has",
          "NTP-NO-REPLY", reason="protocol-violation",
          setup=Setup(script=(("bad extension",),), options=SILENT)),
    fault("md5-key", "a key of type MD5 is accepted and used", "NTP-MAC-MD5",
          setup=Setup(keys=MD5_KEY, client_keys=MD5_KEY, options=ONCE)),
    fault("key-refused", "the server has another key and answers with a crypto-NAK",
          reason="auth-rejected",
          setup=Setup(keys=OTHER_KEY, client_keys=AES_KEY, options=ONCE)),
    fault("key-forged", "replies have a MAC that was made with another key",
          reason="auth-rejected",
          setup=Setup(keys=AES_KEY, client_keys=AES_KEY, mac="forged", options=ONCE)),
    fault("key-ignored", "authenticated requests are answered without a MAC",
          reason="auth-rejected",
          setup=Setup(keys=AES_KEY, client_keys=AES_KEY, mac="none", options=ONCE)),
    fault("monlist", "the last 60 clients are listed to any host", "NTP-MONLIST",
          setup=Setup(monlist=60, options=_INTRUSIVE)),
    fault("only-port-123", "a filter drops requests from all ports but 123",
          "NTP-SRCPORT-FILTER", "NTP-NO-REPLY", "NET-PORT-STATE", reason="no-reply",
          needs=("root",),
          setup=Setup(only_from="123", options={**SILENT, "intrusive": True})),
    fault("never-port-123", "a filter drops requests from port 123", "NTP-SRCPORT-FILTER",
          needs=("root",), setup=Setup(only_from="not 123", options=_INTRUSIVE)),
)  # fmt: skip

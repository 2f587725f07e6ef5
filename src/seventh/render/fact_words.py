"""Texts of facts: labels, facts that are not shown, and values that are codes.

Any other fact is shown by its field's name; nothing has to be added here for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

HIDDEN = frozenset(
    ["absent",
     "breadth", "cells", "close_ended", "close_frame", "close_sent", "configured", "measured",
     "foreign_origin_sent", "ignore_unknown", "not_ignored", "overridden", "protocol_version",
     "reach", "reference_id_hex",
     "reference_timestamp_hex", "secure", "sends_cookie", "ticket_key_name", "verified_path"]
)  # fmt: skip
"""Raw forms of other facts, and what a drawing or the target's URL shows."""

EVIDENT = frozenset(["outcome", "detail", "side", "state"])
"""Labels that are left out in a list, as the value is clear without them."""

LABELS = {
    "alive_seconds": "keepalives",
    "advertised": "advertises",
    "as_clients": "negotiated as",
    "alternatives": "advertised alternatives",
    "body_bytes": "body size",
    "cert_expiry_timestamp_seconds": "certificate expires",
    "chain_bytes": "chain size",
    "cipher_client_to_server": "cipher",
    "clear": "plain HTTP",
    "closed_by": "closed by",
    "does": "serves",
    "expecting": "with Expect: 100-continue",
    "foreign_origin": "with a foreign origin",
    "https_outcome": "HTTPS record lookup",
    "https_record": "HTTPS record",
    "no_upgrade": "without Upgrade",
    "root_source": "root's methods from",
    "trust": "trusted by",
    "unread": "could not be read",
    "wrong_version": "with a wrong version",
    "control_factor": "mode 6 amplification",
    "dh_bits": "Diffie-Hellman group",
    "encryption_algorithms_client_to_server": "ciphers",
    "gex_bits": "smallest group",
    "froms": "addresses in From",
    "grace_seconds": "time to log in",
    "handshake_bytes": "handshake size",
    "host_matches": "name matches",
    "ident": "identification",
    "kexinit": "offers",
    "local": "this machine",
    "kex_algorithms": "key exchange methods",
    "ladder": "versions tried",
    "lookups": "names looked up",
    "mode_fixes": "commands for modes",
    "others": "other addresses",
    "pre_ident_lines": "lines before the identification",
    "pre_ident_line_count": "number of lines before it",
    "server_host_key_algorithms": "host key algorithms",
    "server_sig_algs": "signature algorithms accepted",
    "software_assumed": "version assumed",
    "staple": "OCSP staple",
    "ocsp": "OCSP response",
    "starttls": "STARTTLS",
    "startups": "unauthenticated connections",
    "startups_per_source": "of one source",
    "penalties": "penalties of a source",
    "think_seconds": "server's own time",
    "tickets": "session tickets",
    "endless": "session without an end",
    "v311": "MQTT 3.1.1",
    "v5": "MQTT 5",
    "versions": "versions accepted",
}
"""By field: the label, where the words of its name are not clear."""

_WORDS = {
    "adkim": "DKIM alignment", "arc": "ARC", "aspf": "SPF alignment",
    "aead": "AEAD", "aeads": "AEADs", "alpn": "ALPN", "api": "API", "auth": "authentication",
    "cors": "CORS", "dkim": "DKIM", "dmarc": "DMARC", "ech": "ECH", "etag": "ETag",
    "etags": "ETags", "exec": "command",
    "gex": "group exchange", "h2": "HTTP/2", "h3": "HTTP/3", "hsts": "HSTS", "http": "HTTP",
    "https": "HTTPS", "icmp": "ICMP", "id": "ID", "ipv4": "IPv4", "ipv6": "IPv6",
    "ke": "key establishment", "kex": "key exchange", "mac": "MAC", "md5": "MD5", "mss": "MSS",
    "mtu": "MTU", "ntp": "NTP", "nts": "NTS", "pty": "terminal", "quic": "QUIC",
    "rtc": "hardware clock", "rtt": "round trip", "sftp": "SFTP", "spf": "SPF",
    "sshfp": "SSHFP", "tls": "TLS",
    "ttfb": "first byte", "udp": "UDP", "url": "URL",
}  # fmt: skip


def label_of(name: str, shown: str) -> str:
    """Return the label of the field ``name``; ``shown`` is the name without its unit."""
    if name in LABELS:
        return LABELS[name]
    return " ".join(_WORDS.get(word, word) for word in shown.split("_"))


def _leap(value: int) -> str:
    return {1: "a minute of 61 seconds is announced", 2: "a minute of 59 seconds is announced",
            3: "not synchronised"}.get(value, "")  # fmt: skip


def _penalties(value: str) -> str:
    """Word OpenSSH's ``crash:90 … max:600 min:15`` with seconds."""
    if value == "no":
        return "none"
    texts: list[str] = []
    for name, _, each in (pair.partition(":") for pair in value.split()):
        seconds = " s" if each.isdigit() and name in _PENALTIES else ""
        texts.append(f"{_PENALTIES.get(name, name)} {each}{seconds}".strip())
    return ", ".join(texts)


_PENALTIES = {
    "crash": "crash", "authfail": "failed login", "noauth": "no login",
    "invaliduser": "unknown user", "grace-exceeded": "login timeout",
    "refuseconnection": "refused connection", "max": "at most", "min": "enforced from",
}  # fmt: skip


def _startups(value: Any) -> str:
    """Word MaxStartups, or what a server did with that many connections."""
    if not isinstance(value, tuple):
        end = f"then: {value.refusal}" if value.refusal is not None else "none refused"
        return f"{value.held} accepted, {end}"
    start, share, full = value
    return f"{share} % refused from {start}, all from {full}"


def _sshfp(value: Any) -> str:
    names = {1: "RSA", 2: "DSA", 3: "ECDSA", 4: "Ed25519", 6: "Ed448"}
    kinds = dict.fromkeys(names.get(r.algorithm, f"algorithm {r.algorithm}") for r in value)
    return f"{len(value)} ({', '.join(kinds)})" if value else ""


def _trust(value: Any) -> str:
    """Word the trust of TLS; findings show that of SSH, which is no string."""
    roots = {"given": "the CA of --ca", "system": "the system's roots"}
    return roots.get(value, "") if isinstance(value, str) else ""


def _by_address(value: Any) -> str:
    """Word host keys by address, if they differ."""
    if len({tuple(keys) for keys in value.values()}) < 2:
        return ""
    return "; ".join(f"{address} {', '.join(keys)}" for address, keys in value.items())


def _limits(value: Any) -> str:
    """Word limits with what was measured: ``ttfb 41 ms (max 200 ms)``."""
    return "; ".join(
        f"{limit.name} {limit.text(limit.worst) if limit.worst else 'not measured'}"
        f" ({limit.bounds})"
        for limit in value
    )


def _proxy(value: Any) -> str:
    port = f"[{value.host}]" if ":" in value.host else value.host
    names = {"here": "names resolved on this machine", "proxy": "names resolved by the proxy"}
    url = f"{value.scheme}://{port}:{value.port}"
    return ", ".join(filter(None, (url, value.software, names[value.resolves])))


_EVALUATED = {
    "ssh -G": ", by ssh -G",
    "ssh_config": ", by Seventh's reading of ssh_config: this machine has no ssh",
}

_LISTS = {"kex": "key exchange method", "host-key": "host key algorithm", "mac": "MAC"}


def _as_clients(value: Any) -> str:
    """Word what each client of ``--as`` negotiates: ``OpenSSH 7.4 (curve25519-sha256, …)``."""
    texts: list[str] = []
    for each in value:
        chosen = each.choice
        if chosen is None and each.lacking is None:
            what = each.detail
        elif chosen is None:
            what = f"no common {_LISTS.get(each.lacking, each.lacking)}"
        else:
            names = [getattr(chosen, name) for name in chosen.__struct_fields__]
            what = ", ".join(name for name in dict.fromkeys(names) if name)
        texts.append(f"{each.client} ({what}{_EVALUATED.get(each.lists_from, '')})")
    return "; ".join(texts)


VALUES: dict[str, Callable[[Any], str]] = {
    "as_clients": _as_clients,
    "leap": _leap,
    "limits": _limits,
    "penalties": _penalties,
    "proxy": _proxy,
    "startups": _startups,
    "sshfp": _sshfp,
    "trust": _trust,
    "host_keys_by_address": _by_address,
}
"""By field: the function that words its value; an empty text is not shown."""

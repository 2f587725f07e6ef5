"""Rules on keys: types, lengths and signatures; known_hosts, other addresses, and SSHFP."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import HostKey, Names, Proposal, SshFacts, Sshfp, Topic
from seventh.protocols.ssh.facts.config import UserKey
from seventh.protocols.ssh.rules import lists, names
from seventh.protocols.ssh.rules.algorithms import RSA_SHA2, UNPROVEN, offer_of
from seventh.protocols.ssh.rules.examples import key, offering, trusting
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_LIST = "HostKeyAlgorithms"
LEAST_RSA_BITS, SAFE_RSA_BITS = 2048, 3072
"""Below the first a key is a high finding, below the second a medium one."""


def _weak(by_name: object, short: Sequence[int], keys: Names) -> Hit:
    """Return a hit for keys of a weak type and RSA keys of ``short`` lengths."""
    high = by_name or min(short) < LEAST_RSA_BITS
    return Hit(None if high else Severity.MEDIUM, keys=keys)


@rule(
    "SSH-HOSTKEY-WEAK",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Weak host key or user key",
    evidence="{keys}",
    why="The private key of a short key can be computed: an attacker then impersonates the server "
    "(host key) or logs in as the user (user key).",
    fix={
        "openssh": "ssh-keygen -t ed25519 -f /etc/ssh/ssh_host_ed25519_key -N ''\n"
        "# in sshd_config, in place of the weak key:\nHostKey /etc/ssh/ssh_host_ed25519_key\n"
        "# if RSA is required: ssh-keygen -t rsa -b 3072",
        "any": "Replace the key with an Ed25519 key; if RSA is required, use 3072 bits or more.",
    },
    references=("NIST SP 800-131A", "RFC 8709"),
    seed=("12.2.2",),
    directives={"openssh": ("HostKey", _LIST)},
    good=replace(offering(), host_keys=(key(), key("ssh-rsa", 3072))),
    bad=replace(offering(), host_keys=(key("ssh-rsa", 1024),)),
)
def hostkey_weak(ssh: SshFacts) -> Verdict:
    """Find DSA by name or key, and RSA by length; in authorized_keys, among the users' keys."""
    if ssh.config is not None and ssh.config.user_keys is not None:
        return _weak_user_keys(ssh.config.user_keys)
    offer = offer_of(ssh, _LIST, server_only=True)
    if isinstance(offer, Skip):
        return offer
    offered = offer.server_host_key_algorithms
    by_name = names.explained("host_key", "weak", offered)
    rsa = [seen for seen in ssh.host_keys if seen.type == "ssh-rsa" and seen.bits < SAFE_RSA_BITS]
    if by_name or rsa:
        keys = (*by_name, *(f"ssh-rsa {seen.bits} bits {seen.sha256}" for seen in rsa))
        hit = _weak(by_name, [seen.bits for seen in rsa], keys)
        if rsa or ssh.config is None:
            return hit
        weak_of = partial(names.having, "host_key", "weak")
        return hit.fixed_by("openssh", lists.without(ssh, _LIST, _listed(ssh, offer), weak_of))
    offers_rsa = any(names.having("host_key", how, offered) for how in ("sha1", "rsa-sha2"))
    if offers_rsa and not any(seen.type == "ssh-rsa" for seen in ssh.host_keys):
        return Skip(ssh.unknown.get(Topic.RSA_KEY, "the RSA host key was not seen"))
    return None


def _weak_user_keys(keys: Sequence[UserKey]) -> Verdict:
    """Judge the keys of an authorized_keys file; a hit points at their lines."""
    by_name = [key for key in keys if names.having("host_key", "weak", (key.type,))]
    short = [key for key in keys if key.type == "ssh-rsa" and key.bits < SAFE_RSA_BITS]
    if not by_name and not short:
        return None
    weak = sorted([*by_name, *short], key=lambda key: key.line)
    shown = tuple(f"line {key.line}: {key.type} {key.bits} bits {key.comment}" for key in weak)
    hit = _weak(by_name, [key.bits for key in short], shown)
    return hit.at(*(f"key {key.line}" for key in weak)).fixed_by(
        "openssh",
        "# on the machine of the key's owner:",
        "ssh-keygen -t ed25519",
        "# then replace the line here with id_ed25519.pub",
    )


@rule(
    "SSH-HOSTKEY-NOED25519",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="No Ed25519 host key",
    evidence="host key algorithms offered: {algorithms}",
    why="Ed25519 is the smallest, fastest and least error-prone host key, and clients prefer it.",
    fix={
        "openssh": "ssh-keygen -A\n# if sshd_config has HostKey lines, add:\n"
        "HostKey /etc/ssh/ssh_host_ed25519_key",
        "dropbear": "dropbearkey -t ed25519 -f /etc/dropbear/dropbear_ed25519_host_key",
        "any": "Add an Ed25519 host key.",
    },
    references=("RFC 8709",),
    seed=("12.2.2",),
    directives={"openssh": ("HostKey", _LIST)},
    good=offering(),
    bad=offering(server_host_key_algorithms=("rsa-sha2-512", "rsa-sha2-256")),
)
def hostkey_noed25519(ssh: SshFacts) -> Verdict:
    """Find an offer without Ed25519; a list that excludes it needs another fix than no key."""
    offer = offer_of(ssh, _LIST, server_only=True)
    if isinstance(offer, Skip):
        return offer
    offered = offer.server_host_key_algorithms
    if names.having("host_key", "ed25519", offered):
        return None
    hit = Hit(algorithms=offered)
    if ssh.config is None:
        return hit
    listed = _listed(ssh, offer)
    if ssh.config.lists.get(_LIST) and not names.having("host_key", "ed25519", listed):
        return hit.fixed_by("openssh", lists.beginning_with(ssh, _LIST, ("ssh-ed25519",), listed))
    return hit.fixed_by(
        "openssh",
        "ssh-keygen -A",
        "# with the other HostKey lines",
        "HostKey /etc/ssh/ssh_host_ed25519_key",
    )


@rule(
    "SSH-HOSTSIG-SHA1",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="RSA host key signs with SHA-1 only",
    evidence="{algorithms} offered without rsa-sha2-256 or rsa-sha2-512",
    why="Current clients refuse SHA-1 signatures and cannot use this host key.",
    fix={
        "openssh": "Upgrade to OpenSSH 7.2 or later, or remove the HostKeyAlgorithms line; the key "
        "itself can stay.",
        "any": "Upgrade to a server that supports rsa-sha2-256 and rsa-sha2-512, or add an Ed25519 "
        "host key.",
    },
    references=("RFC 8332",),
    seed=("12.11.1",),
    directives={"openssh": (_LIST,)},
    good=offering(server_host_key_algorithms=("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")),
    bad=offering(server_host_key_algorithms=("ssh-ed25519", "ssh-rsa")),
)
def hostsig_sha1(ssh: SshFacts) -> Verdict:
    """Find RSA that is offered with SHA-1 and not with SHA-2."""
    offer = offer_of(ssh, _LIST, server_only=True)
    if isinstance(offer, Skip):
        return offer
    offered = offer.server_host_key_algorithms
    sha1 = names.having("host_key", "sha1", offered)
    if not sha1 or names.having("host_key", "rsa-sha2", offered):
        return None
    hit = Hit(algorithms=sha1)
    if ssh.config is None:
        return hit
    line = lists.beginning_with(ssh, _LIST, RSA_SHA2, _listed(ssh, offer))
    return hit.fixed_by("openssh", line)


def _listed(ssh: SshFacts, offer: Proposal) -> Names:
    """Return what HostKeyAlgorithms lists, with or without host keys that serve it."""
    written = ssh.config.lists.get(_LIST) if ssh.config is not None else None
    return written.effective if written is not None else offer.server_host_key_algorithms


@rule(
    "SSH-HOSTKEY-CHANGED",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="Host key differs from known_hosts",
    evidence="the server presents {key}; {known}",
    phrases={
        "known": {
            "changed": "{file}:{line} has {pinned}",
            "revoked": "{file}:{line} has it as @revoked",
        }
    },
    why="Either the machine was reinstalled, or an attacker answers in its place and reads "
    "passwords and commands.",
    fix={
        "openssh": "On the machine itself: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub. If it "
        "prints this key: ssh-keygen -R HOST, and add the new key. If not, do not log in.",
        "any": "Read the key on the machine's console; replace the pinned key only if both match.",
    },
    references=("RFC 4251 §4.1",),
    seed=("12.2.1",),
    good=trusting(status="known", file="known_hosts", line=1),
    bad=trusting(status="changed", file="known_hosts", line=1, pinned="ssh-ed25519 SHA256:old"),
)
def hostkey_changed(ssh: SshFacts) -> Verdict:
    """Find another key of a pinned type, or one that is revoked."""
    for trust in ssh.trust:
        if trust.status in {"revoked", "changed"}:
            return Hit(key=trust.key, known=trust.status, pinned=trust.pinned, file=trust.file,
                       line=trust.line)  # fmt: skip
    if any(trust.status == "known" for trust in ssh.trust):
        return None
    if not ssh.trust and any(key.signature_valid is None for key in ssh.host_keys):
        return UNPROVEN
    return Skip("known_hosts has no key of this host")


@rule(
    "SSH-HOSTKEY-SPLIT",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Host keys differ between the name's addresses",
    evidence="{keys}",
    why="A client that connects to another address than last time warns of an attack, at random. "
    "Users learn to ignore the warning.",
    fix={
        "openssh": "Copy /etc/ssh/ssh_host_*_key to every machine behind the name, or sign every "
        "machine's key with one host CA (HostCertificate, and @cert-authority in known_hosts).",
        "any": "Use the same host keys on all machines, or give every machine its own name.",
    },
    references=("RFC 4251 §4.1",),
    seed=("12.2.1",),
    good=SshFacts(
        host_keys_by_address={"192.0.2.1": ("ssh-ed25519 A",), "192.0.2.2": ("ssh-ed25519 A",)}
    ),
    bad=SshFacts(
        host_keys_by_address={"192.0.2.1": ("ssh-ed25519 A",), "192.0.2.2": ("ssh-ed25519 B",)}
    ),
)
def hostkey_split(ssh: SshFacts) -> Verdict:
    """Find addresses that gave different keys to the same request."""
    seen = ssh.host_keys_by_address
    if len(seen) < 2:
        return Skip("fewer than two addresses presented a host key")
    if len(set(seen.values())) == 1:
        return None
    return Hit(keys=tuple(f"{address}: {' '.join(keys)}" for address, keys in seen.items()))


_SHA1, _SHA256 = 1, 2
_NUMBERS = {"ssh-rsa": 1, "ssh-dss": 2, "ssh-ed25519": 4, "ssh-ed448": 6}
"""Key types in SSHFP records; 3 is every ECDSA curve."""


def _mismatches(records: Sequence[Sshfp], seen: HostKey) -> bool:
    """Return whether the key's type has records and none matches; clients ask if it has none."""
    own = {_SHA1: seen.sha1_hex, _SHA256: seen.sha256_hex}
    mine = [record for record in records if record.algorithm == _NUMBERS.get(seen.type, 3)]
    return bool(mine) and all(own.get(r.fingerprint_type) != r.fingerprint for r in mine)


@rule(
    "SSH-SSHFP",
    Severity.MEDIUM,
    tier=0,
    source=Source.DNS,
    title="SSHFP records wrong or not trusted",
    evidence="{problems}",
    phrases={
        "problems": {
            "mismatch": "no SSHFP record matches {keys}",
            "sha1": "SHA-1 fingerprints only",
            "dnssec": "the resolver did not validate the records by DNSSEC (no AD bit)",
        }
    },
    why="A client that uses SSHFP refuses a key that does not match the records, and ignores "
    "records without DNSSEC. Seventh relies on the resolver's AD bit for this.",
    fix={
        "openssh": "ssh-keygen -r HOST prints the records of the keys in /etc/ssh; publish those "
        "with fingerprint type 2 (SHA-256) and sign the zone with DNSSEC.",
        "any": "Publish SHA-256 fingerprints of the current keys and sign the zone.",
    },
    references=("RFC 4255", "RFC 6594", "RFC 7479"),
    seed=("12.2.1",),
    good=SshFacts(
        host_keys=(replace(key(), signature_valid=True),),
        sshfp=(Sshfp(algorithm=4, fingerprint_type=2, fingerprint=key().sha256_hex),),
        sshfp_authenticated=True,
    ),
    bad=SshFacts(
        host_keys=(key(),),
        sshfp=(Sshfp(algorithm=4, fingerprint_type=2, fingerprint="00" * 32),),
        sshfp_authenticated=True,
    ),
)
def sshfp(ssh: SshFacts) -> Verdict:
    """Judge the name's SSHFP records: a mismatch is high; SHA-1 only or no DNSSEC is medium."""
    records = ssh.sshfp
    if records is None:
        return Skip(ssh.unknown.get(Topic.SSHFP, "SSHFP was not requested: the target is no name"))
    if not records:
        return not_applicable("the name has no SSHFP record")
    if not ssh.host_keys:
        return Skip("no host key was seen to compare with")
    wrong = [f"{key.type} {key.sha256}" for key in ssh.host_keys if _mismatches(records, key)]
    found = {
        "mismatch": bool(wrong),
        "sha1": all(record.fingerprint_type == _SHA1 for record in records),
        "dnssec": ssh.sshfp_authenticated is False,
    }
    if problems := tuple(code for code, is_wrong in found.items() if is_wrong):
        return Hit(Severity.HIGH if wrong else None, problems=problems, keys=tuple(wrong))
    if not all(seen.signature_valid for seen in ssh.host_keys):
        return UNPROVEN
    return None

"""Rules on the algorithms that are offered; ``tables.toml`` knows what each name is worth."""

from __future__ import annotations

from functools import partial

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import Names, Proposal, SshFacts, Topic
from seventh.protocols.ssh.rules import lists, names
from seventh.protocols.ssh.rules.examples import offering
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

RSA_SHA2 = ("rsa-sha2-512", "rsa-sha2-256")
UNPROVEN = Skip("the host key's signature could not be verified")
NOT_IN_FILE = Skip("this file does not set it")
_CLIENT_FILE = Skip("an ssh_config configures a client, not the server")
_WHO = {"who": {"client": "the client", "server": "the server"}}


def offer_of(ssh: SshFacts, directive: str = "", *, server_only: bool = False) -> Proposal | Skip:
    """Return the offer to judge, or why there is none.

    With ``directive``, a file that does not set it is skipped; with ``server_only``, a client's.
    """
    if ssh.config is None:
        return ssh.kexinit or Skip("no KEXINIT was received")
    if ssh.kexinit is None or directive in ssh.config.left_to_others:
        return NOT_IN_FILE
    return _CLIENT_FILE if server_only and ssh.config.side == "client" else ssh.kexinit


def _offers(ssh: SshFacts, explained: Names, *lines: str) -> Hit:
    """Return a hit for explained names on offer, fixed by ``lines``."""
    who = "client" if ssh.config is not None and ssh.config.side == "client" else "server"
    plain = ",".join(text.partition(" ")[0] for text in explained)
    return Hit(who=who, algorithms=explained, names=plain).fixed_by("openssh", *lines)


@rule(
    "SSH-KEX-WEAK",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Weak key exchange methods offered",
    evidence="{who} offers {algorithms}",
    phrases=_WHO,
    why="SHA-1 and 1024-bit groups are within reach of attackers. Old or downgraded clients use "
    "them, and a recorded session can be decrypted later.",
    fix={
        "openssh": "KexAlgorithms -{names}",
        "any": "Remove {names}; keep mlkem768x25519-sha256, sntrup761x25519-sha512 and "
        "curve25519-sha256.",
    },
    references=("RFC 9142",),
    seed=("12.2.2",),
    directives={"openssh": ("KexAlgorithms",)},
    good=offering(),
    bad=offering(kex_algorithms=("curve25519-sha256", "diffie-hellman-group14-sha1")),
)
def kex_weak(ssh: SshFacts) -> Verdict:
    """Find methods that RFC 9142 deprecates."""
    offer = offer_of(ssh, "KexAlgorithms")
    if isinstance(offer, Skip):
        return offer
    offered = offer.kex_algorithms
    if not (weak := names.explained("kex", "weak", offered)):
        return None
    line = lists.without(ssh, "KexAlgorithms", offered, partial(names.having, "kex", "weak"))
    return _offers(ssh, weak, line)


@rule(
    "SSH-KEX-NOPQ",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="No post-quantum key exchange offered",
    evidence="no hybrid with ML-KEM or NTRU Prime among {algorithms}",
    why="A session recorded today can be decrypted once a quantum computer exists. Hybrid methods "
    "prevent this at almost no cost.",
    fix={
        "openssh": "KexAlgorithms sntrup761x25519-sha512@openssh.com,{kept}\n"
        "# from OpenSSH 9.9 on, put mlkem768x25519-sha256 first; before 8.5, upgrade",
        "any": "Offer mlkem768x25519-sha256.",
    },
    references=("RFC 10042",),
    seed=("12.2.2",),
    directives={"openssh": ("KexAlgorithms",)},
    good=offering(),
    bad=offering(kex_algorithms=("curve25519-sha256", "ecdh-sha2-nistp256")),
)
def kex_nopq(ssh: SshFacts) -> Verdict:
    """Find an offer without a post-quantum method; the fix begins with the version's own."""
    offer = offer_of(ssh, "KexAlgorithms")
    if isinstance(offer, Skip):
        return offer
    offered = offer.kex_algorithms
    if not offered:
        return Skip("no key exchange method remains")
    if names.having("kex", "post-quantum", offered):
        return None
    markers = names.having("kex", "markers", offered)
    kept = ",".join(lists.writable(offered)) or "curve25519-sha256"
    hit = Hit(algorithms=tuple(name for name in offered if name not in markers), kept=kept)
    written = ssh.config.lists.get("KexAlgorithms") if ssh.config is not None else None
    hybrids = names.having("kex", "post-quantum", written.default) if written is not None else ()
    if not hybrids:
        return hit
    return hit.fixed_by("openssh", lists.beginning_with(ssh, "KexAlgorithms", hybrids, offered))


@rule(
    "SSH-TERRAPIN",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Vulnerable to the Terrapin prefix truncation attack",
    evidence="strict key exchange not supported, {algorithms} offered",
    why="An attacker between client and server can drop the first encrypted messages unnoticed "
    "and so disable the extensions that they negotiate.",
    fix={
        "openssh": "Ciphers -{names}\n# until the server is OpenSSH 9.6 or a patched package",
        "any": "Upgrade to a version with strict key exchange, or offer only AES-GCM and AES-CTR.",
    },
    references=("CVE-2023-48795", "draft-ietf-sshm-strict-kex"),
    seed=("12.2.2",),
    directives={"openssh": ("Ciphers", "MACs")},
    good=offering(),
    bad=offering(kex_algorithms=("mlkem768x25519-sha256", "curve25519-sha256")),
)
def terrapin(ssh: SshFacts) -> Verdict:
    """Find a vulnerable cipher without the strict key exchange that protects it."""
    offer = offer_of(ssh, "Ciphers")
    if isinstance(offer, Skip):
        return offer
    macs = offer.macs
    exposed = names.terrapin_exposed(offer.ciphers, macs)
    if ssh.strict_kex or not exposed:
        return None
    if ssh.strict_kex is None:
        return Skip(
            f"{', '.join(exposed)}: safe only with strict key exchange (OpenSSH 9.6, or a "
            "distribution's backport), which a file does not show; run `seventh check`"
        )
    lines = lists.without_ciphers(
        ssh, offer.ciphers, lambda ciphers: names.terrapin_exposed(ciphers, macs)
    )
    return Hit(algorithms=exposed, names=",".join(exposed)).fixed_by(
        "openssh", *lines, "# until the server is OpenSSH 9.6 or a patched package"
    )


@rule(
    "SSH-CIPHER-WEAK",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Weak ciphers offered",
    evidence="{who} offers {algorithms}",
    phrases=_WHO,
    why="These ciphers leak plaintext or are within reach of brute force. A client that prefers "
    "one of them gets it.",
    fix={
        "openssh": "Ciphers -{names}",
        "any": "Remove {names}; keep chacha20-poly1305@openssh.com, aes256-gcm@openssh.com and "
        "aes*-ctr.",
    },
    references=("RFC 8758", "RFC 4344"),
    seed=("12.2.2",),
    directives={"openssh": ("Ciphers",)},
    good=offering(),
    bad=offering(encryption_algorithms_server_to_client=("aes256-ctr", "3des-cbc")),
)
def cipher_weak(ssh: SshFacts) -> Verdict:
    """Find ciphers with a broken mode, short blocks or no strength."""
    offer = offer_of(ssh, "Ciphers")
    if isinstance(offer, Skip):
        return offer
    if not (weak := names.explained("cipher", "weak", offer.ciphers)):
        return None
    weak_of = partial(names.having, "cipher", "weak")
    return _offers(ssh, weak, *lists.without_ciphers(ssh, offer.ciphers, weak_of))


@rule(
    "SSH-MAC-WEAK",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Weak MACs offered",
    evidence="{who} offers {algorithms}",
    phrases=_WHO,
    why="MD5, SHA-1 and short tags leave less margin against forgery. Without encrypt-then-MAC, "
    "the receiver decrypts data before it is authenticated.",
    fix={
        "openssh": "MACs -{names}",
        "any": "Remove {names}; keep hmac-sha2-256-etm@openssh.com and "
        "hmac-sha2-512-etm@openssh.com.",
    },
    references=("RFC 6668",),
    seed=("12.2.2",),
    directives={"openssh": ("MACs", "Ciphers")},
    good=offering(),
    bad=offering(mac_algorithms_client_to_server=("hmac-sha1", "hmac-sha2-256")),
)
def mac_weak(ssh: SshFacts) -> Verdict:
    """Find MACs that are weak or are computed over the plaintext, where a cipher uses one."""
    offer = offer_of(ssh, "MACs")
    if isinstance(offer, Skip):
        return offer
    if names.all_aead(offer.ciphers):
        return None
    plaintext = [f"{name} (not encrypt-then-MAC)" for name in names.encrypt_and_macs(offer.macs)]
    if not (shown := (*names.explained("mac", "weak", offer.macs), *plaintext)):
        return None
    line = lists.without(ssh, "MACs", offer.macs, lambda macs: (
        *names.having("mac", "weak", macs), *names.encrypt_and_macs(macs),
    ))  # fmt: skip
    return _offers(ssh, shown, line)


@rule(
    "SSH-USERSIG-SHA1",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="User keys: SHA-1 signatures accepted, or RSA with SHA-2 not accepted",
    evidence="server-sig-algs: {algorithms}",
    why="If ssh-rsa is accepted, a forged SHA-1 signature could log in. Without rsa-sha2-256 and "
    "rsa-sha2-512, current clients fail to log in with RSA keys.",
    fix={
        "openssh": "PubkeyAcceptedAlgorithms -ssh-rsa,ssh-rsa-cert-v01@openssh.com",
        "any": "Accept rsa-sha2-256 and rsa-sha2-512 for user keys; remove ssh-rsa.",
    },
    references=("RFC 8308", "RFC 8332"),
    seed=("12.2.5",),
    directives={"openssh": ("PubkeyAcceptedAlgorithms",)},
    good=SshFacts(server_sig_algs=("ssh-ed25519", "rsa-sha2-256", "rsa-sha2-512")),
    bad=SshFacts(server_sig_algs=("ssh-ed25519", "ssh-rsa", "rsa-sha2-256")),
)
def usersig_sha1(ssh: SshFacts) -> Verdict:
    """Judge server-sig-algs (RFC 8308 §3.1); without any RSA it is a choice, and info only."""
    accepted = ssh.server_sig_algs
    if accepted is None:
        if ssh.config is not None:
            return NOT_IN_FILE
        return Skip(ssh.unknown.get(Topic.EXTENSIONS, "the server did not send server-sig-algs"))
    sha1 = names.having("host_key", "sha1", accepted)
    has_sha2 = bool(names.having("host_key", "rsa-sha2", accepted))
    if has_sha2 and not sha1:
        return None
    if sha1 and names.lists_its_build(ssh.software or ""):
        return Skip(
            "OpenSSH before 9.6 sends the algorithms of its build, not those it accepts; run "
            "`sshd -T | grep -i pubkeyaccepted` on the server"
        )
    hit = Hit(None if sha1 else Severity.INFO, algorithms=accepted)
    if sha1 and ssh.config is None:
        return hit
    directive, weak_of = "PubkeyAcceptedAlgorithms", partial(names.having, "host_key", "sha1")
    if has_sha2:
        return hit.fixed_by("openssh", lists.without(ssh, directive, accepted, weak_of))
    rest = tuple(name for name in accepted if name not in sha1)
    return hit.fixed_by("openssh", lists.beginning_with(ssh, directive, RSA_SHA2, rest))


@rule(
    "SSH-COMP-PREAUTH",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Compression before authentication offered",
    evidence="the server offers {algorithms}",
    why="With zlib, compression starts before the user is authenticated, which exposes the "
    "decompressor to every client. zlib@openssh.com starts after the login.",
    fix={
        "openssh": "Compression no",
        "any": "Disable zlib; zlib@openssh.com (delayed) may stay.",
    },
    references=("RFC 4253 §6.2",),
    seed=("12.2.2",),
    directives={"openssh": ("Compression",)},
    good=offering(compression_algorithms_client_to_server=("none", "zlib@openssh.com")),
    bad=offering(compression_algorithms_client_to_server=("none", "zlib")),
)
def comp_preauth(ssh: SshFacts) -> Verdict:
    """Find zlib without delay in either direction."""
    offer = offer_of(ssh, server_only=True)
    if isinstance(offer, Skip):
        return offer
    return Hit(algorithms=("zlib",)) if "zlib" in offer.compressions else None

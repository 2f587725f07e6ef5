"""What an offer's names give away. Every condition is a few look-ups in ``tables.toml``."""

from __future__ import annotations

from functools import partial

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import Names, SshFacts, Topic
from seventh.protocols.ssh.rules import lists
from seventh.protocols.ssh.rules import names as algorithms
from seventh.protocols.ssh.rules.examples import offering
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

RSA_SHA2 = ("rsa-sha2-512", "rsa-sha2-256")
NO_KEXINIT = Skip("no KEXINIT was received")
UNPROVEN = "the host key's signature could not be verified, so the host has not proven its key"
_NOT_IN_THE_FILE = Skip("this file does not decide it")
THE_CLIENTS = Skip("an ssh_config is a client's: it does not decide what the server has")


def no_offer(ssh: SshFacts, directive: str = "") -> Skip | None:
    """Why there is no list to judge: nothing came, or the file leaves it to another; else None."""
    if ssh.config is None:
        return NO_KEXINIT if ssh.kexinit is None else None
    if ssh.kexinit is None or directive in ssh.config.left_to_others:
        return _NOT_IN_THE_FILE
    return None


def is_client(ssh: SshFacts) -> bool:
    """Return whether the offer is a client's: what its ssh_config makes of it."""
    return ssh.config is not None and ssh.config.side == "client"


def _who(ssh: SshFacts) -> str:
    return "the client" if is_client(ssh) else "the server"


def _plain(explained: Names) -> str:
    """Return the names alone, as a configuration line lists them."""
    return ",".join(text.partition(" ")[0] for text in explained)


@rule(
    "SSH-KEX-WEAK",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Weak key exchange methods are offered",
    evidence="{who} offers {algorithms}",
    why="SHA-1 and 1024-bit groups are within reach of attackers; a client that is old or talked "
    "down ends up with them, and recorded sessions can be opened later.",
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
    """Offered methods that RFC 9142 no longer wants."""
    if (skip := no_offer(ssh, "KexAlgorithms")) is not None or ssh.kexinit is None:
        return skip
    offered = ssh.kexinit.kex_algorithms
    weak = algorithms.explained("kex", "weak", offered)
    if not weak:
        return None
    line = lists.without(ssh, "KexAlgorithms", offered, partial(algorithms.having, "kex", "weak"))
    return Hit(who=_who(ssh), algorithms=weak, names=_plain(weak)).fixed_by("openssh", line)


@rule(
    "SSH-KEX-NOPQ",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="No post-quantum key exchange",
    evidence="none of the offered methods is a hybrid with ML-KEM or NTRU Prime: {algorithms}",
    why="Sessions recorded today can be decrypted once a quantum computer exists; hybrids cost "
    "next to nothing and prevent it.",
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
    """No offered method survives a quantum computer."""
    if (skip := no_offer(ssh, "KexAlgorithms")) is not None or ssh.kexinit is None:
        return skip
    names = ssh.kexinit.kex_algorithms
    if not names:
        return Skip("no key exchange method is left")
    if algorithms.having("kex", "post-quantum", names):
        return None
    markers = algorithms.having("kex", "markers", names)
    kept = ",".join(lists.writable(names)) or "curve25519-sha256"
    hit = Hit(algorithms=tuple(name for name in names if name not in markers), kept=kept)
    said = ssh.config.lists.get("KexAlgorithms") if ssh.config is not None else None
    hybrids = algorithms.having("kex", "post-quantum", said.default) if said is not None else ()
    if not hybrids:
        return hit
    return hit.fixed_by("openssh", lists.beginning_with(ssh, "KexAlgorithms", hybrids, names))


@rule(
    "SSH-TERRAPIN",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Open to the Terrapin prefix truncation",
    evidence="no strict key exchange, but {algorithms}",
    why="Somebody between client and server can drop the first encrypted messages unnoticed and so "
    "switch off what they would have negotiated.",
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
    """A cipher that Terrapin can attack, without the strict key exchange that prevents it."""
    if (skip := no_offer(ssh, "Ciphers")) is not None or ssh.kexinit is None:
        return skip
    if ssh.strict_kex:
        return None
    macs = ssh.kexinit.macs
    exposed = algorithms.terrapin_exposed(ssh.kexinit.ciphers, macs)
    if exposed and ssh.strict_kex is None:
        return Skip(
            f"{', '.join(exposed)} can be attacked where key exchange is not strict: OpenSSH 9.6 "
            "made it so, distributions brought it to older versions, and no file tells; check does"
        )
    if not exposed:
        return None
    lines = lists.without_ciphers(
        ssh, ssh.kexinit.ciphers, lambda ciphers: algorithms.terrapin_exposed(ciphers, macs)
    )
    return Hit(algorithms=exposed, names=",".join(exposed)).fixed_by(
        "openssh", *lines, "# until the server is OpenSSH 9.6 or a patched package"
    )


@rule(
    "SSH-CIPHER-WEAK",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Weak ciphers are offered",
    evidence="{who} offers {algorithms}",
    why="These leak plaintext or are within reach of brute force; a session needs only one side's "
    "poor preference to use them.",
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
    """Offered ciphers with a broken mode, short blocks or no strength."""
    if (skip := no_offer(ssh, "Ciphers")) is not None or ssh.kexinit is None:
        return skip
    offered = ssh.kexinit.ciphers
    weak = algorithms.explained("cipher", "weak", offered)
    if not weak:
        return None
    weak_of = partial(algorithms.having, "cipher", "weak")
    lines = lists.without_ciphers(ssh, offered, weak_of)
    return Hit(who=_who(ssh), algorithms=weak, names=_plain(weak)).fixed_by("openssh", *lines)


@rule(
    "SSH-MAC-WEAK",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Weak message authentication is offered",
    evidence="{who} offers {algorithms}",
    why="MD5, SHA-1 and short tags leave less margin against forgery, and a MAC over the plaintext "
    "(not encrypt-then-MAC) makes the receiver decrypt what nobody has vouched for yet.",
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
    """Offered MACs that are weak or are taken over the plaintext."""
    if (skip := no_offer(ssh, "MACs")) is not None or ssh.kexinit is None:
        return skip
    macs, ciphers = ssh.kexinit.macs, ssh.kexinit.ciphers
    weak = algorithms.weak_macs(macs, ciphers)
    early = algorithms.encrypt_and_macs(macs, ciphers)
    if not weak and not early:
        return None
    shown = weak + tuple(f"{name} (not encrypt-then-MAC)" for name in early)
    line = lists.without(ssh, "MACs", macs, lambda names: (
        *algorithms.having("mac", "weak", names), *algorithms.encrypt_and_macs(names, ciphers),
    ))  # fmt: skip
    return Hit(who=_who(ssh), algorithms=shown, names=_plain(shown)).fixed_by("openssh", line)


@rule(
    "SSH-USERSIG-SHA1",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="User keys: SHA-1 is accepted, or RSA is not accepted with SHA-2",
    evidence="server-sig-algs: {algorithms}",
    why="With ssh-rsa accepted, a forged SHA-1 signature could log in; without rsa-sha2-256 and "
    "rsa-sha2-512, users with RSA keys cannot log in from a modern client.",
    fix={
        "openssh": "PubkeyAcceptedAlgorithms -ssh-rsa,ssh-rsa-cert-v01@openssh.com",
        "any": "Accept rsa-sha2-256 and rsa-sha2-512 from users, and ssh-rsa no longer.",
    },
    references=("RFC 8308", "RFC 8332"),
    seed=("12.2.5",),
    directives={"openssh": ("PubkeyAcceptedAlgorithms",)},
    good=SshFacts(server_sig_algs=("ssh-ed25519", "rsa-sha2-256", "rsa-sha2-512")),
    bad=SshFacts(server_sig_algs=("ssh-ed25519", "ssh-rsa", "rsa-sha2-256")),
)
def usersig_sha1(ssh: SshFacts) -> Verdict:
    """What EXT_INFO says of user signatures. A server without any RSA has chosen so: only info."""
    names = ssh.server_sig_algs
    if names is None:
        if ssh.config is not None:
            return _NOT_IN_THE_FILE
        return Skip(ssh.unknown.get(Topic.EXTENSIONS, "the server did not send server-sig-algs"))
    if algorithms.having("host_key", "sha1", names):
        if algorithms.lists_its_build(ssh.software or ""):
            return Skip(
                "OpenSSH before 9.6 lists what it was built with, not what it accepts; "
                "`sshd -T | grep -i pubkeyaccepted` tells"
            )
        rest = tuple(name for name in names if not algorithms.having("host_key", "sha1", (name,)))
        if not algorithms.having("host_key", "rsa-sha2", rest):
            line = lists.beginning_with(ssh, "PubkeyAcceptedAlgorithms", RSA_SHA2, rest)
        else:
            line = lists.without(ssh, "PubkeyAcceptedAlgorithms", names,
                                 partial(algorithms.having, "host_key", "sha1"))  # fmt: skip
        hit = Hit(algorithms=names)
        return hit if ssh.config is None else hit.fixed_by("openssh", line)
    if algorithms.having("host_key", "rsa-sha2", names):
        return None
    line = lists.beginning_with(ssh, "PubkeyAcceptedAlgorithms", RSA_SHA2, names)
    return Hit(Severity.INFO, algorithms=names).fixed_by("openssh", line)


@rule(
    "SSH-COMP-PREAUTH",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Compression before login is offered",
    evidence="{who} offers {algorithms}",
    why="zlib starts before the user is known, so that anybody can reach the decompressor; "
    "zlib@openssh.com waits until after login.",
    fix={
        "openssh": "Compression no",
        "any": "Switch zlib off; zlib@openssh.com (delayed) may stay.",
    },
    references=("RFC 4253 §6.2",),
    seed=("12.2.2",),
    directives={"openssh": ("Compression",)},
    good=offering(compression_algorithms_client_to_server=("none", "zlib@openssh.com")),
    bad=offering(compression_algorithms_client_to_server=("none", "zlib")),
)
def comp_preauth(ssh: SshFacts) -> Verdict:
    """Undelayed zlib in either direction."""
    if (skip := no_offer(ssh)) is not None or ssh.kexinit is None:
        return skip
    if is_client(ssh):
        return THE_CLIENTS
    return Hit(who=_who(ssh), algorithms=("zlib",)) if "zlib" in ssh.kexinit.compressions else None

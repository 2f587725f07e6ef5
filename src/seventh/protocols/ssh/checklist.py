"""SSH's debugging checklist: connection, algorithms, host keys, login, session, and delays."""

from seventh.model.checklist import CheckLine
from seventh.model.failure import Reason

LINES = (
    CheckLine(
        "The server sends its identification string in time",
        rules=("SSH-BANNER-SLOW",), facts=("ident", "banner_seconds"), phases=("ssh.banner",),
    ),
    CheckLine("Only SSH protocol 2 is accepted", rules=("SSH-PROTO1",)),
    CheckLine(
        "Client and server agree on algorithms",
        facts=("negotiated.kex", "negotiated.host_key", "negotiated.cipher_client_to_server"),
        phases=("ssh.kexinit",),
    ),
    CheckLine("Current clients can connect with their defaults", rules=("SSH-CLIENTS-CUT",)),
    CheckLine(
        "Key exchange methods are current",
        rules=("SSH-KEX-WEAK", "SSH-KEX-NOPQ", "SSH-GEX-SMALL"),
    ),
    CheckLine(
        "Ciphers, MACs and compression are current",
        rules=("SSH-CIPHER-WEAK", "SSH-MAC-WEAK", "SSH-COMP-PREAUTH", "SSH-TERRAPIN"),
    ),
    CheckLine(
        "The key exchange completes without delay",
        rules=("SSH-KEX-SLOW",), facts=("kex_seconds",), phases=("ssh.kex",),
    ),
    CheckLine(
        "The server's host key is the one in known_hosts",
        rules=("SSH-HOSTKEY-CHANGED",), facts=("trust.status", "trust.key"),
        failures=(Reason.HOST_KEY_UNTRUSTED,), look="--known-hosts FILE",
    ),
    CheckLine("Every address has the same host key", rules=("SSH-HOSTKEY-SPLIT",)),
    CheckLine(
        "Host keys are strong and usable by current clients",
        rules=("SSH-HOSTKEY-WEAK", "SSH-HOSTKEY-NOED25519", "SSH-HOSTSIG-SHA1"),
        facts=("host_keys",),
    ),
    CheckLine(
        "Host certificates are valid for the name", rules=("SSH-HOSTCERT",),
        facts=("host_certificates",),
    ),
    CheckLine("SSHFP records in DNS match the host key", rules=("SSH-SSHFP",)),
    CheckLine(
        "Authentication starts without delay (UseDNS, GSSAPI, PAM)",
        rules=("SSH-AUTH-SLOW",), facts=("login.none_seconds",),
        phases=("ssh.service", "ssh.auth_none"),
    ),
    CheckLine(
        "The user can log in",
        facts=("login.method",), phases=("ssh.auth",),
        look="--user NAME --identity FILE",
    ),
    CheckLine(
        "The certificates of the user's keys are valid", rules=("SSH-USERCERT",),
        look="--user NAME --identity FILE",
    ),
    CheckLine("Public keys are accepted", rules=("SSH-PUBKEY-OFF",), facts=("login.methods",)),
    CheckLine("RSA user keys are accepted with SHA-2 only", rules=("SSH-USERSIG-SHA1",)),
    CheckLine(
        "Passwords are rejected, also for root",
        rules=("SSH-PASSWORD-ON", "SSH-ROOT-PASSWORD", "SSH-NOAUTH"),
    ),
    CheckLine(
        "File modes let the server read authorized_keys",
        rules=("SSH-AUTHKEYS-PERM",), look="seventh lint ~/.ssh/authorized_keys",
    ),
    CheckLine(
        "A command runs",
        facts=("session.exec_granted", "session.exec_seconds"),
        phases=("ssh.channel", "ssh.exec", "ssh.second_channel"),
        look="--user NAME",
    ),
    CheckLine("SFTP works", rules=("SSH-SFTP-OFF",), facts=("session.sftp",), phases=("ssh.sftp",)),
    CheckLine(
        "A mosh-server answers over UDP", rules=("SSH-MOSH-BLOCKED",),
        look="--user NAME --allow-write",
    ),
    CheckLine(
        "The session survives a key re-exchange",
        rules=("SSH-REKEY-FAIL",), facts=("login.rekey_seconds",), phases=("ssh.rekey",),
    ),
    CheckLine(
        "Remote forwardings listen on the loopback address only",
        rules=("SSH-FWD-OPEN",), look="--user NAME --allow-write",
    ),
    CheckLine(
        "The forwardings in use are granted and carry bytes",
        rules=("SSH-FWD-REFUSED",),
        look="--user NAME --allow-write --forward L:HOST:PORT",
    ),
    CheckLine(
        "The server sends keepalives, so that NAT keeps idle sessions",
        rules=("SSH-NO-KEEPALIVE",), phases=("ssh.hold",), look="--user NAME --hold 60",
    ),
    CheckLine(
        "Sessions through a jump host share one connection (ControlMaster)",
        rules=("SSH-NOMUX",), look="seventh lint ~/.ssh/config",
    ),
    CheckLine(
        "Unauthenticated connections are limited (MaxStartups)",
        rules=("SSH-THROTTLE",), facts=("startups.held",),
        look="seventh lint /etc/ssh/sshd_config",
    ),
)  # fmt: skip

"""Rules on logins: who may log in, how, how long it takes, and whether a session lasts."""

from __future__ import annotations

from collections.abc import Iterable

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.config import Names, SshConfigFacts
from seventh.protocols.ssh.facts.login import AuthStep, Login
from seventh.protocols.ssh.rules.examples import logged_in
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

SLOW_AUTH_SECONDS = 1.0
CONCLUSIVE_HOLD_SECONDS = 35.0
"""A hold this long sees a keepalive that is sent every 30 s, as recommended."""
GUESSABLE = frozenset(["password", "keyboard-interactive"])
"""Methods by which a secret can be guessed remotely."""
_KBDINT_SINCE = (8, 7)
"""Before, ChallengeResponseAuthentication decides, and KbdInteractiveAuthentication does not."""
_METHODS_UNKNOWN = Skip(
    "authentication methods not requested; use --user, or run `seventh lint` on sshd_config"
)
_FOR_USER = {"scope": {"user": " for {user}", "all": ""}}


def _guessable(methods: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in methods if name in GUESSABLE)


def _methods(methods: Names, login: Login) -> Hit:
    """Return a hit for ``methods``, with the user that they were requested for."""
    return Hit(methods=methods, user=login.user, scope="user" if login.user else "all")


@rule(
    "SSH-AUTH-SLOW",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Authentication slow before any credential",
    evidence="the server takes {none_seconds} s to refuse a login without a credential{compared}",
    phrases={"compared": {"others": " (for comparison: {others})", "none": ""}},
    why="The server waits for reverse DNS, GSSAPI or PAM. Every login is delayed by this time.",
    fix={
        "openssh": "UseDNS no\nGSSAPIAuthentication no\n# and check the modules in "
        "/etc/pam.d/sshd (pam_systemd, pam_motd, unreachable directory servers)",
        "any": "Disable reverse lookups of clients, or fix the server's resolver.",
    },
    seed=("12.11.1", "12.2.5"),
    directives={"openssh": ("UseDNS", "GSSAPIAuthentication", "UsePAM")},
    good=logged_in(none_seconds=0.02),
    bad=logged_in(none_seconds=5.01, service_seconds=0.001),
)
def auth_slow(ssh: SshFacts) -> Verdict:
    """Find more than a second beyond the round trip for ``none``; name the other phases' times."""
    login = ssh.login
    if login is None or login.none_seconds is None:
        return Skip("no login was timed: it requires --user")
    if login.none_seconds - (ssh.rtt_seconds or 0.0) <= SLOW_AUTH_SECONDS:
        return None
    parts = {
        "ssh.banner": ssh.banner_seconds,
        "ssh.kex": ssh.kex_seconds,
        "ssh.service": login.service_seconds,
        **_slowest(login.steps),
    }
    others = tuple(f"{name} {value:.3f} s" for name, value in parts.items() if value is not None)
    return Hit(
        none_seconds=round(login.none_seconds, 3),
        compared="others" if others else "none",
        others=others,
    )


def _slowest(steps: tuple[AuthStep, ...]) -> dict[str, float]:
    """Return the longest step of each method that was tried."""
    longest: dict[str, float] = {}
    for step in steps:
        if step.method != "none" and step.seconds is not None:
            longest[step.method] = max(step.seconds, longest.get(step.method, 0.0))
    return longest


@rule(
    "SSH-PASSWORD-ON",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="Password authentication accepted",
    evidence="{methods} accepted{scope}",
    phrases=_FOR_USER,
    why="Everyone who can reach the port can guess passwords; a key cannot be guessed.",
    fix={
        "openssh": "PasswordAuthentication no\nKbdInteractiveAuthentication no",
        "any": "Disable password and keyboard-interactive authentication once all users have keys; "
        "if a second factor needs keyboard-interactive, require the key first.",
    },
    references=("RFC 4252 §8", "RFC 4256"),
    seed=("12.2.2",),
    directives={
        "openssh": (
            "PasswordAuthentication", "KbdInteractiveAuthentication", "AuthenticationMethods",
        ),
    },
    choice=("openssh",),
    good=logged_in(user="ops", methods=("publickey",)),
    bad=logged_in(user="ops", methods=("publickey", "password")),
)  # fmt: skip
def password_on(ssh: SshFacts) -> Verdict:
    """Find a method by which a secret can be guessed among those that a login may begin with."""
    login = ssh.login
    if login is None or login.methods is None:
        return _METHODS_UNKNOWN
    guessable = _guessable(login.methods)
    if not guessable:
        return _undecided(ssh, GUESSABLE)
    hit = _methods(guessable, login)
    if ssh.config is None:
        return hit
    return hit.fixed_by("openssh", *_with_a_key(ssh.config, login, guessable))


def _undecided(ssh: SshFacts, methods: Iterable[str]) -> Skip | None:
    """Return why a drop-in does not decide about ``methods``; None where it does."""
    left = ssh.config.left_to_others if ssh.config is not None else ()
    names = ", ".join(method for method in sorted(methods) if method in left)
    return Skip(f"this drop-in does not set {names}; the main file decides") if names else None


def _with_a_key(config: SshConfigFacts, login: Login, guessable: Names) -> tuple[str, ...]:
    """Return the lines of sshd_config that make every login begin with a key."""
    required = config.authentication_methods
    if required:
        # sshd does not start if a required method is switched off.
        lines = ["AuthenticationMethods " + " ".join(dict.fromkeys(map(_key_first, required)))]
    else:
        lines = [f"{_switch(config, method)} no" for method in guessable]
    known = {*(login.methods or ()), *login.still_wanted}
    return tuple(lines if "publickey" in known else ["PubkeyAuthentication yes", *lines])


def _key_first(required: str) -> str:
    """Return a list of AuthenticationMethods that begins with ``publickey``, not with a secret."""
    steps = required.split(",")
    if steps[0].partition(":")[0] not in GUESSABLE:
        return required
    return ",".join(["publickey", *(step for step in steps if step != "publickey")])


def _switch(config: SshConfigFacts, method: str) -> str:
    """Return the directive that enables a method in the version that is judged."""
    if method == "password":
        return "PasswordAuthentication"
    new = not config.version or config.version >= _KBDINT_SINCE
    return "KbdInteractiveAuthentication" if new else "ChallengeResponseAuthentication"


@rule(
    "SSH-ROOT-PASSWORD",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="Password login as root allowed",
    evidence="{methods} accepted for root",
    why="root exists on every machine, so an attacker has only the password to guess, and then "
    "controls the machine.",
    fix={
        "openssh": "PermitRootLogin prohibit-password",
        "any": "Accept only keys for root, or disable root logins.",
    },
    references=("RFC 4252 §8",),
    seed=("12.2.2",),
    directives={
        "openssh": (
            "PermitRootLogin", "PasswordAuthentication", "KbdInteractiveAuthentication",
        ),
    },
    choice=("openssh",),
    good=logged_in(root_methods=("publickey",), root_source="wire"),
    bad=logged_in(root_methods=("publickey", "password"), root_source="file"),
)  # fmt: skip
def root_password(ssh: SshFacts) -> Verdict:
    """Judge the methods for root; on the wire, OpenSSH's list only proves that one is absent."""
    login = ssh.login
    if login is None or login.root_methods is None:
        return Skip(ssh.unknown.get(Topic.ROOT_METHODS, _METHODS_UNKNOWN.reason))
    guessable = _guessable(login.root_methods)
    if not guessable:
        return _undecided(ssh, GUESSABLE) if login.root_methods else None
    if login.root_source == "wire" and (ssh.software or "").startswith("OpenSSH"):
        return Skip(
            "OpenSSH offers passwords to root even if PermitRootLogin refuses them; run "
            "`seventh lint` on sshd_config"
        )
    return Hit(methods=guessable)


@rule(
    "SSH-PUBKEY-OFF",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Public key authentication not accepted",
    evidence="{accepted}{scope}",
    phrases={
        "accepted": {
            "methods": "only {methods} accepted",
            "main": "PubkeyAuthentication no, and no other method set here",
        },
        **_FOR_USER,
    },
    why="The other methods use secrets that can be guessed, or stolen by a server that "
    "impersonates this one.",
    fix={
        "openssh": "PubkeyAuthentication yes",
        "any": "Enable public key authentication and give every user a key.",
    },
    references=("RFC 4252 §7",),
    seed=("12.2.2",),
    directives={"openssh": ("PubkeyAuthentication", "AuthenticationMethods")},
    good=logged_in(user="ops", methods=("publickey",)),
    bad=logged_in(user="ops", methods=("password",)),
)
def pubkey_off(ssh: SshFacts) -> Verdict:
    """Find a login that never accepts ``publickey``, not even as a later step."""
    login = ssh.login
    if login is None or login.methods is None:
        return _METHODS_UNKNOWN
    seen = {*login.methods, *login.still_wanted, *login.method.split("+")}
    if "publickey" in seen:
        return None
    if (skip := _undecided(ssh, ("publickey",))) is not None:
        return skip
    is_part = ssh.config is not None and bool(ssh.config.left_to_others)
    if not login.methods and not is_part:
        return Skip("the server offered no method")
    hit = _methods(login.methods, login)
    hit.params["accepted"] = "methods" if login.methods else "main"
    required = ssh.config.authentication_methods if ssh.config is not None else ()
    if not required or any("publickey" in each.split(",") for each in required):
        return hit
    lists = dict.fromkeys(f"publickey,{each}" for each in required)
    line = "AuthenticationMethods " + " ".join(lists)
    return hit.fixed_by("openssh", "PubkeyAuthentication yes", line)


@rule(
    "SSH-NOAUTH",
    Severity.CRITICAL,
    tier=2,
    source=Source.WIRE,
    title="Login without any credential accepted",
    evidence="{who}",
    phrases={
        "who": {
            "users": "{users} logged in without a credential",
            "empty": "accounts with an empty password can log in",
        }
    },
    why="Everyone who can reach the port can log in.",
    fix={
        "openssh": "PermitEmptyPasswords no\n# lock accounts without a password (passwd -l NAME) "
        "and remove nullok from /etc/pam.d/sshd",
        "any": "Require a credential.",
    },
    references=("RFC 4252 §5.2",),
    seed=("12.2.2",),
    directives={"openssh": ("PermitEmptyPasswords",)},
    good=logged_in(user="ops", methods=("publickey",)),
    bad=logged_in(user="ops", none_accepted=("ops",)),
)
def noauth(ssh: SshFacts) -> Verdict:
    """Find a user for whom ``none`` was granted, or a file that accepts empty passwords."""
    login = ssh.login
    if login is None:
        return _METHODS_UNKNOWN
    if login.none_accepted:
        return Hit(who="users", users=login.none_accepted)
    if login.empty_passwords:
        return Hit(who="empty")
    if login.empty_passwords is None and ssh.config is not None:
        return Skip("this drop-in does not set PermitEmptyPasswords; the main file decides")
    if login.methods is None and login.empty_passwords is None:
        return _METHODS_UNKNOWN
    return None


@rule(
    "SSH-REKEY-FAIL",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Key re-exchange fails",
    evidence="the key exchange requested during the session failed: {detail}",
    why="Long sessions and large transfers exchange new keys, and end at that point.",
    fix={
        "openssh": "Upgrade the server; until then in ssh_config: RekeyLimit none",
        "any": "Upgrade the server, or remove the network device that drops the session then.",
    },
    references=("RFC 4253 §9",),
    seed=("12.2.4", "Appendix B"),
    good=logged_in(rekey_seconds=0.01),
    bad=logged_in(rekey_error="peer-closed: the server closed the connection"),
)
def rekey_fail(ssh: SshFacts) -> Verdict:
    """Find a key exchange of ours that did not complete."""
    login = ssh.login
    if login is None or (login.rekey_seconds is None and not login.rekey_error):
        return Skip("key re-exchange was not tried: it requires a login")
    return Hit(detail=login.rekey_error) if login.rekey_error else None


@rule(
    "SSH-NO-KEEPALIVE",
    Severity.LOW,
    tier=4,
    source=Source.WIRE,
    title="No SSH keepalives",
    evidence="{what}",
    phrases={
        "what": {
            "file": "ClientAliveInterval is 0 (disabled)",
            "wire": "none received in a session held open for {seconds:.1f} s",
            "client": "ServerAliveInterval is 0 (disabled) through {proxy}",
        }
    },
    why="Firewalls, NAT and proxies drop an idle session, and both ends keep the dead session for "
    "hours.",
    fix={
        "openssh": "# in sshd_config\nClientAliveInterval 30\nClientAliveCountMax 3\n"
        "# in ssh_config\nServerAliveInterval 30\nServerAliveCountMax 3",
        "any": "Send keepalives every 30 s.",
    },
    references=(
        "OpenSSH manual, ssh_config(5): ServerAliveInterval",
        "OpenSSH manual, sshd_config(5): ClientAliveInterval",
    ),
    seed=("12.2.2", "12.2.4"),
    directives={
        "openssh": (
            "ClientAliveInterval",
            "ClientAliveCountMax",
            "ServerAliveInterval",
            "proxied_by",
        )
    },
    good=logged_in(keepalive_seconds=30.0, keepalive_source="file"),
    bad=logged_in(held_seconds=60.0, keepalives=0, keepalive_source="wire"),
)
def no_keepalive(ssh: SshFacts) -> Verdict:
    """Find a hold without a keepalive, of which a short one proves little, or an interval of 0.

    A client needs one where its path has a proxy or a jump host; no file shows NAT.
    """
    login, config = ssh.login, ssh.config
    if config is not None and config.side == "client":
        return _client_keepalive(config)
    if login is None:
        return Skip("no session was held open (--hold)")
    if login.keepalive_source == "file" and login.keepalive_seconds is not None:
        return None if login.keepalive_seconds > 0 else _fixed_by_server(Hit(what="file"))
    if login.keepalives is None or login.held_seconds is None:
        return Skip(ssh.unknown.get(Topic.KEEPALIVES, "no session was held open (--hold)"))
    if login.keepalives:
        return None
    short = Severity.INFO if login.held_seconds < CONCLUSIVE_HOLD_SECONDS else None
    return _fixed_by_server(Hit(short, what="wire", seconds=login.held_seconds))


def _fixed_by_server(hit: Hit) -> Hit:
    return hit.fixed_by("openssh", "ClientAliveInterval 30", "ClientAliveCountMax 3")


def _client_keepalive(config: SshConfigFacts) -> Verdict:
    if config.alive_seconds is None:
        return Skip("another file or the distribution decides on ServerAliveInterval")
    if config.alive_seconds > 0:
        return None
    if not config.proxied_by:
        return Skip("whether a firewall or NAT is on the path is not in the file")
    hit = Hit(what="client", proxy=config.proxied_by).at("ServerAliveInterval", "proxied_by")
    return hit.fixed_by("openssh", "ServerAliveInterval 30", "ServerAliveCountMax 3")

"""SSH's rules about logins: who may, by what, how long it takes, and whether a session lasts."""

from __future__ import annotations

from collections.abc import Iterable

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.config import Names, SshConfigFacts
from seventh.protocols.ssh.facts.login import AuthStep, Login, Trust
from seventh.protocols.ssh.rules.algorithms import UNPROVEN
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

SLOW_AUTH_SECONDS = 1.0
TELLING_HOLD_SECONDS = 35.0
"""A hold this long sees a keepalive that is sent every 30 s, as is advised."""
GUESSABLE = frozenset(["password", "keyboard-interactive"])
"""Methods by which a secret can be guessed from afar."""

_KBDINT_SINCE = (8, 7)
"""Before, ChallengeResponseAuthentication decides, whatever KbdInteractiveAuthentication says."""

_NOBODY_ASKED = Skip("nobody asked which methods the server offers (--user, or lint its file)")


def _login(**fields: object) -> SshFacts:
    return SshFacts(login=Login(**fields))  # type: ignore[arg-type]


def _guessable(methods: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in methods if name in GUESSABLE)


def _trusted(status: str, **fields: object) -> SshFacts:
    trust = Trust(status=status, key="ssh-ed25519 SHA256:new", **fields)  # type: ignore[arg-type]
    return SshFacts(trust=(trust,))


@rule(
    "SSH-HOSTKEY-CHANGED",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="The host key is not the one in known_hosts",
    evidence="{key} was shown; {pinned} in {where}",
    why="Either the machine was rebuilt, or somebody else answers in its place and reads what is "
    "typed there.",
    fix={
        "openssh": "On the machine itself: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub. If it "
        "is the key shown here: ssh-keygen -R HOST, and add the new one; if it is not, do not log "
        "in.",
        "any": "Compare the key with the machine's own by another way before you replace the pin.",
    },
    references=("RFC 4251 §4.1",),
    seed=("12.2.1",),
    good=_trusted("known", file="known_hosts", line=1),
    bad=_trusted("changed", file="known_hosts", line=1, pinned="ssh-ed25519 SHA256:old"),
)
def hostkey_changed(ssh: SshFacts) -> Verdict:
    """Return another key of a pinned type, or one that is revoked."""
    for trust in ssh.trust:
        where = f"{trust.file}:{trust.line}"
        if trust.status == "revoked":
            return Hit(key=trust.key, pinned="it is marked @revoked", where=where)
        if trust.status == "changed":
            return Hit(key=trust.key, pinned=f"{trust.pinned} is pinned", where=where)
    if any(trust.status == "known" for trust in ssh.trust):
        return None
    if not ssh.trust and any(key.signature_valid is None for key in ssh.host_keys):
        return Skip(UNPROVEN)
    return Skip("known_hosts has no key of this host")


@rule(
    "SSH-AUTH-SLOW",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Authentication takes long before any credential is seen",
    evidence="{none_seconds} s to refuse a login without a credential; {others}",
    why="The server looks names up (reverse DNS), asks GSSAPI or waits for PAM, for every login.",
    fix={
        "openssh": "UseDNS no\nGSSAPIAuthentication no\nand see what PAM waits for: "
        "/etc/pam.d/sshd (pam_systemd, pam_motd, directories that do not answer)",
        "any": "Switch reverse lookups of clients off, or mend the server's resolver.",
    },
    seed=("12.11.1", "12.2.5"),
    directives={"openssh": ("UseDNS", "GSSAPIAuthentication", "UsePAM")},
    good=_login(none_seconds=0.02),
    bad=_login(none_seconds=5.01, service_seconds=0.001),
)
def auth_slow(ssh: SshFacts) -> Verdict:
    """Return more than a second beyond the round trip for ``none``; the other parts beside it."""
    login = ssh.login
    if login is None or login.none_seconds is None:
        return Skip("no login was timed")
    if login.none_seconds - (ssh.rtt_seconds or 0.0) <= SLOW_AUTH_SECONDS:
        return None
    parts = {
        "greeting": ssh.banner_seconds,
        "key exchange": ssh.kex_seconds,
        "service": login.service_seconds,
        **_slowest(login.steps),
    }
    others = ", ".join(
        f"{name} {value:.3f} s" for name, value in parts.items() if value is not None
    )
    return Hit(none_seconds=round(login.none_seconds, 3), others=others or "nothing else was timed")


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
    title="Passwords are accepted",
    evidence="{methods} can be tried{for_user}",
    why="Whoever reaches the port can guess passwords; a key cannot be guessed.",
    fix={
        "openssh": "PasswordAuthentication no\nKbdInteractiveAuthentication no",
        "any": "Switch password and keyboard-interactive authentication off once everybody has a "
        "key; where a second factor needs keyboard-interactive, ask for the key before it.",
    },
    references=("RFC 4252 §8", "RFC 4256"),
    seed=("12.2.2",),
    directives={
        "openssh": (
            "PasswordAuthentication", "KbdInteractiveAuthentication", "AuthenticationMethods",
        ),
    },
    good=_login(user="ops", methods=("publickey",)),
    bad=_login(user="ops", methods=("publickey", "password")),
)  # fmt: skip
def password_on(ssh: SshFacts) -> Verdict:
    """Return the first method list has one by which a secret can be guessed."""
    login = ssh.login
    if login is None or login.methods is None:
        return _NOBODY_ASKED
    guessable = _guessable(login.methods)
    if not guessable:
        return _left_open(ssh, GUESSABLE)
    for_user = f" for {login.user}" if login.user else ""
    hit = Hit(methods=guessable, for_user=for_user)
    config = ssh.config
    return (
        hit if config is None else hit.fixed_by("openssh", *_with_a_key(config, login, guessable))
    )


def _left_open(ssh: SshFacts, methods: Iterable[str]) -> Skip | None:
    """Return why a drop-in does not decide about ``methods``; None where it does."""
    left = ssh.config.left_to_others if ssh.config is not None else ()
    names = ", ".join(method for method in sorted(methods) if method in left)
    return Skip(f"a drop-in that leaves {names} to the main file") if names else None


def _with_a_key(config: SshConfigFacts, login: Login, guessable: Names) -> tuple[str, ...]:
    """The lines of sshd_config after which a login begins with a key and not with a guess."""
    asked = config.authentication_methods
    if asked:
        # sshd does not start where a method is asked for that is switched off.
        lines = ["AuthenticationMethods " + " ".join(dict.fromkeys(map(_key_first, asked)))]
    else:
        lines = [f"{_switch(config, method)} no" for method in guessable]
    known = {*(login.methods or ()), *login.still_wanted}
    return tuple(lines if "publickey" in known else ["PubkeyAuthentication yes", *lines])


def _key_first(asked: str) -> str:
    """Return a list of AuthenticationMethods with ``publickey`` before what can be guessed."""
    steps = asked.split(",")
    if steps[0].partition(":")[0] not in GUESSABLE:
        return asked
    return ",".join(["publickey", *(step for step in steps if step != "publickey")])


def _switch(config: SshConfigFacts, method: str) -> str:
    """Return the directive that switches a method on and off in the version that is judged."""
    if method == "password":
        return "PasswordAuthentication"
    new = not config.version or config.version >= _KBDINT_SINCE
    return "KbdInteractiveAuthentication" if new else "ChallengeResponseAuthentication"


@rule(
    "SSH-ROOT-PASSWORD",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="root may log in with a password",
    evidence="{methods} can be tried for root",
    why="root is on every machine, so that only the password has to be guessed, and then "
    "everything is open.",
    fix={
        "openssh": "PermitRootLogin prohibit-password",
        "any": "Let root in with a key alone, or not at all.",
    },
    references=("RFC 4252 §8",),
    seed=("12.2.2",),
    directives={
        "openssh": (
            "PermitRootLogin", "PasswordAuthentication", "KbdInteractiveAuthentication",
        ),
    },
    good=_login(root_methods=("publickey",), root_source="wire"),
    bad=_login(root_methods=("publickey", "password"), root_source="file"),
)  # fmt: skip
def root_password(ssh: SshFacts) -> Verdict:
    """Return the list for root; OpenSSH's on the wire only proves that a method is absent."""
    login = ssh.login
    if login is None or login.root_methods is None:
        return Skip(ssh.unknown.get(Topic.ROOT_METHODS, _NOBODY_ASKED.reason))
    guessable = _guessable(login.root_methods)
    if not guessable:
        return _left_open(ssh, GUESSABLE) if login.root_methods else None
    if login.root_source == "wire" and (ssh.software or "").startswith("OpenSSH"):
        return Skip(
            "OpenSSH lists passwords for root whatever PermitRootLogin says: lint its sshd_config"
        )
    return Hit(methods=guessable)


@rule(
    "SSH-PUBKEY-OFF",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="Public keys are not accepted",
    evidence="only {methods} can be tried{for_user}",
    why="What is left can be guessed, overheard by a fake server or used by whoever learns it.",
    fix={
        "openssh": "PubkeyAuthentication yes",
        "any": "Switch public-key authentication on and give everybody a key.",
    },
    references=("RFC 4252 §7",),
    seed=("12.2.2",),
    directives={"openssh": ("PubkeyAuthentication", "AuthenticationMethods")},
    good=_login(user="ops", methods=("publickey",)),
    bad=_login(user="ops", methods=("password",)),
)
def pubkey_off(ssh: SshFacts) -> Verdict:
    """Return ``publickey`` in no list that was seen, not even after a first step."""
    login = ssh.login
    if login is None or login.methods is None:
        return _NOBODY_ASKED
    seen = {*login.methods, *login.still_wanted, *login.method.split("+")}
    if "publickey" in seen:
        return None
    if (skip := _left_open(ssh, ("publickey",))) is not None:
        return skip
    methods = login.methods
    if not methods and ssh.config is not None and ssh.config.left_to_others:
        methods = ("what the main file allows",)
    if not methods:
        return Skip("the server named no method at all")
    for_user = f" for {login.user}" if login.user else ""
    hit = Hit(methods=methods, for_user=for_user)
    asked = ssh.config.authentication_methods if ssh.config is not None else ()
    if not asked or any("publickey" in each.split(",") for each in asked):
        return hit
    line = "AuthenticationMethods " + " ".join(dict.fromkeys(f"publickey,{each}" for each in asked))
    return hit.fixed_by("openssh", "PubkeyAuthentication yes", line)


@rule(
    "SSH-NOAUTH",
    Severity.CRITICAL,
    tier=2,
    source=Source.WIRE,
    title="Users are let in without any credential",
    evidence="{who}",
    why="Whoever reaches the port is logged in.",
    fix={
        "openssh": "PermitEmptyPasswords no\n# lock accounts without a password (passwd -l NAME) "
        "and remove nullok from /etc/pam.d/sshd",
        "any": "Ask for a credential.",
    },
    references=("RFC 4252 §5.2",),
    seed=("12.2.2",),
    directives={"openssh": ("PermitEmptyPasswords",)},
    good=_login(user="ops", methods=("publickey",)),
    bad=_login(user="ops", none_accepted=("ops",)),
)
def noauth(ssh: SshFacts) -> Verdict:
    """Return ``none`` was granted, or a file lets empty passwords pass."""
    login = ssh.login
    if login is None:
        return _NOBODY_ASKED
    if login.none_accepted:
        return Hit(who=f"{', '.join(login.none_accepted)} was let in without a credential")
    if login.empty_passwords:
        return Hit(who="accounts with an empty password are let in")
    if login.empty_passwords is None and ssh.config is not None:
        return Skip("this file leaves PermitEmptyPasswords to its main file")
    if login.methods is None and login.empty_passwords is None:
        return _NOBODY_ASKED
    return None


@rule(
    "SSH-REKEY-FAIL",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="A change of keys ends the session",
    evidence="the key exchange that we began failed: {error}",
    why="Long sessions and large transfers change their keys, and break off at that point.",
    fix={
        "openssh": "Upgrade the server; until then in ssh_config: RekeyLimit none",
        "any": "Upgrade the server, or take the device out of the way that cuts the session there.",
    },
    references=("RFC 4253 §9",),
    seed=("12.2.4", "Appendix B"),
    good=_login(rekey_seconds=0.01),
    bad=_login(rekey_error="peer-closed: the server closed the connection"),
)
def rekey_fail(ssh: SshFacts) -> Verdict:
    """Return our forced key exchange did not end."""
    login = ssh.login
    if login is None or (login.rekey_seconds is None and not login.rekey_error):
        return Skip("no key exchange was begun in a session")
    return Hit(error=login.rekey_error) if login.rekey_error else None


@rule(
    "SSH-NO-KEEPALIVE",
    Severity.LOW,
    tier=4,
    source=Source.WIRE,
    title="The server sends no keepalives",
    evidence="{evidence}",
    why="Firewalls and NATs forget a silent session, and the server keeps dead ones for hours.",
    fix={
        "openssh": "ClientAliveInterval 30\nClientAliveCountMax 3",
        "any": "Have the server ask every 30 s whether the client is still there.",
    },
    seed=("12.2.2", "12.2.4"),
    directives={"openssh": ("ClientAliveInterval", "ClientAliveCountMax")},
    good=_login(keepalive_seconds=30.0, keepalive_source="file"),
    bad=_login(held_seconds=60.0, keepalives=0, keepalive_source="wire"),
)
def no_keepalive(ssh: SshFacts) -> Verdict:
    """None in a hold, of which a short one proves little; or a configured interval of 0."""
    login = ssh.login
    if login is None:
        return Skip("no session was held")
    if login.keepalive_source == "file" and login.keepalive_seconds is not None:
        if login.keepalive_seconds > 0:
            return None
        return Hit(evidence="the configured interval is 0, which is never")
    if login.keepalives is None or login.held_seconds is None:
        return Skip(ssh.unknown.get(Topic.KEEPALIVES, "no session was held (--hold)"))
    if login.keepalives:
        return None
    short = Severity.INFO if login.held_seconds < TELLING_HOLD_SECONDS else None
    return Hit(
        short, evidence=f"none came while the session was held for {login.held_seconds:.1f} s"
    )

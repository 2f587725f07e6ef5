"""What snmpd.conf and snmptrapd.conf decide."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.snmp.facts import SnmpFacts
from seventh.protocols.snmp.facts.config import Created, Grant, SnmpConfig
from seventh.protocols.snmp.rules.examples import NET_SNMP_USER
from seventh.protocols.snmp.wire.keys import Auth, Priv
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

PRODUCT = "net-snmp"
DIRECTIVES = {PRODUCT: ("agentaddress",)}
"""Every hit names its own lines."""
_NO_FILE = Skip("no configuration file was read")
_NO_USERS = not_applicable("the file creates no user; they may be in the file that snmpd keeps")
_USER = "monitor"
GOOD_GRANT = Grant(
    setting="rouser", user=_USER, level="authPriv", with_privacy="rouser monitor priv"
)
GOOD_USER = Created(setting="createuser", user=_USER, auth=Auth.SHA256, priv=Priv.AES, weak=())
GOOD_CONFIG = SnmpConfig(listens="some", grants=(GOOD_GRANT,), created=(GOOD_USER,))
GOOD_FILE = SnmpFacts(config=GOOD_CONFIG)


def _with(**changes: object) -> SnmpFacts:
    return SnmpFacts(config=replace(GOOD_CONFIG, **changes))


def _clean(config: SnmpConfig) -> Verdict:
    """Return a pass, unless there are lines that may grant access in other ways."""
    if config.unread:
        return Skip(f"access that is granted by {', '.join(config.unread)} is not judged")
    return None


def _locally(config: SnmpConfig, severity: Severity) -> Severity | None:
    """Return the severity where only programs of the machine can ask."""
    return severity if config.listens == "loopback" else None


def v1_v2(config: SnmpConfig) -> Verdict:
    """Report communities of an agent."""
    if config.daemon != "snmpd":
        return not_applicable("snmptrapd answers no requests")
    found = config.communities
    if not found:
        return _clean(config)
    hit = Hit(_locally(config, Severity.LOW), what="file", count=len(found))
    return hit.at(*(grant.setting for grant in found))


def default_community(config: SnmpConfig) -> Verdict:
    """Report the communities public and private."""
    if config.daemon != "snmpd":
        return not_applicable("snmptrapd answers no requests")
    found = [grant for grant in config.communities if grant.default_name is not None]
    if not found:
        return _clean(config)
    names = dict.fromkeys(grant.default_name for grant in found if grant.default_name is not None)
    hit = Hit(_locally(config, Severity.MEDIUM), communities=tuple(names))
    return hit.at(*(grant.setting for grant in found))


def level(config: SnmpConfig, wanted: str) -> Verdict:
    """Report users whose lowest level is ``wanted``."""
    found = [grant for grant in config.users if grant.level == wanted]
    if not found:
        return _clean(config) if config.users else not_applicable("the file has no SNMPv3 user")
    fixed = {grant.setting: grant.with_privacy for grant in found}  # a line may have several users
    return (
        Hit(what="file", level=wanted, users=tuple(grant.user or "" for grant in found))
        .fixed_by(PRODUCT, *fixed.values())
        .at(*fixed)
    )


def algorithm(config: SnmpConfig, which: Auth | Priv) -> Verdict:
    """Report users that are created with an algorithm."""
    if not config.created:
        return _NO_USERS
    found = [user for user in config.created if which in {user.auth, user.priv}]
    if not found:
        return None
    return Hit(what="file", users=tuple(user.user for user in found)).at(
        *(user.setting for user in found)
    )


def wide(config: SnmpConfig) -> Verdict:
    """Report lines that show sensitive objects."""
    if config.daemon != "snmpd":
        return not_applicable("snmptrapd answers no requests")
    found = [grant for grant in config.grants if grant.shows]
    if found:
        objects = dict.fromkeys(name for grant in found for name in grant.shows or ())
        return Hit(objects=tuple(objects)).at(*(grant.setting for grant in found))
    if any(grant.shows is None for grant in config.grants):
        return Skip("a view has a mask, or an object whose name is not known")
    return _clean(config)


@rule(
    "SNMP-RW",
    Severity.CRITICAL,
    tier=0,
    source=Source.FILE,
    title="SNMP write access enabled",
    evidence="{count} lines grant write access",
    why="Who guesses or reads the credential reconfigures the device: addresses, interfaces, "
    "routes, and on many devices the programs that it runs.",
    fix={
        PRODUCT: "# in place of rwuser and rwcommunity, and with none as the WRITE of access\n"
        "rouser monitor priv",
        "any": "Grant read-only access; configure devices by a protocol with its own log, such as "
        "SSH or NETCONF.",
    },
    references=("RFC 3415", "CISA TA17-156A"),
    seed=("12.5.1", "12.5.2"),
    good=GOOD_FILE,
    bad=_with(grants=(replace(GOOD_GRANT, writes=True),)),
    directives=DIRECTIVES,
)
def write_access(snmp: SnmpFacts) -> Verdict:
    """Judge every line that grants access."""
    config = snmp.config
    if config is None:
        return _NO_FILE
    found = [grant for grant in config.grants if grant.writes]
    if not found:
        return _clean(config)
    settings = dict.fromkeys(grant.setting for grant in found)
    return Hit(count=len(settings)).at(*settings)


@rule(
    "SNMP-V3-PASS",
    Severity.MEDIUM,
    tier=2,
    source=Source.FILE,
    title="Weak SNMPv3 passwords",
    evidence="{users}: {what}",
    phrases={
        "what": {
            "short": "a password of fewer than 12 characters",
            "same": "one password for authentication and privacy",
            "common": "a password that dictionaries have",
        }
    },
    why="Keys are made of passwords by hashing alone. From one captured message, an attacker tries "
    "millions of passwords a second without asking the agent, and reads everything with the one "
    "that fits.",
    fix={
        PRODUCT: NET_SNMP_USER,
        "any": "Create the user again with two random passwords of 20 characters or more.",
    },
    references=("RFC 3414 §11.2",),
    seed=("12.5.3",),
    good=GOOD_FILE,
    bad=_with(created=(replace(GOOD_USER, weak=("short", "same")),)),
    directives=DIRECTIVES,
    choice=(PRODUCT,),
)
def passwords(snmp: SnmpFacts) -> Verdict:
    """Judge the passwords that are in the file."""
    config = snmp.config
    if config is None:
        return _NO_FILE
    judged = [user for user in config.created if user.weak is not None]
    if not judged:
        return _NO_USERS if not config.created else Skip("users are created by keys")
    found = [user for user in judged if user.weak]
    if not found:
        return None
    what = dict.fromkeys(fault for user in found for fault in user.weak or ())
    return Hit(users=tuple(user.user for user in found), what=tuple(what)).at(
        *(user.setting for user in found)
    )


@rule(
    "SNMP-NO-ACL",
    Severity.MEDIUM,
    tier=0,
    source=Source.FILE,
    title="SNMP open to any address",
    evidence="{what}",
    phrases={
        "what": {
            "every-address": "the agent listens on every address of the machine, for users and "
            "communities without a source",
            "any-source": "a community is accepted from any source address",
            "accepts-all": "notifications of any sender are accepted (disableAuthorization)",
        }
    },
    why="Everyone who can send a datagram to the machine can guess credentials, and use the agent "
    "to flood others or forge alarms. The firewall is then the only protection.",
    fix={
        PRODUCT: "# the machine's management address, and the network of the managers\n"
        "agentAddress udp:127.0.0.1:161\nrocommunity COMMUNITY 10.0.0.0/8 -V monitoring",
        "any": "Listen on a management address, and name the managers' network in every line that "
        "accepts a community.",
    },
    references=("CISA TA17-156A",),
    seed=("12.5.4", "12.11.4"),
    good=GOOD_FILE,
    bad=_with(listens="every"),
    directives=DIRECTIVES,
    choice=(PRODUCT,),
)
def no_acl(snmp: SnmpFacts) -> Verdict:
    """Judge the listening addresses, and the sources of communities."""
    config = snmp.config
    if config is None:
        return _NO_FILE
    if config.listens == "loopback":
        return None
    lines = [grant.setting for grant in config.communities if grant.any_source]
    what: list[str] = ["any-source"] if lines else []
    agent = config.daemon == "snmpd"
    if config.accepts_all:
        what.append("accepts-all")
        lines.append("disableauthorization")
    if agent and config.listens == "every" and (lines or config.users):
        what.append("every-address")
        lines.append("agentaddress")
    if not what:
        if agent and config.listens is None and config.grants:
            return Skip("the listening addresses are in another file")
        return _clean(config)
    hit = Hit(what=tuple(what)).at(*lines)
    if not agent:
        hit.fixed_by(
            PRODUCT, "# with a user for each sender, in place of authCommunity",
            "authUser log monitor priv",
        )  # fmt: skip
    return hit

"""The judgement of a domain's DKIM keys."""

from __future__ import annotations

from collections.abc import Callable

from seventh.model.severity import Severity
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.dkim import DkimFacts, DkimKey
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

WEAK_BITS = 2048
FORGEABLE_BITS = 1024
_KEY = DkimKey(selector="s1", state="usable", kind="rsa", bits=2048)
_DKIM = DkimFacts(domainkey="exists", keys=(_KEY,), wildcard="none")
_GOOD = DomainFacts(name="example.org", dkim=_DKIM)
_LOST = Skip("the look-up of a selector of --selector failed")
_NEW_KEY = (
    "Make a key of 2048 bits under a new selector, such as `opendkim-genkey -b 2048 -s s2026 "
    "-d example.org`, publish it, sign with it, and remove the old record a week later."
)


def _with(*keys: DkimKey, given: tuple[str, ...] = ()) -> DomainFacts:
    return _GOOD.learn(dkim=DkimFacts(domainkey="exists", keys=keys, given=given, wildcard="none"))


@rule(
    "DKIM-NONE",
    Severity.MEDIUM,
    tier=0,
    source=Source.DNS,
    title="No usable DKIM key",
    evidence="{what}",
    phrases={
        "what": {
            "none": "_domainkey.{domain} does not exist, and so no selector below it",
            "missing": "the selectors have no record: {selectors}",
            "broken": "the keys cannot be used: {selectors}",
            "version": "v= is not DKIM1, or not first",
            "syntax": "a part is not name=value",
            "repeated": "a tag occurs twice",
            "no-key": "no p=",
            "kind": "unknown k=",
            "base64": "p= is not base64",
            "key": "p= is no key of that kind",
            "hash": "h= allows no hash of that kind of key",
            "service": "s= excludes mail",
            "several": "more than one key",
        },
    },
    why="Receivers cannot verify the domain's mail: forwarded mail then fails DMARC, and large "
    "mail services reject or junk unsigned bulk mail.",
    fix={
        "any": "Sign outgoing mail (OpenDKIM, rspamd, or the mail service's own signing) and "
        "publish the public key that the signer prints.",
        "dns": 's2026._domainkey.{domain}. IN TXT "v=DKIM1; k=rsa; p=…"',
    },
    references=("RFC 6376 §3.6.1", "RFC 8020"),
    seed=("12.3.3",),
    good=_GOOD,
    bad=_GOOD.learn(dkim=DkimFacts(domainkey="nxdomain", wildcard="none")),
)
def dkim_none(domain: DomainFacts) -> Verdict:
    """Judge whether there is a key; selectors that were not given can only be guessed."""
    dkim = domain.dkim
    if dkim is None:
        return Skip("DKIM keys were not looked up")
    if dkim.missing:
        return Hit(what="missing", selectors=dkim.missing, domain=domain.name)
    if any(key.state == "unknown" for key in dkim.keys if key.selector in dkim.given):
        return _LOST
    if any(key.state == "usable" for key in dkim.keys):
        return None
    broken = [key for key in dkim.keys if key.state == "broken"]
    if broken:
        faults = tuple(dict.fromkeys(fault for key in broken for fault in key.faults))
        names = tuple(key.selector for key in broken)
        return Hit(what=("broken", *faults), selectors=names, domain=domain.name)
    if dkim.wildcard == "revoked" and not dkim.keys:
        return not_applicable("a wildcard says that the domain signs nothing")
    if not dkim.keys and _sends_nothing(domain):
        return not_applicable("SPF says that the domain sends no mail")
    if dkim.domainkey == "nxdomain":
        return Hit(what="none", selectors=(), domain=domain.name)
    return Skip("no common selector has a key: give --selector")


@rule(
    "DKIM-KEY-WEAK",
    Severity.HIGH,
    tier=0,
    source=Source.DNS,
    title="The DKIM key is too short",
    evidence="RSA keys shorter than 2048 bits: {keys}",
    why="Who can factor the key can sign mail as the domain. That is cheap below 1024 bits, which "
    "receivers must not accept, and within reach of large organisations at 1024.",
    fix={"any": _NEW_KEY},
    references=("RFC 8301 §3.2", "RFC 8463"),
    seed=("12.3.3",),
    good=_GOOD,
    bad=_with(DkimKey(selector="s1", state="usable", kind="rsa", bits=512)),
)
def dkim_key_weak(domain: DomainFacts) -> Verdict:
    """Judge the shortest RSA key."""

    def judge(keys: list[DkimKey]) -> Verdict:
        weak = [key for key in keys if key.kind == "rsa" and (key.bits or WEAK_BITS) < WEAK_BITS]
        if not weak:
            return None
        worst = min(key.bits or 0 for key in weak)
        severity = Severity.CRITICAL if worst < FORGEABLE_BITS else Severity.MEDIUM
        return Hit(severity, keys=tuple(f"{key.selector} {key.bits}" for key in weak))

    return _of_usable(domain, judge)


@rule(
    "DKIM-TEST",
    Severity.MEDIUM,
    tier=0,
    source=Source.DNS,
    title="The DKIM key is in test mode",
    evidence="t=y in the keys of {selectors}",
    why="Receivers treat mail with a failed signature of such a key as unsigned, and some ignore "
    "the key altogether.",
    fix={"any": "Remove y from t= in the key record when the signatures of test messages verify."},
    references=("RFC 6376 §3.6.1",),
    seed=("12.3.3",),
    good=_GOOD,
    bad=_with(DkimKey(selector="s1", state="usable", kind="rsa", bits=2048, testing=True)),
)
def dkim_test(domain: DomainFacts) -> Verdict:
    """Judge the flag of every key."""

    def judge(keys: list[DkimKey]) -> Verdict:
        testing = tuple(key.selector for key in keys if key.testing)
        return Hit(selectors=testing) if testing else None

    return _of_usable(domain, judge)


@rule(
    "DKIM-SHA1",
    Severity.MEDIUM,
    tier=0,
    source=Source.DNS,
    title="The DKIM key allows only SHA-1",
    evidence="h=sha1 in the keys of {selectors}",
    why="Receivers must not accept signatures with SHA-1, and the key forbids all others: no "
    "signature of this key verifies.",
    fix={"any": "Remove h= from the key record, and sign with a=rsa-sha256."},
    references=("RFC 8301 §3.1",),
    seed=("12.3.3",),
    good=_GOOD,
    bad=_with(DkimKey(selector="s1", state="usable", kind="rsa", bits=2048, hashes=("sha1",))),
)
def dkim_sha1(domain: DomainFacts) -> Verdict:
    """Judge the hashes of every key."""

    def judge(keys: list[DkimKey]) -> Verdict:
        old = tuple(k.selector for k in keys if k.hashes is not None and "sha256" not in k.hashes)
        return Hit(selectors=old) if old else None

    return _of_usable(domain, judge)


@rule(
    "DKIM-REVOKED",
    Severity.MEDIUM,
    tier=0,
    source=Source.DNS,
    title="The DKIM key is revoked",
    evidence="p= is empty in the keys of {selectors}",
    why="An empty p= withdraws the key: signatures with this selector fail at every receiver.",
    fix={
        "any": "Sign with a selector whose key is published, or publish the key of this one again "
        "if it was withdrawn by mistake."
    },
    references=("RFC 6376 §3.6.1",),
    seed=("12.3.3",),
    good=_with(_KEY, given=("s1",)),
    bad=_with(DkimKey(selector="s1", state="revoked", kind="rsa"), given=("s1",)),
)
def dkim_revoked(domain: DomainFacts) -> Verdict:
    """Judge the selectors of ``--selector``: others are revoked when a key is replaced."""
    dkim = domain.dkim
    if dkim is None:
        return Skip("DKIM keys were not looked up")
    if not dkim.given:
        return Skip("which selectors are in use is not known: give --selector")
    given = [key for key in dkim.keys if key.selector in dkim.given]
    revoked = tuple(key.selector for key in given if key.state == "revoked")
    if revoked:
        return Hit(selectors=revoked)
    if any(key.state == "unknown" for key in given):
        return _LOST
    return None if given else Skip("the selectors of --selector have no record")


def _sends_nothing(domain: DomainFacts) -> bool:
    record = domain.spf.record if domain.spf is not None else None
    return record is not None and record.text.lower().split() == ["v=spf1", "-all"]


def _of_usable(domain: DomainFacts, judge: Callable[[list[DkimKey]], Verdict]) -> Verdict:
    """Judge the usable keys; skip where there are none."""
    if domain.dkim is None:
        return Skip("DKIM keys were not looked up")
    usable = [key for key in domain.dkim.keys if key.state == "usable"]
    if not usable:
        return Skip("no usable DKIM key was found")
    verdict = judge(usable)
    if verdict is None and any(key.state == "unknown" for key in domain.dkim.keys):
        return _LOST
    return verdict

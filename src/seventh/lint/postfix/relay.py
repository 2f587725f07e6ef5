"""Whether a stranger may relay: the restrictions on recipients, for an unknown client.

Such a client is in no network of mynetworks, has not logged in and has no certificate; the
recipient is in a domain that this server does not serve. A table or a policy server may decide on
anyone: where nothing behind it rejects, the answer is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from ipaddress import ip_network

from seventh.lint.postfix.scope import Scope

_REJECTS = frozenset(
    {
        "reject", "defer", "reject_unauth_destination", "defer_unauth_destination",
        "check_relay_domains", "defer_if_permit",
    }
)  # fmt: skip
_PASSES = frozenset(
    {
        "permit_sasl_authenticated", "permit_tls_clientcerts", "permit_tls_all_clientcerts",
        "permit_auth_destination", "permit_inet_interfaces", "warn_if_reject",
        "defer_if_reject", "permit_naked_ip_address", "reject_unauth_pipelining",
        "reject_non_fqdn_recipient", "reject_non_fqdn_sender",
        "reject_unknown_recipient_domain", "reject_unknown_sender_domain",
        "reject_invalid_helo_hostname", "reject_invalid_hostname",
        "reject_non_fqdn_helo_hostname", "reject_non_fqdn_hostname",
        "reject_unlisted_recipient", "reject_unlisted_sender", "reject_sender_login_mismatch",
        "reject_plaintext_session", "reject_authenticated_sender_login_mismatch",
        "reject_known_sender_login_mismatch", "reject_unauthenticated_sender_login_mismatch",
        "reject_multi_recipient_bounce", "reject_unknown_client_hostname",
        "reject_unknown_reverse_client_hostname", "reject_unknown_helo_hostname",
        "reject_unknown_client", "reject_unknown_hostname", "reject_unverified_recipient",
        "reject_unverified_sender",
    }
)  # fmt: skip
"""Restrictions that a careful stranger passes without being permitted."""
_TAKES_ONE = frozenset(
    {
        "reject_rbl_client", "reject_rhsbl_client", "reject_rhsbl_helo", "reject_rhsbl_sender",
        "reject_rhsbl_recipient", "reject_rhsbl_reverse_client", "reject_maps_rbl", "sleep",
    }
)  # fmt: skip
"""Restrictions with an argument that only reject, and not everyone."""
_CERTIFICATES = frozenset({"permit_tls_clientcerts", "permit_tls_all_clientcerts"})
_MAX_DEPTH = 10
"""Restriction classes within classes."""


class Outcome(Enum):
    """What a list of restrictions says of a stranger."""

    PERMITS = auto()
    REJECTS = auto()
    DEPENDS = auto()
    """A table, a policy server or an unknown word decides."""


LISTS = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")


def may_relay(scope: Scope) -> bool | None:
    """Return whether a stranger may relay; None if it depends on what is not read here.

    Where neither list rejects anyone before a ``permit``, smtpd refuses to serve at all.
    """
    lists = [scope.words(name) for name in LISTS]
    if None not in lists and not any(_can_reject(words or [], scope, 0) for words in lists):
        return False
    outcomes = [_judged(scope, name) for name in LISTS]
    if Outcome.REJECTS in outcomes:
        return False
    return None if Outcome.DEPENDS in outcomes else True


def _can_reject(words: list[str], scope: Scope, depth: int) -> bool:
    """Return whether a list has what Postfix requires of one of them (has_required)."""
    classes = set(scope.words("smtpd_restriction_classes") or ())
    rest = iter(words)
    for word in rest:
        if word.lower() == "warn_if_reject":
            next(rest, None)
        elif word.lower() == "permit":
            return False
        elif word.lower() in _REJECTS or (
            word in classes
            and depth < _MAX_DEPTH
            and _can_reject(scope.words(word) or [], scope, depth + 1)
        ):
            return True
    return False


def trusts_everyone(scope: Scope) -> bool | None:
    """Return whether mynetworks has every address of a family; None if it is not known."""
    words = scope.words("mynetworks")
    if words is None:
        # Without mynetworks the machine's own networks count (mynetworks_style).
        return None if scope.entry("mynetworks") is not None else False
    known = True
    for word in words:
        try:
            network = ip_network(word.replace("[", "").replace("]", ""), strict=False)
        except ValueError:
            known = False  # a table, a file, or an exception
            continue
        if network.prefixlen == 0:
            return True if known else None
    return False if known else None


def knows_certificates(scope: Scope) -> bool:
    """Return whether a client may relay by its certificate."""
    return any(_CERTIFICATES & set(scope.words(name) or ()) for name in LISTS)


def _judged(scope: Scope, name: str) -> Outcome:
    words = scope.words(name)
    if words is None:
        return Outcome.DEPENDS
    outcome = _of(words, scope, trusts_everyone(scope), 0)
    return Outcome.PERMITS if outcome is None else outcome


def _of(words: list[str], scope: Scope, trusted: bool | None, depth: int) -> Outcome | None:
    """Return what a list decides; None if it comes to its end."""
    classes = set(scope.words("smtpd_restriction_classes") or ())
    depends = False
    only_warned = False
    rest = iter(words)
    for word in rest:
        warned, only_warned = only_warned, word.lower() == "warn_if_reject"
        if word in classes and depth < _MAX_DEPTH:
            outcome = _of(scope.words(word) or [], scope, trusted, depth + 1)
        else:
            outcome = _one(word.lower(), rest, trusted)
        if outcome is Outcome.REJECTS and not warned:
            return outcome
        if outcome is Outcome.PERMITS:
            return Outcome.DEPENDS if depends else outcome
        depends |= outcome is Outcome.DEPENDS
    return Outcome.DEPENDS if depends else None


def _one(word: str, rest: Iterator[str], trusted: bool | None) -> Outcome | None:
    """Return what a restriction decides; None: it goes on."""
    if word in _REJECTS:
        return Outcome.REJECTS
    if word == "permit":
        return Outcome.PERMITS
    if word == "permit_mynetworks":
        return {True: Outcome.PERMITS, False: None, None: Outcome.DEPENDS}[trusted]
    if word in _TAKES_ONE:
        next(rest, None)
        return None
    if word in _PASSES:
        return None
    if word.startswith("check_"):
        next(rest, None)
    return Outcome.DEPENDS

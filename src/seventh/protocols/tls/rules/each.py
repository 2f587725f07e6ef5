"""Judging each certificate of a server that has several, such as one RSA and one ECDSA.

Which of them a client gets depends on what it offers and on the server name that it sends. Of the
machine itself, each certificate is one of a file.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from seventh.model.report import Param
from seventh.model.severity import Severity
from seventh.model.tlsfacts import OtherCertificate, TlsFacts, TlsLocalFacts
from seventh.rules.rule import Hit, Skip, Verdict
from seventh.rules.unread import reason

Judge = Callable[[TlsFacts], Verdict]


def each_certificate(
    severity: Severity, *plain: str, by_name: bool = False
) -> Callable[[Judge], Judge]:
    """Apply a condition to every certificate; ``severity`` is its rule's.

    The worst hit comes first. List parameters are united over all hits, each value with a tag of
    its certificate; those named in ``plain``, such as codes, without it. What only clients without
    a server name (SNI) get is a hit of severity info at most, and ``by_name`` leaves it out; what
    only another name of the site gets is one of severity medium at most.
    """

    def decorate(judge: Judge) -> Judge:
        @functools.wraps(judge)
        def judge_each(tls: TlsFacts) -> Verdict:
            hits: list[tuple[Hit, str]] = []
            skips = _without(tls.local) if tls.local is not None else []
            for facts, tag, most in _every(tls, by_name=by_name):
                verdict = judge(facts)
                if isinstance(verdict, Hit):
                    worst = min(verdict.severity or severity, most, key=lambda s: s.rank)
                    hits.append((Hit(worst, **verdict.params), tag))
                elif isinstance(verdict, Skip):
                    skips.append(verdict)
            if tls.local is not None:
                hits.sort(key=lambda hit: _days(hit[0]))
            if hits:
                hits.sort(key=lambda hit: -(hit[0].severity or severity).rank)
                return _merged(hits, plain, counted=tls.local is not None)
            return skips[0] if skips else None

        return judge_each

    return decorate


def _every(tls: TlsFacts, *, by_name: bool) -> list[tuple[TlsFacts, str, Severity]]:
    """Return the facts with each certificate as the main one, its tag and its highest severity.

    The same certificate for another name is told apart by name only.
    """
    if tls.local is not None:
        return _files(tls, tls.local)
    own = tls.chain[0].sha256 if tls.chain else ""
    others = [
        other
        for other in tls.other_certificates
        if not other.is_placeholder
        and not (by_name and other.sent_to == "no-name")
        and (by_name or other.sent_to != "name" or other.chain[0].sha256 != own)
    ]
    if not others:
        return [(tls, "", Severity.CRITICAL)]
    several = any(other.sent_to == "key-type" for other in others)
    first = tls.chain[0].key_type if several and tls.chain else ""
    return [
        (tls, f" ({first or tls.server_name})", Severity.CRITICAL),
        *((tls.learn(**_main(tls, other)), *_tag(other)) for other in others),
    ]


def _files(tls: TlsFacts, local: TlsLocalFacts) -> list[tuple[TlsFacts, str, Severity]]:
    """Return the facts of each file; one that no service uses is a hit of severity low at most."""
    return [
        (
            tls.learn(**file.certificate(), server_name=file.server_name),
            f" ({file.path})",
            Severity.CRITICAL if file.services else Severity.LOW,
        )
        for file in local.files
        if file.unread is None
    ]


def _without(local: TlsLocalFacts) -> list[Skip]:
    """Return why some certificates of the machine, or all, cannot be judged."""
    unread = [file.unread for file in local.files if file.unread is not None]
    if local.files:
        return [Skip(reason(each)) for each in unread]
    reasons = "; ".join(map(reason, local.unread))
    return [Skip(reasons or "no configuration names a certificate file")]


def _main(tls: TlsFacts, other: OtherCertificate) -> dict[str, Any]:
    return {**other.certificate(), "server_name": other.server_name or tls.server_name}


def _tag(other: OtherCertificate) -> tuple[str, Severity]:
    match other.sent_to:
        case "key-type":
            return f" ({other.key_type})", Severity.CRITICAL
        case "no-name":
            return " (sent without SNI)", Severity.INFO
        case "name":
            return f" ({other.server_name})", Severity.MEDIUM


def _days(hit: Hit) -> float:
    """Return the days left that a hit names, which decide among hits of one severity."""
    days = hit.params.get("days_left")
    return days if isinstance(days, float) else 0.0


def _merged(hits: list[tuple[Hit, str]], plain: tuple[str, ...], *, counted: bool) -> Hit:
    """Return one hit for all; ``counted``: of a subject, it says how many others there are."""
    params: dict[str, Param] = {}
    for name in dict.fromkeys(name for hit, _ in hits for name in hit.params):
        found = [(hit.params[name], tag) for hit, tag in hits if name in hit.params]
        value, tag = found[0]
        if isinstance(value, tuple):
            params[name] = tuple(
                dict.fromkeys(
                    str(text) if name in plain else f"{text}{tag}"
                    for texts, tag in found
                    if isinstance(texts, tuple)
                    for text in texts
                )
            )
        else:
            others = f", the first of {len(found)}," if counted and len(found) > 1 else ""
            params[name] = f"{value}{tag}{others}" if name == "subject" else value
    return Hit(hits[0][0].severity, **params)

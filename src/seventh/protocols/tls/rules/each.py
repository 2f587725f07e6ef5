"""Judging each certificate of a server that has several, such as one RSA and one ECDSA.

Which of them a client gets depends on what it offers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from seventh.model.report import Param
from seventh.model.severity import Severity
from seventh.model.tlsfacts import TlsFacts
from seventh.rules.rule import Hit, Skip, Verdict

Judge = Callable[[TlsFacts], Verdict]


def each_certificate(severity: Severity, *plain: str) -> Callable[[Judge], Judge]:
    """Apply a condition to every certificate; ``severity`` is its rule's.

    The worst hit comes first. List parameters are united over all hits, each value with its
    certificate's key type; those named in ``plain``, such as codes, without it.
    """

    def decorate(judge: Judge) -> Judge:
        @functools.wraps(judge)
        def judge_each(tls: TlsFacts) -> Verdict:
            verdicts = [(judge(facts), key_type) for facts, key_type in _every(tls)]
            hits = [(verdict, key) for verdict, key in verdicts if isinstance(verdict, Hit)]
            if hits:
                hits.sort(key=lambda found: -(found[0].severity or severity).rank)
                return _merged(hits, plain)
            return next((v for v, _ in verdicts if isinstance(v, Skip)), None)

        return judge_each

    return decorate


def _every(tls: TlsFacts) -> list[tuple[TlsFacts, str]]:
    """Return the facts with each certificate as the main one, and a tag where there are several."""
    if not tls.other_certificates:
        return [(tls, "")]
    first = tls.chain[0].key_type if tls.chain else ""
    return [
        (tls, f" ({first})"),
        *((tls.learn(**c.certificate()), f" ({c.key_type})") for c in tls.other_certificates),
    ]


def _merged(hits: list[tuple[Hit, str]], plain: tuple[str, ...]) -> Hit:
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
            params[name] = f"{value}{tag}" if name == "subject" else value
    return Hit(hits[0][0].severity, **params)

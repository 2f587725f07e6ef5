"""A server may have several certificates, such as one with an RSA and one with an ECDSA key.

Which of them a client gets depends on what it offers, so a rule about the certificate judges each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from seventh.model.report import Param
from seventh.model.severity import Severity
from seventh.model.tlsfacts import TlsFacts
from seventh.rules.rule import Hit, Skip, Verdict

Judge = Callable[[TlsFacts], Verdict]


def each_certificate(severity: Severity) -> Callable[[Judge], Judge]:
    """Make a condition hold for every certificate; ``severity`` is its rule's.

    The worst hit gives the words. Lists in them get what the others say too, and by which key.
    """

    def decorate(judge: Judge) -> Judge:
        @functools.wraps(judge)
        def judge_each(tls: TlsFacts) -> Verdict:
            verdicts = [(judge(facts), kind) for facts, kind in _every(tls)]
            hits = [(verdict, kind) for verdict, kind in verdicts if isinstance(verdict, Hit)]
            if hits:
                return _merged(hits, severity)
            return next((v for v, _ in verdicts if isinstance(v, Skip)), None)

        return judge_each

    return decorate


def _every(tls: TlsFacts) -> list[tuple[TlsFacts, str]]:
    """The facts as they would be with each certificate, and its kind of key where there are two."""
    if not tls.other_certificates:
        return [(tls, "")]
    first = tls.chain[0].key_type if tls.chain else ""
    return [
        (tls, first),
        *((tls.learn(**other.as_main()), other.key_type) for other in tls.other_certificates),
    ]


def _merged(hits: list[tuple[Hit, str]], usual: Severity) -> Hit:
    hits = sorted(hits, key=lambda found: -(found[0].severity or usual).rank)
    worst, kind = hits[0]
    params: dict[str, Param] = {}
    for name, value in worst.params.items():
        if name == "names":
            params[name] = value
        elif isinstance(value, tuple):
            params[name] = tuple(
                f"{text} ({which} certificate)" if which else text
                for hit, which in hits
                for text in _texts(hit.params.get(name))
            )
        elif name == "subject" and kind:
            params[name] = f"{value} ({kind} certificate)"
        else:
            params[name] = value
    return Hit(worst.severity, **params)


def _texts(value: Param | None) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else ()

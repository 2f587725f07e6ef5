"""One declaration per rule.

Everything about a rule is made from it: verdicts, ``seventh explain``, its page in docs/rules, and
its tests: it must fire on ``bad`` and pass on ``good``.

    @rule(
        "SSH-COMP-PREAUTH", Severity.MEDIUM, tier=0, source=Source.WIRE,
        title="…", evidence="offers {algorithms}", why="…", fix={"openssh": "Compression no"},
        references=("RFC 4253 §6.2",), seed=("12.2.2",), good=…, bad=…,
    )
    def comp_preauth(ssh: SshFacts) -> Verdict:
        if ssh.kexinit is None:
            return Skip("no KEXINIT was received")
        return Hit(algorithms=("zlib",)) if "zlib" in ssh.kexinit.compressions else None
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec

from seventh.model.facts import Facts
from seventh.model.report import Param, SkipCause
from seventh.model.severity import Severity

F = TypeVar("F", bound=Facts)


class Source(StrEnum):
    """Where a rule's evidence comes from."""

    WIRE = "W"
    DNS = "D"
    FILE = "F"
    LOCAL = "L"
    SERIES = "S"
    TELEMETRY = "T"


class Hit:
    """The rule fired: the parameters of its texts and, where it varies, the severity."""

    __slots__ = ("fixes", "params", "settings", "severity")

    def __init__(self, severity: Severity | None = None, /, **params: Param) -> None:
        self.severity = severity
        self.params: dict[str, Param] = params
        self.settings: tuple[str, ...] = ()
        self.fixes: dict[str, tuple[str, ...]] = {}

    def fixed_by(self, product: str, *lines: str) -> Hit:
        """Set the exact lines that fix it in ``product``, instead of the rule's general fix."""
        self.fixes[product] = lines
        return self

    def at(self, *settings: str) -> Hit:
        """Set the settings that a linter shows, instead of the rule's ``directives``."""
        self.settings = tuple(name.lower() for name in settings)
        return self

    def __repr__(self) -> str:
        return f"Hit({self.severity}, {self.params})"


class Skip(msgspec.Struct, frozen=True):
    """The rule could not be evaluated: the evidence that is missing, and why."""

    reason: str
    cause: SkipCause = SkipCause.NO_EVIDENCE


def not_applicable(reason: str) -> Skip:
    """Skip because the rule does not apply to this target, such as IPv6 for an IPv4 address.

    Not for evidence that another check could get: that leaves the answer unknown.
    """
    return Skip(reason, SkipCause.NOT_APPLICABLE)


Verdict = Hit | Skip | None
"""None is a pass: the evidence was there and nothing was wrong."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's texts in one language; ``{name}`` takes a parameter of the hit."""

    title: str
    evidence: str
    why: str
    fix: Mapping[str, str]
    """The change to make, by server product; ``any`` where it is the same for all."""
    phrases: Mapping[str, Mapping[str, str]] = {}
    """By parameter: the text of each of its codes, which may use the other parameters. Facts and
    hits hold codes and values, so that every sentence can be translated."""


class Rule(Generic[F]):
    """A declared rule; see the module's docstring."""

    __slots__ = (
        "bad",
        "choice",
        "condition",
        "directives",
        "facts_type",
        "good",
        "id",
        "references",
        "seed",
        "severity",
        "source",
        "tier",
        "words",
    )

    def __init__(
        self,
        id: str,  # noqa: A002 - the field's own name
        severity: Severity,
        condition: Callable[[F], Verdict],
        *,
        tier: int,
        source: Source,
        words: Words,
        references: tuple[str, ...],
        seed: tuple[str, ...],
        good: F,
        bad: F,
        directives: Mapping[str, tuple[str, ...]] | None = None,
        choice: tuple[str, ...] = (),
    ) -> None:
        self.choice = choice
        self.directives: Mapping[str, tuple[str, ...]] = directives or {}
        self.id = id
        self.severity = severity
        self.condition = condition
        self.tier = tier
        self.source = source
        self.words = words
        self.references = references
        self.seed = seed
        self.good = good
        self.bad = bad
        self.facts_type = type(good)

    def __call__(self, facts: F) -> Verdict:
        """Judge ``facts``."""
        return self.condition(facts)

    def __repr__(self) -> str:
        return f"<Rule {self.id}>"


def rule(
    id: str,  # noqa: A002
    severity: Severity,
    *,
    tier: int,
    source: Source,
    title: str,
    evidence: str,
    why: str,
    fix: Mapping[str, str],
    phrases: Mapping[str, Mapping[str, str]] | None = None,
    references: tuple[str, ...] = (),
    seed: tuple[str, ...] = (),
    good: F,
    bad: F,
    directives: Mapping[str, tuple[str, ...]] | None = None,
    choice: tuple[str, ...] = (),
) -> Callable[[Callable[[F], Verdict]], Rule[F]]:
    """Declare the decorated condition as a rule.

    A parameter for which a sentence is shown is a code, or a tuple of codes, with its text in
    ``phrases``: ``Hit(what="idle", seconds=5)`` with ``phrases={"what": {"idle": "connections are
    closed after {seconds} s"}}`` and ``evidence="{what}"``.

    ``directives`` names, by product, the settings of a configuration file that decide it; ``lint``
    shows their lines as evidence. ``choice`` names the products whose fix a person has to complete
    or choose from, such as a list of users: ``lint --fix`` does not write it.
    """

    def declare(condition: Callable[[F], Verdict]) -> Rule[F]:
        words = Words(title=title, evidence=evidence, why=why, fix=fix, phrases=phrases or {})
        return Rule(
            id, severity, condition, tier=tier, source=source, words=words,
            references=references, seed=seed, good=good, bad=bad,
            directives=directives, choice=choice,
        )  # fmt: skip

    return declare


AnyRule = Rule[Any]

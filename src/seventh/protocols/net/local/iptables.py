"""The rules as ``iptables-save`` and ``ip6tables-save`` print them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from seventh.protocols.net.local.firewall import Act, Chain, Condition, Field, Rule, Table, Value

_TARGETS = {"ACCEPT": Act.ACCEPT, "DROP": Act.DROP, "REJECT": Act.DROP, "RETURN": Act.RETURN,
            "LOG": Act.NEXT, "NFLOG": Act.NEXT, "MARK": Act.NEXT, "CONNMARK": Act.NEXT}  # fmt: skip
"""Others are chains; an extension such as DNAT is one that is not there, which is unknown."""
_HOOKS = {"INPUT": "input", "PREROUTING": "prerouting"}
_FIELDS = {
    "-i": Field.INTERFACE, "-p": Field.TRANSPORT, "-s": Field.SOURCE, "--dport": Field.PORT,
    "--dports": Field.PORT, "--ctstate": Field.STATE, "--state": Field.STATE,
}  # fmt: skip
_DESCRIBES = frozenset({"-m", "--comment"})
"""Options with a word that compare nothing by themselves."""
NFTABLES = "(nf_tables)"
"""In the first line of the variant whose tables are nftables' own."""


def tables(text: str, family: str) -> tuple[Table, ...]:
    """Read the tables of ``ipv4`` or ``ipv6``; raises ValueError if it has another form."""
    found: list[Table] = []
    name, policies, rules = "", dict[str, Act](), dict[str, list[Rule]]()
    for line in text.splitlines():
        if line.startswith("*"):
            name, policies, rules = line[1:].strip(), {}, {}
        elif line.startswith(":") and name:
            chain, policy, *_ = line[1:].split()
            policies[chain] = _TARGETS.get(policy, Act.RETURN)
        elif line.startswith("-A ") and name:
            chain, rule = _rule(shlex.split(line)[1:])
            rules.setdefault(chain, []).append(rule)
        elif line == "COMMIT" and name:
            found.append(_table(name, family, policies, rules))
            name = ""
        elif line and not line.startswith("#"):
            raise ValueError("not the form of iptables-save")
    if name or not text.strip():
        raise ValueError("it ends early")
    return tuple(found)


def _table(name: str, family: str, policies: dict[str, Act], rules: dict[str, list[Rule]]) -> Table:
    return Table(
        families=frozenset({family}),
        name=name,
        chains={
            chain: Chain(
                rules=tuple(rules.get(chain, ())), hook=_HOOKS.get(chain, ""),
                is_nat=name == "nat", policy=policy,
            )
            for chain, policy in policies.items()
        },
    )  # fmt: skip


def _rule(words: Sequence[str]) -> tuple[str, Rule]:
    chain, *rest = words
    conditions: list[Condition] = []
    for negated, option, value in _options(rest):
        if option in {"-j", "-g"}:
            if value in _TARGETS:
                return chain, Rule(tuple(conditions), _TARGETS[value])
            return chain, Rule(
                tuple(conditions), Act.JUMP if option == "-j" else Act.GOTO, value
            )  # fmt: skip
        if option not in _DESCRIBES:
            field = _FIELDS.get(option, Field.OTHER)
            conditions.append(Condition(field, _values(field, value), negated))
    return chain, Rule(tuple(conditions), Act.NEXT)


def _options(words: Sequence[str]) -> Iterator[tuple[bool, str, str]]:
    """Yield each option with ``!`` before it and its first word; further words are another's."""
    rest = list(reversed(words))
    while rest:
        option = rest.pop()
        negated = option == "!" and bool(rest)
        if negated:
            option = rest.pop()
        quoted = option == "--comment"  # any text
        has_word = bool(rest) and (quoted or not rest[-1].startswith(("-", "!")))
        yield negated, option, rest.pop() if has_word else ""


def _values(field: Field, text: str) -> tuple[Value, ...] | None:
    if field is Field.OTHER or not text:
        return None
    if field is Field.PORT:
        ranges = [
            (low, high or low) for low, _, high in (p.partition(":") for p in text.split(","))
        ]
        if not all(low.isdecimal() and high.isdecimal() for low, high in ranges):
            return None
        return tuple((int(low), int(high)) for low, high in ranges)
    if field is Field.SOURCE:
        return (text if "/" in text else f"{text}/{128 if ':' in text else 32}",)
    return tuple(each.lower() if field is Field.STATE else each for each in text.split(","))

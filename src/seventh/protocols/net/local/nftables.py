"""The rule set as ``nft -j list ruleset`` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from seventh.protocols.net.local.firewall import Act, Chain, Condition, Field, Rule, Table, Value

_FAMILIES = {
    "ip": frozenset({"ipv4"}), "ip6": frozenset({"ipv6"}), "inet": frozenset({"ipv4", "ipv6"}),
    "netdev": frozenset({"ipv4", "ipv6"}),
}  # fmt: skip
"""Those of IP; an ARP or bridge table decides nothing about a socket."""
_VERDICTS = {
    "accept": Act.ACCEPT, "drop": Act.DROP, "reject": Act.DROP, "return": Act.RETURN,
    "continue": Act.NEXT, "jump": Act.JUMP, "goto": Act.GOTO,
}  # fmt: skip
_HARMLESS = frozenset({"counter", "log", "mangle", "comment"})
"""Statements that decide nothing; a mark that is set is unknown where it is compared."""
_META = {
    "iifname": Field.INTERFACE, "iif": Field.INTERFACE, "l4proto": Field.TRANSPORT,
    "nfproto": Field.FAMILY,
}  # fmt: skip
_OTHER = Condition(Field.OTHER)


def tables(text: str) -> tuple[Table, ...]:
    """Read the rule set; raises ValueError if it has another form."""
    try:
        objects = msgspec.json.decode(text.encode())["nftables"]
        return tuple(_tables(objects))
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not a rule set in nft's JSON form") from error


def _tables(objects: list[dict[str, Any]]) -> Iterator[Table]:
    def of(kind: str, table: Mapping[str, Any]) -> list[dict[str, Any]]:
        key = (table["family"], table["name"])
        each = (entry[kind] for entry in objects if kind in entry)
        return [one for one in each if (one["family"], one["table"]) == key]

    for entry in objects:
        table = entry.get("table")
        if table is None or table["family"] not in _FAMILIES or "dormant" in table.get("flags", ()):
            continue
        sets = {each["name"]: each.get("elem", []) for each in of("set", table)}
        rules: dict[str, list[Rule]] = {}
        for each in of("rule", table):
            rules.setdefault(each["chain"], []).extend(_rules(each["expr"], sets))
        yield Table(
            families=_FAMILIES[table["family"]],
            name=table["name"],
            chains={
                chain["name"]: Chain(
                    rules=tuple(rules.get(chain["name"], ())),
                    hook=chain.get("hook", ""),
                    is_nat=chain.get("type") == "nat",
                    policy=_VERDICTS[chain.get("policy", "accept")],
                )
                for chain in of("chain", table)
            },
        )


def _rules(statements: list[dict[str, Any]], sets: Mapping[str, Any]) -> Iterator[Rule]:
    """Yield a rule for each verdict of one: a verdict map has several."""
    conditions: list[Condition] = []
    for statement in statements:
        ((name, value),) = statement.items()
        if name in _HARMLESS:
            continue
        if name == "match":
            conditions += _compared(value["op"], value["left"], value["right"], sets)
        elif name == "vmap":
            yield from _mapped(conditions, value, sets)
        elif name in _VERDICTS:
            yield Rule(tuple(conditions), _VERDICTS[name], (value or {}).get("target", ""))
            return
        elif name in {"limit", "quota", "ct count"}:
            conditions.append(_OTHER)
        else:
            yield Rule(tuple(conditions), Act.OTHER)
            conditions.append(_OTHER)  # such as a match of iptables that nft cannot show


def _mapped(
    conditions: list[Condition], value: Mapping[str, Any], sets: Mapping[str, Any]
) -> Iterator[Rule]:
    data = value["data"]
    entries = data.get("set") if isinstance(data, dict) else None
    if entries is None:  # a named map
        yield Rule((*conditions, _OTHER), Act.OTHER)
        return
    for key, verdict in entries:
        ((name, target),) = verdict.items()
        compared = _compared("==", value["key"], key, sets)
        where = (target or {}).get("target", "")
        yield Rule((*conditions, *compared), _VERDICTS.get(name, Act.OTHER), where)


def _compared(op: str, left: Any, right: Any, sets: Mapping[str, Any]) -> list[Condition]:
    """Return the conditions of one comparison; a header's field also asks for the header."""
    field, implied = _field(left)
    if field is Field.OTHER or op not in {"==", "!=", "in"}:
        return [*implied, _OTHER]
    return [*implied, Condition(field, _values(field, right, sets), op == "!=")]


def _field(left: Any) -> tuple[Field, list[Condition]]:
    ((kind, value),) = left.items() if isinstance(left, dict) and len(left) == 1 else (("", {}),)
    if kind == "meta":
        return _META.get(value["key"], Field.OTHER), []
    if kind == "ct":
        return (Field.STATE if value["key"] == "state" else Field.OTHER), []
    if kind != "payload" or "protocol" not in value:
        return Field.OTHER, []
    header, name = value["protocol"], value["field"]
    if header in {"ip", "ip6"}:
        family = Condition(Field.FAMILY, ("ipv4" if header == "ip" else "ipv6",))
        fields = {"saddr": Field.SOURCE, "protocol": Field.TRANSPORT, "nexthdr": Field.TRANSPORT}
        return fields.get(name, Field.OTHER), [family]
    implied = [] if header == "th" else [Condition(Field.TRANSPORT, (header,))]
    return (Field.PORT if name == "dport" else Field.OTHER), implied


def _values(field: Field, right: Any, sets: Mapping[str, Any]) -> tuple[Value, ...] | None:
    """Return what is compared with; None where one value is not understood."""
    if isinstance(right, str) and right.startswith("@"):
        right = sets.get(right[1:])
        if not right or field is Field.SOURCE:
            return None  # one of unknown size, such as the addresses of a country
    if isinstance(right, dict) and "set" in right:
        right = right["set"]
    values = [_value(field, each) for each in (right if isinstance(right, list) else [right])]
    known = tuple(value for value in values if value is not None)
    return known if len(known) == len(values) else None


def _value(field: Field, item: Any) -> Value | None:
    if field is Field.PORT:
        low, high = item["range"] if isinstance(item, dict) and "range" in item else (item, item)
        return (low, high) if isinstance(low, int) and isinstance(high, int) else None
    if field is Field.SOURCE:
        if isinstance(item, str):
            return f"{item}/{128 if ':' in item else 32}"
        prefix = item.get("prefix") if isinstance(item, dict) else None
        return f"{prefix['addr']}/{prefix['len']}" if prefix else None
    return item if isinstance(item, str) else None

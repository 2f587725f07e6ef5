"""A packet filter's effect, by what its programs print: open, closed, or unknown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seventh.model.listenfacts import Reach
from seventh.protocols.net.local import iptables, nftables
from seventh.protocols.net.local.firewall import Packet, Table, reach

TCP, UDP = Packet("ipv4", "tcp", 6379), Packet("ipv4", "udp", 6379)
IPV6 = Packet("ipv6", "tcp", 6379)
ACCEPT, DROP = {"accept": None}, {"drop": None}


def payload(protocol: str, field: str) -> dict[str, Any]:
    return {"payload": {"protocol": protocol, "field": field}}


def match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


DPORT = payload("tcp", "dport")
STATE = {"ct": {"key": "state"}}
SOURCE = payload("ip", "saddr")


def nft(
    *rules: list[dict[str, Any]],
    policy: str = "drop",
    family: str = "inet",
    more: tuple[dict[str, Any], ...] = (),
    **chain: Any,
) -> tuple[Table, ...]:
    where = {"family": family, "table": "t"}
    objects: list[dict[str, Any]] = [
        {"metainfo": {"json_schema_version": 1}},
        {"table": {"family": family, "name": "t"}},
        {
            "chain": where
            | {"name": "c", "type": "filter", "hook": "input", "policy": policy}
            | chain
        },
        *({"rule": where | {"chain": "c", "expr": expression}} for expression in rules),
        *more,
    ]
    return nftables.tables(json.dumps({"nftables": objects}))


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ([], Reach.CLOSED),
        ([ACCEPT], Reach.OPEN),
        ([{"counter": {"packets": 0}}, {"log": None}, ACCEPT], Reach.OPEN),
        ([match(DPORT, 6379), ACCEPT], Reach.OPEN),
        ([match(DPORT, 6380), ACCEPT], Reach.CLOSED),
        ([match(DPORT, 6380, "!="), ACCEPT], Reach.OPEN),
        ([match(DPORT, 6379, "!="), ACCEPT], Reach.CLOSED),
        ([match(DPORT, 6379, "<"), ACCEPT], Reach.UNKNOWN),
        ([match(DPORT, {"range": [6379, 6400]}), ACCEPT], Reach.OPEN),
        ([match(DPORT, {"range": [6380, 6400]}), ACCEPT], Reach.CLOSED),
        ([match(DPORT, {"range": [6000, 6379]}), ACCEPT], Reach.OPEN),
        ([match(DPORT, {"set": [22, {"range": [6379, 6379]}]}), ACCEPT], Reach.OPEN),
        ([match(DPORT, "redis"), ACCEPT], Reach.UNKNOWN),
        ([match(DPORT, "@known"), ACCEPT], Reach.OPEN),
        ([match(DPORT, "@missing"), ACCEPT], Reach.UNKNOWN),
        ([match(payload("udp", "dport"), 6379), ACCEPT], Reach.CLOSED),
        ([match(payload("th", "dport"), 6379), ACCEPT], Reach.OPEN),
        ([match(payload("tcp", "sport"), 6379), ACCEPT], Reach.UNKNOWN),
        ([match(payload("icmp", "type"), "echo-request"), ACCEPT], Reach.CLOSED),
        ([match({"meta": {"key": "iifname"}}, "lo"), ACCEPT], Reach.CLOSED),
        ([match({"meta": {"key": "iifname"}}, "lo", "!="), ACCEPT], Reach.OPEN),
        ([match({"meta": {"key": "iif"}}, "eth0"), ACCEPT], Reach.UNKNOWN),
        ([match({"meta": {"key": "l4proto"}}, {"set": ["tcp", "udp"]}), ACCEPT], Reach.OPEN),
        ([match({"meta": {"key": "l4proto"}}, "icmp"), ACCEPT], Reach.CLOSED),
        ([match({"meta": {"key": "nfproto"}}, "ipv6"), ACCEPT], Reach.CLOSED),
        ([match({"meta": {"key": "mark"}}, 1), ACCEPT], Reach.UNKNOWN),
        ([match(STATE, ["established", "related"], "in"), ACCEPT], Reach.CLOSED),
        ([match(STATE, "new", "in"), ACCEPT], Reach.OPEN),
        ([match({"ct": {"key": "mark"}}, 1), ACCEPT], Reach.UNKNOWN),
        ([match(SOURCE, "192.0.2.1"), ACCEPT], Reach.CLOSED),
        ([match(SOURCE, {"prefix": {"addr": "10.0.0.0", "len": 8}}), ACCEPT], Reach.CLOSED),
        ([match(SOURCE, {"prefix": {"addr": "0.0.0.0", "len": 7}}), ACCEPT], Reach.UNKNOWN),
        ([match(SOURCE, {"prefix": {"addr": "0.0.0.0", "len": 0}}), ACCEPT], Reach.OPEN),
        ([match(SOURCE, {"range": ["10.0.0.0", "11.0.0.0"]}), ACCEPT], Reach.UNKNOWN),
        ([match(SOURCE, "@known"), ACCEPT], Reach.UNKNOWN),
        ([match(SOURCE, "192.0.2.1", "!="), ACCEPT], Reach.OPEN),
        ([match(payload("ip", "daddr"), "192.0.2.1"), ACCEPT], Reach.UNKNOWN),
        ([match(payload("ip6", "saddr"), "2001:db8::1", "!="), ACCEPT], Reach.CLOSED),
        ([match(payload("ip", "protocol"), "tcp"), ACCEPT], Reach.OPEN),
        ([match({"&": [1, 2]}, 3), ACCEPT], Reach.UNKNOWN),
        ([{"limit": {"rate": 5}}, ACCEPT], Reach.UNKNOWN),
        ([{"limit": {"rate": 5}}, DROP], Reach.CLOSED),
        ([{"xt": {"type": "match", "name": "set"}}, ACCEPT], Reach.UNKNOWN),
        ([{"queue": {"num": 1}}], Reach.UNKNOWN),
        ([{"jump": {"target": "sub"}}], Reach.OPEN),
        ([{"goto": {"target": "sub"}}], Reach.OPEN),
        ([{"jump": {"target": "back"}}], Reach.CLOSED),
        ([{"jump": {"target": "missing"}}], Reach.UNKNOWN),
        ([{"jump": {"target": "loop"}}], Reach.UNKNOWN),
        ([{"return": None}], Reach.CLOSED),
        ([{"vmap": {"key": DPORT, "data": {"set": [[22, DROP], [6379, ACCEPT]]}}}], Reach.OPEN),
        ([{"vmap": {"key": DPORT, "data": {"set": [[22, ACCEPT]]}}}], Reach.CLOSED),
        ([{"vmap": {"key": DPORT, "data": {"set": [[6379, {"jump": {"target": "sub"}}]]}}}],
         Reach.OPEN),
        ([{"vmap": {"key": DPORT, "data": "@map"}}], Reach.UNKNOWN),
    ],
)  # fmt: skip
def test_one_rule_before_a_policy_that_drops(expression: list[Any], found: Reach) -> None:
    where = {"family": "inet", "table": "t"}
    more = (
        {"set": where | {"name": "known", "type": "inet_service", "elem": [6379]}},
        {"chain": where | {"name": "sub"}},
        {"rule": where | {"chain": "sub", "expr": [ACCEPT]}},
        {"chain": where | {"name": "back"}},
        {"rule": where | {"chain": "back", "expr": [{"return": None}]}},
        {"rule": where | {"chain": "back", "expr": [ACCEPT]}},
        {"chain": where | {"name": "loop"}},
        {"rule": where | {"chain": "loop", "expr": [{"jump": {"target": "loop"}}]}},
    )
    assert reach(nft(expression, more=more), TCP) is found


@pytest.mark.parametrize(
    ("tables", "packet", "found"),
    [
        ((), TCP, Reach.OPEN),
        (nft(policy="accept"), TCP, Reach.OPEN),
        (nft([DROP], policy="accept"), TCP, Reach.CLOSED),
        (nft([{"reject": None}], policy="accept"), TCP, Reach.CLOSED),
        (nft(family="ip6"), TCP, Reach.OPEN),
        (nft(family="ip6"), IPV6, Reach.CLOSED),
        (nft(family="bridge"), TCP, Reach.OPEN),
        (nft(hook="output"), TCP, Reach.OPEN),
        (nft(hook="forward"), TCP, Reach.OPEN),
        (nft(hook="prerouting"), TCP, Reach.CLOSED),
        (nft(family="netdev", hook="ingress"), TCP, Reach.CLOSED),
        (nft(hook="prerouting", type="nat", policy="accept"), TCP, Reach.OPEN),
        (nft([match(DPORT, 80), {"dnat": {"addr": "10.0.0.2"}}], hook="prerouting", type="nat",
             policy="accept"), TCP, Reach.OPEN),
        (nft([match(DPORT, 6379), {"dnat": {"addr": "10.0.0.2"}}], hook="prerouting", type="nat",
             policy="accept") + nft(), TCP, Reach.UNKNOWN),
        (nft([match(DPORT, 6379), ACCEPT]) + nft(policy="accept"), TCP, Reach.OPEN),
        (nft([match(DPORT, 6379), ACCEPT]) + nft(), TCP, Reach.CLOSED),
        (nft([match(DPORT, 6379), ACCEPT]), UDP, Reach.CLOSED),
    ],
)  # fmt: skip
def test_tables_and_hooks(tables: tuple[Table, ...], packet: Packet, found: Reach) -> None:
    assert reach(tables, packet) is found


def test_a_dormant_table_does_nothing() -> None:
    text = json.dumps({"nftables": [
        {"table": {"family": "inet", "name": "t", "flags": ["dormant"]}},
        {"chain": {"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "input",
                   "policy": "drop"}},
    ]})  # fmt: skip
    assert nftables.tables(text) == ()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"nftables": [3]}', "\0", '{"nftables": {}'])
def test_what_nft_does_not_print(text: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        nftables.tables(text)


def saved(*rules: str, policy: str = "DROP", table: str = "filter", chain: str = "INPUT") -> str:
    lines = (f"*{table}", f":{chain} {policy} [0:0]", ":own - [0:0]", *rules, "COMMIT")
    return "# Generated by iptables-save v1.8.9\n" + "\n".join(lines) + "\n# Completed\n"


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("", Reach.CLOSED),
        ("-j ACCEPT", Reach.OPEN),
        ("-p tcp -m tcp --dport 6379 -j ACCEPT", Reach.OPEN),
        ("-p tcp -m tcp ! --dport 6379 -j ACCEPT", Reach.CLOSED),
        ("-p tcp -m tcp --dport 6379:6400 -j ACCEPT", Reach.OPEN),
        ("-p tcp -m tcp --dport 6380:6400 -j ACCEPT", Reach.CLOSED),
        ("-p tcp -m multiport --dports 22,6000:6379 -j ACCEPT", Reach.OPEN),
        ("-p tcp -m multiport --dports 22,redis -j ACCEPT", Reach.UNKNOWN),
        ("-p udp -m udp --dport 6379 -j ACCEPT", Reach.CLOSED),
        ("-i lo -j ACCEPT", Reach.CLOSED),
        ("! -i lo -j ACCEPT", Reach.OPEN),
        ("-i eth0 -j ACCEPT", Reach.UNKNOWN),
        ("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", Reach.CLOSED),
        ("-m state --state NEW -j ACCEPT", Reach.OPEN),
        ("-s 10.0.0.0/8 -j ACCEPT", Reach.CLOSED),
        ("! -s 10.0.0.0/8 -j ACCEPT", Reach.OPEN),
        ("-s 0.0.0.0/1 -j ACCEPT", Reach.UNKNOWN),
        ("-d 192.0.2.1/32 -j ACCEPT", Reach.UNKNOWN),
        ('-m comment --comment "--dport 1 -j DROP" -j ACCEPT', Reach.OPEN),
        ("-m limit --limit 5/sec -j ACCEPT", Reach.UNKNOWN),
        ("-m set --match-set known src -j ACCEPT", Reach.UNKNOWN),
        ("-j LOG --log-prefix dropped", Reach.CLOSED),
        ("-j NFQUEUE --queue-num 1", Reach.UNKNOWN),
        ("-j own", Reach.OPEN),
        ("-g own", Reach.OPEN),
        ("-j RETURN", Reach.CLOSED),
    ],
)
def test_one_rule_of_iptables(rule: str, found: Reach) -> None:
    rules = (f"-A INPUT {rule}",) if rule else ()
    text = saved(*rules, "-A own -p tcp -j ACCEPT")
    assert reach(iptables.tables(text, "ipv4"), TCP) is found
    assert reach(iptables.tables(text, "ipv6"), TCP) is Reach.OPEN


def test_other_tables_of_iptables() -> None:
    raw = saved("-A PREROUTING -j DROP", policy="ACCEPT", table="raw", chain="PREROUTING")
    assert reach(iptables.tables(raw, "ipv4"), TCP) is Reach.CLOSED
    nat = saved("-A PREROUTING -j REDIRECT", policy="ACCEPT", table="nat", chain="PREROUTING")
    assert reach(iptables.tables(nat + saved(), "ipv4"), TCP) is Reach.UNKNOWN
    forward = saved(chain="FORWARD")
    assert reach(iptables.tables(forward, "ipv4"), TCP) is Reach.OPEN


@pytest.mark.parametrize(
    "text", ["", "\n", "*filter\n", "what\n", "*filter\n:INPUT DROP [0:0]\n?\n"]
)
def test_what_iptables_save_does_not_print(text: str) -> None:
    with pytest.raises(ValueError, match=r"iptables-save|ends early"):
        iptables.tables(text, "ipv4")

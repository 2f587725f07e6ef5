"""Gatus's configuration."""

from __future__ import annotations

import hashlib
import re

from seventh import protocols
from seventh.importers.conditions import (
    BODY,
    REDIRECTS,
    SAFE,
    STATUSES,
    expect_body,
    expect_json,
    json_path,
    literal,
    status_text,
    unsafe,
)
from seventh.importers.found import Found, Item, Lost, field, interval, seconds, varies
from seventh.importers.located import Node

_CONDITION = re.compile(r"(.+?) (==|!=|<=|>=|<|>) (.*)")
_BODY = re.compile(r"\[BODY\](.*)", re.IGNORECASE)
_HEADER = re.compile(r"\[HEADER\]\.(.+)", re.IGNORECASE)
_FUNCTION = re.compile(r"(len|has|pat|any)\((.*)\)")
_SCHEMES = {
    "http": "http", "https": "https", "ws": "ws", "wss": "wss", "tcp": "tcp", "tls": "tls",
    "ssh": "ssh", "grpc": "grpc", "grpcs": "grpcs",
}  # fmt: skip
_OF_PORTS = {"25": "smtp", "587": "submission", "2525": "smtp"}
_NO_SCHEME = {
    "icmp": "Seventh does not ping: name a port that the host answers, such as tcp://HOST:22",
    "udp": "a UDP port without a protocol cannot be watched: name ntp:// or snmp://",
    "sctp": "SCTP is not supported",
}
_COMPARED = {
    "==": lambda code, limit: code == limit, "!=": lambda code, limit: code != limit,
    "<": lambda code, limit: code < limit, "<=": lambda code, limit: code <= limit,
    ">": lambda code, limit: code > limit, ">=": lambda code, limit: code >= limit,
}  # fmt: skip
_KNOWN = frozenset({
    "enabled", "name", "group", "url", "method", "body", "graphql", "headers", "extra-labels",
    "interval", "conditions", "alerts", "client", "dns", "ssh", "ui",
})  # fmt: skip


def found(name: str, root: Node) -> Found:
    """Return all endpoints, also the external ones."""
    result = Found(file=name, items=[])
    endpoints = root.get("endpoints").each() or root.get("services").each()
    result.items += [_endpoint(each) for each in endpoints]
    result.items += [_external(each) for each in root.get("external-endpoints").each()]
    for suite in root.get("suites").each():
        for each in suite.get("endpoints").each():
            item = Item(line=each.line, name=f"{suite.text('name')}/{each.text('name')}")
            item.refused = "a step of a suite, which needs the answers of the steps before it"
            result.items.append(item)
    for key, why in (
        ("alerting", "write a [[notify]] for each provider"),
        ("maintenance", "write a [[maintenance]] table"),
        ("remote", "copy the targets of the other instances"),
    ):
        if root.get(key):
            result.lost.append(Lost(root.get(key).line, f"{key}: {why}"))
    return result


def _named(node: Node) -> Item:
    group = node.text("group")
    name = node.text("name", "?")
    item = Item(line=node.line, name=f"{group}/{name}" if group else name)
    if group:
        item.labels["group"] = group
    for key, value in node.get("extra-labels").items():
        item.labels[key] = value.text()
    if node.get("enabled").value is False:
        item.refused = "it is disabled"
    return item


def _external(node: Node) -> Item:
    item = _named(node)
    item.kind = "heartbeat"
    item.keys["every"] = seconds(node.text("heartbeat") or node.get("heartbeat").text("interval"))
    token = node.text("token")
    if not item.keys["every"]:
        item.refused = "no heartbeat.interval: how often must it report?"
    elif varies(token):
        item.lose(node.get("token").line, 'token: add token-sha256 = ["…"], its SHA-256')
    elif token:
        item.keys["token-sha256"] = [hashlib.sha256(token.encode()).hexdigest()]
    item.lose(node.line, "its job reports to /heartbeat/NAME: change the address there")
    return item


def _endpoint(node: Node) -> Item:
    item = _named(node)
    _url(item, node)
    if item.refused:
        return item
    interval(item, node.get("interval").line, seconds(node.text("interval")) or 60.0)
    _client(item, node.get("client"))
    _alerts(item, node.get("alerts"))
    codes = {*STATUSES}
    bodies: list[str] = []
    for each in node.get("conditions").each():
        why = _condition(item, each, codes, bodies)
        if why:
            item.lose(each.line, f"condition {each.text()}: {why}")
    if item.keys["url"].startswith(("http://", "https://")):
        _request(item, node, codes, bodies)
    for key, value in node.items():
        if key not in _KNOWN:
            item.lose(value.line, f"{key}: not supported")
    if node.get("ssh"):
        item.lose(node.get("ssh").line, "ssh: pulses do not log in")
    return item


def _url(item: Item, node: Node) -> None:
    url = node.text("url")
    scheme, _, rest = url.partition("://")
    if node.get("dns"):
        item.refused = item.refused or "Seventh does not watch name servers"
    elif varies(url):
        item.refused = item.refused or "url: variables are not filled in: write the URL"
    elif scheme == "starttls":
        port = rest.partition("/")[0].rpartition(":")[2]
        item.keys["url"] = f"{_OF_PORTS.get(port, 'smtp')}://{rest}"
    elif scheme in _SCHEMES and _SCHEMES[scheme] in protocols.schemes():
        item.keys["url"] = url
    else:
        item.refused = item.refused or _NO_SCHEME.get(scheme, f"{scheme}:// is not supported")


def _request(item: Item, node: Node, codes: set[int], bodies: list[str]) -> None:
    follows = node.get("client", "ignore-redirect").value is not True
    if follows and codes and not codes & {*range(300, 400)}:
        codes |= {*range(300, 400)}
        item.lose(node.line, REDIRECTS)
    if not codes:
        item.refused = "no status meets its conditions"
        return
    item.keys["expect-status"] = status_text(codes)
    expect_body(item, node.line, bodies)
    method = node.text("method", "GET").upper()
    if method not in SAFE:
        item.refused = unsafe(method)
    elif node.get("body") or node.get("graphql"):
        item.refused = BODY
    if method != "GET":
        item.keys["method"] = method
    for name, value in node.get("headers").items():
        field(item, value.line, name, value.text())


def _client(item: Item, client: Node) -> None:
    names = {"proxy-url": "proxy"}
    for key, node in client.items():
        if key == "timeout":
            item.keys["timeout"] = seconds(node.text()) or 10.0
        elif key in names:
            item.keys[names[key]] = node.text()
        elif key == "dns-resolver":
            item.keys["resolver"] = node.text().rpartition("://")[2]
        elif key == "network" and node.text() in {"ip4", "ip6"}:
            item.keys["family"] = f"ipv{node.text()[2]}"
        elif key == "tls":
            for own, name in (("certificate-file", "cert"), ("private-key-file", "key")):
                if node.text(own):
                    item.keys[name] = node.text(own)
        elif key == "insecure":
            if node.value is True:
                item.lose(node.line, "insecure: certificates are always verified: add ca = … for "
                          "one of your own")  # fmt: skip
        elif key != "ignore-redirect" and node.value not in (None, False, "ip"):
            item.lose(node.line, f"client.{key}: not supported")


def _alerts(item: Item, alerts: Node) -> None:
    for alert in alerts.each():
        if item.failures is None:
            item.failures = int(alert.number("failure-threshold") or 3)
            item.passes = int(alert.number("success-threshold") or 2)
        elif item.failures != int(alert.number("failure-threshold") or 3):
            item.lose(alert.line, "alert: a second threshold: one is possible")


def _condition(item: Item, node: Node, codes: set[int], bodies: list[str]) -> str:
    """Carry over one condition; return why it cannot be, else nothing."""
    match = _CONDITION.fullmatch(node.text().strip())
    if match is None:
        return "not understood"
    left, sign, right = match[1].strip(), match[2], match[3].strip()
    name = left.upper()
    http = item.keys["url"].startswith(("http://", "https://"))
    if name == "[CONNECTED]":
        return "" if (sign, right) == ("==", "true") else "only == true is possible"
    if name == "[RESPONSE_TIME]":
        return _slow(item, sign, right)
    if name == "[CERTIFICATE_EXPIRATION]":
        return _expires(item, sign, right)
    if name == "[STATUS]" and http:
        return _status(codes, sign, right)
    if http and (header := _HEADER.fullmatch(left)):
        return _header(item, header[1], sign, right)
    function = _FUNCTION.fullmatch(left)
    body = _BODY.fullmatch(function[2] if function else left)
    if http and body:
        if not body[1] and not function:
            return _whole_body(bodies, sign, right)
        return _json(item, node, function[1] if function else "", body[1], sign, right)
    return "not supported"


def _slow(item: Item, sign: str, right: str) -> str:
    limit = seconds(right)
    if limit is None and right.isdigit():
        limit = int(right) / 1000
    if sign not in {"<", "<="} or not limit:
        return "only < is possible"
    item.max_seconds = min(limit, item.max_seconds or limit)
    return ""


def _expires(item: Item, sign: str, right: str) -> str:
    limit = seconds(right)
    if sign not in {">", ">="} or limit is None:
        return "only > with a duration is possible"
    item.add("min", f"tls.days_left={limit / 86_400:.6g}")
    return ""


def _status(codes: set[int], sign: str, right: str) -> str:
    several = _FUNCTION.fullmatch(right)
    wanted = several[2].split(",") if several and several[1] == "any" else [right]
    if not all(each.strip().isdigit() for each in wanted) or (several and sign != "=="):
        return "not a status"
    limits = [int(each) for each in wanted]
    codes &= {code for code in codes if any(_COMPARED[sign](code, limit) for limit in limits)}
    return ""


def _glob(text: str) -> str:
    """Return a regular expression for all of a text in which ``*`` stands for anything."""
    return "(?s:" + ".*".join(map(re.escape, text.split("*"))) + ")"


def _exactly(right: str) -> str:
    """Return a regular expression for what the right side of ``==`` stands for."""
    function = _FUNCTION.fullmatch(right)
    if function and function[1] == "pat":
        return _glob(function[2])
    if function and function[1] == "any":
        return f"(?:{'|'.join(re.escape(each.strip()) for each in function[2].split(','))})"
    return re.escape(right)


def _header(item: Item, name: str, sign: str, right: str) -> str:
    if sign != "==":
        return "only == is possible"
    item.add("expect-header", f"{name}: ^{_exactly(right)}$")
    return ""


def _whole_body(bodies: list[str], sign: str, right: str) -> str:
    if sign not in {"==", "!="}:
        return "only == and != are possible"
    whole = rf"\A\s*{_exactly(right)}\s*\Z"
    bodies.append(whole if sign == "==" else rf"\A(?!{whole})")
    return ""


def _json(item: Item, node: Node, function: str, path: str, sign: str, right: str) -> str:
    found = json_path(path.removeprefix("."))
    if (path and found is None) or (not path and function != "len"):
        return "only names and indices are possible in a path"
    value = found or "@"
    if function == "has":
        if (sign, right) not in {("==", "true"), ("==", "false")}:
            return "only == true and == false are possible"
        expression = f"{value} {'!=' if right == 'true' else '=='} {literal(None)}"
    elif function == "len" or sign not in {"==", "!="}:
        if not re.fullmatch(r"-?\d+(\.\d+)?", right):
            return "not a number"
        number = float(right) if "." in right else int(right)
        left = f"length({value})" if function == "len" else f"to_number({value})"
        expression = f"{left} {sign} {literal(number)}"
    else:
        several = _FUNCTION.fullmatch(right)
        if several and several[1] == "any":
            options = [each.strip() for each in several[2].split(",")]
            expression = f"contains({literal(options)}, to_string({value}))"
        elif several:
            return "a pattern is possible only for all of the body"
        else:
            expression = f"to_string({value}) == {literal(right)}"
        if sign == "!=":
            expression = f"!({expression})"
    expect_json(item, node.line, expression)
    return ""

"""Uptime Kuma's backup, or the list of monitors that its API gives."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from seventh import protocols
from seventh.importers.conditions import (
    BODY,
    REDIRECTS,
    SAFE,
    expect_body,
    expect_json,
    json_path,
    literal,
    status_text,
    unsafe,
)
from seventh.importers.found import Found, Item, Lost, field, interval
from seventh.importers.located import Node
from seventh.render.presentation import count

_PING = "Seventh does not ping: name a port that the host answers, such as tcp://HOST:22"
_PORT = "its protocol is not supported: its port can be watched with tcp://HOST:PORT"
_REFUSED = {
    "ping": _PING, "tailscale-ping": _PING,
    "globalping": "measured by other machines; run Seventh there",
    "dns": "Seventh does not watch name servers",
    "docker": "the state of containers is not watched: name the port of the service",
    "real-browser": "Seventh runs no browser: name the URL with expect-body",
    "manual": "set by hand",
    "system-service": "units of this machine are not watched: name the port of the service",
    "steam": _PORT, "gamedig": _PORT, "kafka-producer": _PORT, "rabbitmq": _PORT,
    "radius": "RADIUS is not supported",
    "sip-options": _PORT,
    "sqlserver": _PORT, "postgres": _PORT, "mysql": _PORT, "mongodb": _PORT, "redis": _PORT,
    "oracledb": _PORT, "nut": _PORT,
}  # fmt: skip
"""Why monitors of a type become no target; a group becomes a label."""
_CODE = re.compile(r"(\d{3})(?:-(\d{3}))?")
_SIGNS = frozenset({"==", "!=", ">", ">=", "<", "<="})


def found(name: str, root: Node) -> Found:
    """Return all monitors; groups become labels and count as none."""
    listed = root.get("monitorList") or root.get("monitors")
    if not listed:
        # the list alone, or by number
        listed = root
    monitors = [each for each in listed.each() if each.text("type")]
    groups = {each.text("id"): each for each in monitors if each.text("type") == "group"}
    proxies = {each.text("id"): each for each in root.get("proxyList").each()}
    result = Found(file=name, items=[])
    for node in monitors:
        if node.text("type") != "group":
            result.items.append(_monitor(node, groups, proxies))
    receivers = root.get("notificationList")
    if receivers.each():
        several = count(len(receivers.each()), "notification")
        result.lost.append(Lost(receivers.line, f"{several}: write a [[notify]] for each"))
    return result


def _monitor(node: Node, groups: dict[str, Node], proxies: dict[str, Node]) -> Item:
    item = Item(line=node.line, name=node.text("name", "?"))
    kind = node.text("type")
    _labels(item, node, groups)
    if _inactive(node, groups):
        item.refused = "it is paused"
    elif node.get("upsideDown").value in (True, 1):
        item.refused = "upside down: a target that has to fail cannot be watched"
    elif kind in _REFUSED:
        item.refused = f"type {kind}: {_REFUSED[kind]}"
    elif kind not in _TYPES:
        item.refused = f"type {kind}: not known"
    if item.refused:
        return item
    if kind == "push":
        _push(item, node)
        return item
    interval(item, node.get("interval").line, node.number("interval") or 60.0)
    if limit := node.number("timeout"):
        item.keys["timeout"] = limit
    if retries := node.number("maxretries"):
        item.failures = int(retries) + 1
    else:
        item.failures = 1
    item.passes = 1
    again = node.number("retryInterval")
    if again and again != node.number("interval") and item.failures > 1:
        item.lose(node.get("retryInterval").line, "retryInterval: every pulse has its interval")
    _TYPES[kind](item, node)
    _proxy(item, node, proxies)
    return item


def _labels(item: Item, node: Node, groups: dict[str, Node]) -> None:
    parent = groups.get(node.text("parent"))
    if parent is not None:
        item.labels["group"] = parent.text("name")
    for tag in node.get("tags").each():
        item.labels[tag.text("name")] = tag.text("value") or "yes"


def _inactive(node: Node, groups: dict[str, Node]) -> bool:
    """Return whether it, or a group around it, is paused."""
    seen: set[str] = set()
    each: Node | None = node
    while each is not None:
        if each.get("active").value in (False, 0):
            return True
        parent = each.text("parent")
        each = groups.get(parent) if parent not in seen else None
        seen.add(parent)
    return False


def _proxy(item: Item, node: Node, proxies: dict[str, Node]) -> None:
    number = node.text("proxyId")
    if not number:
        return
    proxy = proxies.get(number)
    line = node.get("proxyId").line
    if proxy is None:
        item.lose(line, f"proxy {number}: not in this file: add proxy = …")
        return
    scheme = proxy.text("protocol")
    item.keys["proxy"] = f"{scheme}://{proxy.text('host')}:{proxy.text('port')}"
    if proxy.get("auth").value in (True, 1):
        item.lose(line, "proxy: its password is not carried over: add proxy-auth-file = …")


def _push(item: Item, node: Node) -> None:
    item.kind = "heartbeat"
    item.keys["every"] = max(node.number("interval") or 60.0, 1.0)
    if token := node.text("pushToken"):
        item.keys["token-sha256"] = [hashlib.sha256(token.encode()).hexdigest()]
    item.lose(node.line, "its job reports to /heartbeat/NAME, with the token in the field "
              "Authorization: change the address there")  # fmt: skip


def _place(node: Node) -> str:
    host = node.text("hostname").strip().partition("://")[2] or node.text("hostname").strip()
    host = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    port = node.text("port")
    return f"{host}:{port}" if port and not re.search(r":\d+$", host) else host


def _plain(scheme: str) -> Callable[[Item, Node], None]:
    def made(item: Item, node: Node) -> None:
        if scheme not in protocols.schemes():
            item.refused = f"type {node.text('type')}: not supported"
        item.keys["url"] = f"{scheme}://{_place(node)}"

    return made


def _http(item: Item, node: Node) -> None:
    item.keys["url"] = node.text("url")
    method = node.text("method", "GET").upper() or "GET"
    if method not in SAFE:
        item.refused = unsafe(method)
    elif node.text("body"):
        item.refused = BODY
    if method != "GET":
        item.keys["method"] = method
    codes: set[int] = set()
    for each in node.get("accepted_statuscodes").each():
        if match := _CODE.fullmatch(each.text()):
            codes |= {*range(int(match[1]), int(match[2] or match[1]) + 1)} & {*range(200, 600)}
    codes = codes or {*range(200, 300)}
    if (node.number("maxredirects") or 0) > 0 and not codes & {*range(300, 400)}:
        codes |= {*range(300, 400)}
        item.lose(node.get("maxredirects").line, REDIRECTS)
    item.keys["expect-status"] = status_text(codes)
    _fields(item, node)
    if node.get("ignoreTls").value in (True, 1):
        item.lose(node.get("ignoreTls").line, "ignoreTls: certificates are always verified: add "
                  "ca = … for one of your own")  # fmt: skip
    for key in ("tlsCa", "tlsCert", "tlsKey"):
        if node.text(key):
            item.lose(node.get(key).line, f"{key}: write it to a file, and add "
                      f"{key[3:].lower()} = …")  # fmt: skip


def _fields(item: Item, node: Node) -> None:
    method = node.text("authMethod")
    if method or node.text("basic_auth_user"):
        line = node.get("authMethod" if method else "basic_auth_user").line
        item.lose(line, f"{method or 'basic'} authentication: write the credential to a file, and "
                  "add header = [\"Authorization: file:PATH\"]")  # fmt: skip
    text = node.text("headers")
    if not text:
        return
    line = node.get("headers").line
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        item.lose(line, "headers: not a JSON object")
        return
    for name, value in fields.items():
        field(item, line, name, str(value))


def _keyword(item: Item, node: Node) -> None:
    _http(item, node)
    word = [re.escape(node.text("keyword"))]
    inverted = node.get("invertKeyword").value in (True, 1)
    expect_body(item, node.get("keyword").line, [] if inverted else word, word if inverted else [])


def _json_query(item: Item, node: Node) -> None:
    _http(item, node)
    line = node.get("jsonPath").line
    query, wanted = node.text("jsonPath").strip(), node.text("expectedValue")
    sign = node.text("jsonPathOperator") or "=="
    path = json_path(query.removeprefix("$.")) if query != "$" else "@"
    if path is None:
        item.lose(line, f"query {query}: only names and indices are possible")
        return
    if sign in {"==", "!="}:
        expect_json(item, line, f"to_string({path}) {sign} {literal(wanted)}")
    elif sign in _SIGNS and node.number("expectedValue") is not None:
        expect_json(item, line, f"to_number({path}) {sign} `{float(wanted):.15g}`")
    elif sign == "contains":
        expect_json(item, line, f"contains(to_string({path}), {literal(wanted)})")
    else:
        item.lose(line, f"operator {sign}: not supported")


def _grpc(item: Item, node: Node) -> None:
    if "grpc" not in protocols.schemes():
        item.refused = "type grpc-keyword: not supported"
        return
    tls = node.get("grpcEnableTls").value in (True, 1)
    place = node.text("grpcUrl").partition("://")[2] or node.text("grpcUrl")
    item.keys["url"] = f"{'grpcs' if tls else 'grpc'}://{place}"
    item.lose(node.line, "grpc-keyword: the call and its keyword: the health service is asked")


def _mqtt(item: Item, node: Node) -> None:
    given = node.text("hostname").strip()
    scheme = {"mqtts": "mqtts", "ws": "mqtt+ws", "wss": "mqtt+wss", "tls": "mqtts"}.get(
        given.partition("://")[0] if "://" in given else "", "mqtt"
    )
    item.keys["url"] = f"{scheme}://{_place(node)}"
    if (path := node.text("mqttWebsocketPath")) and scheme.startswith("mqtt+"):
        item.keys["url"] += f"/{path.lstrip('/')}"
    if user := node.text("mqttUsername"):
        item.keys["user"] = user
    if node.text("mqttPassword"):
        item.lose(node.get("mqttPassword").line, "password: write it to a file, and add "
                  "password-file = …")  # fmt: skip
    if node.text("mqttTopic"):
        item.lose(node.get("mqttTopic").line, "topic: pulses connect, and subscribe to nothing")


def _smtp(item: Item, node: Node) -> None:
    secure = node.text("smtpSecurity")
    scheme = {"secure": "smtps", "nostarttls": "smtp"}.get(secure)
    if scheme is None:
        scheme = "submission" if node.text("port") == "587" else "smtp"
    item.keys["url"] = f"{scheme}://{_place(node)}"


def _snmp(item: Item, node: Node) -> None:
    item.keys["url"] = f"snmp://{_place(node)}"
    if node.text("snmpVersion") in {"1", "2c", "3"}:
        item.keys["snmp-version"] = node.text("snmpVersion")
    item.lose(node.line, "community: write it to a file, and add community-file = …")
    if node.text("snmpOid"):
        item.lose(node.get("snmpOid").line, "OID and its value: pulses ask for the system group")


def _websocket(item: Item, node: Node) -> None:
    item.keys["url"] = node.text("url")
    if urlsplit(node.text("url")).scheme not in {"ws", "wss"}:
        item.refused = "its URL is not ws:// or wss://"
    if protocol := node.text("wsSubprotocol"):
        item.keys["subprotocol"] = [each.strip() for each in protocol.split(",")]


_TYPES: dict[str, Callable[[Item, Node], None]] = {
    "http": _http, "keyword": _keyword, "json-query": _json_query, "port": _plain("tcp"),
    "grpc-keyword": _grpc, "mqtt": _mqtt, "smtp": _smtp, "snmp": _snmp,
    "websocket-upgrade": _websocket, "ssh": _plain("ssh"), "ntp": _plain("ntp"), "push": _plain(""),
}  # fmt: skip
"""How monitors of a type become targets."""

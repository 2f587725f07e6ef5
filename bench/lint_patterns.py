"""Hostile files for each kind that lint reads: one pattern, at any size.

A pattern is the text that a file repeats, with ``{n}`` for a number that differs each time, or a
function of the size where a file must end as it began.
"""

from __future__ import annotations

from collections.abc import Callable

Make = Callable[[int], bytes]
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGQ" + "x" * 43


def repeated(unit: str, head: str = "", tail: str = "") -> Make:
    """Fill a file with ``unit``; where that is lines, they are whole, so that no error ends it."""

    def make(size: int) -> bytes:
        room = max(0, size - len(head) - len(tail))
        if "{n}" not in unit:
            body = (unit * (room // len(unit) + 1))[:room]
        else:
            count = room // (len(unit) + 2) + 1
            body = "".join(unit.replace("{n}", str(n)) for n in range(count))[:room]
        if unit.endswith("\n") and "\n" in body:
            body = body[: body.rfind("\n") + 1]
        return f"{head}{body}{tail}".encode()

    return make


def nested(opened: str, closed: str, head: str = "", tail: str = "") -> Make:
    """Blocks within blocks, as deep as the size allows."""

    def make(size: int) -> bytes:
        depth = size // (len(opened) + len(closed))
        return f"{head}{opened * depth}{closed * depth}{tail}".encode()

    return make


EVERYWHERE: dict[str, Make] = {
    "one long line": repeated("a "),
    "one long word": repeated("a"),
    "empty lines": repeated("\n"),
    "short comments": repeated("#\n"),
    "unknown directives": repeated("a\n"),
    "unknown, each its own": repeated("a{n} b\n"),
    "quotes": repeated('"\n'),
    "quotes on one line": repeated('"'),
    "backslashes": repeated("\\"),
    "backslashes at line ends": repeated("a \\\n"),
    "NULs": repeated("\0"),
    "lines with a NUL": repeated("\0\n"),
    "blanks": repeated(" "),
    "not UTF-8": lambda size: b"\xff" * size,
}
_CLOCK: dict[str, Make] = {
    "the same source": repeated("server a\n"),
    "sources, each its own": repeated("server a{n} iburst\n"),
    "the same pool": repeated("pool a\n"),
    "peers": repeated("peer a{n} key 1\n"),
    "sources with a bad option": repeated("server a b\n"),
    "options of one source": repeated(" iburst", head="server a"),
}
_NTPD: dict[str, Make] = {
    **_CLOCK,
    "restrict default": repeated("restrict default\n"),
    "restrict, each its own": repeated("restrict 10.{n} nomodify\n"),
    "restrict networks": repeated("restrict 10.0.0.0 mask 255.0.0.0 nopeer\n"),
    "restrict flags": repeated(" nopeer", head="restrict default"),
    "unrestrict": repeated("unrestrict default\n"),
    "trusted keys": repeated("trustedkey {n}\n"),
    "tos, tinker": repeated("tos minclock 1 maxclock 2\n"),
    "reference clocks": repeated("server 127.127.{n}.1\nfudge 127.127.1.1 stratum 3\n"),
    "includefile": repeated("includefile x\n"),
    "includefile of nothing": repeated("includefile /nowhere\n"),
    "monitor": repeated("disable monitor\n"),
    "crypto": repeated("crypto pw a\n"),
}
_CHRONY: dict[str, Make] = {
    **_CLOCK,
    "allow": repeated("allow\n"),
    "allow, each its own": repeated("allow 10.{n}\n"),
    "local": repeated("local stratum 1\n"),
    "refclock": repeated("refclock PPS /dev/pps{n}\n"),
    "include of nothing": repeated("include /nowhere\n"),
    "include of a pattern": repeated("include /etc/*.nothing\n"),
    "confdir": repeated("confdir /etc\n"),
    "sourcedir": repeated("sourcedir /etc\n"),
    "makestep": repeated("makestep 1 3\n"),
    "trusted certificates": repeated("ntstrustedcerts a{n}\n"),
}
_SSHD: dict[str, Make] = {
    "Match blocks": repeated("Match User a{n}\nX11Forwarding yes\n"),
    "the same Match": repeated("Match User a\n"),
    "Match all, settings": repeated("Match all\nPermitRootLogin yes\nCiphers a\n"),
    "settings of one Match": repeated("AllowUsers a{n}\n", head="Match User b\n"),
    "Match Address": repeated("Match Address 10.0.0.0/8,!10.1.0.0/16\nPasswordAuthentication no\n"),
    "a long Match": repeated(",a*b*c", head="Match User a"),
    "AllowUsers": repeated("AllowUsers a{n}\n"),
    "AcceptEnv": repeated("AcceptEnv A*\n"),
    "ports": repeated("Port {n}\n"),
    "HostKey": repeated("HostKey /etc/x{n}\n"),
    "ciphers": repeated(",aes128-ctr", head="Ciphers aes128-cbc"),
    "ciphers, many lines": repeated("Ciphers aes128-cbc,aes128-ctr\n"),
    "ciphers, patterns": repeated(",a*s*-c*", head="Ciphers -a"),
    "KexAlgorithms": repeated("KexAlgorithms +diffie-hellman-group1-sha1\n"),
    "includes of nothing": repeated("Include /nowhere{n}\n"),
    "includes": repeated("Include x\n"),
    "includes in one line": repeated(" x", head="Include x"),
    "Subsystem": repeated("Subsystem a{n} b\n"),
}
_SSH: dict[str, Make] = {
    "Host blocks": repeated("Host a{n}\nForwardAgent yes\n"),
    "the same Host": repeated("Host a\n"),
    "Host *": repeated("Host *\nStrictHostKeyChecking no\nUser a{n}\n"),
    "patterns of one Host": repeated(" a*{n}", head="Host a"),
    "Host of many wildcards": repeated("*a", head="Host b"),
    "IdentityFile": repeated("IdentityFile a{n}\n"),
    "Match blocks": repeated("Match host a{n}\nForwardX11 yes\n"),
    "ciphers": repeated(",aes128-ctr", head="Ciphers aes128-cbc"),
    "includes of nothing": repeated("Include /nowhere{n}\n"),
    "includes": repeated("Include x\n"),
    "includes of a block": repeated("Host a{n}\nInclude x\n"),
}
_NGINX: dict[str, Make] = {
    "servers": repeated("server{listen {n};}\n", head="events {}\nhttp {\n", tail="\n}\n"),
    "named servers": repeated("server { listen 443 ssl; server_name a{n}; }\n", head="http {\n"),
    "server names": repeated(" a{n}", head="http { server { server_name a", tail="; } }"),
    "listens": repeated("listen {n};\n", head="http { server {\n", tail="} }"),
    "locations": repeated("location /{n} { }\n", head="http { server {\n", tail="} }"),
    "the same location": repeated("location /{}\n", head="http { server {\n", tail="} }"),
    "proxied locations": repeated(
        "location /{n} { proxy_pass http://b; }\n", head="http { server {\n", tail="} }"
    ),
    "upstreams": repeated("upstream a{n} { server b; }\n", head="http {\n", tail="}"),
    "headers": repeated("add_header A{n} b;\n", head="http { server {\n", tail="} }"),
    "headers above": repeated(
        "location /{n} { add_header X y; }\n",
        head="http { server {\n" + "add_header A b;\n" * 10,
        tail="} }",
    ),
    "returns": repeated("return 301 https://$host;\n", head="http { server {\n", tail="} }"),
    "ifs": repeated("if ($a = {n}) { return 403; }\n", head="http { server {\n", tail="} }"),
    "maps": repeated("map $a $b{n} { default 1; }\n", head="http {\n", tail="}"),
    "ciphers": repeated(":AES128-SHA", head="http { ssl_ciphers AES", tail="; }"),
    "nested": nested("location /a {", "}", "http { server {", "} }"),
    "nested, unknown": nested("a {", "}"),
    "only opened": repeated("a {"),
    "only closed": repeated("}"),
    "simple directives": repeated("a;\n"),
    "includes": repeated("include x;\n"),
    "includes of nothing": repeated("include nowhere{n};\n"),
    "variables": repeated("${", head="a "),
    "lua": repeated("[=", head="content_by_lua_block {"),
}
_CADDY: dict[str, Make] = {
    "sites": repeated("a{n}.example {\n}\n"),
    "sites that answer": repeated("http://a{n}.example {\nrespond ok\n}\n"),
    "addresses of one site": repeated(", a{n}.example", head="a.example", tail=" {\n}\n"),
    "directives": repeated("header A{n} b\n", head="a.example {\n", tail="}\n"),
    "reverse proxies": repeated("reverse_proxy /{n} b:1\n", head="a.example {\n", tail="}\n"),
    "handles": repeated("handle /{n} {\n}\n", head="a.example {\n", tail="}\n"),
    "matchers": repeated("@a{n} path /x\n", head="a.example {\n", tail="}\n"),
    "snippets": repeated("(a{n}) {\nrespond b\n}\n"),
    "imports of a snippet": repeated(
        "import s\n", head="(s) {\nheader A b\n}\na.example {\n", tail="}\n"
    ),
    "imports of an empty one": repeated("import s\n", head="(s) {\n}\na.example {\n", tail="}\n"),
    "imports": repeated("import x\n"),
    "imports of nothing": repeated("import nowhere{n}\n"),
    "nested": nested("handle {\n", "}\n", "a.example {\n", "}\n"),
    "only opened": repeated("a {\n"),
    "only closed": repeated("}\n"),
    "placeholders": repeated("{$A}", head="a.example "),
    "heredocs": repeated("<<A\n"),
    "backquotes": repeated("`"),
}
_KEYS: dict[str, Make] = {
    "keys": repeated(f"{_KEY} {{n}}\n"),
    "the same key": repeated(f"{_KEY}\n"),
    "short keys": repeated("ssh-rsa AAAA\n"),
    "keys with options": repeated(f'restrict,from="10.0.0.0/8",command="a{{n}}" {_KEY}\n'),
    "options": repeated(',environment="A=b"', head="restrict", tail=f" {_KEY}\n"),
    "from": repeated("10.0.0.{n},", head='from="', tail=f'" {_KEY}\n'),
    "principals": repeated(f'cert-authority,principals="a,b" {_KEY}\n'),
}
_SERVICE_CONFIG: dict[str, Make] = {
    "entries": repeated(
        '{"name": [{"service": "a{n}"}], "retryPolicy": {"maxAttempts": 9}},\n',
        head='{"methodConfig": [\n', tail="{}]}",
    ),
    "unknown fields": repeated('"method_config{n}": 1,\n', head="{", tail='"a": 1}'),
    "names of one entry": repeated(
        '{"service": "a{n}", "method": "Get"},\n', head='{"methodConfig": [{"name": [',
        tail="{}]}]}",
    ),
    "statuses": repeated(
        '"INTERNAL",', head='{"methodConfig": [{"retryPolicy": {"retryableStatusCodes": [',
        tail='"a"]}}]}',
    ),
    "choices": repeated('{"serviceConfig": {"methodConfig": []}},\n', head="[", tail="{}]"),
    "a record": repeated("a", head='x TXT "grpc_config='),
    "arrays": nested("[", "]", head='{"methodConfig": ', tail="}"),
    "objects": nested('{"a":', "}", head='{"methodConfig": ', tail="}"),
}  # fmt: skip
_ENVOY: dict[str, Make] = {
    "routes": repeated(
        "{match: {prefix: /a.B{n}/}, route: {cluster: a}},\n",
        head="static_resources: {listeners: [{filter_chains: [{filters: [{typed_config: "
        '{"@type": x/a.http_connection_manager.v3.HttpConnectionManager, route_config: '
        "{virtual_hosts: [{routes: [\n",
        tail="]}]}}}]}]}]}",
    ),
    "listeners": repeated("- name: a{n}\n", head="static_resources:\n listeners:\n"),
    "clusters": repeated("- name: a{n}\n", head="static_resources:\n clusters:\n"),
    "resources": repeated('- "@type": type.googleapis.com/envoy.config.listener.v3.Listener\n'),
    "documents": repeated("---\nstatic_resources: {}\n"),
    "merges": repeated(" b{n}: {<<: *a}\n", head="a: &a {c: 1}\nd:\n"),
    "maps": nested("{a: ", "}"),
}
OF: dict[str, dict[str, Make]] = {
    "Caddyfile": _CADDY,
    "chrony.conf": _CHRONY,
    "chrony.sources": _CLOCK,
    "nginx.conf": _NGINX,
    "ntpsec.conf": {**_NTPD, "reference clocks, too": repeated("refclock local unit {n}\n")},
    "ntp.conf": _NTPD,
    "sshd_config": _SSHD,
    "sshd-T": {
        "host keys": repeated("hostkey /etc/x{n}\n"),
        "ciphers": repeated(",aes128-ctr", head="ciphers aes128-cbc"),
        "accepted names": repeated("acceptenv A{n}\n"),
        "the same setting": repeated("permitrootlogin yes\n"),
    },
    "ssh_config": _SSH,
    "authorized_keys": _KEYS,
    "service-config": _SERVICE_CONFIG,
    "envoy.yaml": _ENVOY,
}
"""By kind, what is its own; a kind without an entry is tried with what fits everywhere."""


def patterns(kind: str) -> dict[str, Make]:
    """Every pattern that a kind is tried with."""
    return {**EVERYWHERE, **OF.get(kind, {})}

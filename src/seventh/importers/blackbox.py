"""``prometheus.yml`` with the modules of ``blackbox.yml``."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from seventh import protocols
from seventh.importers.conditions import BODY, REDIRECTS, SAFE, expect_body, status_text, unsafe
from seventh.importers.found import Found, Item, Lost, field, interval, seconds
from seventh.importers.located import Node

_OWN_LABELS = frozenset({"__address__", "__param_target", "instance", "__param_module"})
_STANDARD = frozenset({
    ("__address__", "__param_target"), ("__param_target", "instance"), ("", "__address__"),
})  # fmt: skip
"""The relabelling that the exporter's own documentation has: source and target labels."""
_GREETINGS = (
    (re.compile(r"SSH"), "ssh"), (re.compile(r"IMAP|\* OK"), "imap"),
    (re.compile(r"\+OK"), "pop3"), (re.compile(r"220|SMTP"), "smtp"),
)  # fmt: skip
"""What a module expects first of a server, and the scheme of that protocol."""
_NO_PROBER = {
    "icmp": "Seventh does not ping: name a port that the host answers, such as tcp://HOST:22",
    "dns": "Seventh does not watch name servers; every check times the resolution of its own name",
    "unix": "Seventh does not connect to sockets of this machine",
}
_READ = frozenset({
    "preferred_ip_protocol", "ip_protocol_fallback", "enable_http2", "enable_http3",
    "follow_redirects", "no_follow_redirects", "compression", "skip_resolve_phase_with_proxy",
    "valid_status_codes", "tls_config", "fail_if_body_matches_regexp",
    "fail_if_body_not_matches_regexp", "fail_if_header_not_matches",
})  # fmt: skip
"""Keys that are read elsewhere, or that change nothing here."""
_FILES = {"proxy_url": "proxy", "bearer_token_file": "token-file"}
_TLS = {"ca_file": "ca", "server_name": "server-name", "cert_file": "cert", "key_file": "key"}


def found(
    modules_name: str, modules: Node, name: str, prometheus: Node
) -> Found:  # fmt: skip
    """Return the targets of every job that asks blackbox_exporter."""
    result = Found(file=name, items=[])
    defaults = prometheus.get("global")
    for job in prometheus.get("scrape_configs").each():
        title = job.text("job_name", "?")
        if not _probes(job):
            result.lost.append(Lost(job.line, f"job {title}: scrapes metrics, and is no probe"))
            continue
        _job(result, job, title, defaults, modules, modules_name)
    return result


def _probes(job: Node) -> bool:
    return job.text("metrics_path").startswith("/probe") or any(
        each.text("target_label") == "__param_target" for each in job.get("relabel_configs").each()
    )


def _job(
    result: Found, job: Node, title: str, defaults: Node, modules: Node,
    modules_name: str,
) -> None:  # fmt: skip
    every = seconds(job.text("scrape_interval") or defaults.text("scrape_interval") or "1m")
    timeout = seconds(job.text("scrape_timeout") or defaults.text("scrape_timeout") or "10s")
    module_name = "".join(each.text() for each in job.get("params", "module").each()[:1])
    module = modules.get("modules", module_name)
    for key, node in job.items():
        if key.endswith("_sd_configs"):
            result.lost.append(
                Lost(node.line, f"job {title}: {key}: targets that are discovered are not in this "
                     "file: generate [[target]] tables from the same source")
            )  # fmt: skip
    for rule in job.get("relabel_configs").each():
        _relabelling(result, rule, title)
    for group in job.get("static_configs").each():
        labels = {key: node.text() for key, node in group.get("labels").items()}
        own = labels.pop("__param_module", "")
        for target in group.get("targets").each():
            item = Item(line=target.line, name=target.text(), labels={"job": title, **labels})
            result.items.append(item)
            chosen = modules.get("modules", own) if own else module
            if not chosen:
                wanted = own or module_name
                item.refused = (
                    f"{modules_name} has no module {wanted}" if wanted else
                    f"job {title} has no params.module"
                )  # fmt: skip
                continue
            interval(item, job.line, every or 60.0)
            limit = seconds(chosen.text("timeout")) or timeout
            if limit:
                item.keys["timeout"] = limit
            _target(item, target.text(), chosen, modules_name)


def _relabelling(result: Found, rule: Node, title: str) -> None:
    sources = ",".join(each.text() for each in rule.get("source_labels").each())
    if (sources, rule.text("target_label")) in _STANDARD and not rule.get("regex"):
        return
    wanted = rule.text("target_label") or rule.text("action")
    result.lost.append(
        Lost(rule.line, f"job {title}: relabelling of {wanted}: its targets are as in the file")
    )  # fmt: skip


def _target(item: Item, address: str, module: Node, file: str) -> None:
    prober = module.text("prober")
    own = module.get(prober)
    if prober in _NO_PROBER:
        item.refused = f"prober {prober}: {_NO_PROBER[prober]}"
    elif prober == "http":
        item.keys["url"] = address if "://" in address else f"http://{address}"
        _http(item, own, file)
    elif prober == "tcp":
        _tcp(item, address, own, file)
    elif prober == "grpc" and "grpc" in protocols.schemes():
        tls = own.get("tls").value is True
        item.keys["url"] = f"{'grpcs' if tls else 'grpc'}://{_bare(address)}"
    else:
        item.refused = f"prober {prober}: not supported"
    if not item.refused:
        _family(item, own)
        _tls(item, own.get("tls_config"), file)
    item.lost = [Lost(each.line, each.why, file) if each.line != item.line else each
                 for each in item.lost]  # fmt: skip


def _bare(address: str) -> str:
    return address.partition("://")[2] or address


def _family(item: Item, own: Node) -> None:
    if own.get("ip_protocol_fallback").value is False:
        item.keys["family"] = (
            "ipv4" if own.text("preferred_ip_protocol") == "ip4" else "ipv6"
        )  # fmt: skip


def _tls(item: Item, tls: Node, file: str) -> None:
    for key, node in tls.items():
        if key in _TLS:
            item.keys[_TLS[key]] = node.text()
        elif key == "insecure_skip_verify":
            if node.value is True:
                item.lose(node.line, "insecure_skip_verify: certificates are always verified: add "
                          "ca = … for one of your own")  # fmt: skip
        else:
            item.lose(node.line, f"tls_config.{key}: not supported")


def _http(item: Item, own: Node, file: str) -> None:
    follows = own.get("follow_redirects").value is not False and not own.get("no_follow_redirects")
    codes = {int(code.text()) for code in own.get("valid_status_codes").each()
             if code.text().isdigit()}  # fmt: skip
    if not codes:
        codes = {*range(200, 300)}
        if follows:
            codes |= {*range(300, 400)}
            item.lose(own.line, REDIRECTS)
    item.keys["expect-status"] = status_text(codes)
    expect_body(
        item, own.line,
        [each.text() for each in own.get("fail_if_body_not_matches_regexp").each()],
        [each.text() for each in own.get("fail_if_body_matches_regexp").each()],
    )  # fmt: skip
    for rule in own.get("fail_if_header_not_matches").each():
        if rule.get("allow_missing").value is True:
            item.lose(rule.line, f"header {rule.text('header')}: it may be missing")
        else:
            item.add("expect-header", f"{rule.text('header')}: {rule.text('regexp')}")
    for key, node in own.items():
        _http_key(item, key, node)


def _http_key(item: Item, key: str, node: Node) -> None:
    if key == "method":
        item.keys["method"] = node.text().upper()
        if item.keys["method"] not in SAFE:
            item.refused = unsafe(item.keys["method"])
    elif key in _FILES:
        item.keys[_FILES[key]] = node.text()
    elif key == "headers":
        for name, value in node.items():
            field(item, value.line, name, value.text())
    elif key == "authorization" and node.text("credentials_file"):
        item.keys["token-file"] = node.text("credentials_file")
    elif key in {"basic_auth", "bearer_token", "authorization", "oauth2"}:
        item.lose(node.line, f"{key}: a credential: write it to a file, and add token-file = … or "
                  "header = [\"Authorization: file:PATH\"]")  # fmt: skip
    elif key in {"body", "body_file"}:
        item.refused = BODY
    elif key in {"fail_if_ssl", "fail_if_not_ssl"}:
        scheme = urlsplit(item.keys["url"]).scheme
        if node.value is True and (scheme == "https") is (key == "fail_if_ssl"):
            item.lose(node.line, f"{key}: the URL has the scheme {scheme}")
    elif key not in _READ:
        item.lose(node.line, f"{key}: not supported")


def _tcp(item: Item, address: str, own: Node, file: str) -> None:
    place, tls = _bare(address), own.get("tls").value is True
    steps = own.get("query_response").each()
    first = next((each.text("expect") for each in steps if each.text("expect")), "")
    scheme = next((name for pattern, name in _GREETINGS if pattern.search(first)), "")
    if scheme and steps:
        with_tls = {"smtp": "smtps", "imap": "imaps", "pop3": "pop3s"}
        item.keys["url"] = f"{with_tls.get(scheme, scheme) if tls else scheme}://{place}"
        return
    item.keys["url"] = f"{'tls' if tls else 'tcp'}://{place}"
    if steps:
        item.lose(steps[0].line, "query_response: only the connection is watched")

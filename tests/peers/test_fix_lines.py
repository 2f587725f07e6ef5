"""Every fix of an HTTP, TLS or WebSocket rule is taken by the server that it is for.

A fix is lines to paste, with comments between them. They belong into the site's own block, unless a
comment before them says ``in main``, ``in http {}``, ``in global`` and so on; ``# nginx 1.25 or
newer`` behind a line says since when nginx has it, and such a line is left out for an older one.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seventh import protocols
from seventh.labkit.ca import Issued
from seventh.labkit.serve import Kit, free_port
from seventh.rules.rule import AnyRule, Hit
from seventh.rules.words import filled
from tests.peers import need_binary, need_version
from tests.peers.apache import ALWAYS, PROXY, configuration

pytestmark = pytest.mark.peer

RULES: dict[str, AnyRule] = {
    rule.id: rule for room in ("http", "tls", "websocket") for rule in protocols.rules(room)
}
# Products whose fixes no server here can be asked about, and why.
UNASKED = {
    "any": "what to do, in words",
    "dns": "a record of a zone",
    "chrony": "the time daemon of the server's machine: its own lint knows these directives",
    "envoy": "a piece of a tree that needs the whole of it",
    "node": "JavaScript",
    "node-ws": "JavaScript",
    "socket.io": "JavaScript",
    "spring": "Java",
    "aws-alb": "a command against a cloud's account",
    "certbot": "a command that asks a public CA",
    "dovecot": "asked in test_starttls",
    "mosquitto": "not installed here: its own manual knows this setting",
    "openssl": "OpenSSL takes any setting in its file without a word: test_tls_fixes tries them",
    "inn": "asked in test_starttls",
    "mysql": "asked in test_starttls",
    "postfix": "asked in test_starttls",
    "postgresql": "asked in test_starttls",
    "proftpd": "asked in test_starttls",
    "prosody": "asked in test_starttls",
}
NOT_HERE = {
    ("nginx", "HTTP-NO-H3"): "# nginx 1.25 or newer",
    ("nginx", "QUIC-AMPLIFY"): "# nginx 1.25 or newer",
    ("nginx", "QUIC-MIGRATE"): "# nginx 1.25 or newer",
    ("nginx", "TLS-NO-PQ"): "OpenSSL 3.5 or newer",
    ("haproxy", "TLS-NO-PQ"): "OpenSSL 3.5 or newer",
    ("haproxy", "HTTP-NO-H3"): "built with QUIC",
    ("haproxy", "QUIC-AMPLIFY"): "built with QUIC",
    ("haproxy", "QUIC-IDLE"): "built with QUIC",
}
"""Fixes that Debian 12's builds do not know at all, and what they say of that themselves."""
_HEADING = re.compile(
    r"#\s+in (main|http|server|global|defaults|frontend|backend|the global options)\b"
)
_LOCATION = re.compile(r"#\s+in (?:the|its) [^#]*?(?:location|proxy_pass)")
_LIVE = re.compile(r"/etc/letsencrypt/live/[^/\s]+/(fullchain|privkey)\.pem")
_SITE = re.compile(r"#\s+a site\b")
_SINCE = re.compile(r"#\s+nginx ([0-9.]+) or newer")
_BEFORE = re.compile(r"#\s+before nginx ([0-9.]+)")


def said(rule: AnyRule, product: str) -> str:
    """The fix as a person reads it, about the rule's own example."""
    hit = rule(rule.bad)
    assert isinstance(hit, Hit)
    return filled(rule.words, hit.params).fix[product]


def cut(text: str, usual: str) -> dict[str, list[str]]:
    """The lines of a fix by where they belong."""
    found: dict[str, list[str]] = {}
    place = usual
    for line in text.splitlines():
        if line.startswith("#"):
            if heading := _HEADING.match(line):
                place = heading[1]
            elif _LOCATION.match(line):
                place = "location"
            elif _SITE.match(line):
                place = "file"
        found.setdefault(place, []).append(line)
    return found


def with_files(text: str, kit: Kit, issued: Issued) -> str:
    """The text with files that are there in place of those that it names."""
    text = _LIVE.sub(lambda found: str(_files(issued)[found[1]]), text)
    return text.replace("/etc/ssl/client-ca.pem", str(kit.authority.ca_file))


def _files(issued: Issued) -> dict[str, Path]:
    return {"fullchain": issued.cert_file, "privkey": issued.key_file}


def directives(lines: list[str]) -> list[str]:
    """What of the lines is not a comment."""
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def of(product: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test for each rule that has a fix for the product, one that is known here."""
    ids = sorted(
        name
        for name, rule in RULES.items()
        if product in rule.words.fix and (product, name) not in NOT_HERE
    )
    assert ids
    return pytest.mark.parametrize("name", ids)


def ask(command: list[str]) -> str:
    """What a server says against a configuration; empty where it takes it."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return "" if done.returncode == 0 else done.stderr + done.stdout


def test_every_product_is_asked_or_named() -> None:
    asked = {
        "nginx", "caddy", "apache", "haproxy", "lighttpd", "websockets", "uvicorn",
    }  # fmt: skip
    known = {product for rule in RULES.values() for product in rule.words.fix}
    assert known <= asked | set(UNASKED)
    assert not asked & set(UNASKED)


@pytest.mark.parametrize(("product", "name"), NOT_HERE)
def test_what_is_not_known_here_says_what_it_needs(product: str, name: str) -> None:
    assert NOT_HERE[product, name] in said(RULES[name], product)


# -- nginx -----------------------------------------------------------------------------------------


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _of_this_nginx(line: str, version: tuple[int, ...]) -> bool:
    since, before = _SINCE.search(line), _BEFORE.search(line)
    if since is not None and version < _version(since[1]):
        return False
    return before is None or version < _version(before[1])


def _nginx_conf(folder: Path, parts: dict[str, list[str]], kit: Kit) -> str:
    """A configuration around them that says nothing of its own where a fix does."""
    issued = kit.authority.issue("www.lab.test")
    text = {place: "\n".join(lines) for place, lines in parts.items()}
    inside = text.get("server", "")
    listen = "" if re.search(r"(?m)^listen ", inside) else f"listen 127.0.0.1:{free_port()};"
    tls = "" if "ssl_certificate " in inside else (
        f"ssl_certificate {issued.cert_file};\nssl_certificate_key {issued.key_file};"
    )  # fmt: skip
    inside = with_files(inside, kit, issued)
    whole = (
        f"pid {folder}/pid;\nerror_log {folder}/error.log;\n{_brotli(inside)}"
        f"{text.get('main', '')}\nevents {{ }}\nhttp {{\n{text.get('http', '')}\n"
        f"proxy_cache_path {folder}/cache keys_zone=kept:1m;\nserver {{\n{listen}\n{tls}\n"
        f"server_name www.lab.test;\n{inside}\nlocation /app/ {{\n"
        f"proxy_pass http://127.0.0.1:9;\nproxy_cache kept;\n"
        f"{text.get('location', '')}\n}}\n}}\n}}\n"
    )
    if "proxy_cache off" in whole:
        whole = whole.replace("proxy_cache kept;\n", "")
    for port in ("80", "443"):
        whole = re.sub(rf"\blisten {port}\b", f"listen 127.0.0.1:{free_port()}", whole)
    names = {"fullchain.pem": issued.cert_file, "privkey.pem": issued.key_file,
             "/var/log/nginx": folder}  # fmt: skip
    for name, there in names.items():
        whole = whole.replace(name, str(there))
    return whole


def _brotli(text: str) -> str:
    if "brotli" not in text:
        return ""
    module = Path("/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so")
    if not module.exists():
        pytest.skip("nginx's brotli module is not installed")
    return f"load_module {module};\n"


@of("nginx")
def test_nginx_takes_the_fix(name: str, tmp_path: Path, kit: Kit) -> None:
    nginx = need_binary("nginx")
    version = _version(need_version("nginx"))
    parts = {
        place: [line for line in lines if _of_this_nginx(line, version)]
        for place, lines in cut(said(RULES[name], "nginx"), "server").items()
    }
    assert any(directives(lines) for lines in parts.values())
    file = tmp_path / "nginx.conf"
    file.write_text(_nginx_conf(tmp_path, parts, kit))
    wrong = ask([nginx, "-t", "-p", str(tmp_path), "-c", str(file)])
    assert not wrong, f"{wrong}\n{file.read_text()}"


# -- Caddy -----------------------------------------------------------------------------------------


@of("caddy")
def test_caddy_takes_the_fix(name: str, tmp_path: Path) -> None:
    parts = cut(said(RULES[name], "caddy"), "site")
    text = {place: "\n".join(lines) for place, lines in parts.items()}
    assert any(directives(lines) for lines in parts.values())
    file = tmp_path / "Caddyfile"
    file.write_text(
        f"{{\n{text.get('the global options', '')}\n}}\n:8080 {{\n{text.get('site', '')}\n}}\n"
        f"{text.get('file', '')}\n"
    )
    command = [need_binary("caddy"), "adapt", "--config", str(file), "--adapter", "caddyfile"]
    wrong = ask(command)
    assert not wrong, f"{wrong}\n{file.read_text()}"


# -- Apache and HAProxy ----------------------------------------------------------------------------


@of("apache")
def test_apache_takes_the_fix(name: str, tmp_path: Path, kit: Kit) -> None:
    apache = need_binary("apache2")
    lines = said(RULES[name], "apache")
    assert directives(lines.splitlines())
    (tmp_path / "www").mkdir()
    (tmp_path / "mime.types").write_text("text/html html\n")
    modules = [m for m in (*PROXY, "brotli") if m not in ALWAYS]
    issued = kit.authority.issue("www.lab.test")
    parts = cut(with_files(lines, kit, issued), "site")
    parts = {place: "\n".join(of_place) for place, of_place in parts.items()}
    tls = issued if "SSLEngine" in lines or name.startswith("TLS-") else None
    config = configuration(tmp_path, free_port(), {"127.0.0.1": parts["site"]}, tls, modules)
    main = parts.get("main", "").replace("${APACHE_RUN_DIR}", str(tmp_path))
    config.write_text(config.read_text() + main)
    wrong = ask([apache, "-t", "-f", str(config)])
    assert not wrong, f"{wrong}\n{config.read_text()}"


@of("haproxy")
def test_haproxy_takes_the_fix(name: str, tmp_path: Path, kit: Kit) -> None:
    haproxy = need_binary("haproxy")
    text = said(RULES[name], "haproxy")
    issued = kit.authority.issue("www.lab.test")
    joined = tmp_path / "site.pem"
    joined.write_bytes(issued.cert_file.read_bytes() + issued.key_file.read_bytes())
    parts = cut(text, "frontend")
    assert any(directives(lines) for lines in parts.values())
    inside = {place: "\n".join(f"  {line}" for line in lines) for place, lines in parts.items()}
    file = tmp_path / "haproxy.cfg"
    file.write_text(
        f"global\n{inside.get('global', '')}\ndefaults\n  mode http\n  timeout client 30s\n"
        f"  timeout server 30s\n  timeout connect 5s\n{inside.get('defaults', '')}\n"
        f"frontend site\n  bind 127.0.0.1:{free_port()}\n{inside.get('frontend', '')}\n"
        f"  default_backend app\nbackend app\n  server one 127.0.0.1:9\n"
        f"{inside.get('backend', '')}\n".replace("/etc/haproxy/site.pem", str(joined))
    )
    file.write_text(with_files(file.read_text(), kit, issued))
    wrong = ask([haproxy, "-c", "-f", str(file)])
    assert not wrong, f"{wrong}\n{file.read_text()}"


@of("lighttpd")
def test_lighttpd_takes_the_fix(name: str, tmp_path: Path) -> None:
    lighttpd = need_binary("lighttpd")
    lines = said(RULES[name], "lighttpd")
    assert directives(lines.splitlines())
    file = tmp_path / "lighttpd.conf"
    file.write_text(
        f'server.document-root = "{tmp_path}"\nserver.port = {free_port()}\n'
        'server.modules = ("mod_proxy")\nproxy.server = ("" => (("host" => "127.0.0.1", "port" => '
        f"9)))\n{lines}\n"
    )
    wrong = ask([lighttpd, "-tt", "-f", str(file)])
    assert not wrong, f"{wrong}\n{file.read_text()}"


# -- libraries of Python ---------------------------------------------------------------------------


@of("websockets")
def test_websockets_takes_the_fix(name: str) -> None:
    """The call's arguments are ones that the function has."""
    from websockets.asyncio.server import serve
    from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

    functions: dict[str, Callable[..., object]] = {
        "serve": serve,
        "ServerPerMessageDeflateFactory": ServerPerMessageDeflateFactory,
    }
    call = ast.parse(said(RULES[name], "websockets"), mode="eval").body
    assert isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    keywords = {keyword.arg or "": None for keyword in call.keywords}
    known = inspect.signature(functions[call.func.id])
    known.bind_partial(*call.args, **keywords)
    assert set(keywords) <= set(known.parameters)


@of("uvicorn")
def test_uvicorn_takes_the_fix(name: str) -> None:
    import uvicorn

    known = {option for parameter in uvicorn.main.params for option in parameter.opts}
    used = re.findall(r"--[a-z-]+", said(RULES[name], "uvicorn"))
    assert used and set(used) <= known

"""Locations with grpc_pass: which rules fire, and that nginx takes the fixes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from seventh.engine.fix import fix_file
from seventh.engine.lint import Wanted, lint_file
from seventh.labkit.serve import Kit, free_port
from seventh.lintkit.linted import parse_software
from seventh.protocols.grpc.rules.proxied import STATUS_NGINX
from seventh.rules.run import Selection
from tests.peers import need_binary

GOOD = """events {}
http {
    access_log off;
    server {
        listen 127.0.0.1:8443 ssl http2;
        server_name shop.example;
        ssl_certificate CERT;
        ssl_certificate_key KEY;
        location /shop.Orders/ {
            grpc_pass grpc://127.0.0.1:50051;
            grpc_read_timeout 1h;
            grpc_send_timeout 1h;
        }
    }
}
"""
PAGE = "error_page 502 503 504 = @unavailable;\n        location @unavailable { return 204; }\n"
GRPC_PAGE = PAGE.replace("{ ", "{ default_type application/grpc; add_header grpc-status 14; ")
CASES = {
    "good": ("", "", set[str]()),
    "default timeouts": (
        "            grpc_read_timeout 1h;\n            grpc_send_timeout 1h;\n", "",
        {"GRPC-PROXY-CUT"},
    ),
    "a short read": ("grpc_read_timeout 1h", "grpc_read_timeout 60s", {"GRPC-PROXY-CUT"}),
    "a short write": ("grpc_send_timeout 1h", "grpc_send_timeout 5m", {"GRPC-PROXY-CUT"}),
    "no HTTP/2": (" ssl http2", " ssl", {"GRPC-NO-H2"}),
    "in clear": ("127.0.0.1:8443 ssl http2", "8443 http2", {"GRPC-PLAINTEXT"}),
    "in clear on loopback": ("127.0.0.1:8443 ssl http2", "127.0.0.1:8443 http2", set[str]()),
    "a page of HTML": ("server_name", f"{PAGE}        server_name", {"GRPC-NOT-GRPC"}),
    "status 200": (
        "server_name", "error_page 502 =200 /50x.html;\n        server_name", {"GRPC-NOT-GRPC"}
    ),
    "a page with its status": (
        "server_name", "error_page 502 /50x.html;\n        server_name", set[str]()
    ),
    "a page of gRPC": ("server_name", f"{GRPC_PAGE}        server_name", set[str]()),
    "no gRPC": ("grpc_pass grpc", "proxy_pass http", set[str]()),
}  # fmt: skip
"""By name: what is replaced, by what, and which rules of gRPC fire."""


def written(folder: Path, name: str, cert: str = "c.pem", key: str = "k.pem") -> Path:
    old, new, _ = CASES[name]
    assert not old or GOOD.count(old) == 1
    text = GOOD.replace(old, new) if old else GOOD
    text = text.replace("CERT", cert).replace("KEY", key).replace("8443", str(free_port()))
    path = folder / "nginx.conf"
    path.write_text(text)
    return path


def wanted(version: str) -> Wanted:
    ours = frozenset({"GRPC-NO-H2", "GRPC-NOT-GRPC", "GRPC-PLAINTEXT", "GRPC-PROXY-CUT"})
    return Wanted(
        kind="nginx.conf", software=(parse_software(f"nginx={version}"),),
        selection=Selection(only=ours),
    )  # fmt: skip


def fired(path: Path, version: str) -> set[str]:
    report = lint_file(path, wanted(version))
    return {one.id for one in report.findings if one.id.startswith("GRPC-")}


@pytest.mark.parametrize("name", CASES)
def test_what_fires_where_calls_are_forwarded(name: str, tmp_path: Path) -> None:
    assert fired(written(tmp_path, name), "1.22.1") == CASES[name][2]


def test_http2_is_a_directive_of_its_own_since_1_25_1(tmp_path: Path) -> None:
    path = written(tmp_path, "no HTTP/2")
    path.write_text(path.read_text().replace("server_name", "http2 on;\n        server_name"))
    assert fired(path, "1.26.0") == set()


def _accepts(path: Path) -> str:
    done = subprocess.run(
        [need_binary("nginx"), "-t", "-q", "-c", str(path), "-g", "pid /dev/null;"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stderr


def _version() -> str:
    asked = subprocess.run([need_binary("nginx"), "-v"], capture_output=True, text=True, check=True)
    match = re.search(r"nginx/([0-9.]+)", asked.stderr)
    assert match is not None
    return match[1]


@pytest.mark.peer
@pytest.mark.parametrize("name", ["default timeouts", "a short read", "a short write", "no HTTP/2"])
def test_the_written_fix_is_accepted_and_clean(name: str, tmp_path: Path, kit: Kit) -> None:
    issued = kit.authority.issue("shop.example")
    path = written(tmp_path, name, str(issued.cert_file), str(issued.key_file))
    version = _version()
    assert fired(path, version) == CASES[name][2]
    made = fix_file(path, wanted(version), ())
    for change in made.changes:
        change.path.write_bytes(change.after)
    assert (fired(path, version), _accepts(path)) == (set(), "")


@pytest.mark.peer
def test_the_printed_page_of_errors_is_accepted_and_clean(tmp_path: Path, kit: Kit) -> None:
    issued = kit.authority.issue("shop.example")
    path = written(tmp_path, "status 200", str(issued.cert_file), str(issued.key_file))
    in_location, in_server = "\n".join(STATUS_NGINX).split("# in the server\n")
    text = path.read_text().replace("error_page 502 =200 /50x.html;", in_server)
    path.write_text(text.replace("grpc_pass", f"{in_location}            grpc_pass"))
    assert (fired(path, _version()), _accepts(path)) == (set(), "")

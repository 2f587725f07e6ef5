"""How programs are asked whether they accept a file, and for which files they must not be asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from seventh.engine.validate import Answer, validate
from seventh.lint import kinds

COMMANDS = {
    # sshd(8): -t tests the configuration and the keys, -h names a host key
    "sshd_config": "sshd -t -f {file} -h {folder}/key",
    # ssh(1): -G prints the configuration for a host and exits
    "ssh_config": "ssh -G -F {file} host.invalid",
    # nginx: -t tests the configuration
    "nginx.conf": "nginx -t -c {file}",
    # caddy adapt: converts a configuration, without provisioning it
    "Caddyfile": "caddy adapt --config {file} --adapter caddyfile",
    # chronyd(8): -p prints the configuration and exits
    "chrony.conf": "chronyd -p -f {file}",
    "chrony.sources": "chronyd -p -f {file}",
    # postconf(1): -x expands values; unlike `postfix check` it creates nothing
    "main.cf": "postconf -c {beside} -x",
    "master.cf": "postconf -c {beside} -x",
    # doveconf(1): -n prints what differs from the defaults
    "dovecot.conf": "doveconf -n -c {file}",
    # envoy --mode validate: reads the configuration, and opens no listener
    "envoy.yaml": "envoy --mode validate -c {file}",
}
RUNS_CODE = {
    "ssh_config": (
        "Match exec true", "  match\thost a EXEC=true", '"Match" exec true', "=Match exec true",
        'Match host * e"xec" true', 'Match "exec" true', "Match=exec=true", "Match !exec true",
        'Match exec"true"', "CanonicalizeHostname yes", '"CanonicalizeHostname" always',
    ),
    "envoy.yaml": (
        "- name: envoy.filters.http.lua", "type: x/envoy.extensions.filters.http.wasm.v3.Wasm",
        "name: golang", "envoy.filters.http.dynamic_modules", "library_path: /tmp/a.so",
    ),
    "nginx.conf": (
        "load_module /tmp/a.so;", "events {} load_module /tmp/a.so;", "load_module\n/tmp/a.so;",
        '"load_module" /tmp/a.so;', "load_module '/tmp/a.so';", "load_module # a\n /tmp/a.so;",
        "load_module modules/../../tmp/a.so;", "load_module modules/a/b.so;",
        "load_module /usr/lib/nginx/modules/../a.so;", "load_module /usr/lib/nginx/modules/a.so.1;",
        "http { perl_modules /tmp; }", "http {perl_require a.pm;}", "perl a::handler;",
        "server { listen 80;perl_set $a 'sub { }'; }", "init_by_lua_block { os.exit() }",
        'http { "init_by_lua" a; }', "ssl_engine a;", "ssl_certificate_key engine:a:b;",
        'ssl_certificate_key "engine:a:b";',
    ),
}  # fmt: skip
HARMLESS = {
    "ssh_config": (
        "Match host a", "Host exec", "ProxyCommand true", "LocalCommand true",
        "Host match\nUser exec",
    ),
    "nginx.conf": (
        "load_module modules/ngx_http_js_module.so;",
        'load_module "/usr/lib/nginx/modules/ngx_stream_module.so" ;',
        "load_module /usr/share/nginx/modules/ngx_stream_module.so;", "root /usr/lib/perl ;",
        "location ~ [.]perl$ { }", "server_name lua.example;",
    ),
    "sshd_config": ("Match exec true", "AuthorizedKeysCommand /bin/true"),
}  # fmt: skip


def asked(kind: str, text: str, folder: Path) -> bool:
    """Whether a program is run for a file that holds the text."""
    validator = kinds()[kind].validator
    assert validator is not None
    ran, main = folder / "ran", str(folder / "main")
    harmless = replace(validator, command=("touch", str(ran)), prepare=())
    answer = validate(harmless, main, {main: b"# a\n", f"{main}2": f"a b\n{text}\n".encode()})
    assert answer.answer is (Answer.ACCEPTED if ran.exists() else Answer.UNKNOWN)
    return ran.exists()


def test_each_kind_has_its_program() -> None:
    validators = {name: kind.validator for name, kind in kinds().items() if kind.validator}
    assert {name: " ".join(each.command) for name, each in validators.items()} == COMMANDS
    assert {" ".join(each.prepare) for each in validators.values()} == {
        "", "ssh-keygen -q -t ed25519 -N  -f {folder}/key",
    }  # fmt: skip
    assert {name: each.system for name, each in validators.items() if each.system} == {
        "sshd_config": "/etc/ssh", "ssh_config": "/etc/ssh", "nginx.conf": "/etc/nginx",
        "chrony.conf": "/etc/chrony", "chrony.sources": "/etc/chrony",
        "main.cf": "/etc/postfix", "master.cf": "/etc/postfix", "dovecot.conf": "/etc/dovecot",
    }  # fmt: skip


@pytest.mark.field
@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in RUNS_CODE.items() for text in texts]
)
def test_no_program_is_asked_that_would_run_code(kind: str, text: str, tmp_path: Path) -> None:
    assert not asked(kind, text, tmp_path)


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in HARMLESS.items() for text in texts]
)
def test_it_is_asked_of_other_files(kind: str, text: str, tmp_path: Path) -> None:
    assert asked(kind, text, tmp_path)


@pytest.mark.parametrize(
    ("kind", "line", "read"),
    [
        ("sshd_config", "Include a b", "Include M/a M/b"),
        ("sshd_config", "include=a", "include=M/a"),
        ("sshd_config", ' INCLUDE = "a*"', 'INCLUDE = "M/a*"'),
        ("sshd_config", "Includes a", "Includes a"),
        ("ssh_config", "Include ~/a", "Include ~/a"),
        ("nginx.conf", "include a;", "include M/a;"),
        ("nginx.conf", "  include 'a';", "include 'M/a';"),
        ("nginx.conf", "Include a;", "Include a;"),
        ("chrony.conf", "include a", "include M/a"),
        ("chrony.conf", "CONFDIR a b", "CONFDIR M/a M/b"),
        ("chrony.conf", "server a", "server a"),
        ("chrony.sources", " sourcedir a", "sourcedir M/a"),
    ],
)
def test_an_include_names_the_mirror(kind: str, line: str, read: str, tmp_path: Path) -> None:
    """Its folder is left out of what a program says, so that the whole path remains."""
    validator = kinds()[kind].validator
    assert validator is not None
    main = str(tmp_path / "main")
    echo = replace(validator, command=("sh", "-c", 'cat "$0"; exit 1', "{file}"), prepare=())
    said = validate(echo, main, {main: f"{line}\n".encode()}).detail
    assert said == read.replace("M/", f"{tmp_path}/").replace("~", str(Path.home()))

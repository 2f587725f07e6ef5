"""Values, parameters and default servers of nginx.conf, against nginx itself."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import ModuleType

import pytest

from seventh.labkit.serve import Kit, free_port
from seventh.lint.nginx import directives as nginx_directives
from seventh.lint.nginx.directives import Known
from tests.lint.nginx import test_blocks, test_check, test_listen, test_values, test_whole
from tests.lint.nginx.parameters.test_parameters import NEWER, TABLES
from tests.lint.nginx.test_refused import REFUSED
from tests.peers import need_binary
from tests.peers.test_nginx_conf import nginx, ours, refused, version
from tests.peers.test_nginx_lint import fired, linted
from tests.peers.test_nginx_lint import nginx as running

pytestmark = [pytest.mark.peer, pytest.mark.field]
__all__ = ["version"]

WORDS = ("abc", "10k", "5s", "off")
OF_THE_MACHINE = frozenset(
    {"server", "listen", "load_module", "user", "ssl_engine", "pid", "aio", "use", "env",
     "ssl_dhparam", "memcached_pass"}
)  # fmt: skip
"""What more than the words decides: files, users, the kernel."""
_RESOLVES = re.compile(
    r"host not found|bind\(\)|could not build|no such file|open\(\)|Is a directory|slab",
    re.IGNORECASE,
)

_ELSEWHERE = re.compile(
    r"^unknown|^zero size|unsupported on this platform|should be placed after the \"proxy_pass\""
)
"""What other lines of a file decide."""


def around(known: Known, line: str) -> str:
    """A configuration with the line in the first place that it may have."""
    place = next(place for place in "HSLUMEX" if place in known.places)
    http = {
        "H": line, "S": f"server {{ listen 127.0.0.1:18081; {line} }}",
        "L": f"server {{ listen 127.0.0.1:18081; location /x/ {{ {line} }} }}",
        "U": f"upstream u {{ server 127.0.0.1:9; {line} }}",
        "X": f"server {{ location / {{ limit_except GET {{ {line} }} }} }}",
    }.get(place, "")  # fmt: skip
    main, events = line * (place == "M"), line * (place == "E")
    return f"{main}\nevents {{ {events} }}\nhttp {{\n{http}\n}}\n"


@pytest.mark.parametrize("word", WORDS)
def test_one_word_for_every_directive(tmp_path: Path, version: str, word: str) -> None:
    path = tmp_path / "nginx.conf"
    now = nginx_directives.version_of(version)
    unlike: list[str] = []
    for name, known in nginx_directives.directives().items():
        last = nginx_directives.until(name)
        foreign = name.startswith("brotli") or name in {"stream", "mail", "max_headers", "sticky"}
        if (
            nginx_directives.since(name) > now
            or (last and now >= last)
            or foreign
            or not known.least
        ):
            continue
        if known.block or name in OF_THE_MACHINE:
            continue
        path.write_text(around(known, f"{name} {' '.join([word] * known.least)};"))
        theirs = nginx(path)[0]
        if bool(theirs) != bool(refused(ours(path, version))) and not _RESOLVES.search(theirs):
            unlike.append(f"{name} {word}: {theirs or 'nginx takes it'}")
    assert not unlike


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused_is_refused_by_nginx(tmp_path: Path, version: str, text: str) -> None:
    if "stream" in text or "mail" in text:
        pytest.skip("these modules are files of their own")
    path = tmp_path / "nginx.conf"
    path.write_text(text)
    theirs = nginx(path)[0]
    if not REFUSED[text]:
        assert not theirs or _RESOLVES.search(theirs)
    else:
        assert theirs
        assert not _RESOLVES.search(theirs)


@pytest.mark.parametrize("table", [test_blocks, test_check, test_listen, test_whole])
def test_blocks_as_nginx_takes_them(tmp_path: Path, version: str, table: ModuleType) -> None:
    path = tmp_path / "nginx.conf"
    for text, why in table.CASES.items():
        path.write_text(text)
        theirs = nginx(path)[0]
        assert bool(theirs) == bool(why), f"{text}{theirs}"


def with_words(name: str, line: str) -> str:
    if name == "server":
        return f"events {{ }}\nhttp {{ upstream u {{ server {line}; server 127.0.0.2; }} }}\n"
    return around(nginx_directives.directives()[name], f"{name} {line};")


TAKEN = [(name, lines) for table in (*TABLES, test_values) for name, lines in table.TAKEN.items()]
REFUSED_WORDS = [
    (name, lines) for table in (*TABLES, test_values) for name, lines in table.REFUSED.items()
]
SAID_OTHERWISE = frozenset(
    {"gzip_proxied", "http2_chunk_size", "http2_recv_buffer_size", "keepalive", "modern_browser",
     "worker_cpu_affinity"}
)  # fmt: skip
"""Directives with a complaint of their own in nginx, where ours is the one of their kind."""
_NAMED = re.compile(r'^"\w+" directive: ')
_PLACE = re.compile(r"(?: at \".*)? in \S+:\d+\s*$")
_OTHER_CHECK_FIRST = frozenset(
    {'limit_req_zone $a zone', 'limit_req_zone $a rate=1r/s',
     'limit_conn_zone $a zone=a:1m rate=1r/s', 'open_log_file_cache max=0',
     'access_log $host combined flush=5s', 'server []', 'server []:80'}
)  # fmt: skip
"""Lines with two faults, of which nginx names the other one, or with a path that it completes."""


@pytest.mark.parametrize(("name", "lines"), TAKEN)
def test_words_as_nginx_takes_them(
    tmp_path: Path, version: str, name: str, lines: tuple[str, ...]
) -> None:
    path = tmp_path / "nginx.conf"
    for line in lines:
        path.write_text(with_words(name, line))
        theirs = nginx(path)[0]
        assert not theirs or _RESOLVES.search(theirs) or _ELSEWHERE.search(theirs), line


@pytest.mark.parametrize(("name", "lines"), REFUSED_WORDS)
def test_words_as_nginx_refuses_them(
    tmp_path: Path, version: str, name: str, lines: dict[str, str]
) -> None:
    """With the same complaint, so that ours can be looked up."""
    path = tmp_path / "nginx.conf"
    for line, why in lines.items():
        if line in NEWER.get(name, {}):
            continue
        path.write_text(with_words(name, line))
        theirs = nginx(path)[0]
        assert theirs, line
        unlike = name in SAID_OTHERWISE or f"{name} {line}" in _OTHER_CHECK_FIRST
        if not unlike and not _RESOLVES.search(theirs):
            assert _NAMED.sub("", why) == _PLACE.sub("", theirs), line


async def accepts(port: int, name: str, *arguments: str) -> bool:
    """Whether a handshake ends well."""
    process = await asyncio.create_subprocess_exec(
        need_binary("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name,
        *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    said, _ = await process.communicate()
    return b"Cipher is (NONE)" not in said and b"Cipher is" in said


ASKED = {
    # of the default server, of the other one, a hello to the other one, whether it is taken
    "the default's versions": ("ssl_protocols TLSv1.2;", "ssl_protocols TLSv1.3;", ("-tls1_3",),
                               False),
    "not its own": ("ssl_protocols TLSv1.2 TLSv1.3;", "ssl_protocols TLSv1.2;", ("-tls1_3",), True),
    "its own suites": ("ssl_protocols TLSv1.2; ssl_ciphers ECDHE+AESGCM;",
                       "ssl_protocols TLSv1.2; ssl_ciphers ECDHE+CHACHA20;",
                       ("-cipher", "ECDHE+CHACHA20"), True),
    "its own level": ("ssl_protocols TLSv1 TLSv1.2;", "ssl_ciphers ALL:@SECLEVEL=0;",
                      ("-tls1", "-cipher", "ALL:@SECLEVEL=0"), True),
    "no level": ("ssl_protocols TLSv1 TLSv1.2;", "", ("-tls1", "-cipher", "ALL:@SECLEVEL=0"),
                 False),
}  # fmt: skip


@pytest.mark.parametrize("case", ASKED)
async def test_what_the_default_server_decides(
    tmp_path: Path, kit: Kit, version: str, case: str
) -> None:
    if nginx_directives.version_of(version) >= (1, 29, 2):
        pytest.skip("ssl_protocols are each server's own from 1.29.2 on")
    first, other, hello, taken = ASKED[case]
    issued, port = kit.authority.issue("b.lab.test"), free_port()
    certificate = f"ssl_certificate {issued.cert_file}; ssl_certificate_key {issued.key_file};"
    text = "".join(
        f"server {{ listen 127.0.0.1:{port} ssl; server_name {name}; {certificate} {lines} }}\n"
        for name, lines in (("a.lab.test", first), ("b.lab.test", other))
    )
    async with running(tmp_path, text) as path:
        assert await accepts(port, "b.lab.test", *hello) is taken
        found = fired(linted(path))
    if case == "the default's versions":
        assert "TLS-NO13" in found
    if case == "not its own":
        assert "TLS-NO13" not in found

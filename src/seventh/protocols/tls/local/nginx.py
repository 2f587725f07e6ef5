"""The certificates that nginx's files name, by server."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import zip_longest

_FOLDER = "/etc/nginx"
_MAIN = f"{_FOLDER}/nginx.conf"
FILES = (_MAIN, f"{_FOLDER}/conf.d/*.conf", f"{_FOLDER}/sites-enabled/*", f"{_FOLDER}/snippets/*")
_TOKEN = re.compile(
    r'#[^\n]*|"((?:\\.|[^"\\])*)"|\'((?:\\.|[^\'\\])*)\'|([{};])|((?:\$\{|[^\s{};"\'#])[^\s{};]*)',
    re.DOTALL,
)


class _Block:
    """What one pair of braces says itself."""

    def __init__(self) -> None:
        self.certificates: list[str] = []
        self.keys: list[str] = []
        self.names: list[str] = []

    def add(self, name: str, words: list[str]) -> None:
        """Add a directive."""
        into = {
            "ssl_certificate": self.certificates, "ssl_certificate_key": self.keys,
            "server_name": self.names,
        }.get(name)  # fmt: skip
        if into is not None:
            into += words

    def pairs(self) -> Iterator[tuple[str, str, str]]:
        """Yield the first server name, each certificate and its key."""
        name = next((name for name in self.names if re.fullmatch(r"[\w.-]+\.[\w-]+", name)), "")
        for certificate, key in zip_longest(
            self.certificates, self.keys[: len(self.certificates)], fillvalue=""
        ):
            if "$" not in certificate and not certificate.startswith(("data:", "engine:")):
                key = "" if "$" in key or ":" in key else key
                path = posixpath.join(_FOLDER, certificate)
                yield name, path, posixpath.join(_FOLDER, key) if key else ""


def certificates(texts: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield the server name, the certificate and the key of each pair in those files.

    Of the snippets only those count that another file includes.
    """
    included: set[str] = set()
    read = {path: list(_blocks(text, included)) for path, text in texts.items()}
    for path, blocks in read.items():
        if "/snippets/" not in path or any(fnmatchcase(path, each) for each in included):
            for block in blocks:
                yield from block.pairs()


def _blocks(text: str, included: set[str]) -> Iterator[_Block]:
    """Yield every block of a file when it ends, and add the patterns of its includes."""
    open_blocks, words = [_Block()], list[str]()
    for match in _TOKEN.finditer(text):
        if match[0].startswith("#"):
            continue
        mark = match[3]
        if mark is None:
            words.append(match[0][1:-1] if match[4] is None else match[4])
            continue
        if mark == ";" and words[:1] == ["include"]:
            included.update(posixpath.join(_FOLDER, word) for word in words[1:])
        elif mark == ";" and words:
            open_blocks[-1].add(words[0], words[1:])
        elif mark == "{":
            open_blocks.append(_Block())
        elif mark == "}" and len(open_blocks) > 1:
            yield open_blocks.pop()
        words = []
    yield from open_blocks

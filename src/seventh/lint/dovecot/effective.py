"""The settings that apply: of a protocol, and of the addresses of a `local` or `remote` block."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from seventh.lint.dovecot.conf import NEW, Block, Conf, Setting, Version
from seventh.lintkit.files import Files
from seventh.model.source import Line
from seventh.wire.text import printable

_YES = frozenset({"yes", "y", "1"})
_NO = frozenset({"no", "n", "0"})
_SECONDS: Mapping[str, int] = {
    "": 1, "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "mins": 60,
    "minute": 60, "minutes": 60, "h": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400,
    "days": 86400, "w": 604800, "week": 604800, "weeks": 604800,
}  # fmt: skip
_TIME = re.compile(r"([0-9]{1,9})\s*([A-Za-z]*)")
_FILTERS = frozenset({"local", "local_name", "remote"})
_LOOPBACK = frozenset({"localhost", "::1"})
_PORTS: Mapping[str, tuple[int, int]] = {"imap": (143, 993), "pop3": (110, 995)}
"""The default ports in clear and with implicit TLS."""
DEFAULTS: Mapping[bool, Mapping[str, str]] = {
    False: {"ssl": "yes", "disable_plaintext_auth": "yes", "imap_idle_notify_interval": "2 mins",
            "ssl_cert": ""},
    True: {"ssl": "yes", "auth_allow_cleartext": "no", "imap_idle_notify_interval": "2 mins",
           "ssl_server_cert_file": ""},
}  # fmt: skip
"""By whether it is 2.4, the defaults of what is judged."""


class Listener(msgspec.Struct, kw_only=True):
    """An ``inet_listener`` of a login service."""

    port: int | None
    ssl: bool | None
    local: bool | None = False
    """Whether it listens on the loopback interface only."""
    at: Line | None = None

    @property
    def is_open(self) -> bool | None:
        """Whether other machines reach it."""
        if self.port == 0 or self.local:
            return False
        return None if self.port is None or self.local is None else True


class Effective:
    """The settings for one protocol, outside of address blocks or within one."""

    def __init__(
        self, conf: Conf, version: Version, files: Files, protocol: str, within: Block | None = None
    ) -> None:
        self.conf = conf
        self.version = version
        self.protocol = protocol
        self._files = files
        self._defaults = DEFAULTS[version[:2] >= NEW]
        self._blocks = [conf.root, *conf.root.within("protocol", protocol)]
        if within is not None:
            self._blocks += [within, *within.within("protocol", protocol)]

    @property
    def is_new(self) -> bool:
        """Whether the syntax is that of 2.4."""
        return self.version[:2] >= NEW

    def entry(self, key: str) -> Setting | None:
        """Return the line that decides: of the most specific block, the last one."""
        return next((one for block in reversed(self._blocks) if (one := block.value(key))), None)

    def value(self, key: str) -> str | None:
        """Return a setting's value, or its default; None where a variable decides."""
        entry = self.entry(key)
        if entry is None:
            return self._defaults.get(key, "")
        return None if "$" in entry.value and not entry.is_file else entry.value

    def yes(self, key: str) -> bool | None:
        """Return whether a setting is ``yes``; None if it is not known."""
        value = self.value(key)
        return None if value is None else self._yes(key, value, self.entry(key))

    def _yes(self, key: str, value: str, entry: Setting | None) -> bool | None:
        if value.lower() in _YES | _NO:
            return value.lower() in _YES
        self._refuse(key, "neither yes nor no", entry)
        return None

    def seconds(self, key: str) -> int | None:
        """Return a time in seconds; None if it is not known."""
        value = self.value(key)
        if value is None:
            return None
        match = _TIME.fullmatch(value)
        scale = _SECONDS.get(match[2].lower()) if match is not None else None
        if match is None or scale is None:
            self._refuse(key, "not a time such as 2 mins", self.entry(key))
            return None
        return int(match[1]) * scale

    def protocols(self) -> frozenset[str] | None:
        """Return what is served; None if it is not known."""
        if not self.is_new and self.entry("protocols") is None:
            return None  # the default is the packager's
        names: set[str] = set()
        for block in self.conf.root.within("protocols"):
            names |= {one.key for one in block.settings if one.value.lower() in _YES}
        value = self.value("protocols")
        return None if value is None else frozenset(names | set(value.split()))

    def certificate(self) -> bool | None:
        """Return whether a certificate is set, also in a block ``ssl_server`` of 2.4."""
        if not self.is_new:
            value = self.value("ssl_cert")
            return None if value is None else bool(value)
        keys = ("ssl_server_cert_file", "cert_file")
        inner = (one.value for block in self._blocks for one in _of_server(block, keys))
        return bool(self.value("ssl_server_cert_file")) or any(inner)

    def listeners(self) -> dict[str, Listener]:
        """Return the listeners of the protocol's login service, by name."""
        clear, implicit = _PORTS[self.protocol]
        found = {
            self.protocol: Listener(port=clear, ssl=False),
            f"{self.protocol}s": Listener(port=implicit, ssl=True),
        }
        for service in self.conf.root.within("service", f"{self.protocol}-login"):
            for block in service.within("inet_listener"):
                listener = found.setdefault(block.name, Listener(port=0, ssl=False))
                listener.at = block.at
                self._change(listener, block)
        return found

    def _change(self, listener: Listener, block: Block) -> None:
        for one in block.settings:
            if one.key == "port":
                listener.port = int(one.value) if re.fullmatch("[0-9]{1,5}", one.value) else None
            elif one.key == "ssl":
                listener.ssl = self._yes("ssl", one.value, one)
            elif one.key in {"address", "listen"}:
                listener.local = all(map(_is_loopback, re.split(r"[\s,]+", one.value.strip())))

    def _refuse(self, key: str, why: str, entry: Setting | None) -> None:
        if entry is None:
            return
        text = printable(f"{key}: {why}: Dovecot does not start", 300)
        problem = Line(file=entry.at.file, line=entry.at.line, text=text)
        if problem not in self._files.problems:
            self._files.problem(problem.file, problem.line, problem.text)


def _of_server(block: Block, keys: tuple[str, ...]) -> Iterator[Setting]:
    for server in block.within("ssl_server"):
        yield from (one for one in server.settings if one.key in keys)


def _is_loopback(address: str) -> bool:
    return address.strip("[]") in _LOOPBACK or address.startswith("127.")


def address_blocks(block: Block) -> Iterator[Block]:
    """Yield the outermost ``local``, ``local_name`` and ``remote`` blocks."""
    for one in block.blocks:
        if one.type in _FILTERS:
            yield one

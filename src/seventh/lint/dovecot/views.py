"""The facts and settings of dovecot.conf: for IMAP and POP3, and for blocks of addresses."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Literal

from seventh.lint.dovecot.conf import NEW, NEWEST_OLD, Block, Conf, Reader, check_version
from seventh.lint.dovecot.effective import DEFAULTS, Effective, Listener, address_blocks
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Linted, Setting, Software, View
from seventh.lintkit.place import folder_name
from seventh.model.facts import Facts
from seventh.model.mailconfig import MailboxConfig
from seventh.model.source import Line
from seventh.protocols.imap.facts import ImapFacts
from seventh.protocols.pop3.facts import Pop3Facts
from seventh.wire.text import printable

PRODUCT = "dovecot"
MAX_VIEWS = 64
"""Blocks of addresses that are judged separately."""
_LEVELS: dict[str, Literal["no", "yes", "required"]] = {
    "no": "no", "yes": "yes", "required": "required"
}  # fmt: skip


def lint(text: Text, files: Files, software: Software | None) -> Linted:
    """Read dovecot.conf with its includes, a part of it, or what ``doveconf -n`` prints."""
    conf = Reader(text, files).read()
    stated = software if not conf.printed else None
    version = stated.version if stated is not None else conf.written_for or NEWEST_OLD
    if conf.written_for is None and stated is None and conf.root.value("auth_allow_cleartext"):
        version = NEW
    complete = conf.printed or not _is_part(text.name)
    if complete and (stated is not None or conf.written_for is not None):
        check_version(conf, version, files, text.name)
    made = _Views(conf, Software(product=PRODUCT, version=version), files, text.name, complete)
    return Linted(
        views=tuple(made.views()),
        software=str(made.software),
        software_assumed=stated is None and conf.written_for is None,
    )


def _is_part(name: str) -> bool:
    return folder_name(name) == "conf.d" or name.endswith(".conf.ext")


class _Views:
    def __init__(
        self, conf: Conf, software: Software, files: Files, main: str, complete: bool
    ) -> None:
        self._conf = conf
        self.software = software
        self._files = files
        self._main = main
        self._complete = complete

    def views(self) -> list[View]:
        """Return the view of the whole, then one for each block of addresses that changes it."""
        whole = self._view(None)
        found = [whole]
        blocks = list(address_blocks(self._conf.root))
        if len(blocks) > MAX_VIEWS:
            self._files.problem(
                self._main,
                None,
                f"only the first {MAX_VIEWS} of {len(blocks)} address blocks judged",
            )
        for block in islice(blocks, MAX_VIEWS):
            view = self._view(block)
            if view.facts != whole.facts:
                found.append(view)
        return found

    def _view(self, block: Block | None) -> View:
        imap, pop3 = self._of("imap", block), self._of("pop3", block)
        facts: dict[str, Facts] = {
            "imap": ImapFacts(config=self._config(imap)),
            "pop3": Pop3Facts(config=self._config(pop3)),
        }
        settings = self._settings(imap) | {
            f"pop3 {key}": value for key, value in self._settings(pop3).items()
        }
        return View(
            label=block.label if block is not None else "",
            place=f"in {block.at.file}, in the block of line {block.at.line}"
            if block is not None and block.at is not None
            else "",
            block=block.at if block is not None else None,
            facts=facts,
            settings=settings,
        )

    def _of(self, protocol: str, block: Block | None) -> Effective:
        return Effective(self._conf, self.software.version, self._files, protocol, block)

    def _config(self, effective: Effective) -> MailboxConfig:
        protocols = effective.protocols()
        served = None if protocols is None else effective.protocol in protocols
        listeners = effective.listeners().values()
        ssl = _LEVELS.get((effective.value("ssl") or "").lower())
        is_imap = effective.protocol == "imap"
        return MailboxConfig(
            product=PRODUCT,
            version=self.software.version,
            complete=self._complete,
            enabled=served if served or self._complete else None,
            ssl=ssl,
            certificate=effective.certificate() if self._complete else None,
            clear_login=_clear_login(effective, ssl),
            clear_port=_any_open(one for one in listeners if one.ssl is not True),
            implicit_port=_any_open(one for one in listeners if one.ssl is not False),
            notify_seconds=effective.seconds("imap_idle_notify_interval") if is_imap else None,
        )

    def _settings(self, effective: Effective) -> dict[str, tuple[Setting, ...]]:
        found: dict[str, tuple[Setting, ...]] = {
            key: (self._setting(effective, key),) for key in DEFAULTS[effective.is_new]
        }
        found["protocols"] = (self._setting(effective, "protocols"),)
        listeners = effective.listeners()
        for key, name in (("clear", effective.protocol), ("implicit", f"{effective.protocol}s")):
            listener = listeners[name]
            text = listener.at.text if listener.at is not None else "inet_listener (default)"
            at = listener.at or Line(file=self._main, line=None, text=text)
            found[f"listener {key}"] = (Setting(value=text, at=at),)
        return found

    def _setting(self, effective: Effective, key: str) -> Setting:
        if (entry := effective.entry(key)) is not None:
            return Setting(value=entry.value, at=entry.at)
        default = effective.value(key) or ""
        text = printable(f"{key} = {default}".rstrip() + f" (default of {self.software})", 300)
        return Setting(value=default, at=Line(file=self._main, line=None, text=text))


def _clear_login(effective: Effective, ssl: str | None) -> bool | None:
    """Return whether a password is accepted without TLS."""
    if ssl == "required":
        return False
    if effective.is_new:
        allowed = effective.yes("auth_allow_cleartext")
    else:
        disabled = effective.yes("disable_plaintext_auth")
        allowed = None if disabled is None else not disabled
    return False if allowed is False else None if ssl is None else allowed


def _any_open(listeners: Iterable[Listener]) -> bool | None:
    states = [one.is_open for one in listeners]
    return True if True in states else None if None in states else False

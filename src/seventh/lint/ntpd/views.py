"""What an ntp.conf decides, of ntpd and of ntpsec."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from seventh.lint.clocks.grammar import Version
from seventh.lint.clocks.lines import Conf, Directive, as_integer, shown
from seventh.lint.clocks.settings import (
    MAX_CLOCKS,
    MAX_SOURCES,
    KeyFile,
    Settings,
    capped,
    is_part,
    key_file,
    options_of,
    source_of,
)
from seventh.lint.ntpd import conf as ntp_conf
from seventh.lint.ntpd.restrictions import (
    Network,
    Restriction,
    key_of,
    restrictions,
    strangers,
)
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Linted, Software, View
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts, DefaultRights

NTS_SINCE = (1, 2, 0)
"""Of ntpsec: the first that speaks RFC 8915. ntpd speaks no NTS."""
MAXCLOCK = 10
"""How many associations a daemon keeps where ``tos maxclock`` does not say so."""
MONLIST_TILL = (4, 2, 7)
"""monlist went with 4.2.7p26; of 4.2.7 itself the number leaves it open."""
LOCAL_STRATUM = 5
ORPHAN_STRATUM_NONE = 16
_COOKIES = "/var/lib/ntp/nts-keys"
_MANY = frozenset(
    {
        "server", "pool", "peer", "refclock", "broadcast", "manycastclient", "restrict",
        "unrestrict", "fudge", "tos", "tinker", "disable", "enable", "crypto", "nts", "trustedkey",
    }
)  # fmt: skip
"""Directives that add up; of every other one the last line holds."""
_MOBILISING = ("pool", "broadcastclient", "multicastclient", "manycastclient")
_SOURCES = frozenset({"server", "pool", "peer"})


def lint(text: Text, files: Files, software: Software | None, *, product: str = "ntpd") -> Linted:
    """Read an ntp.conf or a part of it; ``--software`` may say which of the two programs it is."""
    said = software is not None and software.product in ntp_conf.NEWEST
    if software is None or not said:
        software = Software(product=product, version=ntp_conf.NEWEST[product])
    version = software.version if said else None
    conf = ntp_conf.read(text, files, software.product, version)
    settings = Settings(text, software, assumed=not said)
    complete = not is_part(text.name)
    facts = _Facts(conf, files, software, settings).facts(complete=complete)
    if complete:
        _defaults(facts, settings)
    return Linted(
        views=(View(facts={"ntp": NtpFacts(config=facts)}, settings=settings.done()),),
        software=str(software),
        software_assumed=not said,
        problems=conf.refused,
    )


def _defaults(facts: NtpConfigFacts, settings: Settings) -> None:
    settings.default(
        "driftfile", "", "driftfile is not set: the clock's rate is forgotten at every restart"
    )
    if not facts.sources:
        settings.default("server", "", "no server, pool or peer is set")
    open_ = any(rights.may_query for rights in facts.strangers if not rights.setting)
    settings.default(
        "restrict default",
        "" if open_ else "noquery limited",
        "restrict default is not set: everybody may query"
        if open_
        else "restrict default noquery limited",
    )
    settings.default("disable monitor", "", "disable monitor is not set: clients are remembered")
    if facts.nts_known:
        settings.default("nts enable", "", "nts enable is not set: no NTS is served")


class _Facts:
    """Gathers the facts and settings of one configuration."""

    def __init__(self, conf: Conf, files: Files, software: Software, settings: Settings) -> None:
        self.conf = conf
        self.files = files
        self.product, self.version = software.product, software.version
        self.settings = settings
        self.sources: list[ConfiguredSource] = []
        self.named = 0
        """How many lines name a source, those left out, too."""
        self.clocks: list[str] = []
        self.local: dict[str, int] = {}
        """By the key of its line, the stratum of the machine's own clock."""
        self.autokey: list[str] = []
        self.monitor = True
        self.trusted: set[str] = set()
        self.last: dict[str, Directive] = {}
        self.tos: dict[str, str] = {}
        self.nts: dict[str, str] = {}

    def facts(self, *, complete: bool) -> NtpConfigFacts:
        """Read every directive, then say what they decide together."""
        for directive in self.conf.directives:
            self._take(directive)
        known = restrictions(self.conf.directives, self.product, self.version)
        rights = strangers(known) if complete else ()
        keys = self._keys()
        nts_known = self.product == "ntpsec" and self.version >= NTS_SINCE
        orphan = as_integer(self.tos.get("orphan", ""))
        orphans = orphan is not None and orphan < ORPHAN_STRATUM_NONE
        at_most = as_integer(self.tos.get("maxclock", ""))
        return NtpConfigFacts(
            product=self.product,
            version=".".join(map(str, self.version)),
            complete=complete,
            sources=capped(self.sources, self.named, self.files, self.conf),
            reference_clocks=tuple(self.clocks),
            sources_at_most=MAXCLOCK if at_most is None else at_most,
            drift_file=shown(self.last["driftfile"].words) if "driftfile" in self.last else "",
            local_stratum=min(self.local.values()) if self.local else orphan if orphans else None,
            local_orphan=orphans and not self.local,
            local_settings=tuple(self.local) or (("tos orphan",) if orphans else ()),
            leap_seconds=self.last["leapfile"].at.text if "leapfile" in self.last else "",
            serves=_serves(rights) if complete else None,
            strangers=rights,
            mobilised_by=tuple(name for name in _MOBILISING if name in self.last),
            restrict_source=any(_is_source(line) for line in self.conf.directives),
            monitor=self._remembers(known) if complete else None,
            monlist=_monlist(self.product, self.version),
            autokey=tuple(dict.fromkeys(self.autokey))[:MAX_SOURCES],
            key_file=shown(self.last["keys"].words) if "keys" in self.last else "",
            md5_keys=keys.md5,
            key_file_read=keys.read,
            nts_known=nts_known,
            nts_server=("enable" in self.nts) if complete and nts_known else None,
            nts_dump=shown([self.nts.get("cookie", _COOKIES)]) if nts_known else "",
        )

    def _take(self, directive: Directive) -> None:
        self.last[directive.name] = directive
        if directive.name in _MANY:
            self.settings.add(directive.name, directive)
        else:
            self.settings.put(directive.name, directive)
        if directive.name in _SOURCES | {"broadcast", "manycastclient", "refclock"}:
            self._source(directive)
        elif directive.name in {"restrict", "unrestrict"}:
            self.settings.add(key_of(directive), directive)
        elif directive.name == "fudge":
            self._fudge(directive)
        elif directive.name == "tos":
            self._pairs(directive, self.tos)
        elif directive.name == "nts":
            self._nts(directive)
        elif directive.name in {"enable", "disable"} and "monitor" in directive.words:
            self.monitor = directive.name == "enable"
            self.settings.put("disable monitor", directive)
        elif directive.name == "crypto":
            self.autokey.append("crypto")
        elif directive.name == "trustedkey":
            self.trusted.update(directive.words)

    def _pairs(self, directive: Directive, into: dict[str, str]) -> None:
        for option, value in zip(directive.words[::2], directive.words[1::2], strict=False):
            into[option] = value
            self.settings.put(f"{directive.name} {option}", directive)

    def _nts(self, directive: Directive) -> None:
        options = options_of(directive.words, _valued("nts"))
        self.nts.update(options.values)
        for flag in options.flags:
            self.nts[flag] = ""
            self.settings.put(f"nts {flag}", directive)
        if "disable" in options.flags:
            self.nts.pop("enable", None)

    def _source(self, directive: Directive) -> None:
        self.named += directive.name in _SOURCES
        if self.named > MAX_SOURCES and directive.name in _SOURCES:
            return
        words = list(directive.words)
        if words[0] in {"-4", "-6"}:
            words.pop(0)
        options = options_of(words[1:], _valued("source"))
        source = source_of(directive, words[0], options)
        self.settings.add(source.setting, directive)
        if source.autokey:
            self.autokey.append(source.setting)
        if directive.name == "refclock" or words[0].startswith("127.127."):
            if words[0] == "local" or words[0].startswith("127.127.1."):
                stratum = options.integer("stratum")
                self.local[source.setting] = LOCAL_STRATUM if stratum is None else stratum
            elif len(self.clocks) < MAX_CLOCKS:
                self.clocks.append(source.name)
        elif directive.name in _SOURCES:
            self.sources.append(source)

    def _fudge(self, directive: Directive) -> None:
        """A fudge line gives the stratum of the clock that a server line attaches."""
        address = directive.words[0] if directive.words else ""
        words = directive.words
        if not address.startswith("127.127.1.") or "stratum" not in words[:-1]:
            return
        stratum = as_integer(words[words.index("stratum") + 1])
        setting = f"server {address}"
        if stratum is not None and setting in self.local:
            self.local[setting] = stratum
            self.settings.add(setting, directive)

    def _remembers(self, known: Mapping[Network, Restriction]) -> bool:
        """Whether clients are remembered: ``limited`` needs that, whatever ``disable`` says."""
        return self.monitor or any("limited" in one.flags for one in known.values())

    def _keys(self) -> KeyFile:
        """Return the MD5 keys that are trusted: another key is in the file and of no use."""
        name = self.last["keys"].value if "keys" in self.last else ""
        keys = key_file(name, self.files, untyped_is_md5=False)
        ranges = any("(" in word or "..." in word for word in self.trusted)
        lines = tuple(
            line for line in keys.lines if ranges or line.name.removeprefix("key ") in self.trusted
        )
        for line in lines:
            self.settings.add(line.name, line)
        return KeyFile(
            read=keys.read,
            md5=tuple(line.name.removeprefix("key ") for line in lines),
            lines=lines,
        )


@functools.cache
def _valued(table: str) -> frozenset[str]:
    """Return the options of a table that take a value."""
    return frozenset(n for n, takes in ntp_conf.grammar().options[table].items() if takes)


def _is_source(line: Directive) -> bool:
    """Return whether it is a ``restrict source`` line."""
    return line.name == "restrict" and "source" in line.words[:2]


def _serves(rights: tuple[DefaultRights, ...]) -> bool:
    """Return whether a stranger of either family is given time."""
    return any(not {"ignore", "noserve"} & set(one.flags) for one in rights)


def _monlist(product: str, version: Version) -> bool | None:
    """Return whether a version answers monlist; None for 4.2.7, whose patches differ."""
    if product != "ntpd" or version[:3] > MONLIST_TILL:
        return False
    return None if version[:3] == MONLIST_TILL else True

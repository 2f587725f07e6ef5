"""The facts and settings of an ntp.conf, of ntpd or ntpsec."""

from __future__ import annotations

from collections.abc import Mapping

from seventh.lint.clocks.grammar import Version
from seventh.lint.clocks.lines import Conf, Directive, as_integer, shown
from seventh.lint.clocks.settings import (
    MAX_CLOCKS,
    MAX_SOURCES,
    Settings,
    capped,
    is_part,
    md5_keys,
    options_of,
    source_of,
)
from seventh.lint.ntpd import conf as ntp_conf
from seventh.lint.ntpd.restrictions import (
    Network,
    Restriction,
    default_rights,
    denied,
    key_of,
    restrictions,
)
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Linted, Software
from seventh.protocols.ntp.facts.config import ConfiguredSource, DefaultRights, NtpConfigFacts

NTS_SINCE = (1, 2, 0)
"""The first version of ntpsec with NTS; ntpd does not support it."""
MAXCLOCK = 10
"""The default of ``tos maxclock``."""
MONLIST_TILL = (4, 2, 7)
"""monlist was removed in 4.2.7p26; of 4.2.7, the number does not show the patch level."""
LOCAL_STRATUM = 5
ORPHAN_STRATUM_NONE = 16
_COOKIES = "/var/lib/ntp/nts-keys"
_MANY = frozenset(
    {
        "server", "pool", "peer", "refclock", "broadcast", "manycastclient", "restrict",
        "unrestrict", "fudge", "tos", "tinker", "disable", "enable", "crypto", "nts", "trustedkey",
    }
)  # fmt: skip
"""Directives that accumulate; of every other one, the last line applies."""
_MOBILISING = ("pool", "broadcastclient", "multicastclient", "manycastclient")
_SOURCES = frozenset({"server", "pool", "peer"})


def lint(text: Text, files: Files, software: Software | None, *, product: str = "ntpd") -> Linted:
    """Read an ntp.conf or a part of it; ``--software`` may name the other of the two programs."""
    assumed = software is None or software.product not in ntp_conf.NEWEST
    if software is None or assumed:
        software = Software(product=product, version=ntp_conf.NEWEST[product])
    version = None if assumed else software.version
    conf = ntp_conf.read(text, files, software.product, version)
    settings = Settings(text, software, assumed=assumed)
    complete = not is_part(text.name)
    facts = _Facts(conf, files, software, settings).facts(complete=complete)
    if complete:
        _defaults(facts, settings)
    return settings.linted(facts, conf)


def _defaults(facts: NtpConfigFacts, settings: Settings) -> None:
    settings.default(
        "driftfile", "", "driftfile not set: the clock's drift is lost at every restart"
    )
    if not facts.sources:
        settings.default("server", "", "no server, pool or peer set")
    open_ = any(rights.may_query for rights in facts.strangers if not rights.setting)
    settings.default(
        "restrict default",
        "" if open_ else "noquery limited",
        "restrict default not set: any host may query"
        if open_
        else "restrict default noquery limited",
    )
    settings.default("disable monitor", "", "disable monitor not set: clients are recorded")
    if facts.nts_known:
        settings.default("nts enable", "", "nts enable not set: NTS is not served")


class _Facts:
    """Collects the facts and settings of one configuration."""

    def __init__(self, conf: Conf, files: Files, software: Software, settings: Settings) -> None:
        self.conf = conf
        self.files = files
        self.product, self.version = software.product, software.version
        self.settings = settings
        self.sources: list[ConfiguredSource] = []
        self.named = 0
        """The number of lines that name a source, including those above the limit."""
        self.clocks: list[str] = []
        self.local: dict[str, int] = {}
        """The stratum of the local clock, by the key of its line."""
        self.autokey: list[str] = []
        self.monitor = True
        self.trusted: set[str] = set()
        self.last: dict[str, Directive] = {}
        self.tos: dict[str, str] = {}
        self.nts_server = False
        self.cookies = _COOKIES

    def facts(self, *, complete: bool) -> NtpConfigFacts:
        """Return the facts of all directives."""
        for directive in self.conf.directives:
            self._take(directive)
        known = restrictions(self.conf.directives, self.product, self.version)
        rights = default_rights(known) if complete else ()
        keys = self._md5_keys()
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
            denied=denied(self.sources, self.conf.directives, known) if complete else (),
            mobilised_by=tuple(name for name in _MOBILISING if name in self.last),
            restrict_source=any(_is_source(line) for line in self.conf.directives),
            monitor=self._monitors(known) if complete else None,
            monlist=_monlist(self.product, self.version),
            autokey=tuple(dict.fromkeys(self.autokey))[:MAX_SOURCES],
            key_file=shown(self.last["keys"].words) if "keys" in self.last else "",
            md5_keys=tuple(keys or ()),
            key_file_read=keys is not None,
            nts_known=nts_known,
            nts_server=self.nts_server if complete and nts_known else None,
            nts_dump=shown([self.cookies]) if nts_known else "",
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
        options = options_of(directive.words, ntp_conf.grammar().valued["nts"])
        self.cookies = options.values.get("cookie", self.cookies)
        for flag in options.flags:
            self.settings.put(f"nts {flag}", directive)
        if "enable" in options.flags:
            self.nts_server = True
        if "disable" in options.flags:
            self.nts_server = False

    def _source(self, directive: Directive) -> None:
        self.named += directive.name in _SOURCES
        if self.named > MAX_SOURCES and directive.name in _SOURCES:
            return
        words = list(directive.words)
        if words[0] in {"-4", "-6"}:
            words.pop(0)
        options = options_of(words[1:], ntp_conf.grammar().valued["source"])
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
        """Set the stratum of the local clock of a server line."""
        setting = f"server {directive.words[0]}"
        options = options_of(directive.words[1:], ntp_conf.grammar().valued["fudge"])
        stratum = options.integer("stratum")
        if stratum is not None and setting in self.local:
            self.local[setting] = stratum
            self.settings.add(setting, directive)

    def _monitors(self, known: Mapping[Network, Restriction]) -> bool:
        """Return whether clients are recorded; ``limited`` requires that despite ``disable``."""
        return self.monitor or any("limited" in one.flags for one in known.values())

    def _md5_keys(self) -> tuple[str, ...] | None:
        """Return the IDs of trusted keys of type MD5; other keys of the file are not used."""
        name = self.last["keys"].value if "keys" in self.last else ""
        keys = md5_keys(name, self.files, untyped_is_md5=False)
        if keys is None:
            return None
        ranges = any("(" in word or "..." in word for word in self.trusted)
        trusted = {key: line for key, line in keys.items() if ranges or key in self.trusted}
        for line in trusted.values():
            self.settings.add(line.name, line)
        return tuple(trusted)


def _is_source(line: Directive) -> bool:
    """Return whether it is a ``restrict source`` line."""
    return line.name == "restrict" and "source" in line.words[:2]


def _serves(rights: tuple[DefaultRights, ...]) -> bool:
    """Return whether time is served to any host of either family."""
    return any(not {"ignore", "noserve"} & set(one.flags) for one in rights)


def _monlist(product: str, version: Version) -> bool | None:
    """Return whether a version supports monlist; None for 4.2.7, whose patches differ."""
    if product != "ntpd" or version[:3] > MONLIST_TILL:
        return False
    return None if version[:3] == MONLIST_TILL else True

"""The facts and settings of a chrony.conf."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.lint.chrony import conf as chrony_conf
from seventh.lint.clocks.lines import Conf, Directive, as_integer, as_number, shown
from seventh.lint.clocks.settings import (
    MAX_CLOCKS,
    MAX_SOURCES,
    Options,
    Settings,
    capped,
    is_part,
    md5_keys,
    options_of,
    source_of,
)
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Linted, Software
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts

NTS_SINCE = (4, 0)
POOL_MAXSOURCES = 4
"""The default of ``maxsources``."""
ROTATE_SECONDS = 604800
LOCAL_STRATUM = 10
_MANY = frozenset(
    {
        "server", "pool", "peer", "refclock", "allow", "deny", "cmdallow", "cmddeny", "broadcast",
        "hwtimestamp", "ntsserverkey", "ntsservercert", "ntstrustedcerts", "sourcedir",
    }
)  # fmt: skip
"""Directives that accumulate; of every other one, the last line applies."""
_DEFAULTS = (
    ("makestep", "", "makestep not set: the clock is slewed, never stepped"),
    ("driftfile", "", "driftfile not set: the clock's drift is lost at every restart"),
    ("rtcsync", "", "rtcsync not set: the hardware clock is not synchronised"),
    ("server", "", "no server, pool or peer set"),
    ("ntsrotate", str(ROTATE_SECONDS), f"ntsrotate {ROTATE_SECONDS}"),
    ("ntsdumpdir", "", "ntsdumpdir not set: cookie keys are lost at every restart"),
    ("ntsserverkey", "", "ntsserverkey not set: NTS is not served"),
)


def lint(
    text: Text, files: Files, software: Software | None, *, only_sources: bool = False
) -> Linted:
    """Read a chrony.conf, a part of it, or a file of sources."""
    assumed = software is None
    software = software or Software(product="chrony", version=chrony_conf.NEWEST)
    reader = chrony_conf.read_sources if only_sources else chrony_conf.read
    conf = reader(text, files, None if assumed else software.version)
    settings = Settings(text, software, assumed=assumed)
    complete = not only_sources and not is_part(text.name)
    facts = _facts(conf, files, software, settings, complete=complete)
    if complete:
        for key, value, meaning in _DEFAULTS:
            if key != "server" or not facts.sources:
                settings.default(key, value, meaning)
    return settings.linted(facts, conf)


def _facts(
    conf: Conf, files: Files, software: Software, settings: Settings, *, complete: bool
) -> NtpConfigFacts:
    last: dict[str, Directive] = {}
    sources: list[ConfiguredSource] = []
    clocks: list[str] = []
    named = 0
    for directive in conf.directives:
        last[directive.name] = directive
        if directive.name not in _MANY:
            settings.put(directive.name, directive)
            continue
        settings.add(directive.name, directive)
        if directive.name in {"server", "pool", "peer"}:
            named += 1
            if named <= MAX_SOURCES:
                sources.append(_source(directive))
                settings.add(sources[-1].setting, directive)
        elif directive.name == "refclock" and len(clocks) < MAX_CLOCKS:
            clocks.append(shown(directive.words[:2]))
    keys = md5_keys(_value(last, "keyfile"), files, untyped_is_md5=True)
    for line in (keys or {}).values():
        settings.add(line.name, line)
    local = _options(last["local"].words if "local" in last else (), "local")
    return NtpConfigFacts(
        product="chrony",
        version=".".join(map(str, software.version)),
        complete=complete,
        sources=capped(sources, named, files, conf),
        reference_clocks=tuple(clocks),
        makestep_seconds=as_number(_value(last, "makestep")),
        makestep_updates=as_integer(_value(last, "makestep", 1)),
        initstepslew="initstepslew" in last,
        drift_file=shown([_value(last, "driftfile")]),
        rtc=next((name for name in ("rtcsync", "rtcfile") if name in last), ""),
        local_stratum=(local.integer("stratum") or LOCAL_STRATUM) if "local" in last else None,
        local_orphan="orphan" in local.flags,
        local_settings=("local",) if "local" in last else (),
        leap_seconds=next(
            (last[name].at.text for name in ("leapsectz", "leapseclist") if name in last), ""
        ),
        serves="allow" in last and as_integer(_value(last, "port")) != 0 if complete else None,
        key_file=shown([_value(last, "keyfile")]),
        md5_keys=tuple(keys or ()),
        key_file_read=keys is not None,
        nts_known=software.version >= NTS_SINCE,
        nts_server={"ntsserverkey", "ntsservercert"} <= last.keys() if complete else None,
        nts_rotate_seconds=(
            as_integer(_value(last, "ntsrotate")) if "ntsrotate" in last else ROTATE_SECONDS
        ),
        nts_dump=shown([_value(last, "ntsdumpdir") or _value(last, "ntscachedir")]),
    )


def _source(directive: Directive) -> ConfiguredSource:
    options = _options(directive.words[1:], "source")
    source = source_of(directive, directive.words[0], options)
    if directive.name != "pool":
        return source
    most = options.integer("maxsources")
    return replace(source, maxsources=POOL_MAXSOURCES if most is None else most)


def _options(words: tuple[str, ...], table: str) -> Options:
    return options_of(words, chrony_conf.grammar().valued[table])


def _value(last: dict[str, Directive], name: str, position: int = 0) -> str:
    """Return an argument of the directive that applies; empty without it."""
    words = last[name].words if name in last else ()
    return words[position] if position < len(words) else ""

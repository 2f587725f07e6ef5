"""What a chrony.conf decides."""

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
    key_file,
    options_of,
    source_of,
)
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Linted, Software, View
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts

NTS_SINCE = (4, 0)
POOL_MAXSOURCES = 4
"""How many servers a pool line becomes where it does not say so."""
ROTATE_SECONDS = 604800
LOCAL_STRATUM = 10
_MANY = frozenset(
    {
        "server", "pool", "peer", "refclock", "allow", "deny", "cmdallow", "cmddeny", "broadcast",
        "hwtimestamp", "ntsserverkey", "ntsservercert", "ntstrustedcerts", "sourcedir",
    }
)  # fmt: skip
"""Directives that add up; of every other one the last line holds."""
_DEFAULTS = (
    ("makestep", "", "makestep is not set: the clock is slewed and never stepped"),
    ("driftfile", "", "driftfile is not set: the clock's rate is forgotten at every restart"),
    ("rtcsync", "", "rtcsync is not set: the hardware clock is left alone"),
    ("server", "", "no server, pool or peer is set"),
    ("ntsrotate", str(ROTATE_SECONDS), f"ntsrotate {ROTATE_SECONDS}"),
    ("ntsdumpdir", "", "ntsdumpdir is not set: cookies and their keys are lost at every restart"),
    ("ntsserverkey", "", "ntsserverkey is not set: no NTS is served"),
)


def lint(
    text: Text, files: Files, software: Software | None, *, only_sources: bool = False
) -> Linted:
    """Read a chrony.conf, a part of it, or a file of sources."""
    said = software is not None
    software = software or Software(product="chrony", version=chrony_conf.NEWEST)
    reader = chrony_conf.read_sources if only_sources else chrony_conf.read
    conf = reader(text, files, software.version if said else None)
    settings = Settings(text, software, assumed=not said)
    complete = not only_sources and not is_part(text.name)
    facts = _facts(conf, files, software, settings, complete=complete)
    if complete:
        for key, value, words in _DEFAULTS:
            if key != "server" or not facts.sources:
                settings.default(key, value, words)
    return Linted(
        views=(View(facts={"ntp": NtpFacts(config=facts)}, settings=settings.done()),),
        software=str(software),
        software_assumed=not said,
        problems=conf.refused,
    )


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
    keys = key_file(_value(last, "keyfile"), files, untyped_is_md5=True)
    for line in keys.lines:
        settings.add(line.name, line)
    local = _options(last.get("local"), "local")
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
        md5_keys=keys.md5,
        key_file_read=keys.read,
        nts_known=software.version >= NTS_SINCE,
        nts_server={"ntsserverkey", "ntsservercert"} <= last.keys() if complete else None,
        nts_rotate_seconds=(
            as_integer(_value(last, "ntsrotate")) if "ntsrotate" in last else ROTATE_SECONDS
        ),
        nts_dump=shown([_value(last, "ntsdumpdir") or _value(last, "ntscachedir")]),
    )


def _source(directive: Directive) -> ConfiguredSource:
    options = _options(directive, "source", skip=1)
    source = source_of(directive, directive.words[0], options)
    if directive.name != "pool":
        return source
    most = options.integer("maxsources")
    return replace(source, maxsources=POOL_MAXSOURCES if most is None else most)


def _options(directive: Directive | None, table: str, skip: int = 0) -> Options:
    known = chrony_conf.grammar().options[table]
    valued = frozenset(name for name, takes in known.items() if takes)
    return options_of(directive.words[skip:] if directive is not None else (), valued)


def _value(last: dict[str, Directive], name: str, position: int = 0) -> str:
    """Return a word of the directive that holds; empty where there is none."""
    words = last[name].words if name in last else ()
    return words[position] if position < len(words) else ""

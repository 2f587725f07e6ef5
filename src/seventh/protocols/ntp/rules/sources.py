"""What only shows when several servers are looked at together, or in a list of them.

The list is either that of servers which were asked (``sources``) or that of a configuration file
(``config``); a condition reads whichever is there.
"""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts
from seventh.protocols.ntp.facts.sources import SourceFacts, SourcesFacts
from seventh.protocols.ntp.facts.together import circles, followed, upstreams
from seventh.protocols.ntp.rules import lines
from seventh.protocols.ntp.rules.examples import FOUR, among
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

ENOUGH = 4
"""With four sources, one may be wrong and one may be down, and a majority is left."""
_POOL_SOURCES = 4
"""What a ``pool`` line counts for where it says nothing: chrony's default of ``maxsources``."""
_SHOWN = 8
"""How many names evidence writes out."""
_IN_PLACE = {
    "chrony": "# in place of servers of one operator\npool pool.ntp.org iburst maxsources 4",
    "ntpd": "# in place of servers of one operator\npool pool.ntp.org iburst",
}
_LISTS = {
    "chrony": ("server", "pool", "peer"),
    "ntpd": ("server", "pool", "peer"),
    "ntpsec": ("server", "pool", "peer"),
}


def _compared(ntp: NtpFacts) -> tuple[SourceFacts, ...] | Skip:
    """Return the distinct servers that gave time, at least two of them."""
    if ntp.sources is None and ntp.config is not None and ntp.config.product:
        return Skip("no servers are compared: the file does not name several to follow")
    if ntp.sources is None:
        return Skip("only one server was asked; name several, or a pool, to have them compared")
    usable = ntp.sources.usable
    if len(usable) < 2:
        return Skip(f"{len(usable)} of the servers gave time; two are needed to compare")
    return usable


def _shown(names: tuple[str, ...]) -> tuple[str, ...]:
    """As many as evidence writes out, and how many there are beyond."""
    more = len(names) - _SHOWN
    return (*names[:_SHOWN], f"and {more} more") if more > 0 else names


def _followed_sources(ntp: NtpFacts) -> tuple[ConfiguredSource, ...]:
    """Return the sources of a configuration file that may become what the clock follows."""
    if ntp.config is None:
        return ()
    return tuple(source for source in ntp.config.sources if not source.noselect)


@rule(
    "NTP-FALSETICKER",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Servers contradict each other's time",
    evidence="{wrong}; {judged_by}",
    why="Each server says how far it may be off, and these statements cannot all be true. A client "
    "drops the minority; where the wrong ones are as many as the right ones, it follows nobody, or "
    "the wrong ones.",
    fix={
        "any": "Drop the named server from every client's sources, or mend its clock. Without a "
        "majority, add servers of other operators until there is one.",
        "chrony": "# remove the `server`/`pool` line of the named server; `chronyc sources` marks "
        "it with x",
        "ntpd": "# remove the `server`/`pool` line of the named server; `ntpq -pn` marks it with x",
    },
    references=("RFC 5905 §11.2.1", "RFC 8633 §3.2"),
    seed=("12.4.1",),
    good=FOUR,
    bad=among(3, offset_seconds=37.0),
)
def falseticker(ntp: NtpFacts) -> Verdict:
    """Return a source outside every majority is wrong; one that clients drop may be."""
    compared = _compared(ntp)
    if isinstance(compared, Skip):
        return compared
    majority = _majority(ntp.sources) + _perhaps_smeared(compared)
    for verdict, severity, said in (
        ("undecided", Severity.HIGH, ""),
        ("falseticker", Severity.HIGH, ""),
        ("outvoted", Severity.MEDIUM, "clients drop it, though it may still be right: "),
    ):
        wrong = tuple(_told(source) for source in compared if source.verdict == verdict)
        if wrong:
            return Hit(severity, wrong=wrong, judged_by=said + majority)
    return None


def _perhaps_smeared(compared: tuple[SourceFacts, ...]) -> str:
    """Return what else a difference of less than a second can be while a leap second is announced.

    At no other time can a smear be told from a wrong clock, nor seen at all.
    """
    announced = any(source.leap in {1, 2} for source in compared)
    offsets = [source.offset_seconds or 0.0 for source in compared]
    if not announced or max(offsets) - min(offsets) > 1:
        return ""
    return "; a leap second is announced, so that this may be a smear"


def _told(source: SourceFacts) -> str:
    return f"{source.name}: {source.offset_seconds or 0:+.6f} s ± {source.error_seconds or 0:.6f} s"


def _majority(sources: SourcesFacts | None) -> str:
    if sources is None or sources.low_seconds is None or sources.high_seconds is None:
        return "no majority of them agrees, so that at least half are wrong"
    return (
        f"the majority of {len(sources.usable)} has true time {sources.low_seconds:+.6f} to "
        f"{sources.high_seconds:+.6f} s from this machine's clock"
    )


@rule(
    "NTP-SMEAR-MIX",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Smeared and true time are mixed",
    evidence="{smeared}; others: {others}",
    why="Around a leap second a smearing service is up to half a second or more away from UTC, for "
    "a day, and splits a client's sources into two camps. At all other times the two are the same, "
    "so no measurement shows it: smearers are told by what is known of their names, addresses and "
    "reference identifiers, and one that nobody knows is not seen.",
    fix={
        "any": "Take either sources that all smear the same way, or none that smears. Beside "
        "sources that smear, leave out leapsectz, leapseclist and leapfile.",
        "chrony": "# and no time.google.com, time.aws.com, time.facebook.com or 169.254.169.123 "
        "beside it\npool pool.ntp.org iburst maxsources 4",
        "ntpd": "pool pool.ntp.org iburst   # and no time.google.com, time.aws.com, "
        "time.facebook.com or 169.254.169.123 beside it",
    },
    references=("RFC 8633",),
    seed=("12.4.2",),
    good=FOUR,
    bad=among(3, smears="Google, 24 h linear", smears_by="reference identifier GOOG", stratum=1),
    directives=_LISTS,
)
def smear_mix(ntp: NtpFacts) -> Verdict:
    """Known smearers beside others, or beside those who smear another way."""
    configured = _followed_sources(ntp)
    if configured:
        mixed = _mixed([(s.name, s.smears) for s in configured])
        if mixed is not None:
            return mixed.at(*(s.setting for s in configured if s.smears))
        if ntp.config is not None and (leaping := _leaping_beside(ntp.config, configured)):
            return leaping
        return Skip("the file names only one source") if len(configured) < 2 else None
    compared = _compared(ntp)
    if isinstance(compared, Skip):
        return compared
    return _mixed(
        [(f"{s.name} ({s.smears_by})" if s.smears else s.name, s.smears) for s in compared]
    )


def _leaping_beside(config: NtpConfigFacts, sources: tuple[ConfiguredSource, ...]) -> Hit | None:
    """Return a hit if all sources smear and the machine itself is told to leap."""
    smeared = tuple(f"{source.name}: {source.smears}" for source in sources if source.smears)
    if not smeared or not config.leap_seconds:
        return None
    directive = config.leap_seconds.partition(" ")[0]
    return Hit(
        smeared=smeared, others=(f"this machine itself, which leaps by {config.leap_seconds}",)
    ).at(directive, *(source.setting for source in sources if source.smears))


def _mixed(sources: list[tuple[str, str]]) -> Hit | None:
    """Return a hit if not all of the named sources smear alike."""
    # Who smears does not matter where it is done the same way: the part behind the name says how.
    ways = {smears.partition(", ")[2] or smears for _, smears in sources}
    if len(ways) < 2:
        return None
    plain = tuple(name for name, smears in sources if not smears)
    return Hit(
        smeared=_shown(tuple(f"{name}: {smears}" for name, smears in sources if smears)),
        others=_shown(plain) or ("none, but these smear in different ways",),
    )


@rule(
    "NTP-FEW",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Too few time sources",
    evidence="{count} source(s) with time: {names}",
    why="With one source nothing tells that it is wrong; with two nothing tells which; with three, "
    "one outage leaves two. Four outvote one that is wrong even while another is down.",
    fix={
        "any": "Use at least four sources of different operators.",
        "chrony": "{chrony}",
        "ntpd": "{ntpd}",
        "ntpsec": "{ntpsec}",
    },
    references=("RFC 8633 §3.2",),
    seed=("12.4.2",),
    good=FOUR,
    bad=among(3, verdict="unusable", detail="says itself that it is unsynchronised"),
    directives=_LISTS,
)
def few(ntp: NtpFacts) -> Verdict:
    """Fewer than four: in a whole configuration, among the targets, or behind a name."""
    if ntp.config is not None and ntp.config.product:
        return _few_configured(ntp)
    if ntp.sources is None:
        return Skip("one server says nothing about how many a client uses")
    usable = ntp.sources.usable
    if ntp.sources.targets < 2 and len(usable) < 2:
        return Skip("the name leads to one server, which says nothing about how many a client uses")
    if len(usable) >= ENOUGH:
        return None
    return Hit(
        count=len(usable),
        names=tuple(source.name for source in usable) or ("none",),
        **lines.pasted(lines.more_sources(None, len(usable), ENOUGH)),
    )


def _few_configured(ntp: NtpFacts) -> Verdict:
    config = ntp.config
    if config is None or not config.complete:
        return Skip("the file is a part of a configuration; other parts may name more sources")
    sources = _followed_sources(ntp)
    count = len(config.reference_clocks) + sum(
        (source.maxsources or _POOL_SOURCES) if source.kind == "pool" else 1 for source in sources
    )
    if config.sources_at_most is not None:
        count = min(count, config.sources_at_most)
    if count >= ENOUGH:
        return None
    names = (*(source.name for source in sources), *config.reference_clocks)
    settings = tuple(source.setting for source in sources)
    hit = Hit(
        count=count,
        names=_shown(names) or ("none",),
        **lines.pasted(lines.more_sources(config, count, ENOUGH)),
    )
    return hit.at(*settings) if settings else hit


@rule(
    "NTP-SAMEUP",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Sources depend on one upstream",
    evidence="{shared}",
    why="Sources that follow the same server, or one another, are wrong together: they win the "
    "vote by number and are one voice in truth.",
    fix={
        "any": "Keep one of them and replace the others by servers of other operators, with other "
        "upstreams.",
        "chrony": "{chrony}",
        "ntpd": "{ntpd}",
        "ntpsec": "{ntpd}",
    },
    references=("RFC 8633 §3.3",),
    seed=("12.4.2",),
    good=FOUR,
    bad=among(3, reference_id="203.0.113.10", reference_id_hex="cb00710a"),
    directives=_LISTS,
)
def same_upstream(ntp: NtpFacts) -> Verdict:
    """Equal reference identifiers from stratum 2 on, one source behind another, or a name twice."""
    configured = _followed_sources(ntp)
    if configured:
        return _named_twice(configured)
    compared = _compared(ntp)
    if isinstance(compared, Skip):
        return compared
    refids = {source.reference_id_hex: source.reference_id for source in compared}
    follows = upstreams(compared)
    ring = {name for names in circles(follows) for name in names}
    shared = [
        f"{', '.join(names)} follow {refids[refid]}"
        for refid, names in followed(compared).items()
        if len(names) > 1
    ]
    # Those that follow each other are NTP-LOOP's.
    shared += [
        f"{name} follows {upstream}, which is among them"
        for name, upstream in follows.items()
        if name not in ring
    ]
    return Hit(shared=tuple(shared), **lines.pasted(_IN_PLACE)) if shared else None


def _named_twice(configured: tuple[ConfiguredSource, ...]) -> Verdict:
    if len(configured) < 2:
        return Skip("the file names only one source")
    by_name: dict[str, list[ConfiguredSource]] = {}
    for source in configured:
        by_name.setdefault(source.name.rstrip(".").lower(), []).append(source)
    twice = {name: found for name, found in by_name.items() if len(found) > 1}
    if not twice:
        return None
    said = tuple(f"{name} stands in {len(found)} lines" for name, found in twice.items())
    doubled = [source for found in twice.values() for source in found[1:]]
    remove = "\n".join(f"# remove the second of: {source.text}" for source in doubled[:_SHOWN])
    return Hit(shared=_shown(said), **lines.pasted({"chrony": remove, "ntpd": remove})).at(
        *(s.setting for found in twice.values() for s in found)
    )

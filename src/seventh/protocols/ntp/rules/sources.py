"""What shows only when several servers are compared, or listed in a configuration file.

The list is either that of the checked servers (``sources``) or that of a configuration file
(``config``); a rule reads whichever is known.
"""

from __future__ import annotations

from collections.abc import Sequence

from seventh.model.report import Param
from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts
from seventh.protocols.ntp.facts.sources import SourceFacts
from seventh.protocols.ntp.facts.together import circles, followed, upstreams
from seventh.protocols.ntp.rules import lines
from seventh.protocols.ntp.rules.examples import FOUR, among
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

ENOUGH = 4
"""With four sources, one may be wrong and one down, and a majority is left."""
_POOL_SOURCES = 4
"""How many sources a ``pool`` line adds by default (``maxsources`` of chrony)."""
_LISTS = dict.fromkeys(("chrony", "ntpd", "ntpsec"), ("server", "pool", "peer"))
_ONE_LISTED = Skip("the file has only one source")


def _compared(ntp: NtpFacts) -> tuple[SourceFacts, ...] | Skip:
    """Return the distinct servers that gave time, at least two of them."""
    if ntp.sources is None and ntp.config is not None:
        return Skip("no servers to compare: the file has no selectable source")
    if ntp.sources is None:
        return Skip("only one server was checked: name several, or a pool, to compare them")
    usable = ntp.sources.usable
    if len(usable) < 2:
        return Skip(f"servers that gave time: {len(usable)}; a comparison needs two")
    return usable


@rule(
    "NTP-FALSETICKER",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Servers disagree on the time",
    evidence="{wrong}; {judged_by}",
    phrases={
        "judged_by": {
            "outlier": "clients discard it, although it may be correct",
            "no-majority": "no majority agrees, so at least half of the servers are wrong",
            "majority": "the majority of {count} servers places true time {low:+.6f} to "
            "{high:+.6f} s from this machine's clock",
            "smear": "a leap second is announced, so this may be a smear",
        }
    },
    why="Each server states its own maximum error, and these statements contradict each other. A "
    "client discards the minority (falsetickers). If no majority agrees, it synchronises to none "
    "of them, or to wrong ones.",
    fix={
        "any": "Remove the named server from every client's sources, or fix its clock. Without a "
        "majority, add servers of other operators until there is one.",
        "chrony": "# remove the `server` or `pool` line of the named server; `chronyc sources` "
        "shows it with x",
        "ntpd": "# remove the `server` or `pool` line of the named server; `ntpq -pn` shows it "
        "with x",
    },
    references=("RFC 5905 §11.2.1", "RFC 8633 §3.2"),
    seed=("12.4.1",),
    good=FOUR,
    bad=among(3, offset_seconds=37.0),
)
def falseticker(ntp: NtpFacts) -> Verdict:
    """Fail a source outside every majority, and at medium severity one that clients discard."""
    compared = _compared(ntp)
    if isinstance(compared, Skip):
        return compared
    for verdict in ("undecided", "falseticker", "outvoted"):
        wrong = [source for source in compared if source.verdict == verdict]
        if wrong:
            break
    else:
        return None
    judged_by = ["outlier"] if verdict == "outvoted" else []
    known: dict[str, Param] = {}
    bounds = ntp.sources
    if bounds is None or bounds.low_seconds is None or bounds.high_seconds is None:
        judged_by.append("no-majority")
    else:
        judged_by.append("majority")
        known = {"count": len(compared), "low": bounds.low_seconds, "high": bounds.high_seconds}
    if _perhaps_smeared(compared):
        judged_by.append("smear")
    return Hit(
        Severity.MEDIUM if verdict == "outvoted" else Severity.HIGH,
        wrong=tuple(
            f"{s.name}: {s.offset_seconds or 0:+.6f} s ± {s.error_seconds or 0:.6f} s"
            for s in wrong
        ),
        judged_by=tuple(judged_by),
        **known,
    )


def _perhaps_smeared(compared: Sequence[SourceFacts]) -> bool:
    """Return whether the difference can be a smear: at most 1 s while a leap second is announced.

    At any other time smeared and true time are the same.
    """
    announced = any(source.leap in {1, 2} for source in compared)
    offsets = [source.offset_seconds or 0.0 for source in compared]
    return announced and max(offsets) - min(offsets) <= 1


@rule(
    "NTP-SMEAR-MIX",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Smeared and true time mixed",
    evidence="{smeared}; {others}",
    phrases={
        "others": {
            "unsmeared": "without smearing: {unsmeared}",
            "ways": "these smear in different ways",
            "machine": "this machine inserts leap seconds itself ({leap_seconds})",
        }
    },
    why="Around a leap second, a smearing service differs from UTC by half a second or more for a "
    "day, which splits a client's sources into two groups. At any other time, smeared and true "
    "time are the same and cannot be measured: Seventh identifies smearing services by their "
    "published names, addresses and reference IDs, and does not detect others.",
    fix={
        "any": "Use either only sources that smear in the same way, or none that smears. With "
        "sources that smear, remove leapsectz, leapseclist and leapfile.",
        "chrony": "# and remove time.google.com, time.aws.com, time.facebook.com and "
        "169.254.169.123\npool pool.ntp.org iburst maxsources 4",
        "ntpd": "pool pool.ntp.org iburst   # and remove time.google.com, time.aws.com, "
        "time.facebook.com and 169.254.169.123",
    },
    references=("RFC 8633",),
    seed=("12.4.2",),
    good=FOUR,
    bad=among(3, smears="Google, 24 h linear", smears_by="reference ID GOOG", stratum=1),
    choice=("chrony", "ntpd", "ntpsec"),
    directives=_LISTS,
)
def smear_mix(ntp: NtpFacts) -> Verdict:
    """Fail known smearing services mixed with others, or with a different way of smearing."""
    if ntp.config is not None and ntp.config.selectable:
        return _mixed_in_file(ntp.config)
    compared = _compared(ntp)
    if isinstance(compared, Skip):
        return compared
    return _mixed(
        [(f"{s.name} ({s.smears_by})" if s.smears else s.name, s.smears) for s in compared]
    )


def _mixed_in_file(config: NtpConfigFacts) -> Verdict:
    """Return a hit also if all sources smear and the machine itself inserts leap seconds."""
    sources = config.selectable
    smearing = [source.setting for source in sources if source.smears]
    mixed = _mixed([(source.name, source.smears) for source in sources])
    if mixed is not None:
        return mixed.at(*smearing)
    if smearing and config.leap_seconds:
        return Hit(
            smeared=lines.shown(f"{source.name}: {source.smears}" for source in sources),
            others="machine",
            leap_seconds=config.leap_seconds,
        ).at(config.leap_seconds.partition(" ")[0], *smearing)
    return _ONE_LISTED if len(sources) < 2 else None


def _mixed(sources: list[tuple[str, str]]) -> Hit | None:
    """Return a hit if not all of the named sources smear alike."""
    # The operator does not matter if the way is the same, which follows the operator's name.
    ways = {smears.partition(", ")[2] or smears for _, smears in sources}
    if len(ways) < 2:
        return None
    unsmeared = [name for name, smears in sources if not smears]
    return Hit(
        smeared=lines.shown(f"{name}: {smears}" for name, smears in sources if smears),
        others="unsmeared" if unsmeared else "ways",
        unsmeared=lines.shown(unsmeared),
    )


@rule(
    "NTP-FEW",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Too few time sources",
    evidence="usable sources: {count} ({names})",
    why="With one source, a wrong time is not noticed. With two, a client cannot determine which "
    "one is wrong. With three, one outage leaves two. With four, the majority still agrees if one "
    "is wrong and another is down.",
    fix={
        "any": "Use at least four sources of different operators.",
        **lines.POOL,
    },
    references=("RFC 8633 §3.2",),
    seed=("12.4.2",),
    good=FOUR,
    bad=among(3, verdict="unusable", detail="unsynchronised"),
    choice=("chrony", "ntpd", "ntpsec"),
    directives=_LISTS,
)
def few(ntp: NtpFacts) -> Verdict:
    """Fail fewer than four: in a complete configuration, among the targets, or behind a name."""
    if ntp.config is not None:
        return _few_configured(ntp.config)
    if ntp.sources is None:
        return Skip("only one server was checked: how many a client uses is not known")
    usable = ntp.sources.usable
    if ntp.sources.targets < 2 and len(usable) < 2:
        return Skip("the name resolves to one server: how many a client uses is not known")
    if len(usable) >= ENOUGH:
        return None
    return Hit(
        count=len(usable),
        names=tuple(source.name for source in usable) or ("none",),
    )


def _few_configured(config: NtpConfigFacts) -> Verdict:
    if not config.complete:
        return lines.PART
    sources = config.selectable
    count = len(config.reference_clocks) + sum(
        (source.maxsources or _POOL_SOURCES) if source.kind == "pool" else 1 for source in sources
    )
    if config.sources_at_most is not None:
        count = min(count, config.sources_at_most)
    if count >= ENOUGH:
        return None
    names = (*(source.name for source in sources), *config.reference_clocks)
    hit = Hit(count=count, names=lines.shown(names) or ("none",))
    return hit.fixed_by(config.product, *lines.more_sources(config, count, ENOUGH)).at(
        *(source.setting for source in sources)
    )


@rule(
    "NTP-SAMEUP",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Sources depend on one upstream",
    evidence="{what}",
    phrases={
        "what": {
            "upstream": "same upstream: {upstream}",
            "chain": "one source is the upstream of another: {chain}",
            "repeated": "configured more than once: {repeated}",
        }
    },
    why="Sources that synchronise to the same server, or to each other, are wrong together. A "
    "client counts them as several sources, and they can win the majority with a single error.",
    fix={
        "any": "Keep one of them and replace the others with servers of other operators and other "
        "upstreams.",
        **{
            product: f"# instead of servers with one upstream\n{pool}"
            for product, pool in lines.POOL.items()
        },
    },
    references=("RFC 8633 §3.3",),
    seed=("12.4.2",),
    good=FOUR,
    bad=among(3, reference_id="203.0.113.10", reference_id_hex="cb00710a"),
    directives=_LISTS,
)
def same_upstream(ntp: NtpFacts) -> Verdict:
    """Fail equal reference IDs from stratum 2 on, one source behind another, or a name twice."""
    if ntp.config is not None and ntp.config.selectable:
        return _named_twice(ntp.config)
    compared = _compared(ntp)
    if isinstance(compared, Skip):
        return compared
    refids = {source.reference_id_hex: source.reference_id for source in compared}
    follows = upstreams(compared)
    ring = {name for names in circles(follows) for name in names}
    shared = {
        "upstream": tuple(
            f"{', '.join(names)} → {refids[refid]}"
            for refid, names in followed(compared).items()
            if len(names) > 1
        ),
        # Sources that follow each other are NTP-LOOP's.
        "chain": tuple(f"{name} → {up}" for name, up in follows.items() if name not in ring),
    }
    if not any(shared.values()):
        return None
    what = tuple(code for code, found in shared.items() if found)
    return Hit(what=what, **shared)


def _named_twice(config: NtpConfigFacts) -> Verdict:
    if len(config.selectable) < 2:
        return _ONE_LISTED
    by_name: dict[str, list[ConfiguredSource]] = {}
    for source in config.selectable:
        by_name.setdefault(source.name.rstrip(".").lower(), []).append(source)
    repeated = {name: found for name, found in by_name.items() if len(found) > 1}
    if not repeated:
        return None
    surplus = [source for found in repeated.values() for source in found[1:]]
    remove = [f"# remove the second of: {s.text}" for s in surplus[: lines.MAX_SHOWN]]
    hit = Hit(
        what="repeated",
        repeated=lines.shown(f"{name} ({len(found)})" for name, found in repeated.items()),
    )
    return hit.fixed_by(config.product, *remove).at(
        *(source.setting for found in repeated.values() for source in found)
    )

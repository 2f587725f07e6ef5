"""``seventh.toml``, read and checked as a whole; every error has its file and line."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from seventh import protocols
from seventh.engine import tables
from seventh.engine.local import areas_named
from seventh.model.failure import UsageError, system_error
from seventh.model.near import unknown
from seventh.model.option import declared
from seventh.model.options import Options
from seventh.model.target import Target, parse_target
from seventh.model.textfile import read_text
from seventh.net.probe_context import vantage
from seventh.watch.keys import (
    LISTED,
    TABLES,
    AlertKeys,
    Defaults,
    HeartbeatKeys,
    Labels,
    LocalKeys,
    MaintenanceKeys,
    NotifyKeys,
    ServeKeys,
    SloKeys,
    StatusKeys,
    TargetKeys,
    Watch,
)
from seventh.watch.maintenance import Maintenance, planned
from seventh.watch.policies import Policies, matches
from seventh.watch.rows import Row, keys, rows
from seventh.watch.verdict import Policy

MAX_FILE_BYTES = 64 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
LOCAL = "local"
"""The scheme of this machine."""
_LOOK_SECONDS = 60.0
_LONGEST = 0.9
"""The share of its interval that a pulse may take, so that it does not miss its next slot."""


class WatchedTarget(msgspec.Struct, frozen=True, kw_only=True):
    """A target with all that holds for it."""

    name: str
    target: Target
    options: Options
    labels: Labels = {}
    every_ns: int
    parents: tuple[str, ...] = ()
    policy: Policy = Policy()
    check_every_ns: int = 0
    """The time between two full checks; 0 for none."""
    check_seconds: float = 10.0
    """How long a full check may take."""

    areas: tuple[str, ...] = ()
    """Of ``[local]`` alone: what of this machine is looked at."""

    @property
    def is_local(self) -> bool:
        """Whether it is this machine itself, which is looked at and not connected to."""
        return self.target.scheme == LOCAL

    @property
    def patience_ns(self) -> int:
        """How long a verdict on it takes at most."""
        return self.policy.down.of * self.every_ns + round(self.options.timeout_seconds * 1e9)


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is watched, and how."""

    watch: Watch = Watch()
    targets: tuple[WatchedTarget, ...] = ()
    notify: tuple[NotifyKeys, ...] = ()
    heartbeats: tuple[HeartbeatKeys, ...] = ()
    serve: ServeKeys = ServeKeys()
    status: StatusKeys | None = None
    slos: tuple[SloKeys, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()


def load(path: str, typed: tables.Given) -> Config:
    """Read a file; ``typed`` are options of the command line, which override its defaults.

    Raises UsageError, in one line.
    """
    return read(path, read_text(path, MAX_FILE_BYTES), typed)


def read(name: str, text: str, typed: tables.Given) -> Config:
    """Read the text of a file; raises UsageError, in one line."""
    found = rows(name, text, TABLES, LISTED)
    if not any(found[kind] for kind in ("target", "heartbeat", "local")):
        raise UsageError(f'{name}: write one [[target]] table with url = "…" per target')
    for single in ("watch", "serve", "local", "status"):
        if len(found[single]) > 1:
            raise UsageError(f"{found[single][1].where}: only one [{single}] table is possible")
    alerts = [(table.where, keys(AlertKeys, table)) for table in found["alert"]]
    policies = Policies(alerts)
    targets = _targets(found["defaults"], found["target"], policies, typed)
    looks = [_local(table, policies) for table in found["local"]]
    notify = [keys(NotifyKeys, table) for table in found["notify"]]
    heartbeats = [keys(HeartbeatKeys, table) for table in found["heartbeat"]]
    _unique(found["notify"], [each.name for each in notify])
    for row, each in zip(found["notify"], notify, strict=True):
        _check_secrets(row.where, url=each.url, token=each.token)
        if each.kind == "smtp" and not (each.sender and each.recipients):
            raise UsageError(f"{row.where}: smtp needs from = … and to = […]")
    for row, beat in zip(found["heartbeat"], heartbeats, strict=True):
        _check_secrets(row.where, url=beat.url)
        _check_hashes(row.where, beat.token_sha256)
    names = [each.name for several in (targets, looks, heartbeats) for each in several]
    _unique([*found["target"], *found["local"], *found["heartbeat"]], names)
    _check_parents(found["target"], targets, names)
    slos = [keys(SloKeys, table) for table in found["slo"]]
    windows = [planned(table.where, keys(MaintenanceKeys, table)) for table in found["maintenance"]]
    _unique(found["slo"], [each.name for each in slos])
    _unique(found["maintenance"], [each.name for each in windows])
    watch = next((keys(Watch, table) for table in found["watch"]), Watch())
    serve = next((_serve(table) for table in found["serve"]), ServeKeys())
    status = next((keys(StatusKeys, table) for table in found["status"]), None)
    if status is not None:
        check_status(found["status"][0].where, status.label, [*targets, *looks, *heartbeats])
    return Config(
        watch=watch, targets=(*targets, *looks), notify=tuple(notify), heartbeats=tuple(heartbeats),
        serve=serve, status=status, slos=tuple(slos), maintenance=tuple(windows),
    )  # fmt: skip


def check_status(where: str, label: str, watched: Iterable[WatchedTarget | HeartbeatKeys]) -> None:
    """Raise UsageError if the status page would have no service."""
    if not any(label in each.labels for each in watched):
        raise UsageError(
            f"{where}: no target has the label {label!r:.80}: write labels = {{ {label} = "
            '"Web shop" } in the [[target]] tables that it shows'
        )


def typed_targets(urls: Iterable[str], typed: tables.Given, every: float) -> Config:
    """Return the configuration of targets on the command line; raises UsageError."""
    rows = [Row(f"target {url!r}", {"url": url, "every": every}) for url in urls]
    targets = _targets([], rows, Policies([]), typed)
    return Config(targets=tuple({each.name: each for each in targets}.values()))


def _targets(
    defaults: Sequence[Row], rows: Sequence[Row], policies: Policies, typed: tables.Given
) -> list[WatchedTarget]:
    permitted = tables.made(
        "options", {k: v for k, v in typed.items() if tables.grants(k)}, Options()
    )
    common = [_Defaults(table) for table in defaults]
    made = functools.cache(lambda which: _common(permitted, [common[i] for i in which], typed))
    return [_target(table, common, made, policies) for table in rows]


class _Defaults:
    """A table of defaults: what it is for, and its values."""

    def __init__(self, table: Row) -> None:
        self.where = table.where
        self.keys = keys(Defaults, table, _rest(table, Defaults))
        self.given = {
            each.field
            for each in declared(Defaults)
            if each.option.flag in table.values and each.field != "match"
        }
        self.options = tables.by_field(table.where, _rest(table, Defaults), _flags(Defaults))


def _common(
    base: Options, chosen: list[_Defaults], typed: tables.Given
) -> tuple[Options, Defaults]:
    common = Defaults()
    for each in chosen:
        base = tables.made(each.where, each.options, base)
        common = replace(common, **{name: getattr(each.keys, name) for name in each.given})
    return tables.made("options", typed, base), common


def _target(table: Row, common: list[_Defaults], made: Any, policies: Policies) -> WatchedTarget:
    own = keys(TargetKeys, table, _rest(table, TargetKeys))
    which = tuple(i for i, each in enumerate(common) if matches(each.keys.match, own.labels))
    base, defaults = made(which)
    given = tables.by_field(table.where, _rest(table, TargetKeys), _flags(TargetKeys))
    options = tables.made(table.where, given, base)
    target = _parsed(table.where, own.url)
    tables.check_own(table.where, given, (target,))
    tables.check_own_limits(table.where, options, (target,))
    every_ns = round((own.every or defaults.every) * 1e9)
    check_every = own.check_interval
    if check_every is None:
        check_every = defaults.check_interval
    check_seconds = options.timeout_seconds
    timeout_seconds = min(check_seconds, _LONGEST * every_ns / 1e9)
    options = options.replace(timeout_seconds=timeout_seconds)
    stale_ns = 3 * every_ns + round(timeout_seconds * 1e9)
    return WatchedTarget(
        name=own.name or str(target), target=target, options=options, labels=own.labels,
        every_ns=every_ns, parents=defaults.parents if own.parents is None else own.parents,
        policy=replace(policies.of(own.labels), stale_ns=stale_ns),
        check_every_ns=round(check_every * 1e9), check_seconds=check_seconds,
    )  # fmt: skip


def _flags(kind: type[msgspec.Struct]) -> list[str]:
    return [each.option.flag for each in declared(kind)]


def _rest(table: Row, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the keys of a table that are options of checks."""
    own = set(_flags(kind))
    return {key: value for key, value in table.values.items() if key not in own}


def _parsed(where: str, url: str) -> Target:
    try:
        first, *more = parse_target(url, protocols.schemes())
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    if more or first.of_bare_host:
        raise UsageError(f"{where}: {url!r} has no scheme: write a URL, such as ssh://{first.host}")
    return first


def _local(table: Row, policies: Policies) -> WatchedTarget:
    own = keys(LocalKeys, table)
    try:
        areas = areas_named(own.areas)
    except UsageError as error:
        raise UsageError(f"{table.where}: areas: {error}") from None
    every_ns = round(own.every * 1e9)
    return WatchedTarget(
        name=own.name, target=Target(scheme=LOCAL, host=vantage(), port=0), labels=own.labels,
        options=Options(timeout_seconds=min(_LOOK_SECONDS, _LONGEST * own.every)),
        every_ns=every_ns, areas=areas,
        policy=replace(policies.of(own.labels), stale_ns=3 * every_ns),
    )  # fmt: skip


def _serve(table: Row) -> ServeKeys:
    serve = keys(ServeKeys, table)
    _check_hashes(table.where, serve.token_sha256)
    if (serve.tls_cert is None) is not (serve.tls_key is None):
        raise UsageError(f"{table.where}: tls-cert and tls-key are needed together")
    return serve


def _check_hashes(where: str, hashes: Iterable[str]) -> None:
    for each in hashes:
        if not _SHA256.fullmatch(each):  # not shown: it may be the token itself
            raise UsageError(f"{where}: token-sha256: write 64 hexadecimal digits, the hash")


def _unique(rows: Sequence[Row], names: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for table, name in zip(rows, names, strict=True):
        if name in seen:
            raise UsageError(
                f"{table.where}: the name {name!r:.200} is that of {seen[name]}: add name = …"
            )
        seen[name] = table.where


def _check_parents(
    rows: Sequence[Row], targets: Sequence[WatchedTarget], names: Sequence[str]
) -> None:
    known = set(names)
    parents = {each.name: each.parents for each in targets}
    done: set[str] = set()
    for table, each in zip(rows, targets, strict=True):
        for parent in each.parents:
            if parent not in known:
                raise UsageError(
                    f"{table.where}: parents: {unknown('target', parent, sorted(known))}"
                )
        path = _cycle(each.name, parents, done)
        if path:
            raise UsageError(f"{table.where}: parents: {' needs '.join(path)}: remove one of these")


def _cycle(start: str, parents: Mapping[str, tuple[str, ...]], done: set[str]) -> list[str]:
    """Return a cycle that is reached from ``start``, else nothing; ``done`` are without one."""
    path: list[str] = []
    stack: list[tuple[str, bool]] = [(start, False)]
    while stack:
        name, leaving = stack.pop()
        if leaving:
            done.add(path.pop())
        elif name in path:
            return [*path[path.index(name) :], name]
        elif name not in done:
            path.append(name)
            stack.append((name, True))
            stack.extend((parent, False) for parent in parents.get(name, ()))
    return []


def _check_secrets(where: str, **references: str | None) -> None:
    for flag, reference in references.items():
        try:
            if reference is not None:
                secret(reference)
        except UsageError as error:
            raise UsageError(f"{where}: {flag}: {error}") from None


def secret(reference: str) -> str:
    """Return what ``file:/path`` or ``env:NAME`` refers to; raises UsageError without it."""
    kind, _, name = reference.partition(":")
    try:
        value = os.environ[name] if kind == "env" else Path(name).read_text(encoding="utf-8")
    except KeyError:
        raise UsageError(f"{reference}: the environment has no such variable") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{reference}: cannot be read: {system_error(error)}") from None
    if not (lines := value.strip().splitlines()):
        raise UsageError(f"{reference}: is empty")
    return lines[0].rstrip()

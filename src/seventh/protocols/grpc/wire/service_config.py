"""The service config of gRPC, as clients read it: JSON, alone or as choices of a TXT record.

What is refused here is what gRPC's C core refuses; a client drops the whole config then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from seventh.model.near import near
from seventh.protocols.grpc.facts.config import Repeated, ServiceConfig

Path = tuple[str | int, ...]
TXT = "grpc_config="
"""How the TXT record at ``_grpc_config.NAME`` begins (gRFC A2)."""
MAX_ENTRIES = 1000
"""Entries of ``methodConfig`` that are read."""
MAX_PROBLEMS = 100
CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
POLICIES = frozenset(
    {
        "grpclb", "least_request_experimental", "outlier_detection_experimental", "pick_first",
        "priority_experimental", "random_subsetting_experimental", "ring_hash_experimental",
        "rls_experimental", "round_robin", "weighted_round_robin", "weighted_target_experimental",
        "xds_cluster_resolver_experimental", "xds_override_host_experimental",
        "xds_wrr_locality_experimental", "cds_experimental", "xds_cluster_impl_experimental",
        "xds_cluster_manager_experimental",
    }
)  # fmt: skip
_MAX_SECONDS = 315_576_000_000
_DURATION = re.compile(r"([0-9]+)(?:\.([0-9]{1,9}))?s", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)


class Problem(msgspec.Struct, frozen=True):
    """What clients refuse, and where it is."""

    path: Path
    why: str


class MalformedError(Exception):
    """The text is not JSON."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.line = line


def parse(text: str) -> Any:
    """Return the value of a JSON text. Raises MalformedError, also for a key that stands twice."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise MalformedError(
            f"not JSON: {error.msg} in column {error.colno}", error.lineno
        ) from None
    except RecursionError:
        raise MalformedError("nested too deeply") from None
    except ValueError as error:  # an integer of thousands of digits
        raise MalformedError(f"not JSON: {error}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise MalformedError(f"the key {name[:80]!r} stands twice in one object")
        found[name] = value
    return found


def _no_number(name: str) -> Any:
    raise MalformedError(f"not JSON: {name} is no number")


def choices(value: Any) -> tuple[tuple[Path, Any], ...]:
    """Return each service config with its path: the value itself, or the choices of a record."""
    if not isinstance(value, list):
        return (((), value),)
    return tuple(
        ((number, "serviceConfig"), choice.get("serviceConfig"))
        for number, choice in enumerate(value[:MAX_ENTRIES])
        if isinstance(choice, dict)
    )


def problems(value: Any) -> list[Problem]:
    """Return what a client refuses of a service config; empty where it accepts it."""
    check = _Check()
    check.config(value)
    return check.found


def problems_of_choices(value: list[Any]) -> list[Problem]:
    """Return what is wrong with the choices of a record, besides their service configs."""
    check = _Check()
    for number, choice in enumerate(value[:MAX_ENTRIES]):
        where = (number,)
        if check.is_object(where, choice):
            check.choice(where, choice)
    return check.found


class _Check:
    """The problems of one config, as they are found."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self._names: set[tuple[str, str]] = set()

    def refuse(self, path: Path, why: str) -> None:
        if len(self.found) < MAX_PROBLEMS:
            self.found.append(Problem(path, why))

    def is_object(self, path: Path, value: Any) -> bool:
        if not isinstance(value, dict):
            self.refuse(path, "is not an object")
        return isinstance(value, dict)

    def _items(self, path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
        if not isinstance(value, list):
            self.refuse(path, "is not an array")
            return
        for number, each in enumerate(value[:MAX_ENTRIES]):
            yield (*path, number), each

    def _fields(self, path: Path, value: Mapping[str, Any], kinds: Mapping[str, Reader]) -> None:
        for name, read in kinds.items():
            if value.get(name) is not None and (why := read(value[name])):
                self.refuse((*path, name), why)

    def choice(self, path: Path, choice: Mapping[str, Any]) -> None:
        if "serviceConfig" not in choice:
            self.refuse(path, "has no serviceConfig")
        percentage = choice.get("percentage", 100)
        if not 0 <= _number(percentage) <= 100:
            self.refuse((*path, "percentage"), "is not a number from 0 to 100")
        for name in ("clientLanguage", "clientHostname"):
            if name in choice:
                for at, each in self._items((*path, name), choice[name]):
                    if not isinstance(each, str):
                        self.refuse(at, "is not a string")

    def config(self, value: Any) -> None:
        if not self.is_object((), value):
            return
        if "methodConfig" in value:
            for path, each in self._items(("methodConfig",), value["methodConfig"]):
                if self.is_object(path, each):
                    self._method(path, each)
        where, throttling = ("retryThrottling",), value.get("retryThrottling")
        if throttling is not None and self.is_object(where, throttling):
            if (_integer(throttling.get("maxTokens")) or 0) < 1:
                self.refuse((*where, "maxTokens"), "must be an integer greater than 0")
            if _number(throttling.get("tokenRatio")) < 0.001:
                self.refuse((*where, "tokenRatio"), "must be a number of at least 0.001")
        self._balancing(value)
        where, health = ("healthCheckConfig",), value.get("healthCheckConfig")
        if health is not None and self.is_object(where, health):
            self._fields(where, health, {"serviceName": _string})

    def _balancing(self, value: Mapping[str, Any]) -> None:
        name = value.get("loadBalancingPolicy")
        if name not in (None, "") and (not isinstance(name, str) or name.lower() not in POLICIES):
            self.refuse(("loadBalancingPolicy",), f"{str(name)[:80]!r} is no known policy")
        if "loadBalancingConfig" not in value:
            return
        names: list[str] = []
        for path, each in self._items(("loadBalancingConfig",), value["loadBalancingConfig"]):
            if not self.is_object(path, each):
                return
            if len(each) != 1:
                self.refuse(path, "must have one policy: list several in their order")
                return
            (name,) = each
            names.append(name)
            if name in POLICIES:  # what follows is for clients that do not know it
                self.is_object((*path, name), each[name])
                return
        if isinstance(value["loadBalancingConfig"], list):
            self.refuse(("loadBalancingConfig",), f"no known policy: {', '.join(names)[:80]}")

    def _method(self, path: Path, value: Mapping[str, Any]) -> None:
        names = value.get("name")
        for at, name in self._items((*path, "name"), [] if names is None else names):
            if not self.is_object(at, name):
                continue
            self._fields(at, name, {"service": _string, "method": _string})
            service, method = name.get("service") or "", name.get("method") or ""
            if method and not service:
                self.refuse(at, "has a method without a service")
            elif (key := (str(service), str(method))) in self._names:
                self.refuse(at, "is the name of an entry before, too")
            else:
                self._names.add(key)
        self._fields(path, value, _METHOD)
        for name, check in (("retryPolicy", self._retry), ("hedgingPolicy", self._hedging)):
            if value.get(name) is not None and self.is_object((*path, name), value[name]):
                check((*path, name), value[name])

    def _attempts(self, path: Path, value: Mapping[str, Any]) -> None:
        number = _integer(value.get("maxAttempts"))
        if number is None or number < 2:
            self.refuse((*path, "maxAttempts"), "must be an integer of at least 2")

    def _codes(self, path: Path, value: Any) -> None:
        if not isinstance(value, list):
            self.refuse(path, "must be an array with the names of statuses")
            return
        for number, code in enumerate(value[:MAX_ENTRIES]):
            if not isinstance(code, str) or code not in CODES:
                meant = near(str(code).upper(), CODES)
                more = f": did you mean {meant[0]!r}?" if meant else ""
                self.refuse((*path, number), f"{code!r:.40} is no status{more}")

    def _retry(self, path: Path, value: Mapping[str, Any]) -> None:
        self._attempts(path, value)
        for name in ("initialBackoff", "maxBackoff"):
            if name not in value:
                self.refuse(path, f"has no {name}")
            elif why := _duration(value[name], least=1):
                self.refuse((*path, name), why)
        if _number(value.get("backoffMultiplier")) <= 0:
            self.refuse((*path, "backoffMultiplier"), "must be a number greater than 0")
        codes = value.get("retryableStatusCodes")
        if codes in ([], None):
            self.refuse((*path, "retryableStatusCodes"), "must name at least one status")
        else:
            self._codes((*path, "retryableStatusCodes"), codes)

    def _hedging(self, path: Path, value: Mapping[str, Any]) -> None:
        """Check what Java's and Go's clients read: the C core ignores it."""
        self._attempts(path, value)
        self._fields(path, value, {"hedgingDelay": _duration})
        if value.get("nonFatalStatusCodes") is not None:
            self._codes((*path, "nonFatalStatusCodes"), value["nonFatalStatusCodes"])


Reader = Callable[[Any], str]
"""Returns why a client refuses a value; empty where it accepts it."""


def _string(value: Any) -> str:
    return "" if isinstance(value, str) else "is not a string"


def _boolean(value: Any) -> str:
    return "" if isinstance(value, bool) else "is not a boolean"


def _bytes(value: Any) -> str:
    number = _integer(value)
    return "" if number is not None and number >= 0 else "is not a number of bytes"


def _number(value: Any) -> float:
    """Return a number, also a string of one, as JSON of protobuf takes both; -1 for others."""
    text = "" if isinstance(value, bool) else str(value)
    return float(text) if len(text) <= 40 and _NUMBER.fullmatch(text) else -1


def _integer(value: Any) -> int | None:
    text = "" if isinstance(value, bool) else str(value)
    return int(text) if re.fullmatch(r"-?[0-9]{1,10}", text) else None


def seconds(value: Any) -> float | None:
    """Read a duration, such as ``"1.5s"``; None for anything else."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return None if match is None or len(match[1]) > 15 else float(f"{match[1]}.{match[2] or 0}")


def _duration(value: Any, least: int = 0) -> str:
    read = seconds(value)
    if read is None or read > _MAX_SECONDS:
        return 'is not a duration, such as "0.1s": seconds, with an s and at most 9 decimals'
    if read < least / 1000:
        return "must be at least a millisecond"
    return ""


_METHOD: Mapping[str, Reader] = {
    "timeout": _duration, "waitForReady": _boolean, "maxRequestMessageBytes": _bytes,
    "maxResponseMessageBytes": _bytes,
}  # fmt: skip
_KNOWN: Mapping[str, frozenset[str]] = {
    "": frozenset(
        {"loadBalancingPolicy", "loadBalancingConfig", "methodConfig", "retryThrottling",
         "healthCheckConfig", "connectionScaling"}
    ),
    "methodConfig": frozenset({*_METHOD, "name", "retryPolicy", "hedgingPolicy"}),
    "name": frozenset({"service", "method"}),
    "retryPolicy": frozenset(
        {"maxAttempts", "initialBackoff", "maxBackoff", "backoffMultiplier",
         "retryableStatusCodes", "perAttemptRecvTimeout"}
    ),
    "hedgingPolicy": frozenset({"maxAttempts", "hedgingDelay", "nonFatalStatusCodes"}),
    "retryThrottling": frozenset({"maxTokens", "tokenRatio"}),
    "healthCheckConfig": frozenset({"serviceName"}),
}  # fmt: skip
"""The fields of each object, by the name of the field that holds it."""


def unknown_fields(value: Any) -> list[tuple[Path, str]]:
    """Return the fields that clients ignore, each with the known one that is likely meant."""
    found: list[tuple[Path, str, str]] = []
    waiting: list[tuple[Path, str, Any]] = [((), "", value)]
    while waiting:
        path, kind, one = waiting.pop()
        if isinstance(one, list):
            waiting += [((*path, n), kind, each) for n, each in enumerate(one[:MAX_ENTRIES])]
        elif isinstance(one, dict):
            for name, below in one.items():
                if name not in _KNOWN[kind]:
                    found.append(((*path, name), name, kind))
                elif name in _KNOWN:
                    waiting.append(((*path, name), name, below))
    found.sort(key=lambda one: tuple(map(str, one[0])))
    return [(path, _meant(name, _KNOWN[kind])) for path, name, kind in found[:MAX_PROBLEMS]]


def _meant(name: str, known: frozenset[str]) -> str:
    """Return the field that a name means: JSON takes lowerCamelCase alone here."""
    plain = {each.lower(): each for each in known}
    flat = name.replace("_", "").replace("-", "").lower()
    return plain.get(flat) or next(iter(near(name[:80], sorted(known))), "")


def learn(value: Any) -> tuple[ServiceConfig, list[tuple[Path, ServiceConfig]]]:
    """Return the facts of a config as a whole, then those of each entry of ``methodConfig``."""
    config = value if isinstance(value, dict) else {}
    entries = config.get("methodConfig")
    read = [
        (("methodConfig", number), _entry(entry))
        for number, entry in enumerate(entries[:MAX_ENTRIES] if isinstance(entries, list) else ())
        if isinstance(entry, dict)
    ]
    ignored = unknown_fields(config)
    whole = ServiceConfig(
        repeats=any(one.retry or one.hedging for _, one in read),
        throttled=isinstance(config.get("retryThrottling"), dict),
        ignored=tuple(dotted(path) for path, _ in ignored),
        meant=tuple(meant for _, meant in ignored),
    )
    return whole, [(path, one) for path, one in read]


def dotted(path: Sequence[str | int]) -> str:
    """Return a path as people write it: ``methodConfig[0].timeout``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def _entry(entry: Mapping[str, Any]) -> ServiceConfig:
    names = entry.get("name")
    return ServiceConfig(
        methods=tuple(
            _name(name) for name in (names[:MAX_ENTRIES] if isinstance(names, list) else ())
            if isinstance(name, dict)
        ),
        retry=_repeated(entry.get("retryPolicy"), "retryableStatusCodes"),
        hedging=_repeated(entry.get("hedgingPolicy"), "nonFatalStatusCodes"),
    )  # fmt: skip


def _name(name: Mapping[str, Any]) -> str:
    service, method = str(name.get("service") or ""), str(name.get("method") or "")
    return f"{service}/{method or '*'}" if service else "*"


def _repeated(policy: Any, codes: str) -> Repeated | None:
    if not isinstance(policy, dict):
        return None
    listed = policy.get(codes)
    return Repeated(
        max_attempts=_integer(policy.get("maxAttempts")) or 0,
        codes=tuple(map(str, listed[:50])) if isinstance(listed, list) else (),
    )

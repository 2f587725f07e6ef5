"""Retries and hedging, as a service config sets them."""

from __future__ import annotations

import re

from seventh.model.severity import Severity
from seventh.protocols.grpc.facts import GrpcFacts
from seventh.protocols.grpc.facts.config import Repeated, ServiceConfig
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

MAX_ATTEMPTS = 5
"""What clients send of one call at most, whatever is written."""
DONE_OR_NOT = frozenset(
    {"OK", "CANCELLED", "UNKNOWN", "DEADLINE_EXCEEDED", "INTERNAL", "DATA_LOSS"}
)
"""Statuses after which the call may have been carried out."""
POINTLESS = frozenset(
    {
        "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
        "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNIMPLEMENTED", "UNAUTHENTICATED",
    }
)  # fmt: skip
"""Statuses that the same call gets again."""
_READS = re.compile(
    r"(?:Batch)?(?:Get|List|Read|Watch|Find|Search|Query|Lookup|Check|Describe|Count|Fetch)(?![a-z])"
)
RETRY = (
    '"retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s", '
    '"backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}'
)
THROTTLING = '"retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}'
_NO_CONFIG = Skip("no service config was read: `seventh lint service-config.json`")
_POLICY = Repeated(max_attempts=4, codes=("UNAVAILABLE",))
_ENTRY = ServiceConfig(methods=("shop.Orders/Create",), retry=_POLICY)


@rule(
    "GRPC-RETRY-CONF",
    Severity.LOW,
    tier=0,
    source=Source.FILE,
    title="No effective retry policy",
    evidence="{what}",
    phrases={
        "what": {
            "ignored": "clients ignore the unknown {fields}",
            "none": "no method has a retryPolicy",
            "unthrottled": "calls are retried without retryThrottling",
            "clamped": "maxAttempts is {attempts}; clients send {most} at most",
            "pointless": "calls are sent again after {codes}, which they get again",
        }
    },
    why="Without a retry policy a client reports each short outage of one backend as an error. "
    "Without throttling, the retries of all clients multiply the load of a backend that is already "
    "overloaded.",
    fix={
        "grpc": "# retryPolicy in each entry of methodConfig that is safe to repeat, and\n"
        "# retryThrottling at the top level",
        "any": "Give clients a service config with retryPolicy and retryThrottling.",
    },
    references=("A6: gRPC Retry Design", "A2: Service Configs in DNS"),
    seed=("12.6.2",),
    good=GrpcFacts(client_config=ServiceConfig(repeats=True, throttled=True)),
    bad=GrpcFacts(
        client_config=ServiceConfig(
            repeats=False, throttled=False, ignored=("methodConfig[0].retry_policy",),
            meant=("retryPolicy",),
        )
    ),
    directives={"grpc": ("methodConfig", "retryThrottling")},
    choice=("grpc",),
)  # fmt: skip
def retry_conf(grpc: GrpcFacts) -> Verdict:
    """Judge whether retries are set, limited and effective."""
    config = grpc.client_config
    if config is None:
        return _NO_CONFIG
    return _whole(config) if config.repeats is not None else _entry(config)


def _whole(config: ServiceConfig) -> Verdict:
    what: list[str] = []
    lines: list[str] = []
    settings: list[str] = []
    if config.ignored:
        what.append("ignored")
        settings.append("ignored")
        lines += [
            f'# {path}: write "{meant}"' if meant else f"# remove {path}"
            for path, meant in zip(config.ignored, config.meant, strict=True)
        ]
    if not config.repeats:
        what.append("none")
        settings.append("methodConfig")
        lines += ["# in each entry of methodConfig that is safe to repeat", RETRY]
    elif not config.throttled:
        what.append("unthrottled")
        settings.append("retryThrottling")
    if not config.throttled:
        lines += ["# at the top level", THROTTLING]
    if not what:
        return None
    return _hit(what, fields=config.ignored).at(*settings).fixed_by("grpc", *lines)


def _hit(
    what: list[str],
    *,
    fields: tuple[str, ...] = (),
    attempts: int = 0,
    codes: tuple[str, ...] = (),
) -> Hit:
    return Hit(what=tuple(what), fields=fields, attempts=attempts, most=MAX_ATTEMPTS, codes=codes)


def _entry(config: ServiceConfig) -> Verdict:
    policies = [one for one in (config.retry, config.hedging) if one is not None]
    if not policies:
        return not_applicable("neither retries nor hedging")
    attempts = max(one.max_attempts for one in policies)
    retried = config.retry.codes if config.retry is not None else ()
    codes = tuple(code for code in retried if code in POINTLESS)
    what: list[str] = []
    lines: list[str] = []
    if attempts > MAX_ATTEMPTS:
        what.append("clamped")
        lines.append(f'"maxAttempts": {MAX_ATTEMPTS}')
    if codes and config.retry is not None:
        what.append("pointless")
        lines.append(_codes(config.retry))
    if not what:
        return None
    hit = _hit(what, attempts=attempts, codes=codes)
    return hit.at(*_policies(config)).fixed_by("grpc", *lines)


def _policies(config: ServiceConfig) -> list[str]:
    named = {"retryPolicy": config.retry, "hedgingPolicy": config.hedging}
    return [name for name, policy in named.items() if policy is not None]


def _codes(policy: Repeated) -> str:
    """Return the line with the statuses that are both safe and useful."""
    kept = [code for code in policy.codes if code not in POINTLESS | DONE_OR_NOT]
    listed = ", ".join(f'"{code}"' for code in kept or ["UNAVAILABLE"])
    return f'"retryableStatusCodes": [{listed}]'


@rule(
    "GRPC-RETRY-UNSAFE",
    Severity.HIGH,
    tier=0,
    source=Source.FILE,
    title="Calls that are unsafe to repeat are retried",
    evidence="{what}",
    phrases={
        "what": {
            "codes": "{methods} is sent again after {codes}: the server may have carried it out",
            "hedged": "{methods} is sent up to {attempts} times at once (hedgingPolicy)",
        }
    },
    why="A call that was carried out and is sent again creates a second order or payment. Clients "
    "on the C core (Python, C++, Ruby, PHP) also ignore hedgingPolicy, so that they behave unlike "
    "those in Java and Go.",
    fix={
        "grpc": '"retryableStatusCodes": ["UNAVAILABLE"]',
        "any": "Repeat only calls that have the same effect however often they are sent; give the "
        "others an idempotency key.",
    },
    references=("A6: gRPC Retry Design",),
    seed=("12.6.2", "12.9.2"),
    good=GrpcFacts(client_config=_ENTRY),
    bad=GrpcFacts(
        client_config=ServiceConfig(
            methods=("shop.Orders/Create",),
            retry=Repeated(max_attempts=4, codes=("UNAVAILABLE", "INTERNAL")),
        )
    ),
    directives={"grpc": ("retryPolicy", "hedgingPolicy")},
    choice=("grpc",),
)  # fmt: skip
def retry_unsafe(grpc: GrpcFacts) -> Verdict:
    """Judge after which statuses, and of which methods, calls are sent again."""
    config = grpc.client_config
    if config is None:
        return _NO_CONFIG
    codes = tuple(c for c in config.retry.codes if c in DONE_OR_NOT) if config.retry else ()
    if not codes and config.hedging is None:
        if config.retry is not None:
            return None
        return not_applicable("neither retries nor hedging")
    changing = tuple(one for one in config.methods if not _READS.match(one.rpartition("/")[2]))
    if not changing:
        if not config.methods:
            return not_applicable("the entry is for no method")
        return Skip("only the names of these methods suggest that they are safe to repeat")
    what: list[str] = []
    lines: list[str] = []
    if codes and config.retry is not None:
        what.append("codes")
        lines.append(_codes(config.retry))
    if config.hedging is not None:
        what.append("hedged")
        lines += [
            "# retry it instead of hedging, or name only methods that are safe to repeat",
            *(() if config.retry is not None else (RETRY,)),
        ]
    attempts = config.hedging.max_attempts if config.hedging is not None else 0
    hit = Hit(what=tuple(what), methods=changing, codes=codes, attempts=min(attempts, MAX_ATTEMPTS))
    return hit.at(*_policies(config)).fixed_by("grpc", *lines)

"""The parameters of main.cf by version: which there are, and their defaults."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import msgspec

from seventh.wire.table import read_text

Version = tuple[int, ...]
NEWEST: Version = (3, 11)
"""The newest supported version of Postfix."""
OLDEST: Version = (2, 10)
"""The oldest version that the table has; what is older is judged as this one."""
_OF_TRANSPORTS = (
    "_destination_concurrency_failed_cohort_limit", "_destination_concurrency_limit",
    "_destination_concurrency_negative_feedback", "_destination_concurrency_positive_feedback",
    "_destination_rate_delay", "_destination_recipient_limit", "_delivery_slot_cost",
    "_delivery_slot_discount", "_delivery_slot_loan", "_extra_recipient_limit",
    "_initial_destination_concurrency", "_minimum_delivery_slots", "_recipient_limit",
    "_recipient_refill_delay", "_recipient_refill_limit", "_time_limit", "_transport_rate_delay",
)  # fmt: skip
"""Ends of parameters that begin with the name of a service of master.cf."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of the table; see the comment at the top of ``parameters.toml``."""

    since: Version = OLDEST
    until: Version | None = None
    defaults: tuple[tuple[Version, str | None], ...] = ()
    """The default from each version on; None: it depends on the machine."""

    def default(self, version: Version) -> str | None:
        """Return the default of a version; None where it depends on the machine."""
        return next(
            (value for start, value in reversed(self.defaults) if version[:2] >= start), None
        )


@functools.cache
def table() -> Mapping[str, Parameter]:
    """Return every parameter by its name."""
    import tomllib

    data = tomllib.loads(read_text(__package__, "parameters.toml"))
    return {name: _parameter(entry) for name, entry in data["parameters"].items()}


def _parameter(entry: Mapping[str, object]) -> Parameter:
    changed = entry.get("changed", {})
    assert isinstance(changed, dict)  # noqa: S101 - the table is our own
    later = sorted((_version(start), value) for start, value in changed.items())
    first = entry.get("default")
    return Parameter(
        since=_version(entry.get("since", "2.10")),
        until=_version(entry["until"]) if "until" in entry else None,
        defaults=((OLDEST, None if first is None else str(first)), *later),
    )


def _version(text: object) -> Version:
    return tuple(map(int, str(text).split(".")))


def default(name: str, version: Version) -> str | None:
    """Return a parameter's default; None for an unknown one, and where the machine decides."""
    parameter = table().get(name)
    return None if parameter is None else parameter.default(max(version, OLDEST))


def is_of_service(name: str, services: Iterable[str]) -> bool:
    """Return whether a parameter is one of a service of master.cf, such as ``x_time_limit``."""
    return any(name.endswith(end) and name[: -len(end)] in services for end in _OF_TRANSPORTS)


def ends_as_of_service(name: str) -> bool:
    """Return whether a parameter would be one of a service, whose name is not known here."""
    return name.endswith(_OF_TRANSPORTS)


def suggestion(name: str) -> str:
    """Return the parameter that a misspelled name is most like; empty for none."""
    return next(iter(get_close_matches(name[:80], table(), n=1, cutoff=0.85)), "")

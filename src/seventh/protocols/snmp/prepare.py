"""Reading the credential before any target is checked: what is wrong with it is reported once."""

from __future__ import annotations

from seventh.model.options import Options
from seventh.protocols.snmp.client.identity import identity_of


def prepare(options: Options) -> None:
    """Read the credential that ``options`` name; UsageError for what cannot be used."""
    identity_of(options)

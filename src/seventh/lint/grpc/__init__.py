"""gRPC's service config: a JSON file, or the TXT record that carries it."""

from __future__ import annotations

import re

from seventh.lint.grpc import views
from seventh.lintkit.linted import Kind

_MAX_LINES = 400
_OWN = re.compile(
    r'"?grpc_config=|"(?:method_?[cC]onfig|retry_?[pP]olicy|hedging_?[pP]olicy|retry_?[tT]hrottling'
    r'|load_?[bB]alancing_?(?:[pP]olicy|[cC]onfig)|service_?[cC]onfig|health_?[cC]heck_?[cC]onfig)"'
    r"\s*:"
)
"""What only a service config has, also as it is misspelt."""


def _looks(lines: tuple[str, ...]) -> int:
    """Return all lines if some are a service config's, as JSON is no grammar of lines."""
    head = [line for line in lines[:_MAX_LINES] if line.strip()]
    is_json = bool(head) and head[0].lstrip()[:1] in {"{", "["}
    found = any(map(_OWN.search, head))
    is_record = bool(head) and any("grpc_config=" in line for line in head)
    return len(head) if found and (is_json or is_record) else 0


KINDS = (
    Kind(
        name="service-config",
        room="grpc",
        title="gRPC's service config: JSON, or the text of a TXT record",
        product=views.PRODUCT,
        names=(
            "service-config.json", "service_config.json", "*.service-config.json",
            "*.service_config.json", "grpc-config.txt",
        ),
        looks=_looks,
        lint=views.lint,
        tree=True,
    ),
)  # fmt: skip

"""The JSON Schema of the report: ``python -m seventh.render.schema [--check]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from seventh.render.document import JsonDocument
from seventh.render.generated import arguments, finish


def schema() -> dict[str, Any]:
    """The schema, as JSON Schema 2020-12 writes it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:seventh:report:1",
        **msgspec.json.schema(JsonDocument),
    }


def text() -> str:
    """The schema as it stands in docs/report.schema.json."""
    encoded = msgspec.json.encode(schema(), order="deterministic")
    return msgspec.json.format(encoded, indent=2).decode() + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Write docs/report.schema.json, or with ``--check`` exit 1 when it is not up to date."""
    docs, check = arguments("docs/report.schema.json", argv)
    files = {docs / "report.schema.json": text()}
    return finish(files, (), check=check, how="python -m seventh.render.schema")


if __name__ == "__main__":
    raise SystemExit(main())

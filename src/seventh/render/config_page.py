"""docs/seventh.toml.md: the tables and keys of ``seventh.toml``, from their structs."""

from __future__ import annotations

import inspect

import msgspec

from seventh.model.option import Declared, declared
from seventh.render.protocol_page import GENERATED, Section, table
from seventh.watch.keys import TABLES

_INTRO = """
`seventh watch --config seventh.toml` reads this file; `--check-config` checks it and stops. An
error is one line with the file and the line of the table. SIGHUP loads the file again: what is the
same is not touched, and a file with a mistake changes nothing.

```toml
[[defaults]]                     # or one [defaults]
every = 30                       # seconds

[[defaults]]
match = { team = "web" }
every = 10

[[target]]
url = "ssh://router.example.org"
name = "router"

[[target]]
url = "https://www.example.org"
labels = { team = "web" }
parents = ["router"]             # no alert while the router is down
timeout = 5                      # any option of `seventh check`

[[alert]]                        # 3 of the last 5 pulses fail; over after 3 that succeed
failures = 3
of = 5
passes = 3

[[alert]]                        # the 95th percentile of the last 20 TLS handshakes
match = { team = "web" }
phase = "tls"
max = 0.5
quantile = 0.95
of = 20

[[notify]]
name = "chat"
kind = "webhook"
url = "env:CHAT_WEBHOOK"         # or file:/path
body = { text = "{title}" }      # without it, all of the alert as JSON

[[notify]]
name = "night"
kind = "smtp"
url = "env:MAIL_SERVER"          # submission://user@mail.example.org:587
token = "env:MAIL_PASSWORD"
from = "seventh@example.org"
to = ["night@example.org"]
match = { team = "web" }

[[heartbeat]]                    # a service elsewhere alerts when it is missing
name = "alive"
every = 60
url = "env:HEARTBEAT"
```
"""


def page() -> str:
    """Return docs/seventh.toml.md."""
    blocks = [GENERATED, "# seventh.toml: what `seventh watch` watches", _INTRO.strip(), *_tables()]
    return "\n\n".join(blocks) + "\n"


def _tables() -> list[str]:
    blocks: list[str] = []
    for name, kind in TABLES.items():
        blocks += [f"## {name}", (inspect.getdoc(kind) or "").replace("``", "`")]
        required = {field.name for field in msgspec.structs.fields(kind) if field.required}
        rows = tuple(
            (each.option.flag, _meaning(each, required=each.field in required))
            for each in declared(kind)
        )
        blocks.append(table(Section(name, ("Key", "Meaning"), rows)))
    return blocks


def _meaning(each: Declared, *, required: bool) -> str:
    limits = each.bounds if each.is_number else ", ".join(each.choices)
    parts = [each.help, limits, "required" if required else ""]
    return "; ".join(part for part in parts if part)

"""Conditions on responses in the words of other monitors, as options of ``http://``."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable

from seventh.importers.found import Item
from seventh.model.failure import UsageError
from seventh.web.given import compiled
from seventh.web.search import pattern_of

STATUSES = range(200, 600)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PART = re.compile(r"([\w:@-]+)|\[(\d+)\]")
_FLAGS = re.compile(r"\(\?([aimsx]+)\)(.*)", re.DOTALL)
REDIRECTS = (
    "redirects are not followed: one counts as success; name the URL that it leads to instead"
)

BODY = "Seventh watches only with requests that have no body"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def unsafe(method: str) -> str:
    """Return why a request with another method is not made."""
    return f"method {method}: Seventh watches only with GET, HEAD and OPTIONS"


def status_text(wanted: Collection[int]) -> str:
    """Return status codes as ``expect-status`` has them: 200-299,404."""
    runs: list[list[int]] = []
    for code in sorted(wanted):
        if runs and code == runs[-1][-1] + 1:
            runs[-1][1:] = [code]
        else:
            runs.append([code])
    return ",".join("-".join(map(str, run)) for run in runs)


def expect_body(
    item: Item, line: int, required: Iterable[str] = (), forbidden: Iterable[str] = ()
) -> None:
    """Expect all of some regular expressions in the body, and none of others."""
    good: list[str] = []
    for text, negative in [*((each, False) for each in required),
                           *((each, True) for each in forbidden)]:  # fmt: skip
        if flags := _FLAGS.fullmatch(text):
            text = f"(?{flags[1]}:{flags[2]})"
        look = rf"(?!(?s:.*)(?:{text}))" if negative else rf"(?=(?s:.*)(?:{text}))"
        try:
            good.append(pattern_of(look, "regular expression"))
        except UsageError as error:
            item.lose(line, f"condition on the body: {error}")
    wanted = [*required]
    if len(good) == 1 and len(wanted) == 1 and not [*forbidden]:
        item.keys["expect-body"] = wanted[0]
    elif good:
        item.keys["expect-body"] = rf"\A{''.join(good)}"


def json_path(path: str) -> str | None:
    """Return a path such as ``data[0].name`` in JMESPath; None for more than names and indices."""
    made = ""
    at = 0
    for part in _PART.finditer(path):
        if path[at : part.start()] not in {"", "."}:
            return None
        at = part.end()
        if part[2] is not None:
            made += f"[{part[2]}]"
        else:
            name = part[1] if _NAME.fullmatch(part[1]) else json.dumps(part[1])
            made += f".{name}" if made else name
    return made if made and at == len(path) else None


def literal(value: object) -> str:
    """Return a value as a literal of JMESPath."""
    text = json.dumps(value, ensure_ascii=False).replace("`", "\\`")
    return f"`{text}`"


def expect_json(item: Item, line: int, expression: str) -> None:
    """Expect an expression, together with those before."""
    before = item.keys.get("expect-json")
    both = f"{before} && {expression}" if before else expression
    try:
        compiled(both)
    except UsageError as error:
        item.lose(line, f"condition on the JSON: {error}")
    else:
        item.keys["expect-json"] = both

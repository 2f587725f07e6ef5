"""The difference of two reports as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.text import Text

from seventh.model.severity import Severity
from seventh.render.console import SEVERITY_STYLE, mark, printed
from seventh.render.difference import Change, Changed, Diff, TargetDiff, totals
from seventh.render.entries import clean
from seventh.render.presentation import count
from seventh.render.view import View
from seventh.render.wrapping import wrapped

_STYLE = {
    Change.NEW: "red", Change.WORSE: "red", Change.BETTER: "green", Change.FIXED: "green",
    Change.GONE: "magenta", Change.SAME: "dim",
}  # fmt: skip
_SIGN = {
    Change.NEW: "+", Change.WORSE: "▲", Change.BETTER: "▼", Change.FIXED: "-", Change.GONE: "?",
    Change.SAME: "=",
}  # fmt: skip
_PLAIN_SIGN = _SIGN | {Change.WORSE: "^", Change.BETTER: "v"}
_HANG = 12


def text(made: Diff, view: View) -> str:
    """Return the difference as lines; unchanged findings only with ``view.verbose``."""
    return printed(_lines(made, view), view)


def _lines(made: Diff, view: View) -> Iterator[Text]:
    for target in made.targets:
        shown = [c for c in target.changes if view.verbose or c.change is not Change.SAME]
        if not shown and target.before is target.after and not view.verbose:
            continue
        yield from wrapped(_head(target, view), 4, view.width)
        yield Text("─" * view.width, "dim")
        for change in shown:
            yield from _change(change, view)
        if not shown:
            yield Text("  unchanged" if target.changes else "  no findings")
        yield Text()
    yield Text.assemble(
        (f"{count(len(made.targets), 'target')}: ", "bold"), (tally(totals(made)), "bold")
    )
    if made.before or made.after:
        yield Text(f"{clean(made.before)} → {clean(made.after)}", "dim")


def tally(counts: Mapping[Change, int]) -> str:
    """Return the number of findings by change, ``1 new, 2 fixed``."""
    return ", ".join(f"{number} {change}" for change, number in counts.items()) or "no findings"


def _head(target: TargetDiff, view: View) -> Text:
    line = Text()
    if target.after is None:
        line.append("only in the older report", "magenta")
    else:
        if target.before is None:
            line.append("only in the newer report: ")
        elif target.before is not target.after:
            line.append(f"{target.before} → ")
        line.append_text(mark(target.after, view))
    line.append(f"  {clean(target.target)}", "bold")
    return line


def _change(changed: Changed, view: View) -> Iterator[Text]:
    sign = (_PLAIN_SIGN if view.ascii else _SIGN)[changed.change]
    line = Text("  ")
    line.append(f"{sign} {changed.change:<6}  ", _STYLE[changed.change])
    if changed.before is not None:
        line.append(f"{changed.before} → ", "dim")
    line.append(_level(changed.severity), _style(changed.severity))
    line.append(f"  {clean(changed.id)}", "bold")
    line.append(f"  {clean(changed.title)}")
    yield from wrapped(line, _HANG, view.width)
    for detail in (changed.evidence, changed.note):
        if detail:
            yield from wrapped(Text(" " * _HANG + clean(detail)), _HANG, view.width)


def _level(severity: Severity | None) -> str:
    return "failure" if severity is None else severity.value


def _style(severity: Severity | None) -> str:
    return "bold red" if severity is None else SEVERITY_STYLE[severity]

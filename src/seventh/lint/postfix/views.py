"""The facts and settings of main.cf and master.cf: of the host, then of each service."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from seventh.lint.postfix import notes, parameters
from seventh.lint.postfix.conf import Main, MainReader, MasterReader, Service
from seventh.lint.postfix.scope import Base, Scope
from seventh.lint.postfix.services import JUDGED, SMTP, TIMERS, listening, of_retry, of_service
from seventh.lintkit.files import Files, Text, holds
from seventh.lintkit.linted import Linted, Setting, Software, View
from seventh.model.source import Line
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.config import SmtpConfigFacts

PRODUCT = "postfix"
MAX_VIEWS = 64
"""Services that are judged separately."""
MASTER = "master.cf"
"""The key of the settings for what master.cf lacks."""
_EMPTY = Main(entries={}, overridden=())


def lint(text: Text, files: Files, software: Software | None, *, is_master: bool = False) -> Linted:
    """Read main.cf and the master.cf beside it, whichever of the two was given."""
    main, master = (None, text) if is_master else (text, None)
    if is_master:
        main = _beside(text, "main.cf", files)
    else:
        master = _beside(text, MASTER, files)
    base = Base(
        main=_EMPTY if main is None else MainReader(main, files).read(),
        main_name=text.name if main is None else main.name,
        files=files,
        software=software or Software(product=PRODUCT, version=parameters.NEWEST),
        assumed=software is None,
    )
    services = None if master is None else MasterReader(master, files).read()
    notes.note_overridden(base.main, files)
    notes.note_unknown(base.main, services, None if base.assumed else base.version, files)
    if main is None:  # without it Postfix does not start, and no default counts
        alone = SmtpConfigFacts(product=PRODUCT, version=base.version)
        return Linted(
            views=(View(facts={"smtp": SmtpFacts(config=alone)}, settings={}),),
            software=str(base.software),
            software_assumed=base.assumed,
        )
    return Linted(
        views=tuple(_views(base, services, text if master is None else master)),
        software=str(base.software),
        software_assumed=base.assumed,
    )


def _beside(text: Text, name: str, files: Files) -> Text | None:
    """Return the other file of the configuration, if it is there."""
    path = Path(text.name).with_name(name)
    if text.name in {"", "-", "stdin"} or not holds(Path.is_file, path):
        files.note(text.name, None, f"judged without {name}: it is not beside the file")
        return None
    return files.read(path)


def _views(base: Base, services: tuple[Service, ...] | None, master: Text) -> list[View]:
    config = SmtpConfigFacts(product=PRODUCT, version=base.version)
    scope = Scope(base)
    settings = scope.settings(TIMERS)
    whole = replace(config, retry=of_retry(scope))
    if services is None:
        settings |= scope.settings(JUDGED)
        whole = replace(whole, service=of_service(scope, SMTP))
        return [View(facts={"smtp": SmtpFacts(config=whole)}, settings=settings)]
    scopes = listening(base, services)
    if len(scopes) > MAX_VIEWS:
        base.files.problem(
            master.name, None, f"only the first {MAX_VIEWS} of {len(scopes)} smtpd services judged"
        )
    found = [of_service(one, port) for one, port in scopes[:MAX_VIEWS]]
    settings[MASTER] = tuple(_of_line(one.service.at) for one, _ in scopes if one.service) or (
        _of_line(Line(file=master.name, line=None, text="no smtpd service")),
    )
    whole = replace(whole, services=tuple(one for one in found if not one.local))
    submits = any(one.submission and one.auth for one in found)
    views = [View(facts={"smtp": SmtpFacts(config=whole)}, settings=settings)]
    for (one, _), facts in zip(scopes, found, strict=False):
        assert one.service is not None  # noqa: S101 - listening() gives services
        mine = replace(config, service=facts, submission_elsewhere=submits)
        views.append(
            View(
                label=one.service.label, within=None, block=one.service.at,
                facts={"smtp": SmtpFacts(config=mine)},
                settings=one.settings(JUDGED) | {"-o": (_of_line(one.service.at),)},
            )
        )  # fmt: skip
    return views


def _of_line(at: Line) -> Setting:
    return Setting(value=at.text, at=at)

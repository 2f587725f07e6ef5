"""JUnit XML for CI systems: a suite per target, a case per rule.

The check itself is the first case, ``conversation``: it fails with the check, and is an error when
the status is unknown. A finding below the view's bar is a passed case with output.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET  # only written with, never read with

from seventh.model.severity import Status
from seventh.render import place_lines
from seventh.render.entries import FindingEntry, HostEntry
from seventh.render.fixes import fixes_of
from seventh.render.hosts import STATES, host_entries, number
from seventh.render.presentation import Presentation, blamed, failed, present
from seventh.render.view import Document, View

# The characters that XML 1.0 §2.2 excludes.
_NO_CHAR = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(document: Document, view: View) -> str:
    """Return ``document`` as JUnit XML."""
    root = ET.Element("testsuites", {"name": "seventh"})
    for host in host_entries(document, view):
        root.append(_host(host))
    for report in present(document, view):
        root.append(_suite(report, view))
    if document.places:
        root.append(_places(document))
    suites = list(root)
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in suites)))
    root.set("time", _seconds(sum(float(suite.get("time", "0")) for suite in suites)))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _host(host: HostEntry) -> ET.Element:
    """Return the suite of a host that was given without a scheme: a case per port.

    A port that does not answer is skipped; findings are in the suite of the port's target.
    """
    suite = ET.Element("testsuite", {"name": _text(host.host), "time": _seconds(0.0)})
    for port in host.ports:
        attributes = {
            "classname": "seventh.host",
            "name": f"{number(port)} {_text(port.service)}",
            "time": _seconds(port.duration_seconds),
        }
        case = ET.SubElement(suite, "testcase", attributes)
        if port.status is None:
            ET.SubElement(case, "skipped", {"message": STATES[port.state]})
    return _counted(suite)


def _places(document: Document) -> ET.Element:
    """Return the suite of ``--from``: a case per place, and one per target that differs.

    A place without all its reports is an error. A difference alone fails nothing.
    """
    suite = ET.Element("testsuite", {"name": "places", "time": _seconds(0.0)})
    for place, line in zip(document.places, place_lines.places(document), strict=True):
        attributes = {"classname": "seventh.places", "name": _text(place.name)}
        case = ET.SubElement(suite, "testcase", {**attributes, "time": _seconds(0.0)})
        if place.missing:
            ET.SubElement(case, "error", {"type": "place", "message": _text(line)})
        else:
            ET.SubElement(case, "system-out").text = _text(line)
    for target, lines in place_lines.targets(document):
        attributes = {"classname": "seventh.places", "name": _text(f"differs: {target}")}
        case = ET.SubElement(suite, "testcase", {**attributes, "time": _seconds(0.0)})
        ET.SubElement(case, "system-out").text = _text("\n".join(lines))
    return _counted(suite)


def _counted(suite: ET.Element) -> ET.Element:
    """Return the suite with the numbers of its cases."""
    suite.set("tests", str(len(suite)))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(len(suite.findall(f"testcase/{tag}"))))
    return suite


def _suite(report: Presentation, view: View) -> ET.Element:
    entry = report.entry
    suite = ET.Element(
        "testsuite",
        {
            "name": _text(report.name),
            "timestamp": _text(entry.started_at.removesuffix("Z")),
            "hostname": _text(entry.vantage),
            "time": _seconds(entry.duration_seconds),
        },
    )
    suite.append(_conversation(report))
    for finding in entry.findings:
        suite.append(_found(report, finding, view))
    for rule in report.entry.passed:
        suite.append(_case(report, rule))
    for skipped in entry.skipped:
        case = _case(report, skipped.id)
        ET.SubElement(case, "skipped", {"message": _text(skipped.reason)})
        suite.append(case)
    return _counted(suite)


def _case(report: Presentation, name: str, seconds: float = 0.0) -> ET.Element:
    classname = _text(f"seventh.{report.entry.protocol}")
    attributes = {"classname": classname, "name": _text(name), "time": _seconds(seconds)}
    return ET.Element("testcase", attributes)


def _conversation(report: Presentation) -> ET.Element:
    entry = report.entry
    case = _case(report, "conversation", entry.duration_seconds)
    if entry.failure is not None:
        failure = entry.failure
        tag = "error" if entry.status is Status.UNKNOWN else "failure"
        attributes = {"type": str(failure.reason), "message": _text(failure.detail)}
        text = f"{failed(failure)}\n{failure.detail}\nblame: {blamed(failure)}"
        ET.SubElement(case, tag, attributes).text = _text(text)
    elif report.undecided and entry.status is Status.UNKNOWN:
        kind = "limit" if report.unmeasured else "unknown"
        ET.SubElement(case, "error", {"type": kind, "message": _text(report.undecided)})
    if entry.phases:
        out = ET.SubElement(case, "system-out")
        out.text = _text(
            "\n".join(
                f"{phase.name} {_seconds(phase.seconds)} s {phase.clock} {phase.outcome}"
                + (f" {phase.address}" if phase.address else "")
                for phase in entry.phases
            )
        )
    return case


def _found(report: Presentation, finding: FindingEntry, view: View) -> ET.Element:
    case = _case(report, finding.id)
    at = [f"at: {line.place}: {line.text}" for line in finding.source]
    known = [f"known: {finding.known}"] if finding.known else []
    lines = [*known, finding.evidence, *at, *([f"why: {finding.why}"] if finding.why else [])]
    for product, fix in fixes_of(finding, view).shown:
        lines += ["fix:" if product == "any" else f"fix in {product}:", fix]
    if finding.references:
        lines.append(f"references: {'; '.join(finding.references)}")
    text = _text("\n".join(lines))
    if finding.severity.reaches(view.bar) and not finding.known:
        attributes = {"type": str(finding.severity), "message": _text(finding.title)}
        ET.SubElement(case, "failure", attributes).text = text
    else:
        output = ET.SubElement(case, "system-out")
        output.text = f"{finding.label}: {_text(finding.title)}\n{text}"
    return case


def _text(text: str) -> str:
    return _NO_CHAR.sub("�", text)


def _seconds(seconds: float) -> str:
    return f"{seconds:.6f}"

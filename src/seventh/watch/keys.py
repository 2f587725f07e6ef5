"""The tables of ``seventh.toml`` and their keys; docs/seventh.toml.md is made from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from seventh.model.option import Option
from seventh.watch.verdict import MAX_WINDOW

Seconds = Annotated[float, Meta(ge=0, le=31_536_000)]
Interval = Annotated[float, Meta(ge=1, le=86_400)]
CheckInterval = Annotated[float, Meta(ge=0, le=31_536_000)]
Count = Annotated[int, Meta(ge=1, le=MAX_WINDOW)]
Names = tuple[str, ...]
Labels = dict[str, str]
Body = dict[str, Any]


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """``[watch]``: what holds for all."""

    state: Annotated[
        str | None,
        Option(flag="state", help="folder of the store",
               default="seventh in the user's state folder"),
    ] = None  # fmt: skip
    parallel: Annotated[
        int, Meta(ge=1, le=100_000), Option(flag="parallel", help="maximum pulses at once")
    ] = 1000  # fmt: skip


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """``[defaults]``, or several ``[[defaults]]`` with ``match``: of targets, by their labels.

    Of several that match, the later one wins. Every option of a targets file is possible, too.
    """

    match: Annotated[
        Labels, Option(flag="match", help="labels that a target must have", default="every target")
    ] = {}  # fmt: skip
    every: Annotated[
        Interval,
        Option(
            flag="every", help="time between two pulses, in seconds; a pulse may take 0.9 of it"
        ),
    ] = 30.0
    parents: Annotated[
        Names, Option(flag="parents", help="names of targets that it needs: while one is down, no "
                      "alert is sent")
    ] = ()  # fmt: skip
    check_interval: Annotated[
        CheckInterval,
        Option(flag="check-interval", help="time between two full checks, in seconds; 0 for none"),
    ] = 86_400.0


class TargetKeys(msgspec.Struct, frozen=True, kw_only=True):
    """``[[target]]``: one for each; every option of a targets file is possible, too."""

    url: Annotated[str, Option(flag="url", help="what to watch, such as ssh://host")]
    name: Annotated[
        str, Meta(min_length=1, max_length=200),
        Option(flag="name", help="unique name", default="its URL"),
    ] = ""  # fmt: skip
    labels: Annotated[
        Labels, Option(flag="labels", help="labels, such as { team = \"web\" }, for match")
    ] = {}  # fmt: skip
    every: Annotated[
        Interval | None,
        Option(flag="every", help="time between two pulses, in seconds", default="of [defaults]"),
    ] = None  # fmt: skip
    parents: Annotated[
        Names | None,
        Option(flag="parents", help="names of targets that it needs: while one is down, no "
               "alert is sent", default="of [defaults]"),
    ] = None  # fmt: skip
    check_interval: Annotated[
        CheckInterval | None,
        Option(flag="check-interval", help="time between two full checks, in seconds; 0 for none",
               default="of [defaults]"),
    ] = None  # fmt: skip


class AlertKeys(msgspec.Struct, frozen=True, kw_only=True):
    """``[[alert]]``: when an alert fires and is resolved, for the targets that match.

    With ``findings`` it is about full checks: it fires when one finds what the one before did not,
    and is resolved when one no longer does. With ``max`` it is about the time of a phase, else
    about failures. Of several for the same, the last that matches applies.
    """

    match: Annotated[
        Labels, Option(flag="match", help="labels that a target must have", default="every target")
    ] = {}  # fmt: skip
    phase: Annotated[
        str, Option(flag="phase", help="phase that max limits", default="the sum of all phases")
    ] = ""  # fmt: skip
    max_seconds: Annotated[
        Annotated[float, Meta(gt=0, le=86_400)] | None,
        Option(flag="max", help="maximum duration of the phase, in seconds"),
    ] = None  # fmt: skip
    findings: Annotated[
        Literal["critical", "high", "medium", "low", "info"] | None,
        Option(flag="findings", help="least severity of a new finding that is an alert"),
    ] = None
    quantile: Annotated[
        Annotated[float, Meta(ge=0.01, le=1)] | None,
        Option(flag="quantile", help="quantile of the last pulses that max limits, such as 0.95, "
               "instead of failures and passes"),
    ] = None  # fmt: skip
    failures: Annotated[
        Count, Option(flag="failures", help="pulses that fail (or are too slow) before it fires")
    ] = 3  # fmt: skip
    of: Annotated[
        Count, Option(flag="of", help="last pulses among which failures (or the quantile) count")
    ] = 5  # fmt: skip
    passes: Annotated[
        Count, Option(flag="passes", help="pulses that succeed before it is resolved")
    ] = 3  # fmt: skip
    passes_of: Annotated[
        Count | None,
        Option(flag="passes-of", help="last pulses among which passes count", default="as passes"),
    ] = None  # fmt: skip
    for_seconds: Annotated[
        Seconds,
        Option(flag="for", help="time for which that has to hold before it fires, in seconds"),
    ] = 0.0  # fmt: skip
    keep_seconds: Annotated[
        Seconds,
        Option(flag="keep", help="time for which it has to be over before it is resolved, in "
               "seconds"),
    ] = 0.0  # fmt: skip
    flap_changes: Annotated[
        Annotated[int, Meta(ge=2, le=100)],
        Option(flag="flap-changes", help="changes between up and down that are flapping: one "
               "alert, held until there is none for flap-within"),
    ] = 6  # fmt: skip
    flap_within: Annotated[
        Seconds, Option(flag="flap-within", help="time within which they are, in seconds")
    ] = 3600.0  # fmt: skip


class NotifyKeys(msgspec.Struct, frozen=True, kw_only=True):
    """``[[notify]]``: where alerts are sent.

    What is not received is kept in the store and tried again for seven days. A receiver may get a
    notification twice, after a crash between sending it and noting that; its key is the same then
    (``Idempotency-Key``, ``Message-ID``).
    """

    kind: Annotated[
        Literal["webhook", "alertmanager", "smtp", "apprise"],
        Option(flag="kind", help="what receives them; apprise needs seventh[apprise]"),
    ]
    name: Annotated[
        str, Meta(min_length=1, max_length=200), Option(flag="name", help="unique name")
    ]
    url: Annotated[
        str,
        Option(flag="url", file="secret", help="where to send, as file:/path or env:NAME: it may "
               "contain a secret. https://…, for smtp submission://user@host:587, for apprise any "
               "of its URLs"),
    ]  # fmt: skip
    token: Annotated[
        str | None,
        Option(flag="token", file="secret", help="bearer token or password, as file:/path or "
               "env:NAME"),
    ] = None  # fmt: skip
    match: Annotated[
        Labels, Option(flag="match", help="labels that a target must have", default="every target")
    ] = {}  # fmt: skip
    body: Annotated[
        Body | None,
        Option(flag="body", help="body of a webhook, such as { text = \"{title}\" }; {title}, "
               "{text}, {status}, {reason} and every other key of seventh.alert/1 are filled in",
               default="seventh.alert/1"),
    ] = None  # fmt: skip
    sender: Annotated[
        str | None, Option(flag="from", help="sender of mail; required for smtp")
    ] = None  # fmt: skip
    recipients: Annotated[
        Names, Option(flag="to", help="recipients of mail; required for smtp")
    ] = ()  # fmt: skip
    ca: Annotated[str | None, Option(flag="ca", help="file of an additional CA to trust (PEM)")] = (
        None
    )
    plaintext: Annotated[
        bool, Option(flag="allow-plaintext", help="whether a password may be sent without TLS")
    ] = False


class HeartbeatKeys(msgspec.Struct, frozen=True, kw_only=True):
    """``[[heartbeat]]``: with ``url`` a signal that watching works, else a job that reports here.

    The signal is a GET of the URL, and stops when pulses, the store or the sending of alerts stop:
    a service elsewhere that misses it can alert. A job reports to ``/heartbeat/NAME``, which
    ``[serve]`` answers: it is down when it reports a failure (``?failed=1``), or nothing in time.
    """

    name: Annotated[
        str, Meta(min_length=1, max_length=200), Option(flag="name", help="unique name")
    ]
    every: Annotated[
        Annotated[float, Meta(ge=1, le=31_536_000)],
        Option(flag="every", help="time between two signals or reports, in seconds"),
    ]  # fmt: skip
    url: Annotated[
        str | None,
        Option(flag="url", file="secret", help="what to request, as file:/path or env:NAME"),
    ] = None  # fmt: skip
    grace: Annotated[
        Seconds, Option(flag="grace", help="how much later a report may be, in seconds")
    ] = 60.0  # fmt: skip
    token_sha256: Annotated[
        Names,
        Option(flag="token-sha256", help="SHA-256 of the job's own tokens, in hexadecimal: it must "
               "send one, and may report with it and nothing else"),
    ] = ()  # fmt: skip
    labels: Annotated[
        Labels, Option(flag="labels", help="labels, such as { team = \"web\" }, for match")
    ] = {}  # fmt: skip


class LocalKeys(msgspec.Struct, frozen=True, kw_only=True):
    """``[local]``: looks at the machine on which this runs, as ``seventh local`` does.

    Findings, metrics (``source="local"``) and ``[[alert]]`` are those of a target.
    """

    name: Annotated[
        str, Meta(min_length=1, max_length=200), Option(flag="name", help="unique name")
    ] = "local"  # fmt: skip
    every: Annotated[
        Annotated[float, Meta(ge=10, le=86_400)],
        Option(flag="every", help="time between two looks, in seconds"),
    ] = 300.0
    areas: Annotated[
        Names, Option(flag="areas", help="what to look at (`seventh explain local` lists it)",
                      default="everything")
    ] = ()  # fmt: skip
    labels: Annotated[
        Labels, Option(flag="labels", help="labels, such as { team = \"web\" }, for match")
    ] = {}  # fmt: skip


class SloKeys(msgspec.Struct, frozen=True, kw_only=True):
    """``[[slo]]``: how much of the time the targets that match have to be up, all together.

    Degraded is up, flapping is down; what is unknown, or maintenance, does not count. A budget that
    is spent too fast is an alert, a page or a ticket; its labels are those of ``match``, ``slo``
    (the name) and ``severity``.
    """

    name: Annotated[
        str, Meta(min_length=1, max_length=200), Option(flag="name", help="unique name")
    ]
    objective: Annotated[
        Annotated[float, Meta(ge=0.5, le=0.999999)],
        Option(flag="objective", help="share of the time, such as 0.999"),
    ]
    match: Annotated[
        Labels, Option(flag="match", help="labels that a target must have", default="every target")
    ] = {}  # fmt: skip
    days: Annotated[
        Annotated[int, Meta(ge=7, le=90)], Option(flag="days", help="days that are counted")
    ] = 30  # fmt: skip


class MaintenanceKeys(msgspec.Struct, frozen=True, kw_only=True):
    """``[[maintenance]]``: when work is planned. Pulses run, and no alert is sent meanwhile."""

    name: Annotated[
        str, Meta(min_length=1, max_length=200), Option(flag="name", help="unique name")
    ]
    start: Annotated[
        str, Option(flag="start", help="first time, by the zone's clock: 2026-01-04T02:00")
    ]
    seconds: Annotated[
        Annotated[float, Meta(ge=60, le=604_800)],
        Option(flag="duration", help="how long, in seconds"),
    ]
    rule: Annotated[
        str,
        Option(flag="rule", help="when again, as a recurrence rule of RFC 5545, such as "
               "FREQ=WEEKLY;BYDAY=SU", default="never"),
    ] = ""  # fmt: skip
    zone: Annotated[str, Option(flag="zone", help="time zone, such as Europe/Berlin")] = "UTC"
    match: Annotated[
        Labels, Option(flag="match", help="labels that a target must have", default="every target")
    ] = {}  # fmt: skip


class ServeKeys(msgspec.Struct, frozen=True, kw_only=True):
    """``[serve]``: metrics, probes and the API, over HTTP; needs the extra ``watch``.

    Beyond loopback a token is required.
    """

    listen: Annotated[
        str | None,
        Option(flag="listen", help="HOST:PORT to listen on, such as 127.0.0.1:9707",
               default="of --listen, else nothing is served"),
    ] = None  # fmt: skip
    token_sha256: Annotated[
        Names,
        Option(flag="token-sha256", help="SHA-256 of the tokens that are accepted, in hexadecimal; "
               "`openssl rand -hex 32` makes a token, `printf %s TOKEN | sha256sum` its hash"),
    ] = ()  # fmt: skip
    hosts: Annotated[
        Names,
        Option(flag="hosts", help="host names by which it is asked without a token, besides "
               "addresses and localhost"),
    ] = ()  # fmt: skip
    tls_cert: Annotated[
        str | None, Option(flag="tls-cert", help="PEM file of the certificate and its chain")
    ] = None
    tls_key: Annotated[str | None, Option(flag="tls-key", help="PEM file of its key")] = None
    blackbox: Annotated[
        str | None,
        Option(flag="blackbox", help="blackbox.yml, the modules of /probe",
               default="of --blackbox, else the modules that the exporter's example has"),
    ] = None  # fmt: skip
    snmp: Annotated[
        str | None,
        Option(flag="snmp", help="snmp.yml, the modules and credentials of /snmp",
               default="of --snmp, else /snmp is not served"),
    ] = None  # fmt: skip


class StatusKeys(msgspec.Struct, frozen=True, kw_only=True):
    """``[status]``: a page for the public, written as files that any web server can serve.

    A service is every target with the same value of the label, which is its public name; no name,
    URL or address of a target is written. The files are ``index.html``, ``status.css`` and
    ``incidents.atom``, a feed of the incidents.
    """

    folder: Annotated[
        str | None,
        Option(flag="folder", help="folder to write to", default="of --status-page, else nothing "
               "is written"),
    ] = None  # fmt: skip
    title: Annotated[str, Meta(min_length=1, max_length=200),
                     Option(flag="title", help="title of the page")] = "Status"  # fmt: skip
    url: Annotated[
        str, Option(flag="url", help="where the page will be, for the links of the feed")
    ] = ""
    label: Annotated[
        str, Meta(min_length=1, max_length=200),
        Option(flag="label", help="label whose value is the public name of a service"),
    ] = "status"  # fmt: skip


TABLES: dict[str, type[msgspec.Struct]] = {
    "watch": Watch, "defaults": Defaults, "target": TargetKeys, "alert": AlertKeys,
    "notify": NotifyKeys, "heartbeat": HeartbeatKeys,
    "slo": SloKeys, "maintenance": MaintenanceKeys,
    "local": LocalKeys, "serve": ServeKeys, "status": StatusKeys,
}  # fmt: skip
"""By name."""
LISTED = frozenset({"target", "alert", "notify", "heartbeat", "slo", "maintenance"})
"""The tables of which there may be several; ``defaults`` may be one or several."""

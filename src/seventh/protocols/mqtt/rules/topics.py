"""The design of topics: what a broker's users see, or its access control list names."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.protocols.mqtt.facts.topics import topics_of
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_FAULTS = {
    "leading_slash": "{leading_slash} begin with /, such as {leading_slash_example!r}: the first "
    "level is empty",
    "empty_level": "{empty_level} have an empty level, such as {empty_level_example!r}",
    "blank": "{blank} contain blanks, such as {blank_example!r}",
    "deep": "{deep} have more than 7 levels, such as {deep_example!r}",
    "short": "{short} have fewer than 3 levels, such as {short_example!r}",
    "everything": "a filter is #, which is every topic",
}


@rule(
    "MQTT-TOPIC",
    Severity.LOW,
    tier=0,
    source=Source.FILE,
    title="Inefficient topic tree",
    evidence="of {count} topics and filters: {faults}",
    phrases={"faults": _FAULTS},
    why="Rights are given by level: without levels for site, device and class of data each device "
    "needs a rule of its own, and # gives away everything. Empty levels and blanks are overlooked "
    "when filters are written, and each level costs bytes in every message.",
    fix={
        "any": "Name topics site/device/class, such as berlin/pump-7/temperature: 3 to 7 levels, "
        "no / at the beginning, no blanks. Give each user the subtree that it needs instead of #."
    },
    references=("MQTT Version 5.0 §4.7",),
    seed=("12.7.5",),
    good=MqttFacts(topics=topics_of(["berlin/pump-7/temperature", "berlin/+/status/#"])),
    bad=MqttFacts(topics=topics_of(["/berlin/pump 7/temperature", "#"])),
    directives={"mosquitto": ("acl_file", "topic")},
    choice=("any",),
)
def topic(mqtt: MqttFacts) -> Verdict:
    """Judge the names and filters of topics."""
    topics = mqtt.topics
    if topics is None or not topics.count:
        return Skip("no topics are known: `seventh mqtt tree --lint` and an ACL file show some")
    params: dict[str, str | int] = {}
    for name in _FAULTS:
        fault = getattr(topics, name)
        if fault is not None:
            params |= {name: fault.count, f"{name}_example": fault.example}
    faults = tuple(name for name in _FAULTS if name in params)
    return Hit(count=topics.count, faults=faults, **params) if faults else None

"""From objects to samples, with snmp_exporter's names, labels and types."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterator, Mapping

from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.message import Binding, Kind
from seventh.protocols.snmp.wire.names import dotted
from seventh.serve.exposition import Page, label
from seventh.serve.families import Family
from seventh.serve.snmp.modules import Index, Metric, Module, oid_of
from seventh.wire.text import printable

_LONGEST = 1000
_WHOLE = 2**53
"""Counters wrap there, as beyond it a float has no whole numbers: snmp_exporter's default."""
_NUMBERS = frozenset({"gauge", "counter", "Float", "Double"})
_SCRAPE = (
    Family("snmp_scrape_duration_seconds", "gauge", "Total SNMP time scrape took"),
    Family("snmp_scrape_packets_sent", "gauge", "Packets sent for get, bulkget, and walk"),
    Family("snmp_scrape_packets_retried", "gauge", "Packets retried for get, bulkget, and walk"),
    Family("snmp_scrape_pdus_returned", "gauge", "PDUs returned from get, bulkget, and walk"),
)


class Scrape:
    """The objects of one scrape, and the page that they make."""

    def __init__(self, module: Module, found: Mapping[Oid, Binding]) -> None:
        self._module, self._found = module, found
        self._below: dict[Oid, dict[Oid, Binding]] = {}
        columns = {oid_of(metric.oid) for metric in module.metrics}
        for oid, binding in found.items():
            for length in range(len(oid), 5, -1):
                if (column := oid[:length]) in columns:
                    self._below.setdefault(column, {})[oid[length:]] = binding

    def page(self, seconds: float, requests: int, replies: int) -> str:
        """Return the whole page."""
        families = {each.name: each for each in _SCRAPE}
        for metric in self._module.metrics:
            kind = "counter" if metric.type == "counter" else "gauge"
            name = f"{metric.name}_info" if metric.type == "EnumAsInfo" else metric.name
            families[name] = Family(name, kind, metric.help or " ")  # type: ignore[arg-type]
        made = Page(families)
        for metric in self._module.metrics:
            for index, binding in self._below.get(oid_of(metric.oid), {}).items():
                for name, value, labels in self._samples(metric, index, binding):
                    made.add(name, value, *(label(*each) for each in labels.items()))
        made.add("snmp_scrape_duration_seconds", seconds)
        made.add("snmp_scrape_packets_sent", requests)
        made.add("snmp_scrape_packets_retried", max(0, requests - replies))
        made.add("snmp_scrape_pdus_returned", len(self._found))
        return "".join(made.parts())

    def _samples(
        self, metric: Metric, index: Oid, binding: Binding
    ) -> Iterator[tuple[str, float, dict[str, str]]]:
        labels = self._labels(metric, index)
        value = binding.value
        if metric.type in _NUMBERS:
            number = _number(binding)
            if number is not None:
                yield metric.name, number * (metric.scale or 1.0) + metric.offset, labels
        elif metric.type == "EnumAsInfo":
            text = _enum(metric.enum_values, value)
            yield f"{metric.name}_info", 1.0, {**labels, metric.name: text}
        elif metric.type == "EnumAsStateSet":
            known = {**metric.enum_values}
            if isinstance(value, int) and value not in known:
                known[value] = str(value)
            for number, name in known.items():
                yield metric.name, float(number == value), {**labels, metric.name: name}
        else:
            yield metric.name, 1.0, {**labels, metric.name: _text(metric.type, value)}

    def _labels(self, metric: Metric, index: Oid) -> dict[str, str]:
        labels: dict[str, str] = {}
        parts: dict[str, Oid] = {}
        rest = index
        for each in metric.indexes:
            value, part, rest = _index(each, rest)
            labels[each.labelname], parts[each.labelname] = value, part
        for lookup in metric.lookups:
            if not lookup.oid:
                labels.pop(lookup.labelname, None)
                continue
            at = sum((parts.get(name, ()) for name in lookup.labels), start=())
            binding = self._found.get((*oid_of(lookup.oid), *at))
            value = _text(lookup.type, binding.value) if binding is not None else ""
            labels[lookup.labelname] = value
        return labels


def _index(index: Index, rest: Oid) -> tuple[str, Oid, Oid]:
    """Return an index's label, its arcs, and the arcs after it; what is missing is zero."""
    if index.type in {"gauge", "counter", "EnumAsInfo", "EnumAsStateSet"}:
        part, rest = rest[:1], rest[1:]
        value = part[0] if part else 0
        return _enum(index.enum_values, value) if index.enum_values else str(value), part, rest
    if index.type in {"InetAddressIPv4", "IpAddr"}:
        return _text("IpAddr", _octets(rest[:4])), rest[:4], rest[4:]
    if index.type == "PhysAddress48":
        return _text(index.type, _octets(rest[:6])), rest[:6], rest[6:]
    length, skipped = len(rest), 0
    if index.fixed_size:
        length = index.fixed_size
    elif not index.implied and rest:
        length, skipped = rest[0], 1
    end = skipped + length
    return _text(index.type, _octets(rest[skipped:end])), rest[:end], rest[end:]


def _octets(arcs: Oid) -> bytes:
    return bytes(arc & 0xFF for arc in arcs)


def _number(binding: Binding) -> float | None:
    value = binding.value
    if isinstance(value, int):
        return float(value % _WHOLE if binding.kind is Kind.COUNTER64 else value)
    return value if isinstance(value, float) and not math.isinf(value) else None


def _enum(known: Mapping[int, str], value: object) -> str:
    return known.get(value, str(value)) if isinstance(value, int) else str(value)


def _text(kind: str, value: object) -> str:
    if isinstance(value, bytes):
        if kind == "PhysAddress48":
            return value.hex(":").upper()
        if kind in {"IpAddr", "InetAddressIPv4", "InetAddressIPv6"} and len(value) in {4, 16}:
            return str(ipaddress.ip_address(value))
        if kind == "OctetString":
            return f"0x{value.hex().upper()}" if value else ""
        return printable(value, _LONGEST)
    return dotted(value) if isinstance(value, tuple) else str(value)

"""``snmp.yml``: its modules and credentials, and why one of them cannot be used here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from seventh.model.failure import UsageError
from seventh.model.near import unknown
from seventh.model.textfile import read_bytes
from seventh.protocols.snmp.client.identity import CommunityName, Identity, User
from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.keys import Auth, Priv, passwords
from seventh.protocols.snmp.wire.message import Version
from seventh.protocols.snmp.wire.names import parse_oid

_MAX_FILE = 64 * 1024 * 1024
_DURATION = re.compile(r"(\d+)(ms|s|m)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}
TYPES = frozenset(
    {
        "gauge", "counter", "OctetString", "DisplayString", "PhysAddress48", "Float", "Double",
        "InetAddressIPv4", "InetAddressIPv6", "IpAddr", "EnumAsInfo", "EnumAsStateSet",
    }
)  # fmt: skip
_AUTHS = {"MD5": Auth.MD5, "SHA": Auth.SHA1, "SHA224": Auth.SHA224, "SHA256": Auth.SHA256,
          "SHA384": Auth.SHA384, "SHA512": Auth.SHA512}  # fmt: skip
_PRIVS = {"DES": Priv.DES, "AES": Priv.AES, "AES192": Priv.AES192, "AES256": Priv.AES256,
          "AES192C": Priv.AES192, "AES256C": Priv.AES256}  # fmt: skip


class Credential(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of ``auths``."""

    community: str = "public"
    security_level: Literal["noAuthNoPriv", "authNoPriv", "authPriv"] = "noAuthNoPriv"
    username: str = ""
    password: str = ""
    auth_protocol: Literal["MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512"] = "MD5"
    priv_protocol: Literal["DES", "AES", "AES192", "AES256", "AES192C", "AES256C"] = "DES"
    priv_password: str = ""
    context_name: str = ""
    version: Literal[1, 2, 3] = 2

    def __repr__(self) -> str:
        return f"<a credential of version {self.version}>"

    @property
    def reeder(self) -> bool:
        """Whether keys are extended as Reeder's draft has it."""
        return self.priv_protocol.endswith("C")

    def identity(self) -> Identity:
        """Return who we are by it. Raises UsageError for a password that is missing."""
        if self.version != 3:
            version = Version.V1 if self.version == 1 else Version.V2C
            return CommunityName(version=version, community=self.community.encode())
        secret = None
        if self.security_level != "noAuthNoPriv":
            private = self.security_level == "authPriv"
            if not self.password or (private and not self.priv_password):
                raise UsageError("password and priv_password must not be empty at this level")
            secret = passwords(
                _AUTHS[self.auth_protocol], self.password.encode(),
                _PRIVS[self.priv_protocol] if private else None, self.priv_password.encode(),
            )  # fmt: skip
        return User(
            name=self.username.encode(), passwords=secret, context=self.context_name.encode()
        )


class Index(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a table's index."""

    labelname: str
    type: str = "gauge"
    fixed_size: int = 0
    implied: bool = False
    enum_values: Mapping[int, str] = {}


class Lookup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A label whose value is another object with the same index; without an OID one to drop."""

    labels: tuple[str, ...] = ()
    labelname: str
    oid: str = ""
    type: str = "DisplayString"


class Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A metric; those of type Any are known and not supported."""

    name: str
    oid: str
    type: str = "gauge"
    help: str = ""
    indexes: tuple[Index, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    enum_values: Mapping[int, str] = {}
    offset: float = 0.0
    scale: float = 0.0
    regex_extracts: Any = None
    datetime_pattern: Any = None
    display_hint: Any = None


class Module(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of ``modules``."""

    walk: tuple[str, ...] = ()
    get: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    max_repetitions: int = 25
    retries: int = 3
    timeout: str = "5s"
    filters: Any = None
    allow_nonincreasing_oids: bool = False
    use_unconnected_udp_socket: bool = False

    @property
    def timeout_seconds(self) -> float:
        """How long each attempt of a request waits."""
        parts = _DURATION.findall(self.timeout)
        return sum(int(count) * _UNIT_SECONDS[unit] for count, unit in parts) or 5.0

    def problem(self) -> str:
        """Return why the module cannot be used; empty if it can."""
        if self.filters:
            return "filters: not supported"
        for metric in self.metrics:
            for name in ("regex_extracts", "datetime_pattern"):
                if getattr(metric, name):
                    return f"metric {metric.name}: {name}: not supported"
            for kind in (metric.type, *(lookup.type for lookup in metric.lookups)):
                if kind not in TYPES:
                    return f"metric {metric.name}: type {kind!r:.40} is not supported"
        try:
            for text in (*self.walk, *self.get, *(each.oid for each in self.metrics)):
                oid_of(text)
        except UsageError as error:
            return str(error)
        return ""


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    auths: dict[str, Credential] = {}
    modules: dict[str, Module] = {}
    version: Any = None


def oid_of(text: str) -> Oid:
    """Return an object's arcs. Raises UsageError."""
    return parse_oid(text)


def load(path: str) -> File:
    """Read a file; raises UsageError, in one line. Modules with a problem are kept."""
    return read(path, read_bytes(path, _MAX_FILE))


def read(path: str, data: bytes) -> File:
    """Read the content of a file; raises UsageError, in one line."""
    import yaml  # type: ignore[import-untyped]

    try:
        content = yaml.load(data, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        return msgspec.convert(content, File)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"{path}{line}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, msgspec.ValidationError):
            raise UsageError(f"{path}: {error}") from None
        raise UsageError(f"{path}: not valid YAML") from None


def chosen(file: File, module: str, auth: str) -> tuple[Module, Credential]:
    """Return a module and a credential; raises UsageError for what cannot be used."""
    if (found := file.modules.get(module)) is None:
        raise UsageError(unknown("module", module, sorted(file.modules)))
    if (credential := file.auths.get(auth)) is None:
        raise UsageError(unknown("auth", auth, sorted(file.auths)))
    if problem := found.problem():
        raise UsageError(f"module {module}: {problem}")
    return found, credential

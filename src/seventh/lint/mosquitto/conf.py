"""Reads mosquitto.conf with its include_dir into settings, listeners and bridges."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from seventh.lintkit.files import Files, Text
from seventh.lintkit.place import place_of
from seventh.model.source import Line
from seventh.wire.text import printable

SYSTEM = "/etc/mosquitto"
MAX_INCLUDES = 256
_SHOWN = 300
SECURITY = frozenset(
    {
        "acl_file", "allow_anonymous", "allow_zero_length_clientid", "auth_plugin",
        "auth_plugin_deny_special_chars", "auto_id_prefix", "password_file", "plugin", "psk_file",
    }
)  # fmt: skip
"""What ``per_listener_settings true`` makes settings of each listener."""
GLOBAL = frozenset(
    {
        "allow_duplicate_messages", "autosave_interval", "autosave_on_changes",
        "check_retain_source", "clientid_prefixes", "connection_messages", "include_dir",
        "log_dest", "log_facility", "log_timestamp", "log_timestamp_format", "log_type",
        "max_inflight_bytes",
        "max_inflight_messages", "max_keepalive", "max_packet_size", "max_queued_bytes",
        "max_queued_messages", "memory_limit", "message_size_limit", "per_listener_settings",
        "persistence", "persistence_file", "persistence_location", "persistent_client_expiration",
        "pid_file", "queue_qos0_messages", "retain_available", "retain_expiry_interval",
        "set_tcp_nodelay", "sys_interval", "upgrade_outgoing_qos", "user",
        "websockets_log_level", "websockets_headers_size", "retry_interval", "global_plugin",
        "enable_control_api", "accept_protocol_versions",
    }
)  # fmt: skip
LISTENER = frozenset(
    {
        "bind_address", "bind_interface", "cafile", "capath", "certfile", "ciphers",
        "ciphers_tls1.3", "crlfile", "dhparamfile", "http_dir", "keyfile", "max_connections",
        "max_qos", "max_topic_alias", "max_topic_alias_broker", "mount_point", "port", "protocol",
        "psk_hint", "require_certificate", "socket_domain", "tls_engine",
        "tls_engine_kpass_sha1", "tls_keyform", "tls_version", "use_identity_as_username",
        "use_subject_as_username", "use_username_as_clientid", "websockets_origin",
        "disable_client_cert_date_checks", "enable_proxy_protocol",
    }
)  # fmt: skip
BRIDGE = frozenset(
    {
        "address", "addresses", "bridge_alpn", "bridge_attempt_unsubscribe", "bridge_bind_address",
        "bridge_cafile", "bridge_capath", "bridge_certfile", "bridge_identity", "bridge_insecure",
        "bridge_keyfile", "bridge_max_packet_size", "bridge_max_topic_alias",
        "bridge_outgoing_retain", "bridge_protocol_version", "bridge_psk", "bridge_receive_maximum",
        "bridge_reload_type", "bridge_require_ocsp", "bridge_session_expiry_interval",
        "bridge_tcp_keepalive", "bridge_tcp_user_timeout", "bridge_tls_use_os_certs",
        "bridge_tls_version", "cleansession", "clientid", "idle_timeout", "keepalive_interval",
        "local_cleansession", "local_clientid", "local_password", "local_username",
        "notification_topic", "notifications", "notifications_local_only", "password",
        "remote_clientid", "remote_password", "remote_username", "restart_timeout", "round_robin",
        "start_type", "threshold", "topic", "try_private", "username",
    }
)  # fmt: skip
_OPTIONS_OF_PLUGINS = ("auth_opt_", "plugin_opt_")


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A line ``name value``."""

    name: str
    value: str
    at: Line


class Section(msgspec.Struct, kw_only=True):
    """The broker, a listener or a bridge, with its settings in order."""

    words: tuple[str, ...] = ()
    """What follows ``listener`` or ``connection``."""
    at: Line | None = None
    settings: list[Setting] = []

    def get(self, name: str) -> Setting | None:
        """Return the last setting of that name."""
        return next((one for one in reversed(self.settings) if one.name == name), None)

    def every(self, *names: str) -> Iterator[Setting]:
        """Yield the settings of these names."""
        yield from (one for one in self.settings if one.name in names)


class Conf(msgspec.Struct, kw_only=True):
    """A configuration."""

    broker: Section = msgspec.field(default_factory=Section)
    default: Section = msgspec.field(default_factory=Section)
    """The listener of ``port``, or of no line at all."""
    listeners: list[Section] = []
    bridges: list[Section] = []

    @property
    def per_listener(self) -> bool:
        """Whether each listener has its own access control."""
        one = self.broker.get("per_listener_settings")
        return one is not None and one.value == "true"


def read(text: Text, files: Files) -> Conf:
    """Return the configuration of a file and of what its include_dir names."""
    reader = _Reader(text.name, files)
    reader.file(text)
    return reader.conf


class _Reader:
    def __init__(self, name: str, files: Files) -> None:
        self.conf = Conf()
        self._files = files
        self._place = place_of(name, SYSTEM)
        self._listener = self.conf.default
        self._bridge: Section | None = None
        self._included = 0

    def file(self, text: Text) -> None:
        """Read the lines of a file."""
        for number, raw in text.numbered():
            if raw[:1] in {"#", ""} or not raw.strip():
                continue
            name, _, value = raw.strip(" \t\r").partition(" ")
            value = value.strip(" \t")
            shown = f"{name} {'…' if 'password' in name and name != 'password_file' else value}"
            at = Line(file=text.name, line=number, text=printable(shown.rstrip(), _SHOWN))
            self._setting(Setting(name=name, value=value, at=at))

    def _refuse(self, at: Line, why: str) -> None:
        self._files.problem(at.file, at.line, f"{why}: mosquitto does not start")

    def _setting(self, one: Setting) -> None:
        name = one.name
        if not one.value and name not in {"clientid_prefixes", "log_timestamp_format", "psk_hint"}:
            self._refuse(one.at, f"{name} has no value")
        elif name == "listener":
            self._listener = Section(words=tuple(one.value.split()), at=one.at)
            self.conf.listeners.append(self._listener)
            if not _is_port(self._listener.words[0]):
                self._refuse(one.at, "the port is not a number from 0 to 65535")
        elif name == "connection":
            self._bridge = Section(words=(one.value,), at=one.at)
            self.conf.bridges.append(self._bridge)
        elif name == "include_dir":
            self._include(one)
        elif name in BRIDGE:
            if self._bridge is None:
                self._refuse(one.at, f"{name} without a connection")
            else:
                self._bridge.settings.append(one)
        elif name in LISTENER or name in SECURITY:
            self._listener.settings.append(one)
            self.conf.broker.settings.append(one)
        elif name in GLOBAL or name.startswith(_OPTIONS_OF_PLUGINS):
            self.conf.broker.settings.append(one)
        else:
            self._refuse(one.at, f"unknown setting {name}")

    def _include(self, one: Setting) -> None:
        pattern = f"{one.value.rstrip('/')}/*.conf"
        self.conf.broker.settings.append(one)
        for path in self._place.included(pattern, self._files, one.at):
            self._included += 1
            if self._included > MAX_INCLUDES:
                self._files.unreadable(
                    one.at.file, one.at.line, f"more than {MAX_INCLUDES} includes"
                )
                return
            if (text := self._files.read(path, at=one.at)) is not None:
                self.file(text)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65_535

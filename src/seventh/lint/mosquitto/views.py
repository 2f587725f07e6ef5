"""The facts and settings of mosquitto.conf: the broker as a whole, then each listener."""

from __future__ import annotations

from typing import Literal

from seventh.lint.mosquitto.access import check_passwords, patterns
from seventh.lint.mosquitto.bridges import loops, topics
from seventh.lint.mosquitto.conf import SECURITY, SYSTEM, Conf, Section, read
from seventh.lint.mosquitto.conf import Setting as Read
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Linted, Setting, Software, View
from seventh.lintkit.place import place_of
from seventh.model.source import Line
from seventh.protocols.mqtt.facts import MqttFacts
from seventh.protocols.mqtt.facts.config import MqttConfig
from seventh.protocols.mqtt.facts.topics import topics_of
from seventh.wire.address import is_literal
from seventh.wire.address import reach as reach_of

PRODUCT = "mosquitto"
NEWEST = (2, 0, 22)
MAX_VIEWS = 64
_DEFAULTS = {
    "allow_anonymous": "", "password_file": "", "persistent_client_expiration": "",
    "max_packet_size": "", "require_certificate": "false", "crlfile": "", "cafile": "",
    "capath": "", "try_private": "true", "acl_file": "",
}  # fmt: skip


def lint(text: Text, files: Files, software: Software | None) -> Linted:
    """Read mosquitto.conf with what it includes, its access control list and password file."""
    conf = read(text, files)
    stated = software or Software(product=PRODUCT, version=NEWEST)
    made = _Views(conf, stated, files, text.name)
    return Linted(
        views=tuple(made.views()), software=str(stated), software_assumed=software is None
    )


class _Views:
    def __init__(self, conf: Conf, software: Software, files: Files, main: str) -> None:
        self._conf = conf
        self._software = software
        self._files = files
        self._main = main
        self._place = place_of(main, SYSTEM)
        port = conf.default.get("port") or conf.default.get("bind_address")
        self._local_only = not conf.listeners and port is None
        """Only this machine is served (2.0 and later)."""

    def views(self) -> list[View]:
        """Return the view of the broker, then one for each listener."""
        found = [self._broker()]
        listeners = self._conf.listeners[:MAX_VIEWS]
        if (
            self._conf.default.get("port")
            or self._conf.default.get("bind_address")
            or (not listeners)
        ):
            listeners = [self._conf.default, *listeners]
        return [*found, *map(self._listener, listeners)]

    def _broker(self) -> View:
        conf = self._conf
        expiry, packet = (
            conf.broker.get(name) for name in ("persistent_client_expiration", "max_packet_size")
        )
        self._check_passwords()
        named = [*self._acl_topics(), *(b.remote for each in conf.bridges for b in topics(each))]
        config = MqttConfig(
            product=PRODUCT,
            sessions_end=expiry is not None,
            packets_limited=packet is not None and packet.value != "0",
            loops=loops(conf.bridges) if conf.bridges else None,
        )
        settings = self._settings(conf.broker)
        for bridge in conf.bridges:
            name = " ".join(bridge.words)
            for key in ("try_private", "topic", "address"):
                lines = tuple(Setting(value=o.value, at=o.at) for o in bridge.every(key))
                if lines:
                    settings[f"{key} {name}".lower()] = lines
                    settings[key] = (*settings.get(key, ()), *lines)
        facts = MqttFacts(config=config, topics=topics_of(named) if named else None)
        return View(facts={"mqtt": facts}, settings=settings)

    def _acl_topics(self) -> list[str]:
        found: list[str] = []
        for one in self._conf.broker.every("acl_file"):
            text = self._files.read(self._place.path(one.value), at=one.at)
            if text is not None:
                found += patterns(text, self._files)
        return found

    def _check_passwords(self) -> None:
        for one in self._conf.broker.every("password_file"):
            text = self._files.read(self._place.path(one.value), at=one.at)
            if text is not None:
                check_passwords(text, self._files)

    def _listener(self, listener: Section) -> View:
        port, *address = listener.words or (self._value(listener, "port") or "1883",)
        bound = " ".join(address) or self._value(listener, "bind_address")
        reach = self._reach(port, bound)
        secure = bool(self._value(listener, "certfile") and self._value(listener, "keyfile")) or (
            bool(self._value(listener, "psk_hint"))
        )
        label = f"listener {port}" + (f" {bound}" if bound else "")
        at = listener.at
        config = MqttConfig(
            product=PRODUCT,
            listener=label,
            loopback_line=f"listener {port} 127.0.0.1" if at else "bind_address 127.0.0.1",
            secure=secure,
            websocket=self._value(listener, "protocol") == "websockets",
            reach=reach,
            anonymous=self._anonymous(listener),
            has_logins=any(
                self._security(listener, each) is not None
                for each in ("password_file", "plugin", "auth_plugin", "psk_file")
            ),
            client_certificate=self._certificates(listener, secure=secure),
            identity=any(
                self._value(listener, each) == "true"
                for each in ("use_identity_as_username", "use_subject_as_username")
            ),
            has_crl=bool(self._value(listener, "crlfile")) if secure else None,
        )
        settings = self._settings(listener)
        for name in SECURITY & _DEFAULTS.keys():
            one = self._security(listener, name)
            settings[name] = (self._shown(one, name),)
        where = at or Line(file=self._main, line=None, text=f"{label} (default)")
        port_line = listener.get("port") or listener.get("bind_address")
        if at is None and port_line is not None:
            where = port_line.at
        settings["listener"] = (Setting(value=port, at=where),)
        return View(
            label=label if at is not None else "",
            place=f"in {at.file}, below line {at.line}" if at is not None else "",
            block=at,
            within=None,
            facts={"mqtt": MqttFacts(config=config)},
            settings=settings,
        )

    def _value(self, listener: Section, name: str) -> str:
        one = listener.get(name)
        return one.value if one is not None else ""

    def _security(self, listener: Section, name: str) -> Read | None:
        """Return the setting that applies: the listener's own, or the broker's."""
        where = listener if self._conf.per_listener else self._conf.broker
        return where.get(name)

    def _anonymous(self, listener: Section) -> bool:
        one = self._security(listener, "allow_anonymous")
        allowed = one.value == "true" if one is not None else self._default_anonymous()
        return allowed and self._value(listener, "require_certificate") != "true"

    def _default_anonymous(self) -> bool:
        return self._software.version < (2,) or self._local_only

    def _reach(self, port: str, bound: str) -> Literal["loopback", "private", "public"]:
        if port == "0" or (self._local_only and self._software.version >= (2,)):
            return "loopback"
        if bound == "localhost":
            return "loopback"
        if bound in {"0.0.0.0", "::"} or not is_literal(bound):  # noqa: S104 - a file's value
            return "public"
        return reach_of(bound)

    def _certificates(
        self, listener: Section, *, secure: bool
    ) -> Literal["not-requested", "optional", "required"] | None:
        if not secure:
            return None
        if self._value(listener, "require_certificate") == "true":
            return "required"
        return "not-requested"

    def _settings(self, section: Section) -> dict[str, tuple[Setting, ...]]:
        return {name: (self._shown(section.get(name), name),) for name in _DEFAULTS}

    def _shown(self, one: Read | None, name: str) -> Setting:
        if one is not None:
            return Setting(value=one.value, at=one.at)
        value = _DEFAULTS[name]
        shown = f"{name} {value}".rstrip() if value else f"{name} not set"
        at = Line(file=self._main, line=None, text=f"{shown} (default of {self._software})")
        return Setting(value=value, at=at)

"""The arguments that OpenSSH accepts for a directive: how many, and in which form.

``tests/peers/test_ssh_config_values.py`` compares it with ``sshd -t`` and ``ssh -G``. Values that
depend on the machine, such as names of hosts and services, are always accepted, as are all values
of distributions' and obsolete directives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.directives import Side
from seventh.protocols.ssh.wire.patterns import (
    GrammarError,
    Names,
    address_in_list,
    arguments,
    seconds,
)

Check = Callable[[Names], bool]

_MAX_INT = 2**31 - 1
_LEVELS = frozenset({
    "quiet", "fatal", "error", "info", "verbose", "debug", "debug1", "debug2", "debug3",
})  # fmt: skip
_FACILITIES = frozenset({
    "daemon", "user", "auth", "authpriv", *(f"local{number}" for number in range(8)),
})  # fmt: skip
_QOS = frozenset({
    "none", "ef", "le", "lowdelay", "throughput", "reliability",
    *(f"cs{number}" for number in range(8)),
    *(f"af{high}{low}" for high in range(1, 5) for low in range(1, 4)),
})  # fmt: skip
_METHODS = frozenset({
    "none", "publickey", "password", "keyboard-interactive", "hostbased", "gssapi-with-mic",
    "gssapi-keyex",
})  # fmt: skip
_PORT = re.compile(r"(?:\d{1,5}|\*|[A-Za-z][\w-]*)")
_PORTED = re.compile(r"(?:\[[^]]*\]|[^:/\[][^:/]*|):(.+)")
_SIZE = re.compile(r"(\d{0,18})([bkmgtpe]?)", re.IGNORECASE)
_UNITS = "bkmgtpe"
_SMALLEST_REKEY_BYTES = 16
_TOKENS = re.compile(r"(?:[^%]|%[%CdhijkLlnpru])*")
_HOST_TOKENS = re.compile(r"(?:[^%]|%[%h])*")
_WHOLE_LINES = frozenset({
    "forcecommand", "proxycommand", "localcommand", "remotecommand", "knownhostscommand",
    "proxyjump",
})  # fmt: skip
"""Directives whose argument is the rest of the line: only its quotes are checked."""


def refusal(side: Side, name: str, values: Names, rest: str) -> str | None:
    """Return why OpenSSH would refuse a directive's arguments; None where it accepts them."""
    if name in _WHOLE_LINES:
        try:
            arguments(rest)
        except GrammarError as error:
            return str(error)
        return None
    most = 1 if name in directives.single(side) else _AT_MOST[side].get(name, len(values))
    if len(values) > most:
        return f"extra arguments after {' '.join(values[:most])!r}"
    if most == 1 and values == ("",):
        return "empty argument"
    check = _CHECKS[side].get(name)
    if check is not None and values and not check(values):
        return f"invalid value {' '.join(values)!r}"
    return None


# -- forms -----------------------------------------------------------------------------------------


def _number(least: int = 0, most: int = _MAX_INT) -> Check:
    def check(values: Names) -> bool:
        text = values[0]
        return text.isascii() and text.isdigit() and least <= int(text[:12]) <= most

    return check


def _word(*words: str) -> Check:
    return lambda values: values[0].lower() in words


def _each(check: Callable[[str], bool]) -> Check:
    return lambda values: all(map(check, values))


def _or(check: Check, *alone: str) -> Check:
    """Check that the only argument is one of the words in this case, or that ``check`` accepts."""
    return lambda values: (len(values) == 1 and values[0] in alone) or check(values)


def _or_any_case(check: Check, *alone: str) -> Check:
    """Do the same for words in any case."""
    return lambda values: (len(values) == 1 and values[0].lower() in alone) or check(values)


def _none_alone(values: Names) -> bool:
    return len(values) == 1 or not any(value.lower() == "none" for value in values)


def _qos(word: str) -> bool:
    if word.lower() in _QOS:
        return True
    try:
        number = int(word, 16 if word[:2].lower() == "0x" else 8 if word.startswith("0") else 10)
    except ValueError:
        return False
    return 0 <= number <= 255


def _methods(values: Names) -> bool:
    return values == ("any",) or all(
        step.partition(":")[0] in _METHODS for value in values for step in value.split(",")
    )


def _size(text: str) -> bool:
    match = _SIZE.fullmatch(text)
    if match is None:
        return False
    size = int(match[1] or 0) << 10 * _UNITS.index(match[2].lower() or "b")
    return size == 0 or _SMALLEST_REKEY_BYTES <= size < 2**63


def _rekey(values: Names) -> bool:
    first, *then = values
    return (first == "default" or _size(first)) and all(
        word == "none" or seconds(word) is not None for word in then
    )


def _timeout(word: str) -> bool:
    kind, equals, length = word.partition("=")
    return bool(kind and equals) and seconds(length) is not None


def _setting(word: str) -> bool:
    return word.partition("=")[1] == "=" and not word.startswith("=")


def _user(word: str) -> bool:
    _, at, host = word.rpartition("@")
    if not at or "/" not in host:
        return True
    try:
        address_in_list(None, host)
    except GrammarError:
        return False
    return True


def _port(text: str) -> bool:
    if text.isascii() and text.isdigit():
        return 1 <= int(text[:6]) <= 65535
    return _PORT.fullmatch(text) is not None


def _ported(word: str) -> bool:
    """Check for ``host:port``: an IPv6 address needs brackets, and the host may be empty."""
    match = _PORTED.fullmatch(word)
    return match is not None and _port(match[1])


def _listen(word: str) -> bool:
    if (word.isascii() and word.isdigit()) or word == "*":
        return _port(word)
    return _ported(word)


def _mask(values: Names) -> bool:
    match = re.match(r"[0-7]{1,9}", values[0])
    return match is not None and int(match[0], 8) <= 0o777


def _net_block(values: Names) -> bool:
    match = re.match(r"(\d{1,9})(?::(\d{1,9}))?", values[0])
    return match is not None and int(match[1]) <= 32 and int(match[2] or 0) <= 128


def _escape(values: Names) -> bool:
    text = values[0]
    return text == "none" or len(text) == 1 or re.fullmatch(r"\^[@-\x7f]", text) is not None


def _tunnel(values: Names) -> bool:
    return values[0].lower() == "any" or all(
        part == "any" or (part.isascii() and part.isdigit()) for part in values[0].split(":", 1)
    )


def _forward(values: Names) -> bool:
    listen = values[0]
    return "/" in listen or listen.startswith("~") or _port(listen.rpartition(":")[2])


def _agent_keys(values: Names) -> bool:
    first, *then = values
    if then:
        return first.lower() == "confirm" and seconds(then[0]) is not None
    known = first.lower() in {"yes", "no", "true", "false", "ask", "confirm"}
    return known or seconds(first) is not None


def _listen_address(values: Names) -> bool:
    if len(values) == 2 or (len(values) == 3 and values[1].lower() != "rdomain"):
        return False
    host, colon, port = values[0].rpartition(":")
    bracketed = values[0].startswith("[") or host.count(":") == 0
    return not (colon and bracketed) or values[0].endswith("]") or _port(port)


def _command(values: Names) -> bool:
    return values[0].lower() == "none" or values[0].startswith("/")


# -- directives ------------------------------------------------------------------------------------

_BOTH: Mapping[str, Check] = {
    "fingerprinthash": _word("md5", "sha1", "sha256", "sha384", "sha512"),
    "ipqos": _each(_qos),
    "loglevel": _word(*_LEVELS),
    "logverbose": _none_alone,
    "port": _number(1, 65535),
    "rekeylimit": _rekey,
    "requiredrsasize": _number(),
    "setenv": _each(_setting),
    "streamlocalbindmask": _mask,
    "syslogfacility": _word(*_FACILITIES),
    "channeltimeout": _each(lambda word: word.lower() == "none" or _timeout(word)),
}
_CHECKS: Mapping[Side, Mapping[str, Check]] = {
    "server": {**_BOTH,
        "acceptenv": lambda values: not any("=" in value for value in values),
        "allowusers": _each(_user),
        "authenticationmethods": _methods,
        "authorizedkeyscommand": _command,
        "authorizedprincipalscommand": _command,
        "clientalivecountmax": _number(),
        "clientaliveinterval": lambda values: seconds(values[0]) is not None,
        "denyusers": _each(_user),
        "listenaddress": _listen_address,
        "logingracetime": lambda values: seconds(values[0]) is not None,
        "maxauthtries": _number(),
        "maxsessions": _number(),
        "permitlisten": _or(_each(_listen), "none", "any"),
        "permitopen": _or(_each(_ported), "none", "any"),
        "persourcemaxstartups": _or(_number(), "none"),
        "persourcenetblocksize": _net_block,
        "pubkeyauthoptions": _each(
            lambda word: word.lower() in {"none", "touch-required", "verify-required"}
        ),
        "subsystem": lambda values: len(values) > 1,
        "x11displayoffset": _number(),
    },
    "client": {**_BOTH,
        "addkeystoagent": _agent_keys,
        "canonicalizemaxdots": _number(),
        "canonicalizepermittedcnames": _or_any_case(_each(lambda word: ":" in word), "none"),
        "connectionattempts": _number(1),
        "controlpath": lambda values: _TOKENS.fullmatch(values[0]) is not None,
        "dynamicforward": _forward,
        "escapechar": _escape,
        "globalknownhostsfile": _none_alone,
        "hostname": lambda values: _HOST_TOKENS.fullmatch(values[0]) is not None,
        "identityagent": lambda values: _TOKENS.fullmatch(values[0]) is not None,
        "localforward": lambda values: len(values) == 2 and _forward(values),
        "numberofpasswordprompts": _number(),
        "remoteforward": lambda values: values[0] == "0" or _forward(values),
        "permitremoteopen": _or_any_case(_each(_ported), "none", "any"),
        "sendenv": lambda values: not any("=" in value for value in values),
        "serveralivecountmax": _number(),
        "tunneldevice": _tunnel,
        "userknownhostsfile": lambda values: _none_alone(values)
        and all(map(_TOKENS.fullmatch, values)),
    },
}  # fmt: skip
_AT_MOST: Mapping[Side, Mapping[str, int]] = {
    "server": {"ipqos": 2, "rekeylimit": 2, "listenaddress": 3},
    "client": {"ipqos": 2, "rekeylimit": 2, "localforward": 2, "remoteforward": 2,
               "addkeystoagent": 2},
}  # fmt: skip

"""The options that every verb shares: their names, and reading them from a command line."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from seventh.engine.check import carry_by
from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.net.resolve import parse_resolver

NAMES = {
    "timeout": "timeout_seconds",
    "ca": "ca_file",
    "ca-store": "ca_store",
    "server-name": "server_name",
    "cert": "cert_file",
    "key": "key_file",
    "resolver": "resolver",
    "via": "via",
    "user": "user",
    "identity": "identities",
    "agent": "agent",
    "password-file": "password_file",
    "known-hosts": "known_hosts",
    "ssh-config": "ssh_config",
    "ntp-keys": "ntp_keys",
    "ntp-key": "ntp_key",
    "allow-write": "allow_write",
    "intrusive": "intrusive",
    "i-own-this": "i_own_this",
    "hold": "hold_seconds",
    "method": "method",
    "header": "headers",
    "token-file": "token_file",
    "body": "body_file",
    "expect-status": "expect_status",
    "expect-json": "expect_json",
    "max-body": "max_body_bytes",
    "qlog": "qlog_file",
    "http-version": "http_version",
    "family": "family",
    "origin": "origin",
    "subprotocol": "subprotocols",
    "message-template": "message_template",
    "sockets": "sockets",
    "direct": "direct",
    "samples": "samples",
    "interval": "interval_seconds",
}
"""By the name that the command line and a targets file use, the field of the options."""
LISTS = frozenset({"identity", "header", "subprotocol"})
"""Those that may be given more than once."""


def options_from(parsed: argparse.Namespace) -> Options:
    """The shared options of a command line; UsageError for what cannot be used."""
    _check_files(parsed)
    _check_what_goes_together(parsed)
    _check_the_request(parsed)
    given = {field: getattr(parsed, name.replace("-", "_")) for name, field in NAMES.items()}
    return msgspec.convert({**given, "transcript": parsed.verbose}, Options)


def _check_files(parsed: argparse.Namespace) -> None:
    files = [("--ca", parsed.ca), ("--cert", parsed.cert), ("--key", parsed.key)]
    files += [("--identity", name) for name in parsed.identity]
    files += [("--password-file", parsed.password_file), ("--known-hosts", parsed.known_hosts)]
    files += [("--ntp-keys", parsed.ntp_keys), ("--token-file", parsed.token_file)]
    files += [("--body", parsed.body)]
    files += [("--ssh-config", None if parsed.ssh_config == "none" else parsed.ssh_config)]
    for flag, name in files:
        if name is not None:
            _readable(flag, name)
    if parsed.ca_store is not None and not Path(parsed.ca_store).exists():
        raise UsageError(f"--ca-store {parsed.ca_store}: there is no such file or directory")


def _check_what_goes_together(parsed: argparse.Namespace) -> None:
    if parsed.key and not parsed.cert:
        raise UsageError("--key needs --cert: the certificate that the key belongs to")
    if parsed.resolver is not None:
        parse_resolver(parsed.resolver)
    if parsed.via is not None:
        carry_by(parsed.via)
    if parsed.ntp_key is not None and parsed.ntp_keys is None:
        raise UsageError("--ntp-key needs --ntp-keys: the file that the key is in")
    if parsed.hold and not parsed.intrusive:
        raise UsageError("--hold needs --intrusive: holding a connection open is tier 4")


def _check_the_request(parsed: argparse.Namespace) -> None:
    """What is wrong with the request is said once, and not by every target."""
    asked = (parsed.header, parsed.token_file, parsed.expect_status, parsed.expect_json)
    if parsed.method == "GET" and not any(given not in (None, []) for given in asked):
        return
    from seventh.web import given as request

    request.method_named(parsed.method)
    for text in parsed.header:
        request.header_field(text, frozenset())
    if parsed.token_file is not None:
        request.first_line(parsed.token_file)
    if parsed.expect_status is not None:
        request.statuses(parsed.expect_status)
    if parsed.expect_json is not None:
        request.compiled(parsed.expect_json)


def _readable(flag: str, name: str) -> None:
    try:
        with Path(name).open("rb") as file:
            file.read(1)
    except OSError as error:
        raise UsageError(
            f"{flag} {name}: cannot be read: {error.strerror}; check the path and its permissions"
        ) from None

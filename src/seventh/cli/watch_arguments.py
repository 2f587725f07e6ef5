"""The arguments of ``seventh watch``."""

from __future__ import annotations

import argparse

from seventh.cli.parser import Parser, add_grouped
from seventh.model.option import declared
from seventh.model.options import Options


def build(watch: Parser) -> None:
    """Add them."""
    watch.add_argument("targets", nargs="*", metavar="TARGET", help="what to watch, as a URL")
    watch.add_argument(
        "--config", metavar="FILE", help="seventh.toml: targets with labels, intervals and alerts"
    )
    watch.add_argument(
        "--check-config", action="store_true", help="read the file of --config, and stop"
    )
    watch.add_argument(
        "--every", type=_interval, metavar="SECONDS",
        help="time between two pulses of a target (default: 10)",
    )  # fmt: skip
    watch.add_argument(
        "--state", metavar="DIR",
        help="folder of the store (default: seventh in the user's state folder)",
    )  # fmt: skip
    watch.add_argument(
        "--listen", metavar="HOST:PORT",
        help="serve the dashboard, /metrics, /probe and the API there, such as 127.0.0.1:9707; "
        "beyond loopback only with token-sha256 in [serve] of seventh.toml",
    )  # fmt: skip
    watch.add_argument(
        "--open", action="store_true", help="open the dashboard in a browser; needs --listen"
    )
    watch.add_argument(
        "--blackbox", metavar="FILE", help="blackbox.yml of blackbox_exporter: modules of /probe"
    )
    watch.add_argument(
        "--snmp", metavar="FILE", help="snmp.yml of snmp_exporter: modules and credentials of /snmp"
    )
    watch.add_argument(
        "--probe-any", action="store_true",
        help="let /probe and /snmp ask every target without a token, and not only those that are "
        "watched",
    )  # fmt: skip
    watch.add_argument(
        "--status-page", metavar="DIR",
        help="write a status page for the public there: targets with the label \"status\", whose "
        "value is their public name",
    )  # fmt: skip
    add_grouped(watch, [each for each in declared(Options) if each.option.always])


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 86400")
    return seconds

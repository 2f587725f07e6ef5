"""The arguments of ``seventh listen``."""

from __future__ import annotations

import argparse

from seventh.cli.parser import Parser


def build(listen: Parser) -> None:
    """Add them."""
    listen.add_argument("protocol", choices=("snmp",), help="what is received: snmp")
    listen.add_argument(
        "--config", metavar="FILE",
        help="TOML file with users, communities, limits, and where records are sent; without it "
        "nothing is accepted, and every sender is recorded with what is wrong",
    )  # fmt: skip
    listen.add_argument(
        "--check-config", action="store_true", help="read the file of --config, and stop"
    )
    listen.add_argument("--port", type=_port, metavar="N", help="UDP port (default: 162)")
    listen.add_argument(
        "--host", metavar="ADDRESS", help="IP address to listen on (default: all addresses)"
    )
    listen.add_argument(
        "--state", metavar="DIR",
        help="folder of what is not sent on yet (default: seventh/listen in the user's state "
        "folder)",
    )  # fmt: skip
    listen.add_argument(
        "--metrics",
        metavar="FILE",
        help="write counters there every 10 seconds, for node_exporter's textfile collector",
    )


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 65535")
    return int(text)

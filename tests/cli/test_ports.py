"""``seventh ports``: the table, with what checks each port."""

from __future__ import annotations

import pytest

from seventh import protocols
from seventh.cli.main import main

TABLE = """\
 PORT       SERVICE                  TARGET           NOTE
   22  tcp  SSH                      ssh://           remote shell, files, forwarding
   25  tcp  SMTP                     (smtp://)        mail between servers; STARTTLS needs MTA-STS \
or DANE
   80  tcp  HTTP                     (http://)        WebSocket by upgrade; redirect to 443
  110  tcp  POP3                     (pop3://)        mailbox download; STLS
  123  udp  NTP                      ntp://           time
  143  tcp  IMAP                     (imap://)        mailbox on the server; STARTTLS
  161  udp  SNMP                     (snmp://)        management; v3 authPriv
  162  udp  SNMP trap                -                notifications to a receiver
  319  udp  PTP event                -                sub-microsecond time, with hardware support
"""


def test_each_port_has_its_target_in_brackets_if_it_is_planned(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {name: protocols.schemes()[name] for name in ("ssh", "ntp")}
    monkeypatch.setattr(protocols, "schemes", lambda: known)
    assert main(["ports"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(TABLE)
    lines = out.splitlines()
    assert len(lines) == 27
    assert lines[-3:] == [
        "50051  tcp  gRPC                     (grpc://)        by convention only; often 443", "",
        "(in brackets: not supported yet)",
    ]  # fmt: skip
    assert out.endswith("yet)\n")

"""Requests that prompt a server for its session tickets."""

from __future__ import annotations

import h2.config
import h2.connection
import h2.events
import pytest

from seventh.net.tls.ticket_prompt import request


def test_the_request_in_http_2_is_a_whole_preface() -> None:
    sent = request("h2", "localhost")
    assert sent is not None
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    events = server.receive_data(sent)
    assert [type(event) for event in events] == [h2.events.RemoteSettingsChanged]


def test_the_request_in_http_1_asks_for_no_content() -> None:
    sent = request("http/1.1", "localhost")
    assert sent is not None and sent.startswith(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n")


@pytest.mark.parametrize("alpn", [None, "imap", "h3"])
def test_others_are_left_in_silence(alpn: str | None) -> None:
    assert request(alpn, "localhost") is None

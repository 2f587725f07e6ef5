"""Responses that are errors for want of a client certificate."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.model.tlsfacts import CERTIFICATE_REFUSALS
from seventh.protocols.http.client.origin import Site
from seventh.web.message import Response

_AFTER_HANDSHAKE = b"Post-Handshake Authentication"
"""Apache's text where it requests a certificate after the handshake, which the client rejects
(RFC 8446 §4.6.2): there is no other sign."""


def refused(site: Site, response: Response) -> Failed | None:
    """Return the failure where the response is such an error; None where it is not, or expected.

    nginx asks in the handshake and answers 400; Apache may ask after the handshake, which clients
    do not allow, and answers 403.
    """
    if not site.secure or response.status not in CERTIFICATE_REFUSALS:
        return None
    asked = site.tls_notes.facts.client_certificate == "optional"
    if asked:
        site.tls_notes.learn(client_certificate="refused-later")
    later = response.status == 403 and _AFTER_HANDSHAKE in response.body
    expected = site.template.expectation.status
    wanted = expected is not None and response.status in expected
    if wanted or response.status == 401 or not (asked or later):
        return None
    detail = (
        f"HTTP {response.status} without a client certificate, which the server requests in "
        "the handshake: give --cert and --key"
        if asked
        else f"HTTP {response.status}: the server requests a client certificate after the "
        "handshake, which TLS 1.3 clients, browsers included, reject: request it in the "
        "handshake (SSLVerifyClient for the whole virtual host), or offer TLS 1.2 only"
    )
    return Failed(Reason.TLS_CLIENT_CERTIFICATE_REQUIRED, detail, phase="http.ttfb")
